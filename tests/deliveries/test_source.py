"""The dlt source in a pipeline."""

from __future__ import annotations

import gzip
import logging
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from didomi_sandbox import Behaviour, plain_store, serve
from didomi_source import didomi_source
from didomi_source.deliveries.outcome import DeliveryRequest
from didomi_source.deliveries.settings import delivery_settings
from didomi_source.deliveries.source import didomi_deliveries
from didomi_source.schema import EXPORT_DELIVERIES, TABLES
from support.deliveries.lab import DAY, EXPORT, SECRET, Place, Warehouse, folder_of, partition, users
from support.deliveries.servers import KEY, SECRET_KEY, S3Server, error_xml
from support.warehouse import arguments

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


def test_logs_and_deliveries_share_a_pipeline(warehouse: Warehouse, place: Place) -> None:
    """One dlt schema holds all tables, whichever source runs first, alone or again."""
    place.put(partition(users(3)))
    with serve(plain_store(3), Behaviour(rate_limit=(10_000, 1))) as sandbox:
        logs = arguments(sandbox)
        warehouse.run(place)
        warehouse.pipeline().run([didomi_source(**logs), didomi_deliveries(bucket_url=place.url)])
        place.put(partition(users(5), day=NEXT))
        warehouse.pipeline().run([didomi_deliveries(bucket_url=place.url), didomi_source(**logs)])
    pipeline = warehouse.pipeline()
    assert list(pipeline.schemas) == ["didomi"]
    assert pipeline.default_schema.tables.keys() >= TABLES.keys()
    assert "iso_timestamp" not in pipeline.default_schema.settings["detections"]
    assert warehouse.told("records") == [(3,), (5,)]
    assert warehouse.sql("select count(*) from export_logs") == [(3,)]


KILLED = """
import os, signal, sys
from didomi_source.deliveries import {module} as module
from support.deliveries.lab import Place, Warehouse
from pathlib import Path

def killed(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

{patch}
folder = Path(sys.argv[1])
Warehouse(folder).run(Place(folder / "bucket"), archive_to=str(folder / "kept"))
"""
POINTS = {
    "in mid-copy": ("archive", "module.Copy.finish = killed"),
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
    assert warehouse.told("records", "needs_retry", "error") == [(7, False, None), (5, False, None)]
    assert all(row["archived_at"] <= datetime.now(timezone.utc) for row in warehouse.rows())
    assert kept.files() == {key: content for key, content in files.items() if key.endswith(".gz")}
    assert warehouse.sql("select count(*), count(distinct delivery_id) from export_deliveries") == [(2, 2)]


def test_no_secret_and_no_record_is_written_anywhere(
    warehouse: Warehouse,
    new_bucket: Callable[..., Any],
    s3: S3Server,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    bucket, kept = new_bucket("s3"), new_bucket("s3")
    page = gzip.compress(f"<Error>{SECRET}</Error>".encode())
    bucket.put(partition(users(3), users(4)[:-3], page, SECRET.encode()) | partition(users(5), day=NEXT))
    refusal = ("403 Forbidden", error_xml("SignatureDoesNotMatch", f"{KEY} {SECRET_KEY} {SECRET}"))
    s3.before = lambda method, key: refusal if "2026-11-21" in key and method in ("GET", "PUT") else None
    access = bucket.credentials
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "REGION_NAME", "ENDPOINT_URL"):
        monkeypatch.setenv(f"SOURCES__DIDOMI__DELIVERIES__CREDENTIALS__{name}", access[name.lower()])
        monkeypatch.setenv(f"SOURCES__DIDOMI__DELIVERIES__ARCHIVE_CREDENTIALS__{name}", access[name.lower()])
    warehouse.run(bucket, archive_to=kept.url)
    assert [row["error"] is not None for row in warehouse.rows()] == [True, True]
    assert SECRET in gzip.decompress(kept.files()[f"{folder_of()}part-0.json.gz"]).decode()
    written = {path: path.read_bytes() for path in warehouse.folder.rglob("*") if path.is_file()}
    written[Path("settings")] = repr(delivery_settings(bucket_url=bucket.url)).encode()
    written[Path("outcome")] = repr(warehouse.outcome).encode()
    written[Path("log")] = caplog.text.encode()
    written[Path("output")] = "".join(capfd.readouterr()).encode()
    found = {
        (str(path), word) for path, text in written.items() for word in (SECRET, SECRET_KEY) if word.encode() in text
    }
    assert len(written) > 5
    assert found == set()
