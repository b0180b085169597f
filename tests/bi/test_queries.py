"""What is to be pasted into BI tools runs, and says the same everywhere."""

from __future__ import annotations

import re

import duckdb
import pytest
import yaml

from support.pages import BI, PAGES, PRINTED, QUERIES, ROOT, build

DATASETS = {
    file.stem.removeprefix("didomi_"): yaml.safe_load(file.read_text())
    for file in (BI / "superset/datasets/Didomi").glob("*.yaml")
}


@pytest.fixture(scope="module")
def connection(tmp_path_factory):
    """The warehouse after a run, as a BI tool opens it."""
    database = build(tmp_path_factory.mktemp("bi"), days=60)
    with duckdb.connect(str(database), read_only=True) as connection:
        yield connection


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_finds_rows(connection, name):
    """On a warehouse as the demo makes it."""
    assert connection.execute(QUERIES[name]).fetchmany(3)


def test_a_query_keeps_every_row_of_its_mart(connection):
    """The join that brings the names neither drops nor doubles one."""

    def count(source):
        return connection.execute(f"select count(*) from {source}").fetchone()

    marts = {
        "exports": "didomi_marts.didomi__exports",
        "daily_success": "didomi_marts.didomi__daily_export_success",
        "daily_users": "didomi_marts.didomi__daily_user_volume where users is not null",
        "incidents": "didomi_marts.didomi__export_incidents",
        "errors": "didomi_marts.didomi__export_errors",
    }
    assert {name: count(f"({QUERIES[name]})") for name in QUERIES} == {
        name: count(mart) for name, mart in marts.items()
    }


@pytest.mark.parametrize("query", PRINTED)
def test_the_sql_of_a_page_runs(connection, query):
    """As it is printed there, and finds rows."""
    assert connection.execute(query).fetchmany(1)


def test_nothing_reads_below_the_marts():
    """Neither raw tables nor the layers in between, which may change."""
    files = [file for file in BI.rglob("*") if file.suffix in (".sql", ".yaml", ".md", ".py")]
    read = {
        schema for file in files for schema in re.findall(r"\bdidomi_(raw|staging|intermediate)\.", file.read_text())
    }
    assert len(files) > len(QUERIES)
    assert read == set()


@pytest.mark.parametrize("name", DATASETS)
def test_superset_has_the_same_query_and_its_columns(connection, name):
    """A dataset of the bundle is the query beside it, with the columns and types that it gives."""
    assert DATASETS[name]["sql"] == QUERIES[name]
    given = {column: kind for column, kind, *_ in connection.execute(f"describe {QUERIES[name]}").fetchall()}
    assert {column["column_name"]: column["type"] for column in DATASETS[name]["columns"]} == given


@pytest.mark.parametrize("name", DATASETS)
def test_the_metrics_of_superset_can_be_computed(connection, name):
    """Each on its own query; that of a rate is from summed counts."""
    for metric in DATASETS[name]["metrics"]:
        ((value,),) = connection.execute(f"select {metric['expression']} from ({QUERIES[name]})").fetchall()
        assert value is not None, metric["metric_name"]


def test_links_lead_somewhere():
    """Every link of the pages to a file of the repository."""
    for page in PAGES:
        targets = re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text())
        assert [target for target in targets if not (page.parent / target).exists()] == [], page.name
    assert (ROOT / "docs/pictures/superset.png").stat().st_size < 200_000
