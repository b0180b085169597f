"""Keys of a bucket become partitions."""

from __future__ import annotations

from datetime import date, datetime, timezone

import pytest

from didomi_source.deliveries.layout import Partition, StoredFile, partitions_of, place_of

NOON = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
DAY = date(2026, 11, 20)
FOLDER = "data/export-id=aB3xYz90/date=2026-11-20/"


def file(path: str, size: int = 5, etag: str = "e") -> StoredFile:
    return StoredFile(path, size, etag, NOON)


def partition(*files: StoredFile, kind: str = "users", complete: bool = True, export_id: str = "aB3xYz90") -> Partition:
    return Partition(export_id, DAY, kind, complete, files)


def test_success_on_either_level_completes_a_partition() -> None:
    users, metrics = file(f"{FOLDER}users/a.json.gz"), file(f"{FOLDER}cmp_hourly_metrics/b.json.gz")
    of_day = partitions_of([users, metrics, file(f"{FOLDER}_SUCCESS")])
    of_kind = partitions_of([users, metrics, file(f"{FOLDER}users/_SUCCESS")])
    assert of_day == [partition(metrics, kind="cmp_hourly_metrics"), partition(users)]
    assert of_kind == [partition(metrics, kind="cmp_hourly_metrics", complete=False), partition(users)]


def test_partitions_are_ordered_by_day_and_files_by_path() -> None:
    keys = [
        "data/export-id=b/date=2026-11-19/users/1.json.gz",
        "data/export-id=a/date=2026-11-20/users/2.json.gz",
        "data/export-id=a/date=2026-11-20/users/1.json.gz",
    ]
    found = partitions_of(map(file, keys))
    assert [(p.export_id, p.delivery_date.day, [f.path[-9:] for f in p.files]) for p in found] == [
        ("b", 19, ["1.json.gz"]),
        ("a", 20, ["1.json.gz", "2.json.gz"]),
    ]


@pytest.mark.parametrize("export_id", ["0123", "1e5", "null", "true", "2026-11-20", "a b", "é"])
def test_ids_are_texts(export_id: str) -> None:
    (found,) = partitions_of([file(f"data/export-id={export_id}/date=2026-11-20/users/a.json.gz")])
    assert found.export_id == export_id


@pytest.mark.parametrize(
    ("path", "kind", "name"),
    [
        (f"{FOLDER}events/part-0.json.gz", "events", "part-0.json.gz"),
        (f"{FOLDER}proofs/deep/er/part-0.json.gz", "proofs", "deep/er/part-0.json.gz"),
        (f"{FOLDER}part-0.json.gz", "unknown", "part-0.json.gz"),
    ],
)
def test_any_folder_is_a_kind(path: str, kind: str, name: str) -> None:
    (found,) = partitions_of([file(path)])
    assert (found.data_kind, [found.name_of(f) for f in found.files]) == (kind, [name])


@pytest.mark.parametrize("marker", ["_SUCCESS", "users/_SUCCESS"])
def test_a_lone_success_is_an_empty_delivery(marker: str) -> None:
    kind = "users" if "users" in marker else "unknown"
    assert partitions_of([file(FOLDER + marker, 0)]) == [partition(kind=kind)]


@pytest.mark.parametrize(
    "path",
    [
        f"{FOLDER}users/",
        f"{FOLDER}users/part-0.json",
        f"{FOLDER}users/part-0.parquet",
        f"{FOLDER}users/.part-0.json.gz.crc",
        f"{FOLDER}users/.part-0.json.gz",
        f"{FOLDER}_temporary/0/task/part-0.json.gz",
        f"{FOLDER}users/_temporary/part-0.json.gz",
        f"{FOLDER}users/deep/_SUCCESS",
        f"{FOLDER}_temporary/_SUCCESS",
        f"{FOLDER}.staging/_SUCCESS",
        "data/export-id=a/date=2026-02-30/users/part-0.json.gz",
        "data/export-id=a/date=20261120/users/part-0.json.gz",
        "data/export-id=/date=2026-11-20/users/part-0.json.gz",
        "data/date=2026-11-20/users/part-0.json.gz",
        "other/export-id=a/date=2026-11-20/users/part-0.json.gz",
        "x/data/export-id=a/date=2026-11-20/users/part-0.json.gz",
    ],
)
def test_other_keys_are_no_delivery(path: str) -> None:
    assert partitions_of([file(path)]) == []


def test_the_listing_hash_covers_path_size_etag_and_success() -> None:
    base = partition(file("a"), file("b"))
    others = [
        partition(file("a")),
        partition(file("a"), file("c")),
        partition(file("a"), file("b", size=6)),
        partition(file("a"), file("b", etag="f")),
        partition(file("a"), file("b"), complete=False),
    ]
    assert len({base.listing_hash, *(other.listing_hash for other in others)}) == 6
    later = StoredFile("b", 5, "e", datetime(2027, 1, 1, tzinfo=timezone.utc))
    assert partition(file("a"), later).listing_hash == base.listing_hash


def test_the_id_covers_export_day_and_kind() -> None:
    ids = [Partition(e, d, k, True, ()).delivery_id for e in "ab" for d in (DAY, date(2026, 11, 21)) for k in "uv"]
    assert len(set(ids)) == 8


def test_a_key_tells_its_export_and_day() -> None:
    assert place_of(f"{FOLDER}users/a.json.gz") == ("aB3xYz90", DAY)
    assert place_of(f"{FOLDER}_SUCCESS") == ("aB3xYz90", DAY)
    assert place_of("data/readme.txt") is None
