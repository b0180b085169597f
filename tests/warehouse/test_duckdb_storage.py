"""Which DuckDB can read the files: of 1.x as well as 2.x, and what is said of a file of a newer one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from didomi_source.warehouse.duckdb_storage import written_by
from support.harness import Job

NAME = "destination.duckdb.storage_version"


def storage_version(path: Path) -> str:
    """The oldest DuckDB that reads a file, as DuckDB itself says."""
    with duckdb.connect(str(path), read_only=True) as connection:
        ((tags,),) = connection.execute("select tags from duckdb_databases() where path is not null").fetchall()
    return tags["storage_version"]


@pytest.mark.parametrize(("setting", "version"), [("", "v1.0.0+"), ("v1.2.0", "v1.2.0+")])
def test_new_files_have_the_storage_version_of_the_setting(job: Job, setting: str, version: str) -> None:
    """The warehouse that dlt and dbt write into, and the copy for readers; without a setting, all of 1.x reads them."""
    copy = job.folder / "bi.duckdb"
    done = job.didomi("run", "--publish", str(copy), DESTINATION__DUCKDB__STORAGE_VERSION=setting)
    assert done.code == 0, done
    assert (storage_version(job.path), storage_version(copy)) == (version, version)


def test_a_copied_warehouse_is_new_as_well(job: Job, tmp_path: Path) -> None:
    """An existing file keeps its version, whatever is configured later."""
    duckdb.connect().execute(f"attach '{job.path}' as x (storage_version 'v1.4.0')").close()
    job.run(DESTINATION__DUCKDB__STORAGE_VERSION="v1.2.0")
    assert storage_version(job.path) == "v1.4.0+"


def test_dbt_alone_creates_a_file_for_all_of_1_x(tmp_path: Path) -> None:
    """With the profile of the dbt project, and the version that its variable names."""
    for given, version in (("", "v1.0.0+"), ("v1.2.0", "v1.2.0+")):
        path = tmp_path / f"{version}.duckdb"
        variables = {"DIDOMI_DUCKDB_PATH": str(path), **({"DIDOMI_DUCKDB_STORAGE_VERSION": given} if given else {})}
        sql = Path(__file__).parents[2] / "sql"
        subprocess.run(
            [
                Path(sys.executable).with_name("dbt"),
                "debug",
                "--project-dir",
                sql,
                "--profiles-dir",
                sql,
                "--target",
                "duckdb",
            ],
            env={**os.environ, "DBT_LOG_PATH": str(tmp_path), "DBT_TARGET_PATH": str(tmp_path), **variables},
            cwd=tmp_path,
            capture_output=True,
            check=True,
            timeout=100,
        )
        assert storage_version(path) == version


def test_a_version_that_duckdb_does_not_know_is_refused(job: Job) -> None:
    done = job.didomi("run", DESTINATION__DUCKDB__STORAGE_VERSION="9")
    assert done.code == 78
    assert f"setting {NAME} is '9', which DuckDB {duckdb.__version__} does not know: choose one of v" in done.err
    assert not job.path.exists()


def written_by_another(path: Path, version: str, storage: int) -> None:
    """Make a DuckDB file with another version in its header, whose checksum is right."""
    duckdb.connect(str(path)).close()
    found = bytearray(path.read_bytes())
    found[12:20] = storage.to_bytes(8, "little")
    found[52:84] = version.encode().ljust(32, b"\0")
    found[:8] = checksum(found[8:4096]).to_bytes(8, "little")
    path.write_bytes(found)


def checksum(block: bytes) -> int:
    """As DuckDB computes it: each 64 bits are multiplied by a constant."""
    result = 5381
    for position in range(0, len(block), 8):
        result ^= int.from_bytes(block[position : position + 8], "little") * 0xBF58476D1CE4E5B9 % 2**64
    return result


@pytest.mark.parametrize("command", [("run",), ("status",), ("check",), ("report",)])
def test_a_file_of_a_newer_duckdb_is_said_with_both_versions(job: Job, command: tuple[str, ...]) -> None:
    """In one line, and what to install."""
    written_by_another(job.path, "v9.0.1", 99)
    done = job.didomi(*command)
    lines = [line for line in (done.out + done.err).splitlines() if "9.0.1" in line]
    assert (done.code, len(lines)) == (1, 1)
    assert lines[0].endswith(
        f"{job.path} was written by DuckDB 9.0.1, which DuckDB {duckdb.__version__}, installed here, cannot read: "
        "pip install -U 'duckdb>=9.0.1'"
    )


def test_a_header_that_is_none_names_no_version(tmp_path: Path) -> None:
    """Nor does one that was written by nobody knows which development version."""
    for content in (b"", b"x" * 4096, b"x" * 52 + b"v2.0.0"):
        (tmp_path / "file").write_bytes(content)
        assert written_by(tmp_path / "file") is None
    assert written_by(tmp_path / "missing") is None
    written_by_another(tmp_path / "it.duckdb", "v2.0.0-dev1", 64)
    assert written_by(tmp_path / "it.duckdb") == "2.0.0"
