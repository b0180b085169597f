"""What dlt and dbt are told about each warehouse, from one set of credentials."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from didomi_source.warehouse import profiles
from didomi_source.warehouse.credentials import configuration
from didomi_source.warehouse.open import open_temporary
from didomi_source.warehouse.target import Target, prepare_environment

SNOWFLAKE = "snowflake://ann:pass@acct/DB?warehouse=WH&role=R"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """dbt's variables for a destination that is configured so."""
    monkeypatch.chdir(tmp_path)

    def tell(destination: str, **settings: str) -> dict[str, str]:
        for name, value in settings.items():
            monkeypatch.setenv(f"DESTINATION__{destination.upper()}__{name}", value)
        target = Target(destination=destination)
        with open_temporary(target) as pipeline:
            return profiles.dbt_environment(pipeline, target)

    return tell


def test_postgres_by_password_and_certificate(told) -> None:
    """What follows the question mark comes along."""
    url = "postgresql://ann:p%40ss@db.example:6543/logs?sslmode=verify-full&sslrootcert=/etc/ca.pem"
    assert told("postgres", CREDENTIALS=url) == {
        "DIDOMI_TARGET": "postgres",
        "DIDOMI_DBT_SCHEMA": "didomi",
        "DIDOMI_POSTGRES_HOST": "db.example",
        "DIDOMI_POSTGRES_PORT": "6543",
        "DIDOMI_POSTGRES_USER": "ann",
        "DBT_ENV_SECRET_DIDOMI_POSTGRES_PASSWORD": "p@ss",
        "DIDOMI_POSTGRES_DATABASE": "logs",
        "DIDOMI_POSTGRES_SSLMODE": "verify-full",
        "DIDOMI_POSTGRES_SSLROOTCERT": "/etc/ca.pem",
    }


def test_bigquery_by_a_user_s_own_login(told) -> None:
    """A refresh token serves dbt too."""
    user = {"project_id": "proj", "client_id": "c", "client_secret": "s", "refresh_token": "r"}
    found = told("bigquery", CREDENTIALS=json.dumps(user), LOCATION="EU")
    assert found == {
        "DIDOMI_TARGET": "bigquery",
        "DIDOMI_DBT_SCHEMA": "didomi",
        "DIDOMI_BIGQUERY_PROJECT": "proj",
        "DIDOMI_BIGQUERY_LOCATION": "EU",
        "DIDOMI_BIGQUERY_METHOD": "oauth-secrets",
        "DBT_ENV_SECRET_DIDOMI_BIGQUERY_REFRESH_TOKEN": "r",
        "DIDOMI_BIGQUERY_OAUTH_CLIENT_ID": "c",
        "DBT_ENV_SECRET_DIDOMI_BIGQUERY_CLIENT_SECRET": "s",
    }


def test_snowflake_by_a_token(told) -> None:
    """As OAuth has it."""
    found = told("snowflake", CREDENTIALS="snowflake://ann@acct/DB?warehouse=WH&role=R&authenticator=oauth&token=tok")
    assert found["DBT_ENV_SECRET_DIDOMI_SNOWFLAKE_TOKEN"] == "tok"
    assert found["DIDOMI_SNOWFLAKE_AUTHENTICATOR"] == "oauth"


def test_motherduck_in_one_line(told) -> None:
    """The token is in a variable that dbt keeps out of its logs."""
    assert told("motherduck", CREDENTIALS="md:logs?motherduck_token=tok") == {
        "DIDOMI_TARGET": "motherduck",
        "DIDOMI_DBT_SCHEMA": "didomi",
        "DBT_ENV_SECRET_DIDOMI_MOTHERDUCK_PATH": "md:logs?motherduck_token=tok",
    }


def test_a_lake_whose_catalog_is_a_database(monkeypatch, tmp_path) -> None:
    """Everything that dlt's ATTACH says, dbt's says too."""

    class Pipeline:
        def sql_client(self):
            return self

        attach_statement = (
            "ATTACH IF NOT EXISTS 'ducklake:postgres:postgres://u:p@h/d' AS lake "
            "(DATA_PATH 's3://bucket/a b', METADATA_SCHEMA 'lake', META_BUSY_TIMEOUT 1000)"
        )

    assert profiles._ducklake(Pipeline()) == {
        "DBT_ENV_SECRET_DIDOMI_DUCKLAKE_PATH": "ducklake:postgres:postgres://u:p@h/d",
        "DIDOMI_DUCKLAKE_NAME": "lake",
        "DIDOMI_DUCKLAKE_OPTIONS": {
            "data_path": "s3://bucket/a b",
            "metadata_schema": "lake",
            "meta_busy_timeout": 1000,
        },
    }


@pytest.mark.parametrize(
    ("given", "keeps", "tag"),
    [({}, False, "didomi"), ({"KEEP_STAGED_FILES": "true", "QUERY_TAG": "mine"}, True, "mine")],
)
def test_snowflake_keeps_no_staged_files(monkeypatch, tmp_path, given, keeps, tag) -> None:
    """And its sessions are tagged and in UTC; who configures it otherwise gets that."""
    monkeypatch.chdir(tmp_path)
    for name in ("KEEP_STAGED_FILES", "QUERY_TAG"):
        monkeypatch.setenv(f"DESTINATION__SNOWFLAKE__{name}", "")  # put back in the end
        monkeypatch.delenv(f"DESTINATION__SNOWFLAKE__{name}")
    for name, value in {"CREDENTIALS": SNOWFLAKE, **given}.items():
        monkeypatch.setenv(f"DESTINATION__SNOWFLAKE__{name}", value)
    prepare_environment()
    with open_temporary(Target(destination="snowflake")) as pipeline:
        found = configuration(pipeline)
    assert (found.keep_staged_files, found.query_tag, found.credentials.session_timezone) == (keeps, tag, "UTC")


FOR_DUCKDB = {"LOAD__WORKERS": "1", "LOAD__TRUNCATE_STAGING_DATASET": "true", "DATA_WRITER__COMPRESSION": "none"}


@pytest.mark.parametrize(
    ("destination", "given", "expected"),
    [
        ("duckdb", {}, FOR_DUCKDB),
        ("duckdb", {"LOAD__WORKERS": "4"}, {**FOR_DUCKDB, "LOAD__WORKERS": "4"}),
        ("postgres", {}, {}),
    ],
)
def test_a_duckdb_file_is_loaded_its_own_way(monkeypatch, destination, given, expected) -> None:
    """One writer, packages that are not packed, and nothing left in the staging dataset; who configures it otherwise gets that."""
    for name in FOR_DUCKDB:
        monkeypatch.setenv(name, given.get(name, ""))  # put back in the end
        if name not in given:
            monkeypatch.delenv(name)
    prepare_environment(destination)
    assert {name: os.environ[name] for name in FOR_DUCKDB if name in os.environ} == expected
