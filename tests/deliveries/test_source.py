"""The dlt source in a pipeline."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from datetime import date, datetime, timezone

import pytest

from didomi_source.deliveries import DeliveryRequest, didomi_deliveries
from didomi_source.schema import EXPORT_DELIVERIES

from .lab import DAY, EXPORT, Place, Warehouse, folder_of, partition, users

NEXT = date(2026, 11, 21)


def test_rows_survive_the_way_into_a_warehouse_and_back(warehouse: Warehouse, place: Place) -> None:
    """The same row comes back when all of it is written again."""
    place.put(partition(users(3), b"", kind="users") | partition(users(5), day=NEXT))
    assert warehouse.run(place) == 2
    before = warehouse.rows()
    assert before[0].keys() == EXPORT_DELIVERIES.keys()
    assert warehouse.run(place) == 0
    assert warehouse.run(place, work="elsewhere") == 0
    shutil.rmtree(place.root / folder_of())
    assert warehouse.run(place, work="elsewhere") == 1
    gone = {**before[0], "gone_since": warehouse.outcome.of(EXPORT).listed_at}
    of_run = {"run_id": "", "extracted_at": ""}
    assert [{**row, **of_run} for row in warehouse.rows()] == [{**gone, **of_run}, {**before[1], **of_run}]


def test_known_files_are_not_read_again(warehouse: Warehouse, place: Place) -> None:
    place.put(partition(users(3), users(4)))
    warehouse.run(place)
    place.put({f"{folder_of()}part-2.json.gz": users(50)})
    warehouse.run(place)
    assert warehouse.told("records") == [(57,)]
    assert warehouse.facts()["delivery_bytes_read"] == len(users(50))


def test_an_older_copy_of_the_warehouse_is_brought_up_to_date(warehouse: Warehouse, place: Place) -> None:
    place.put(partition(users(3)))
    warehouse.run(place)
    shutil.copy(warehouse.folder / "warehouse.duckdb", warehouse.folder / "older")
    place.put(partition(users(5), day=NEXT))
    warehouse.run(place)
    shutil.move(warehouse.folder / "older", warehouse.folder / "warehouse.duckdb")
    warehouse.run(place)
    assert warehouse.told("delivery_date", "records") == [(DAY, 3), (NEXT, 5)]


def test_settings_come_from_the_environment(
    warehouse: Warehouse, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.put(partition(users(3)) | partition(users(4), export_id="other"))
    monkeypatch.setenv("SOURCES__DIDOMI__DELIVERIES__BUCKET_URL", place.url)
    monkeypatch.setenv("SOURCES__DIDOMI__EXPORT_IDS", f'["{EXPORT}"]')
    warehouse.pipeline().run(didomi_deliveries())
    assert warehouse.told("export_id", "records") == [(EXPORT, 3)]


def test_exports_are_asked_for_when_the_extraction_begins(warehouse: Warehouse, place: Place) -> None:
    place.put(partition(users(3)) | partition(users(4), export_id="other"))
    names: set[str] = set()
    source = didomi_deliveries(request=DeliveryRequest(export_ids=names), bucket_url=place.url)
    names.add(EXPORT)
    warehouse.pipeline().run(source)
    assert warehouse.told("export_id") == [(EXPORT,)]


def test_the_table_exists_before_anything_is_delivered(warehouse: Warehouse, place: Place) -> None:
    warehouse.run(place)
    columns = {name for (name,) in warehouse.sql("select column_name from (describe export_deliveries)")}
    assert columns >= EXPORT_DELIVERIES.keys()


KILLED = """
import os, signal, sys
from didomi_source.deliveries import {module} as module
from tests.deliveries.lab import Place, Warehouse
from pathlib import Path

def killed(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

{patch}
folder = Path(sys.argv[1])
Warehouse(folder).run(Place(folder / "bucket"), archive_to=str(folder / "kept"))
"""
POINTS = {
    "after the listing": ("reading", "module.DeliveryReader.rows = killed"),
    "between two files": (
        "files",
        "real, calls = module.count_records, []\ndef second(*a, **k):\n    calls.append(1)\n    return killed() if len(calls) == 2 else real(*a, **k)\nmodule.count_records = second",
    ),
    "in mid-copy": ("archive", "module.Copy.finish = killed"),
    "before the load": ("source", "import dlt\ndlt.Pipeline.load = killed"),
    "in the load": ("source", "from dlt.load.load import Load\nLoad.complete_package = killed"),
}


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_any_point_is_made_good_by_the_next_run(warehouse: Warehouse, place: Place, point: str) -> None:
    files = partition(users(3), users(4)) | partition(users(5), day=NEXT)
    place.put(files)
    module, patch = POINTS[point]
    script = KILLED.format(module=module, patch=patch)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", script, str(warehouse.folder)], env=env, capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    kept = Place(warehouse.folder / "kept")
    warehouse.run(place, archive_to=kept.url)
    warehouse.run(place, archive_to=kept.url)
    assert warehouse.told("records", "needs_retry", "error") == [(7, False, None), (5, False, None)]
    assert all(row["archived_at"] <= datetime.now(timezone.utc) for row in warehouse.rows())
    assert kept.files() == {key: content for key, content in files.items() if key.endswith(".gz")}
    assert warehouse.sql("select count(*), count(distinct delivery_id) from export_deliveries") == [(2, 2)]
