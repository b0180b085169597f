"""Exports are read side by side in threads, and handed over in one, in packages."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from sqlite3 import ProgrammingError
from typing import Any

import pytest

from didomi_source.api.client import Direction
from didomi_source.reading import rows
from didomi_source.reading.destination import Destination, DestinationState
from didomi_source.reading.fields import ExtraColumns
from didomi_source.reading.packages import EXPORTS_AT_ONCE, Reading
from didomi_source.reading.plan import Request
from didomi_source.reading.rows import Batch
from didomi_source.reading.run import Run
from didomi_source.settings import Settings

PAGE = 10


class Api:
    """Exports of so many logs each, the newest first; `before` is called with the export and the offset of a page."""

    def __init__(self, **counts: int) -> None:
        self.logs = {export: [log(export, n) for n in range(count)] for export, count in counts.items()}
        self.before: Callable[[str, int], None] = lambda _export, _skip: None
        self.pages = 0

    def logs_page(self, export: str, skip: int, limit: int, direction: Direction | None) -> tuple[list[Any], int]:
        self.pages += 1
        self.before(export, skip)
        logs = self.logs[export][:: -1 if direction is Direction.ASCENDING else 1]
        return logs[skip : skip + limit], len(logs)


def log(export: str, number: int) -> dict[str, Any]:
    at = f"2026-{12 - number // 600:02d}-{28 - number // 24 % 25:02d}T{23 - number % 24:02d}:00:00.000Z"
    return {"id": f"{export}-{number:04d}", "export_id": export, "status": "completed", "created_at": at}


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(rows, "BATCH_ROWS", 10)
    monkeypatch.setattr(rows, "COALESCED_ROWS", 20)
    yield
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("didomi-export")] == []


def begun(api: Api, package_bytes: int | None = None, **given: Any) -> Reading:
    """A reading of all exports that begins."""
    run = Run(
        api,
        Settings("k", "s", "acme", page_size=PAGE),
        Request("r"),
        DestinationState(),
        ExtraColumns({}),
        Destination(None),
    )  # type: ignore[arg-type]
    reading = Reading(package_bytes, **given)
    reading.begin(run, [{"id": export} for export in api.logs])
    return reading


def ids(found: list[Batch]) -> list[str]:
    return [log_id for batch in found for log_id in batch.export_logs["id"]]


def test_everything_comes_once_and_each_export_in_its_order() -> None:
    """More exports than threads: the others follow, and each has its row."""
    api = Api(**{f"e{n}": 25 for n in range(EXPORTS_AT_ONCE + 3)})
    reading = begun(api)
    found = list(reading.package())
    for export, logs in api.logs.items():
        assert [i for i in ids(found) if i.startswith(f"{export}-")] == [one["id"] for one in logs]
    syncs = [row for batch in found for row in batch.export_syncs]
    assert sorted(row["export_id"] for row in syncs) == sorted(api.logs)
    assert (reading.is_done, {row["is_complete"] for row in syncs}) == (True, {True})


def test_batches_are_merged_until_they_are_large() -> None:
    """dlt inspects each item: small ones would cost as much as large ones. The last one may be small."""
    found = [len(batch.export_logs) for batch in begun(Api(e=95)).package()]
    assert sum(found) == 95
    assert all(20 <= rows < 40 for rows in found[:-1])


def test_progress_is_the_logs_of_each_batch() -> None:
    """Also of an empty one; what an export amounts to does not count, nor what is set aside."""
    told: list[int] = []
    api = Api(a=95, b=0)
    api.logs["a"][7]["id"] = None
    found = [len(batch.export_logs) for batch in begun(api, progress=told.append).package()]
    assert (told, sum(told)) == (found, 94)


def test_without_a_log_there_is_one_batch() -> None:
    """It has the row on the sync, and makes the tables."""
    (batch,) = begun(Api(e=0)).package()
    assert (len(batch.export_logs), [row["rows_received"] for row in batch.export_syncs]) == (0, [0])


def test_a_package_ends_when_it_is_full_and_the_next_goes_on() -> None:
    """Nothing is read twice, and no package is much larger than asked for."""
    api = Api(a=300, b=40)
    reading = begun(api, package_bytes=6_000)
    packages = [list(reading.package())]
    while not reading.is_done:
        packages.append(list(reading.package()))
    assert len(packages) > 3
    assert sorted(ids([batch for package in packages for batch in package])) == sorted(
        one["id"] for logs in api.logs.values() for one in logs
    )
    assert max(sum(batch.size for batch in package) for package in packages) < 6_000 + 8 * 2_000


def test_nobody_reads_on_while_the_pipeline_is_busy() -> None:
    """Memory is bounded by what waits in the queue, however slow the pipeline is."""
    api = Api(a=2_000)
    package = begun(api).package()
    next(package)
    time.sleep(0.2)
    pages = api.pages
    time.sleep(0.3)
    assert (api.pages, pages < 15) == (pages, True)
    package.close()


def test_a_reading_that_nobody_wants_any_more_ends() -> None:
    """Its threads end, and it can begin again."""
    api = Api(a=500, b=500)
    reading = begun(api, package_bytes=2_000)
    package = reading.package()
    next(package)
    package.close()
    assert reading.is_done
    assert ids(list(reading.package())) == []


def test_a_mistake_in_a_thread_is_raised_where_the_batches_are_wanted() -> None:
    """What came before is not a complete load."""
    api = Api(a=500, b=500)

    def fail(export: str, skip: int) -> None:
        if export == "b" and skip > 50:
            raise KeyError("a mistake")

    api.before = fail
    reading = begun(api)
    with pytest.raises(KeyError, match="a mistake"):
        list(reading.package())
    assert reading.is_done


def test_exports_are_read_at_the_same_time() -> None:
    """One that waits for the API does not hold up another."""
    api, met = Api(a=5, b=5), threading.Barrier(2, timeout=30)
    api.before = lambda _export, skip: met.wait() if skip == 0 else None
    assert len(ids(list(begun(api).package()))) == 10


def test_what_is_kept_of_the_logs_goes_when_all_is_read() -> None:
    """So that loading has the memory; between two packages it stays."""
    api = Api(a=300)
    reading = begun(api, package_bytes=2_000)
    logs = reading.current.known.logs
    list(reading.package())
    assert logs["a-0000"] is not None
    while not reading.is_done:
        list(reading.package())
    with pytest.raises(ProgrammingError, match="closed"):
        logs["a-0000"]
