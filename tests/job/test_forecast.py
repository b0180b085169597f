"""A dry run tells what a run will ask of the API, and writes nothing."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path

import pytest

from didomi_sandbox import Behaviour, Fault, plain_store
from didomi_sandbox.kinds import refusal
from didomi_source.reading.unknown import UNKNOWN
from support.warehouse import EXPORT


def files(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def recent(count: int):
    return plain_store(count, step=3600.0, until=datetime.now(timezone.utc).timestamp())


@pytest.mark.parametrize(("count", "cap"), [(0, 100), (99, 100), (197, 100), (500, 50), (1000, 100)])
def test_what_was_forecast_is_what_a_run_takes(job, api, count, cap):
    """The first run, and one with three new logs, make as many requests as was said beforehand."""
    api.store, api.behaviour = recent(count), Behaviour(rate_limit=(10_000, 1), page_cap=cap)
    for new in (0, 3):
        for number in range(new):
            api.store.add_log(EXPORT, id=f"new-{number}")
        before = files(job.folder)
        done = job.didomi("run", "--dry-run", "--json")
        assert (done.code, files(job.folder)) == (0, before), done
        told = json.loads(done.out)
        api.reset()
        job.run()
        assert told["requests"] == len(api.requests)
        assert told["exports"][0]["requests"] == api.list_requests[EXPORT]


def test_the_seconds_are_those_of_the_rate_limit(job, api):
    """A backfill of 20,000 logs waits for two windows of 15 seconds."""
    api.store, api.behaviour = recent(20_000), Behaviour()
    done = job.didomi("run", "--dry-run", "--json")
    told = json.loads(done.out)
    assert 205 < told["requests"] < 215
    assert 30 <= told["seconds"] < 60
    assert "about" in job.didomi("run", "--dry-run").out


def test_an_export_that_cannot_be_read_is_named(job, api):
    """The others are told of all the same, and the exit code is that of the run."""
    api.faults = [Fault(refusal(403), nth=1)]
    done = job.didomi("run", "--dry-run")
    assert (done.code, "403" in done.err, EXPORT in done.err) == (1, True, True)


def test_an_id_that_is_no_exports_is_named(job, api):
    """With the words and the exit code of the run; a known export's id is not."""
    done = job.didomi("run", "--dry-run", "--json", "--export-id", EXPORT, "--export-id", "typo")
    errors = {export["export_id"]: export["error"] for export in json.loads(done.out)["exports"]}
    assert (done.code, errors) == (1, {EXPORT: None, "typo": UNKNOWN})
    assert UNKNOWN in job.didomi("run", "--export-id", "typo").err


def test_an_api_that_refuses_to_sort_is_asked_without(job, api):
    """Its logs are counted, and the run is not said to fail."""
    api.store, api.behaviour = recent(150), Behaviour(rate_limit=(10_000, 1), sort="rejected")
    done = job.didomi("run", "--dry-run", "--json")
    export = json.loads(done.out)["exports"][0]
    assert (done.code, export["api_total"], export["error"]) == (0, 150, None)
