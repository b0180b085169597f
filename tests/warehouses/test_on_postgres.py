"""The whole job on PostgreSQL."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from didomi_sandbox import Behaviour, plain_store, serve
from support.harness import Forker
from support.warehouses.engines import started
from support.warehouses.journey import Site
from support.warehouses.scenarios import Scenarios

NEXT_STATE = "dlt.common.storages.load_package:PackageStorage.save_pending_transition"


class TestOnPostgreSQL(Scenarios):
    destination = "postgres"


@pytest.mark.thorough
def test_a_first_run_killed_between_any_two_states_of_a_file_is_loaded_again(tmp_path: Path, forker: Forker) -> None:
    """No constraint of PostgreSQL refuses a file, ours or dlt's, that had been loaded and was not noted."""
    notes = {}
    with (
        started("postgres") as engine,
        serve(plain_store(5), Behaviour(rate_limit=(10_000, 1))) as sandbox,
    ):
        sandbox.store.add_log("export-1", id={"not": "an id"})
        for number in count(1):
            site = Site(replace(engine, dataset=f"killed_{number}_raw"), tmp_path / str(number), forker, sandbox)
            if site.didomi("run", "--skip-models", kill_at=f"{NEXT_STATE} before {number}").code == 0:
                break
            notes[number] = json.loads(site.didomi("run", "--skip-models", "--json").out)["notes"]
            assert [len(rows) for rows in site.engine.tables().values()] == [1, 5, 5, 2, 1]
    assert notes == dict.fromkeys(range(1, 12), ["what an interrupted run left was loaded first"])
