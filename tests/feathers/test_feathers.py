"""The whole job against FeathersJS itself, the framework that the Didomi API shows: `make test-feathers`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import duckdb
import pytest

from didomi_source.job import Options, Summary, run
from support import postgres

HERE = Path(__file__).parent
RATE = [20, 2]


class Feathers:
    """A server, and what it knows to be true."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def truth(self, since: int = 0) -> dict[str, Any]:
        """How many pages of logs it has served, and the logs that have existed ever since so many."""
        with urlopen(f"{self.url}/truth?since={since}") as answer:
            return json.load(answer)


@pytest.fixture
def feathers() -> Iterator[Callable[..., Feathers]]:
    """Starts servers, which end with the test."""
    with ExitStack() as stack:

        def start(**mode: Any) -> Feathers:
            if mode.pop("in_postgres", False):
                server = stack.enter_context(postgres.server())
                access = {"host": server.host, "port": server.port, "user": server.user, "password": server.password}
                mode["database"] = {**access, "database": server.database}
            command = ["node", str(HERE / "server.js"), json.dumps(mode)]
            process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
            stack.callback(process.kill)
            return Feathers(int(process.stdout.readline()))

        yield start


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Summary]:
    """Runs the job, without the models, on a server."""
    monkeypatch.chdir(tmp_path)

    def go(server: Feathers, **settings: Any) -> Summary:
        access = {"api_key": "the-key", "api_secret": "the-secret", "organization_id": "acme"}
        for name, value in {**access, "base_url": f"{server.url}/v1", "retry_seconds": 60, **settings}.items():
            monkeypatch.setenv(f"SOURCES__DIDOMI__{name.upper()}", str(value))
        return run(options=Options(skip_models=True))

    return go


def loaded() -> list[str]:
    with duckdb.connect("warehouse.duckdb") as connection:
        return [log_id for (log_id,) in connection.execute("select id from didomi_raw.export_logs").fetchall()]


def outcome(summary: Summary) -> list[tuple[Any, ...]]:
    return [(sync["mode"], sync["sort"], sync["logs_new"], sync["is_complete"]) for sync in summary.syncs]


@pytest.mark.parametrize("in_postgres", [False, True], ids=["memory", "postgres"])
@pytest.mark.parametrize(
    ("mode", "sort", "again"),
    [
        ({"max": 100}, "honoured", "incremental"),
        ({"max": 50}, "honoured", "incremental"),
        ({"max": 7}, "honoured", "incremental"),
        ({"max": 50, "life": 1}, "honoured", "incremental"),
        ({"max": 50, "rate": RATE}, "honoured", "incremental"),
        ({"max": 50, "times": False}, None, "full"),
    ],
    ids=json.dumps,
)
def test_a_list_that_stands_still_is_loaded_once(
    feathers: Callable[..., Feathers], job: Callable[..., Summary], mode: dict[str, Any], sort: str, again: str,
    in_postgres: bool,
) -> None:  # fmt: skip
    """Every log is loaded once, however pages are capped; a second run finds nothing new."""
    server = feathers(in_postgres=in_postgres, **mode)
    # Without the column, memory leaves the order as it is, and PostgreSQL makes the server answer 422.
    sort = sort or ("rejected" if in_postgres else "ignored")
    assert outcome(job(server)) == [("full", sort, 370, True)] * 2
    assert sorted(loaded()) == sorted(server.truth()["ids"])
    assert outcome(job(server)) == [(again, sort, 0, True)] * 2
    assert sorted(loaded()) == sorted(server.truth()["ids"])


@pytest.mark.parametrize("in_postgres", [False, True], ids=["memory", "postgres"])
@pytest.mark.parametrize("times", [True, False])
def test_a_list_that_moves_loses_nothing(
    feathers: Callable[..., Feathers], job: Callable[..., Summary], times: bool, in_postgres: bool
) -> None:
    """A log that existed through a whole run is loaded once, though with each page one comes, one goes and one changes."""
    server = feathers(max=50, moves=True, times=times, in_postgres=in_postgres)
    for _ in range(2):
        pages = server.truth()["pages"]
        summary = job(server)
        rows = loaded()
        assert len(rows) == len(set(rows))
        if summary.exit_code == 0:
            assert set(server.truth(since=pages)["ids"]) <= set(rows)
        else:
            assert not times  # without a time no order can be verified: it may never settle, and then says so
            assert {s["is_complete"] for s in summary.syncs if s["error"]} == {False}


def test_a_list_without_an_envelope_is_refused_by_name(
    feathers: Callable[..., Feathers], job: Callable[..., Summary]
) -> None:
    """Where paging is switched off the answer is a bare array: nothing says that it is whole."""
    with pytest.raises(Exception, match='expected an object with a list "data", got a list'):
        job(feathers(max=0), retry_seconds=1)
