"""Marts of a DuckDB file are read without dlt where nothing but one plain variable can say where the file is."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from didomi_source.cli import app
from didomi_source.errors import DestinationError, TableMissing
from didomi_source.warehouse.credentials import duckdb_path
from didomi_source.warehouse.open import SETTING, open_marts, open_read_only, open_temporary, plain_path
from didomi_source.warehouse.read import DuckDbFile, select
from didomi_source.warehouse.target import Target


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, without settings, and a home that has none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in [name for name in os.environ if name.startswith("DESTINATION__")]:
        monkeypatch.delenv(name)  # this package's defaults, which a run leaves in its process
    return tmp_path


@pytest.mark.parametrize(
    "value", [None, "duckdb:///{0}/a b.duckdb", "duckdb:///some.duckdb", " duckdb:///in/it.duckdb "]
)
def test_the_file_is_the_one_that_dlt_finds(folder: Path, monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    """With and without the variable, by an absolute or a relative path."""
    environment = {} if value is None else {SETTING: value.format(folder)}
    for name, text in environment.items():
        monkeypatch.setenv(name, text.strip())
    with open_temporary(Target()) as pipeline:
        assert plain_path(Target(), environment, folder) == duckdb_path(pipeline)


@pytest.mark.parametrize(
    "environment",
    [
        {"DESTINATION__DUCKDB__CREDENTIALS__DATABASE": "x.duckdb"},
        {"DIDOMI__DESTINATION__DUCKDB__CREDENTIALS": "duckdb:///x.duckdb"},
        {"destination__credentials": "duckdb:///x.duckdb"},
        {"DESTINATION__DUCKDB__CREATE_INDEXES": "true"},
        {"DLT_PROJECT_DIR": "elsewhere"},
        {"PROVIDERS__ENABLE_AWS_SECRETS": "true"},
        {SETTING: "x.duckdb"},
        {SETTING: ":pipeline:"},
        {SETTING: ""},
        {SETTING: "duckdb:///x.duckdb?read_only=true"},
        {SETTING: "duckdb:///x%20y.duckdb"},
    ],
)
def test_dlt_is_asked_where_another_variable_may_decide(folder: Path, environment: dict[str, str]) -> None:
    """Names that dlt looks for before or after the plain one, and values of another form."""
    assert plain_path(Target(), environment, folder) is None


@pytest.mark.parametrize("name", [".dlt/config.toml", "home/.dlt/secrets.toml", "data/dlt/config.toml"])
@pytest.mark.parametrize(
    ("text", "is_plain"),
    [
        ("[sources.didomi]\napi_key = 'k'\n[notify]\nurls = []\n[runtime]\nlog_level = 'INFO'\n", True),
        ("[destination.duckdb]\ncredentials = 'duckdb:///x.duckdb'\n", False),
        ("[didomi.destination]\ncreate_indexes = true\n", False),
        ("credentials = 'duckdb:///x.duckdb'\n", False),
        ("[providers]\nenable_aws_secrets = true\n", False),
        ("[sources.didomi]\napi_key = k\n", False),
    ],
)
def test_dlt_is_asked_where_a_settings_file_may_decide(folder: Path, name: str, text: str, *, is_plain: bool) -> None:
    """In the current folder, of the user, and where XDG_DATA_HOME leads; a broken file is for dlt to report."""
    environment = {"XDG_DATA_HOME": str(folder / "data")}
    (folder / name).parent.mkdir(parents=True)
    (folder / name).write_text(text)
    assert plain_path(Target(), environment, folder) == (folder / "warehouse.duckdb" if is_plain else None)


def test_what_init_writes_decides_nothing(folder: Path) -> None:
    """A file of another name may be a profile of dlt."""
    CliRunner().invoke(app, ["init"])
    assert {path.name for path in (folder / ".dlt").iterdir()} >= {"config.toml", "example.secrets.toml"}
    assert plain_path(Target(), {}, folder) == folder / "warehouse.duckdb"
    (folder / ".dlt" / "dev.config.toml").touch()
    assert plain_path(Target(), {}, folder) is None


def test_other_destinations_are_dlts() -> None:
    """Their credentials are not resolved here."""
    assert [plain_path(Target(name), {}, Path.cwd()) for name in ("motherduck", "ducklake", "postgres")] == [None] * 3


def test_rows_and_errors_are_those_that_dlt_gives(folder: Path) -> None:
    """Values, times in UTC, a missing table, a missing column, and no file at all."""
    with pytest.raises(DestinationError, match=r"there is no warehouse .*warehouse\.duckdb yet"), open_marts(Target()):
        pass
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        connection.execute("create schema didomi_marts")
        connection.execute(
            "create table didomi_marts.m as select 1 as id, timestamp '2026-01-01 10:00:00' as a,"
            " timestamptz '2026-01-01 12:00:00+02' as b union all select 2, null, null"
        )
    found, errors = [], []
    for opened in (open_marts, open_read_only):
        with opened(Target()) as pipeline:
            found.append(select(pipeline, "didomi_marts", "m", ("id", "a", "b"), "where id = %s", 1))
            for table, column in (("none", "id"), ("m", "none")):
                with pytest.raises(DestinationError) as raised:
                    select(pipeline, "didomi_marts", table, [column])
                errors.append((type(raised.value), str(raised.value).split("LINE")[0]))
    assert errors[:2] == errors[2:]
    assert errors[0] == (
        TableMissing,
        "there is no table didomi_marts.none with all its columns yet: run `didomi run` first",
    )
    ten = datetime(2026, 1, 1, 10, tzinfo=timezone.utc)
    assert found == [[{"id": 1, "a": ten, "b": ten}]] * 2
    with open_marts(Target()) as pipeline:
        assert isinstance(pipeline, DuckDbFile)


def test_status_does_not_import_dlt(folder: Path) -> None:
    """Whose import takes longer than all the rest."""
    code = (
        "import sys; from didomi_source.cli import app\n"
        "try: app(['status'])\n"
        "except Exception as error: print(error)\n"
        "print(*{'dlt', 'duckdb'} & set(sys.modules))"
    )
    duckdb.connect(str(folder / "warehouse.duckdb")).close()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=folder)
    assert done.stdout.splitlines() == [
        "there is no table didomi_marts.didomi__exports with all its columns yet: run `didomi run` first",
        "duckdb",
    ]
