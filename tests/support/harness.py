"""`didomi` in a folder of its own, and what it left there."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from didomi_sandbox import Sandbox
from didomi_source.cli.demo import access_to
from support.warehouse import OF_THE_RUN, TABLES, Warehouse

FORKER = Path(__file__).with_name("forker.py")
DIDOMI = Path(sys.executable).with_name("didomi")
# Settings of somebody's other dbt project in the same environment: each would build something else, elsewhere or nothing.
_OTHER_DBT = {
    "DEFER": "true", "EMPTY": "true", "EVENT_TIME_START": "2020-01-01", "EXCLUDE_RESOURCE_TYPES": "model",
    "FAIL_FAST": "true", "LOG_FORMAT": "json", "LOG_PATH": "/nowhere", "PROFILE": "acme", "PROFILES_DIR": "/nowhere",
    "PROJECT_DIR": "/nowhere", "RESOURCE_TYPES": "test", "SAMPLE": "1 day", "STATE": "/nowhere", "TARGET": "prod",
    "TARGET_PATH": "/nowhere", "VERSION_CHECK": "false", "WARN_ERROR": "true", "WRITE_JSON": "false",
}  # fmt: skip
OTHER_DBT = {f"DBT_{name}": value for name, value in _OTHER_DBT.items()} | {
    f"DBT_ENGINE_{name}": value for name, value in _OTHER_DBT.items()
}
_numbers = itertools.count()


class Result(NamedTuple):
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str


class Forker:
    """The process that runs are forked from."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(FORKER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, **request: Any) -> int:
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(10)


class Running:
    """A command at work."""

    def __init__(self, forker: Forker, pid: int, out: Path, err: Path) -> None:
        self._forker, self.pid = forker, pid
        self.out, self.err = out, err

    def wait(self) -> Result:
        code = self._forker.ask(wait=self.pid)
        return Result(code, self.out.read_text(), self.err.read_text())

    def until(self, text: str, seconds: float = 20) -> Running:
        """Wait until it has said something."""
        deadline = time.monotonic() + seconds
        while text not in self.out.read_text() + self.err.read_text():
            assert time.monotonic() < deadline, f"never said {text!r}: {self.err.read_text()}"
            time.sleep(0.01)
        return self

    def kill(self, number: int = signal.SIGKILL) -> Result:
        os.kill(self.pid, number)
        return self.wait()


class Job(Warehouse):
    """A folder from which `didomi` is run.

    Args:
        folder: The folder; the warehouse is made in it.
        forker: Starts the runs.
        sandbox: What they read.
    """

    def __init__(self, folder: Path, forker: Forker, sandbox: Sandbox) -> None:
        super().__init__(folder)
        self.folder, self.sandbox, self._forker = folder, sandbox, forker
        self.working_dir = folder / ".didomi"
        self.environment = {
            **clean_environment(folder),
            **access_to(sandbox),
            "SOURCES__DIDOMI__RETRY_SECONDS": "5",
        }

    def start(self, *arguments: str, kill_at: str = "", **environment: str) -> Running:
        """Start `didomi`; variables with the value of an empty text are taken out."""
        given = {k: v for k, v in {**self.environment, **environment}.items() if v}
        number = next(_numbers)
        streams = self.folder.parent / f"{self.folder.name}-streams"
        streams.mkdir(exist_ok=True)
        out, err = streams / f"{number}.out", streams / f"{number}.err"
        out.touch()
        err.touch()
        pid = self._forker.ask(
            arguments=arguments, folder=str(self.folder), environment=given, out=str(out), err=str(err), kill_at=kill_at
        )
        return Running(self._forker, pid, out, err)

    def didomi(self, *arguments: str, kill_at: str = "", **environment: str) -> Result:
        """Run `didomi` to its end."""
        return self.start(*arguments, kill_at=kill_at, **environment).wait()

    def run(self, *arguments: str, code: int = 0, **environment: str) -> dict[str, Any]:
        """`didomi run --skip-models`; returns its summary."""
        done = self.didomi("run", "--skip-models", "--json", *arguments, **environment)
        assert done.code == code, done
        return json.loads(done.out)

    def written(self, summary: dict[str, Any]) -> dict[str, int]:
        """How many rows of each table a run wrote."""
        with duckdb.connect(str(self.path), read_only=True) as connection:
            counts = {
                table: connection.execute(
                    f"select count(*) from didomi_raw.{table} where run_id = ?", [summary["run_id"]]
                ).fetchone()[0]
                for table in TABLES
            }
        return {table: count for table, count in counts.items() if count}

    def contents(self) -> dict[str, list[dict[str, Any]]]:
        """All that the raw tables say, without what differs from run to run; of `export_syncs` the last run."""
        skip = {*OF_THE_RUN, "first_observed_at", "started_at", "finished_at", "sync_id", "quarantined_at"}
        last = self.syncs()[-1]["run_id"]
        kept = {
            table: [row for row in self.rows(table) if table != "export_syncs" or row["run_id"] == last]
            for table in TABLES
        }
        return {
            table: sorted(({k: v for k, v in row.items() if k not in skip} for row in rows), key=repr)
            for table, rows in kept.items()
        }

    def copy_of(self, other: Job) -> Job:
        """Begin with everything that another folder holds."""
        shutil.copytree(other.folder, self.folder, dirs_exist_ok=True)
        return self


def clean_environment(folder: Path) -> dict[str, str]:
    """This process's environment without anything that would configure `didomi`, and with what must not."""
    taken = ("SOURCES__", "DESTINATION__", "DIDOMI_", "RUNTIME__", "LOAD__", "DLT_", "DBT_", "COLUMNS", "PYTHONPATH")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(taken)}
    return {**kept, **OTHER_DBT, "DLT_DATA_DIR": str(folder.parent / "dlt"), "HOME": str(folder.parent / "home")}
