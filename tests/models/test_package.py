"""The package is installed as others install it: by its own integration tests, and by git into a project that it does not know."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from support.models import dbt, raw
from support.models.histories import AS_OF, history

ROOT = dbt.SQL.parent
FOREIGN = {
    "dbt_project.yml": {
        "name": "acme",
        "version": "1.0.0",
        "profile": "didomi",
        "vars": {"didomi_schema": "landing"},
        "models": {
            "acme": {"+schema": "core"},
            "didomi": {
                "staging": {"+schema": "prep"},
                "intermediate": {"+schema": "prep"},
                "marts": {"+schema": "reporting"},
            },
        },
    },
    "models/stg_exports.sql": "select id as export_id from {{ source('didomi', 'exports') }}",
    "models/dim_export.sql": """
        select exports.export_id, marts.health
        from {{ ref('stg_exports') }} as exports
        left join {{ ref('didomi', 'didomi__exports') }} as marts on exports.export_id = marts.export_id
    """,
    # the names of the package's macros are prefixed: those of a project stay its own
    "macros/names.sql": "{% macro utc(x) %}'mine'{% endmacro %}{% macro rate(x, y) %}'mine'{% endmacro %}",
}


def everything(path: Path) -> dict[str, list[Any]]:
    """All that dbt built in a DuckDB file, table by table."""
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() where not contains(schema_name, 'raw') order by 1"
        ).fetchall()
        return {name: sorted(connection.table(name).fetchall(), key=repr) for (name,) in tables}


def copied(folder: Path) -> Path:
    """The package as git would hand it out, outside of the checkout."""
    target = folder / "package"
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "sql"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)
    return target


def test_the_hand_made_cases_give_the_expected_marts_twice(tmp_path: Path) -> None:
    """The integration tests hold after a full refresh, and a second build gives the same rows."""
    project = copied(tmp_path) / "sql" / "integration_tests"
    dbt.dbt("deps", folder=tmp_path, project=project, plain=True)
    dbt.dbt("seed", folder=tmp_path, project=project, plain=True)
    build = ("build", "--exclude-resource-type", "seed", "--exclude-resource-type", "unit_test")
    dbt.dbt(*build, "--full-refresh", folder=tmp_path, project=project, plain=True)
    first = everything(tmp_path / "warehouse.duckdb")
    dbt.dbt(*build, folder=tmp_path, project=project, plain=True)
    assert everything(tmp_path / "warehouse.duckdb") == first
    assert len(first["didomi_integration_marts.didomi__exports"]) == 6


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of somebody else's that installs the package by git, built on raw tables in a schema of its own."""
    folder = tmp_path_factory.mktemp("foreign")
    package = copied(folder)
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "The package"], ["tag", "v1"]):
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        subprocess.run(["git", *identity, *command], cwd=package, check=True)
    project = folder / "acme"
    for name, content in FOREIGN.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    packages = [{"git": package.as_uri(), "subdirectory": "sql", "revision": "v1"}]
    (project / "packages.yml").write_text(yaml.safe_dump({"packages": packages}))
    raw.write_duckdb(folder / "warehouse.duckdb", history(1, AS_OF, days=40), schema="landing")
    dbt.dbt("deps", folder=folder, project=project, plain=True)
    dbt.build(folder, AS_OF, project=project, plain=True)
    return folder / "warehouse.duckdb"


def test_the_package_builds_in_a_foreign_project_with_its_own_schemas(foreign: Path) -> None:
    """Installed by git from a subdirectory, beside models and macros of other people, into the schemas they choose."""
    built = everything(foreign)
    assert {name for name in built if name.startswith("didomi_reporting.")} == {
        f"didomi_reporting.{name}" for name in dbt.MARTS
    }
    assert {name.split(".")[0] for name in built} == {"didomi_reporting", "didomi_prep", "landing"}
    with duckdb.connect(str(foreign), read_only=True) as connection:
        exports, judged = connection.execute("select count(*), count(health) from didomi_core.dim_export").fetchone()
    assert exports - 1 == judged > 5  # the mistyped one is no export


def test_the_queries_of_the_package_s_readme_run(foreign: Path) -> None:
    """Each query answers, in the schema that the marts were built in."""
    queries = re.findall(r"```sql\n(.*?)```", (dbt.SQL / "README.md").read_text(), re.DOTALL)
    with duckdb.connect(str(foreign), read_only=True) as connection:
        answers = [connection.execute(q.replace("didomi_marts.", "didomi_reporting.")).fetchall() for q in queries]
    assert answers
    assert all(answers)


def test_everything_in_the_package_has_its_prefix() -> None:
    """Models, macros, data tests and variables cannot meet those of a project that installs it."""
    macros = re.findall(r"{%-? macro (\w+)", "".join(path.read_text() for path in (dbt.SQL / "macros").glob("*.sql")))
    assert [
        name
        for name in macros
        if not re.fullmatch(r"((default|duckdb|postgres|bigquery|snowflake)__)?didomi__\w+", name)
    ] == []
    models = [path.stem for folder in ("models", "tests") for path in (dbt.SQL / folder).rglob("*.sql")]
    assert [name for name in models if not re.match(r"(stg_|int_)?didomi__", name)] == []
    assert not list(dbt.SQL.glob("packages.yml")) + list(dbt.SQL.glob("dependencies.yml"))
