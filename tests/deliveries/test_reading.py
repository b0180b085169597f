"""What runs load of a folder of deliveries."""

from __future__ import annotations

import gzip
import logging
import shutil
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from didomi_source.deliveries import archive, files, reading
from didomi_source.deliveries.layout import partitions_of
from didomi_source.deliveries.source import didomi_deliveries
from didomi_source.deliveries.stores import Folder, StoreRefused
from didomi_source.errors import ConfigurationError
from support.deliveries.lab import DAY, EXPORT, Loads, Place, folder_of, partition, users

NEXT = date(2026, 11, 21)
QUIET = {"delivery_requests": 1, "deliveries_changed": 0, "delivery_bytes_read": 0, "delivery_error": None}


def test_a_partition_becomes_a_row(loads: Loads, place: Place) -> None:
    one, two = users(3), users(4)
    place.put(partition(one, two))
    begun = datetime.now(timezone.utc)
    assert loads.run(place) == 1
    row = loads.row()
    (listed,) = partitions_of(next(Folder(place.url).pages("data/")))
    times = [row.pop(name) for name in ("first_seen_at", "extracted_at")]
    assert all(begun <= time <= datetime.now(timezone.utc) for time in times)
    files = [
        {"name": f"part-{n}.json.gz", "bytes": len(data), "etag": file.etag, "records": count, "odd_lines": 0,
         "uncompressed_bytes": len(gzip.decompress(data)), "sha256": None, "error": None}
        for n, (data, count, file) in enumerate(zip((one, two), (3, 4), listed.files, strict=True))
    ]  # fmt: skip
    assert row.pop("run_id")
    assert row == {
        "delivery_id": listed.delivery_id,
        "export_id": EXPORT,
        "delivery_date": DAY,
        "data_kind": "users",
        "is_complete": True,
        "file_count": 2,
        "bytes": len(one) + len(two),
        "records": 7,
        "records_counted": 7,
        "odd_lines": 0,
        "uncompressed_bytes": sum(file["uncompressed_bytes"] for file in files),
        "first_modified_at": min(file.modified_at for file in listed.files),
        "last_modified_at": max(file.modified_at for file in listed.files),
        "files": files,
        "listing_hash": listed.listing_hash,
        "error": None,
        "needs_retry": False,
        "archived_to": None,
        "archived_at": None,
        "gone_since": None,
    }
    read = {"delivery_requests": 3, "deliveries_changed": 1, "delivery_bytes_read": len(one) + len(two)}
    assert loads.facts() == {**read, "delivery_error": None}
    assert begun <= loads.outcome.of(EXPORT).listed_at <= times[1]


@pytest.mark.parametrize("ending", ["", "/"])
@pytest.mark.parametrize("prefix", ["", "file://"])
def test_the_root_is_named_in_any_way(loads: Loads, place: Place, prefix: str, ending: str) -> None:
    place.put(partition(users(3)))
    loads.run(type("Named", (), {"url": f"{prefix}{place.url}{ending}"})())
    assert loads.told("records") == [(3,)]


def test_a_folder_may_be_a_link(loads: Loads, place: Place, tmp_path: Path) -> None:
    other = Place(tmp_path / "other disk")
    other.put(partition(users(3)))
    (place.root / "data").mkdir()
    (place.root / f"data/export-id={EXPORT}").symlink_to(other.root / f"data/export-id={EXPORT}")
    loads.run(place)
    assert loads.told("records") == [(3,)]


def test_the_kinds_of_an_export_are_two_rows(loads: Loads, place: Place) -> None:
    place.put(partition(users(3)) | partition(users(5), kind="cmp_hourly_metrics"))
    loads.run(place)
    assert loads.told("data_kind", "records") == [("cmp_hourly_metrics", 5), ("users", 3)]


def test_a_quiet_run_reads_and_loads_nothing(loads: Loads, place: Place) -> None:
    place.put(partition(users(3)))
    loads.run(place)
    before = loads.row()
    assert loads.run(place) == 0
    assert (loads.row(), loads.facts()) == (before, QUIET)


def test_nothing_is_read_before_success(loads: Loads, place: Place) -> None:
    place.put(partition(users(3), b"no gzip", complete=False))
    loads.run(place)
    row = loads.row()
    assert (row["is_complete"], row["records"], row["records_counted"], row["error"]) == (False, None, 0, None)
    assert (row["file_count"], row["needs_retry"], loads.facts()["delivery_bytes_read"]) == (2, False, 0)
    assert loads.run(place) == 0
    place.put(partition(users(3)))
    assert loads.run(place) == 1
    assert loads.told("is_complete", "records", "error") == [(True, None, "part-1.json.gz: the file is not gzip")]


def test_only_a_file_with_a_new_etag_is_read(loads: Loads, place: Place) -> None:
    place.put(partition(users(3), users(4)))
    loads.run(place)
    first_seen = loads.row()["first_seen_at"]
    changed = users(50)
    place.put({f"{folder_of()}part-1.json.gz": changed})
    assert loads.run(place) == 1
    assert loads.facts() == {
        **QUIET,
        "delivery_requests": 2,
        "deliveries_changed": 1,
        "delivery_bytes_read": len(changed),
    }
    assert loads.told("records", "first_seen_at") == [(53, first_seen)]


def test_a_bad_file_is_an_error_of_its_row_alone(loads: Loads, place: Place) -> None:
    place.put(partition(users(3), users(4)[:-3], b"") | partition(users(5), day=NEXT))
    loads.run(place)
    error = "part-1.json.gz: the file ends inside a gzip member; part-2.json.gz: the file has no bytes"
    assert loads.told("records", "records_counted", "error", "needs_retry") == [
        (None, 3, error, False),
        (5, 5, None, False),
    ]
    assert [(file["records"], file["error"]) for file in loads.rows()[0]["files"]] == [
        (3, None), (None, "cut"), (None, "zero_bytes")
    ]  # fmt: skip
    assert loads.facts()["delivery_error"] is None
    assert loads.run(place) == 0
    place.put({f"{folder_of()}part-1.json.gz": users(4), f"{folder_of()}part-2.json.gz": users(0)})
    assert loads.run(place) == 1
    assert loads.told("records", "error") == [(7, None), (5, None)]


def test_many_bad_files_are_named_in_part(loads: Loads, place: Place) -> None:
    place.put(partition(*[b""] * 5))
    loads.run(place)
    assert loads.row()["error"].endswith("part-2.json.gz: the file has no bytes; and 2 more files")


def test_an_empty_delivery_has_no_records(loads: Loads, place: Place) -> None:
    place.put(partition())
    loads.run(place)
    assert loads.told("file_count", "records", "first_modified_at") == [(0, 0, None)]


def test_partitions_of_other_exports_are_counted_only(loads: Loads, place: Place) -> None:
    place.put(partition(users(3)) | partition(b"", export_id="other") | partition(b"", export_id="another"))
    loads.run(place, export_ids=[EXPORT, "none-yet"])
    assert loads.told("export_id") == [(EXPORT,)]
    assert (loads.outcome.ignored_partitions, sorted(loads.outcome.exports)) == (2, [EXPORT, "none-yet"])
    assert loads.outcome.of("none-yet").listed_at == loads.outcome.of(EXPORT).listed_at


def test_a_partition_that_vanishes_is_gone_and_may_return(loads: Loads, place: Place) -> None:
    place.put(partition(users(3)) | partition(users(5), day=NEXT))
    loads.run(place)
    before = loads.rows()
    shutil.rmtree(place.root / folder_of())
    assert loads.run(place, retention_days=7) == 1
    gone, other = loads.rows()
    assert gone["gone_since"] == loads.outcome.of(EXPORT).listed_at
    assert {**gone, "gone_since": None, "run_id": "", "extracted_at": ""} == {
        **before[0],
        "run_id": "",
        "extracted_at": "",
    }
    assert other == before[1]
    assert loads.run(place, retention_days=7) == 0
    place.put(partition(users(3)))
    assert loads.run(place) == 1
    assert loads.told("records", "gone_since") == [(3, None), (5, None)]
    assert loads.rows()[0]["first_seen_at"] == before[0]["first_seen_at"]


def test_an_emptied_bucket_is_evidence_and_an_empty_one_is_not(loads: Loads, place: Place) -> None:
    loads.run(place, export_ids=[EXPORT])
    assert loads.outcome.of(EXPORT).listed_at is None
    assert loads.rows() == []
    place.put(partition(users(3)))
    loads.run(place, export_ids=[EXPORT])
    shutil.rmtree(place.root / "data")
    assert loads.run(place, export_ids=[EXPORT]) == 1
    assert loads.outcome.of(EXPORT).listed_at == loads.row()["gone_since"]


@pytest.mark.parametrize("retention_days", [0, 7])
def test_days_that_matter_are_listed_again(loads: Loads, place: Place, retention_days: int) -> None:
    """Where nothing is deleted, a late file of an old day is not looked for; one of a day that was not right is."""
    days = [date(2025, 6, 1) + timedelta(days=n) for n in range(60)]
    for n, day in enumerate(days):
        place.put(partition(b"" if n in (2, 40) else users(3), day=day, complete=n not in (3, 41)))
    loads.run(place, retention_days=retention_days)
    for n in (0, 2, 3, 40, 41, 55):
        place.put(partition(users(3), users(3), day=days[n]))
    changed = loads.run(place, retention_days=retention_days)
    right = [row["delivery_date"] for row in loads.rows() if row["records"] == 6]
    seen = (0, 2, 3, 40, 41, 55) if retention_days else (40, 41, 55)
    assert (changed, right) == (len(seen), [days[n] for n in seen])


@pytest.mark.parametrize(("late", "is_found"), [(15, True), (29, True), (35, False)])
def test_a_whole_delivery_that_comes_late_is_found_for_a_month(
    loads: Loads, place: Place, late: int, is_found: bool
) -> None:
    """Where nothing is deleted: its day has none yet, so that it counts as missing until then."""
    newest = date(2026, 11, 20)
    for n in range(50):
        if n != late:
            place.put(partition(users(3), day=newest - timedelta(days=n)))
    loads.run(place)
    place.put(partition(users(4), day=newest - timedelta(days=late)))
    assert loads.run(place) == is_found
    assert ((newest - timedelta(days=late), 4) in loads.told("delivery_date", "records")) == is_found


def test_a_folder_of_the_future_hides_no_day(loads: Loads, place: Place) -> None:
    place.put(
        partition(users(3)) | partition(users(1), day=date(2999, 12, 31)) | partition(users(1), day=date(1000, 1, 1))
    )
    loads.run(place)
    today = datetime.now(timezone.utc).date()
    place.put(partition(users(4), day=today))
    loads.run(place)
    assert (today, 4) in loads.told("delivery_date", "records")


@pytest.mark.parametrize("lost", [["part-0.json.gz"], ["_SUCCESS"], ["part-0.json.gz", "_SUCCESS"]])
def test_files_that_are_deleted_by_their_age_make_no_delivery_short(
    loads: Loads, place: Place, lost: list[str]
) -> None:
    """A store deletes one file after the other, over hours; what is lost before that is a change."""
    week_old = datetime.now(timezone.utc) - timedelta(days=7)
    place.stamp = int(week_old.timestamp())
    place.put(partition(users(3), users(4)))
    loads.run(place, retention_days=7)
    place.delete(*(folder_of() + name for name in lost))
    others = Loads()
    others.memory.held |= loads.memory.held
    assert others.run(place, retention_days=9) == 1
    assert others.told("records", "gone_since") == [(None if "_SUCCESS" in lost else 4, None)]
    assert loads.run(place, retention_days=7) == 1
    assert loads.told("records", "file_count", "gone_since") == [(7, 2, loads.outcome.of(EXPORT).listed_at)]
    assert loads.run(place, retention_days=7) == 0
    place.put(partition(users(3), users(5)))
    loads.run(place, retention_days=7)
    assert loads.told("records", "gone_since") == [(8, None)]


@pytest.mark.parametrize("is_complete", [True, False])
def test_what_is_left_of_a_delivery_that_was_not_counted_in_time_is_no_delivery(
    loads: Loads, place: Place, *, is_complete: bool
) -> None:
    """It was left to the next run, or not complete yet, and lost a file by its age meanwhile."""
    place.stamp = int((datetime.now(timezone.utc) - timedelta(days=7)).timestamp())
    place.put(partition(users(3), users(4), complete=is_complete))
    loads.run(place, retention_days=7, max_read_bytes=1)
    before = loads.told("records", "file_count", "is_complete")
    assert before == [(None, 2, is_complete)]
    place.put({folder_of() + "_SUCCESS": b""})
    place.delete(folder_of() + "part-0.json.gz")
    loads.run(place, retention_days=7)
    assert loads.told("records", "file_count", "is_complete") == before
    assert loads.row()["gone_since"] == loads.outcome.of(EXPORT).listed_at


def test_a_corrupt_delivery_stays_corrupt_when_its_file_is_deleted_by_its_age(loads: Loads, place: Place) -> None:
    place.stamp = int((datetime.now(timezone.utc) - timedelta(days=7)).timestamp())
    place.put(partition(users(3)[:-9], users(4)))
    loads.run(place, retention_days=7)
    counted = ("records", "file_count", "is_complete", "error")
    corrupt = [(None, 2, True, "part-0.json.gz: the file ends inside a gzip member")]
    assert loads.told(*counted) == corrupt
    place.delete(folder_of() + "part-0.json.gz")
    loads.run(place, retention_days=7)
    assert loads.told(*counted) == corrupt
    place.put(partition(users(3), users(4)))
    loads.run(place, retention_days=7)
    assert loads.told(*counted) == [(7, 2, True, None)]


@pytest.mark.parametrize("first", [users(3), users(3)[:-9]], ids=["counted", "corrupt"])
def test_an_archive_that_refuses_makes_no_old_delivery_short(
    loads: Loads, place: Place, tmp_path: Path, first: bytes
) -> None:
    """What is left of it is tried again, and never taken for the whole."""
    place.stamp = int((datetime.now(timezone.utc) - timedelta(days=7)).timestamp())
    place.put(partition(first, users(4)))
    loads.run(place, retention_days=7)
    before = loads.told("records", "file_count")
    place.delete(folder_of() + "part-0.json.gz")
    (tmp_path / "kept").write_text("no folder")
    for _ in range(3):
        loads.run(place, retention_days=7, archive_to=str(tmp_path / "kept"))
        assert loads.told("records", "file_count") == before


@pytest.mark.parametrize("days", [7, 0])
def test_a_store_that_shows_nothing_of_what_was_there_is_no_evidence(
    loads: Loads, place: Place, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    """A disk that is not mounted, or another prefix; what may have been deleted by its age need not be there."""
    monkeypatch.setattr(logging.getLogger("didomi_source"), "propagate", True)
    today = datetime.now(timezone.utc).date()
    place.put(partition(users(3), day=today - timedelta(days=2)))
    loads.run(place, retention_days=days)
    place.delete(*place.files())
    assert loads.run(place, retention_days=days) == 0
    assert (loads.told("gone_since"), loads.outcome.exports) == ([(None,)], {})
    assert "nothing lies below" in caplog.text
    caplog.clear()
    loads.run(place, retention_days=days, export_ids=["another"])
    assert (loads.outcome.of("another").listed_at is None, caplog.text) == (False, "")
    assert loads.run(place, retention_days=1) == 1
    assert (loads.row()["gone_since"] is None, caplog.text) == (False, "")


def test_what_was_removed_before_it_was_whole_is_looked_for(loads: Loads, place: Place) -> None:
    """Where files are kept, a listing begins at the oldest day that may still come."""
    days = [DAY + timedelta(days=number) for number in range(12)]
    place.put(partition(users(3), day=days[0]) | partition(users(3), day=days[1], complete=False))
    loads.run(place)
    place.delete(*(name for name in place.files() if f"date={days[1]}" in name))
    loads.run(place)
    place.put({name: data for day in days[2:] for name, data in partition(users(3), day=day).items()})
    loads.run(place)
    place.put(partition(users(4), day=days[1]))
    loads.run(place)
    assert loads.told("records", "gone_since")[1] == (4, None)


def test_what_is_left_of_an_old_delivery_is_copied(loads: Loads, place: Place, tmp_path: Path) -> None:
    place.stamp = int((datetime.now(timezone.utc) - timedelta(days=7)).timestamp())
    place.put(partition(users(3), users(4)))
    loads.run(place, retention_days=7)
    place.delete(folder_of() + "part-0.json.gz")
    archive = {"retention_days": 7, "archive_to": str(tmp_path / "kept")}
    loads.run(place, **archive)
    assert Place(tmp_path / "kept").files() == {f"{folder_of()}part-1.json.gz": users(4)}
    counted = ("records", "file_count", "is_complete", "archived_at")
    assert loads.told(*counted) == [(7, 2, True, None)]  # it is not short, nor is all of it kept
    assert loads.run(place, **archive) == 0
    place.delete(folder_of() + "part-1.json.gz")
    loads.run(place, **archive)
    assert loads.told(*counted) == [(7, 2, True, None)]


def test_a_run_without_the_archive_keeps_nothing_from_it(loads: Loads, place: Place, tmp_path: Path) -> None:
    """A file that came in it, or was counted again, is copied by the next run that archives; then nothing is left."""
    archive = {"archive_to": str(tmp_path / "kept")}
    place.put(partition(users(3)))
    loads.run(place, **archive)
    place.put(partition(users(3), users(4)))
    loads.run(place)
    assert loads.told("records", "archived_at") == [(7, None)]
    assert loads.run(place, **archive) == 1
    assert Place(tmp_path / "kept").files().keys() == {f"{folder_of()}part-{n}.json.gz" for n in (0, 1)}
    assert loads.row()["archived_at"] is not None
    assert loads.run(place, **archive) == 0


def test_an_archive_that_refuses_keeps_no_new_file_from_being_counted(
    loads: Loads, place: Place, tmp_path: Path
) -> None:
    """Within `max_read_bytes` new files come first, and copies of those that are counted last."""
    (tmp_path / "kept").write_text("no folder")
    days = [DAY + timedelta(days=number) for number in range(4)]
    for day in days:
        place.put(partition(users(3), day=day))
        loads.run(place, archive_to=str(tmp_path / "kept"), max_read_bytes=len(users(3)))
    assert loads.told("records") == [(3,)] * 4


def test_what_a_limit_leaves_is_never_called_archived(loads: Loads, place: Place, tmp_path: Path) -> None:
    """The archive moved: what the old one holds is not in the new one before it is copied there."""
    days = [DAY, NEXT]
    for day in days:
        place.put(partition(users(3), day=day))
    loads.run(place, archive_to=str(tmp_path / "old"))
    moved = {"archive_to": str(tmp_path / "new"), "max_read_bytes": 1}
    loads.run(place, **moved)
    assert [at is not None for (at,) in loads.told("archived_at")] == [True, False]
    loads.run(place, **moved)
    assert [at is not None for (at,) in loads.told("archived_at")] == [True, True]
    assert len(Place(tmp_path / "new").files()) == 2
    assert loads.run(place, **moved) == 0


def test_a_file_that_a_limit_leaves_keeps_its_error(
    loads: Loads, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that could not be read is tried after new ones, and is no less unreadable until then."""

    def refuse(_: int) -> bytes:
        raise StoreRefused("refused")

    place.put(partition(users(3)))
    with monkeypatch.context() as patch:
        patch.setattr(Folder, "blocks", lambda *_: map(refuse, [1]))
        loads.run(place, max_read_bytes=1)
    assert loads.told("records", "error") == [(None, "part-0.json.gz: refused")]
    place.put(partition(users(4), day=NEXT))
    loads.run(place, max_read_bytes=1)
    left = "part-0.json.gz: it could not be read, and is tried again"
    assert loads.told("records", "error", "needs_retry") == [(None, left, True), (4, None, False)]
    loads.run(place, max_read_bytes=1)
    assert loads.told("records", "error", "needs_retry") == [(3, None, False), (4, None, False)]


def test_a_file_that_could_not_be_read_makes_no_old_delivery_corrupt(
    loads: Loads, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left of it when another one is deleted by its age is copied, and nothing is said of the whole."""

    def refuse(_: int) -> bytes:
        raise StoreRefused("refused")

    place.stamp = int((datetime.now(timezone.utc) - timedelta(days=7)).timestamp())
    place.put(partition(users(3), users(4)))
    archive = {"retention_days": 7, "archive_to": str(tmp_path / "kept")}
    with monkeypatch.context() as patch:
        patch.setattr(Folder, "blocks", lambda *_: map(refuse, [1]))
        loads.run(place, **archive)
    place.delete(folder_of() + "part-1.json.gz")
    loads.run(place, **archive)
    assert Place(tmp_path / "kept").files() == {f"{folder_of()}part-0.json.gz": users(3)}
    assert loads.told("records", "error", "needs_retry", "archived_at") == [(None, None, False, None)]


def test_an_archive_that_is_no_longer_set_leaves_nothing_to_do(loads: Loads, place: Place, tmp_path: Path) -> None:
    """Its refusal is no error any more; a delivery without files is settled, too."""
    (tmp_path / "kept").write_text("no folder")
    place.put(partition(users(3)) | partition(day=NEXT))
    loads.run(place, archive_to=str(tmp_path / "kept"))
    assert loads.told("needs_retry")[0] == (True,)
    assert loads.run(place) == 1
    assert loads.told("records", "error", "needs_retry") == [(3, None, False), (0, None, False)]
    assert loads.run(place) == 0
    archive = {"archive_to": str(tmp_path / "other")}
    loads.run(place, **archive)
    assert loads.run(place, **archive) == 0


def test_a_limit_of_bytes_leaves_the_rest_to_the_next_run(loads: Loads, place: Place) -> None:
    sizes = [len(users(3))] * 2 + [len(users(4))] * 2
    place.put(partition(users(4), users(4), day=NEXT) | partition(users(3), users(3)))
    limit = sizes[0] + sizes[1] + sizes[2]
    loads.run(place, max_read_bytes=limit)
    assert loads.told("records", "records_counted", "needs_retry", "error") == [
        (6, 6, False, None),
        (None, 4, True, None),
    ]
    assert (loads.facts()["delivery_bytes_read"], loads.outcome.bytes_left) == (limit, sizes[3])
    loads.run(place, max_read_bytes=1)
    assert loads.told("records", "needs_retry") == [(6, False), (8, False)]
    assert loads.facts()["delivery_bytes_read"] == sizes[3]
    assert loads.run(place, max_read_bytes=1) == 0


def test_an_etag_is_a_version_whatever_the_size(loads: Loads, place: Place) -> None:
    other = gzip.compress(gzip.decompress(users(3)).replace(b"}\n", b"\n}", 1), mtime=0)
    place.put(partition(users(3)))
    loads.run(place)
    place.put({f"{folder_of()}part-0.json.gz": other.ljust(len(users(3)), b"\0")[: len(users(3))]})
    assert loads.run(place) == 1
    assert loads.facts()["delivery_bytes_read"] == len(users(3))


def test_what_a_limit_leaves_of_old_days_is_not_forgotten(loads: Loads, place: Place) -> None:
    days = [DAY + timedelta(days=n) for n in range(12)]
    for day in days:
        place.put(partition(users(3), day=day))
    for _ in days:
        loads.run(place, max_read_bytes=1)
    assert loads.told("delivery_date", "records") == [(day, 3) for day in days]
    assert loads.run(place, max_read_bytes=1) == 0


def test_a_recount_reads_again_what_is_known(loads: Loads, place: Place) -> None:
    place.put(partition(users(3)) | partition(users(5), day=NEXT))
    loads.run(place)
    before = loads.rows()
    assert loads.run(place, recount=[DAY]) == 1
    assert loads.facts()["delivery_bytes_read"] == len(users(3))
    after = loads.rows()
    assert {**after[0], "run_id": "", "extracted_at": ""} == {**before[0], "run_id": "", "extracted_at": ""}


def ended(*args: object, **kwargs: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("where", "name", "survives"),
    [
        (reading.DeliveryReader, "rows", 0),
        (files, "count_records", 0),
        (files, "count_records", 1),
        (archive.Copy, "finish", 0),
    ],
)
def test_a_run_that_ends_anywhere_is_made_good_by_the_next(
    loads: Loads, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: Any, name: str, survives: int
) -> None:
    place.put(partition(users(3), users(4)) | partition(users(5), day=NEXT))
    calls = iter([getattr(where, name)] * survives)

    def called(*args: object, **kwargs: object) -> Any:
        return next(calls, ended)(*args, **kwargs)

    with monkeypatch.context() as ending:
        ending.setattr(where, name, called)
        with pytest.raises(KeyboardInterrupt):
            loads.run(place, archive_to=str(tmp_path / "kept"), threads=1)
    assert loads.rows() == []
    loads.run(place, archive_to=str(tmp_path / "kept"))
    assert loads.told("records", "error", "needs_retry") == [(7, None, False), (5, None, False)]
    assert len(Place(tmp_path / "kept").files()) == 3


def test_a_missing_folder_is_reported_and_loses_nothing(loads: Loads, place: Place) -> None:
    place.put(partition(users(3)))
    loads.run(place, export_ids=[EXPORT])
    before = loads.rows()
    shutil.rmtree(place.root)
    loads.run(place, export_ids=[EXPORT])
    error = f"there is no folder {place.url}: check bucket_url"
    assert (loads.rows(), loads.outcome.errors, loads.outcome.of(EXPORT).listed_at) == (before, [error], None)
    assert loads.outcome.of(EXPORT).error == error


def test_without_a_pipeline_all_is_read(place: Place) -> None:
    place.put(partition(users(3)))
    assert [row["records"] for row in didomi_deliveries(bucket_url=place.url)] == [3]


@pytest.mark.parametrize(
    ("export_ids", "read"),
    [([EXPORT], [EXPORT]), (EXPORT, [EXPORT]), (f"other, {EXPORT}", [EXPORT]), (f"the {EXPORT}x", []), ([], [EXPORT, "other-one"])],
)  # fmt: skip
def test_exports_are_named_as_the_logs_source_takes_them(place: Place, export_ids: object, read: list[str]) -> None:
    """A list, a text with commas; an empty list means all, and a text is not looked into."""
    place.put(partition(users(3)))
    place.put(partition(users(2), export_id="other-one"))
    assert [row["export_id"] for row in didomi_deliveries(export_ids, bucket_url=place.url)] == read


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "there is no place to read deliveries from: set SOURCES__DIDOMI__DELIVERIES__BUCKET_URL to the folder that holds data/"),
        ({"bucket_url": "az://x"}, "setting sources.didomi.deliveries.bucket_url begins with az://: use s3://, gs://, file:// or a folder"),
        ({"bucket_url": "/x", "archive_to": "file:///x/"}, "setting sources.didomi.deliveries.archive_to is bucket_url: archive to another place: nothing is written where the files are read"),
        ({"bucket_url": "C:\\didomi"}, "setting sources.didomi.deliveries.bucket_url begins with C:: use s3://, gs://, file:// or a folder"),
        ({"bucket_url": "s3:///x"}, "setting sources.didomi.deliveries.bucket_url is 's3:///x', which names no bucket: write it like s3://bucket or s3://bucket/folder"),
        ({"bucket_url": "x", "archive_to": "gs://b\n"}, "setting sources.didomi.deliveries.archive_to is 'gs://b\\n', which names no bucket: write it like s3://bucket or s3://bucket/folder"),
        ({"bucket_url": "s3://key:sec/ret@bucket"}, "setting sources.didomi.deliveries.bucket_url is 's3://***@bucket', which names no bucket: write it like s3://bucket or s3://bucket/folder"),
        ({"bucket_url": "x", "max_read_bytes": 0}, "setting sources.didomi.deliveries.max_read_bytes is 0: choose a number from 1 to inf"),
        ({"bucket_url": "x", "threads": 0}, "setting sources.didomi.deliveries.threads is 0: choose a number from 1 to 256"),
        ({"bucket_url": "x", "retention_days": -1}, "setting sources.didomi.deliveries.retention_days is -1: choose a number from 0 to 10000"),
        ({"bucket_url": "x", "retention_days": 36500}, "setting sources.didomi.deliveries.retention_days is 36500: choose a number from 0 to 10000"),
        ({"bucket_url": "x", "threads": "8"}, "setting sources.didomi.deliveries.threads is '8': choose a number from 1 to 256"),
        ({"bucket_url": "x", "archive": "y"}, "there is no setting sources.didomi.deliveries.archive: choose from answer_seconds, archive_credentials, archive_to, bucket_url, credentials, max_read_bytes, requester_pays, retention_days, retry_seconds, role_arn, threads"),
        ({"bucket_url": "x", "export_ids": 5}, 'setting sources.didomi.export_ids is not a list of ids: write it like ["id1", "id2"]'),
        ({"bucket_url": "x", "answer_seconds": 0}, "setting sources.didomi.deliveries.answer_seconds is 0: choose a number from 0.1 to 604800"),
        ({"bucket_url": "x", "answer_seconds": float("nan")}, "setting sources.didomi.deliveries.answer_seconds is nan: choose a number from 0.1 to 604800"),
        ({"bucket_url": "x", "retry_seconds": float("inf")}, "setting sources.didomi.deliveries.retry_seconds is inf: choose a number from 0 to 604800"),
        ({"bucket_url": "x", "threads": 100_000}, "setting sources.didomi.deliveries.threads is 100000: choose a number from 1 to 256"),
    ],
)  # fmt: skip
def test_a_setting_that_cannot_be_right_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        didomi_deliveries(**settings)
    assert str(raised.value) == message
