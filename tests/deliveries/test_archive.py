"""Copies of the delivered files."""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from didomi_source.deliveries import stores
from didomi_source.deliveries.stores import Folder
from didomi_source.errors import ConfigurationError
from support.deliveries.lab import DAY, EXPORT, Loads, Place, folder_of, partition, users
from support.deliveries.servers import S3Server, error_xml

NewBucket = Callable[..., Any]
NEXT = date(2026, 11, 21)
FILES = partition(users(3), users(4))
COPIES = {key: content for key, content in FILES.items() if key.endswith(".gz")}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def kept(tmp_path: Path) -> Place:
    """A folder that is an archive."""
    return Place(tmp_path / "kept")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files of the source that are read."""
    found: list[str] = []
    real = Folder.blocks

    def blocks(self: Folder, file: Any) -> Any:
        found.append(file.path)
        return real(self, file)

    monkeypatch.setattr(Folder, "blocks", blocks)
    return found


def test_each_file_is_copied_by_the_read_that_counts_it(
    loads: Loads, place: Place, kept: Place, opened: list[str]
) -> None:
    place.put(FILES)
    before = {path: path.stat() for path in place.root.rglob("*")}
    loads.run(place, archive_to=kept.url)
    row = loads.row()
    assert kept.files() == COPIES
    assert sorted(opened) == sorted(COPIES)
    assert [file["sha256"] for file in row["files"]] == [sha256(content) for content in COPIES.values()]
    assert (row["archived_to"], row["records"], row["error"]) == (f"{kept.url}/{folder_of()}", 7, None)
    assert row["archived_at"] is not None
    assert {path: path.stat().st_mtime_ns for path in before} == {path: s.st_mtime_ns for path, s in before.items()}
    assert loads.run(place, archive_to=kept.url) == 0


@pytest.mark.parametrize("ending", ["", "/"])
@pytest.mark.parametrize("protocol", ["s3", "gs"])
def test_a_bucket_is_an_archive(loads: Loads, place: Place, new_bucket: NewBucket, protocol: str, ending: str) -> None:
    place.put(FILES)
    bucket = new_bucket(protocol, "deep/er/")
    access = {f"archive_{name}": value for name, value in bucket.access.items()}
    loads.run(place, archive_to=bucket.url.rstrip("/") + ending, **access)
    assert bucket.files() == COPIES
    assert loads.told("archived_to", "error") == [(f"{bucket.url}{folder_of()}", None)]
    assert loads.row()["archived_at"] is not None
    assert loads.run(place, archive_to=bucket.url, **access) == 0


def test_a_large_file_is_copied_in_parts(loads: Loads, place: Place, new_bucket: NewBucket, s3: S3Server) -> None:
    line = json.dumps({"user": {"id": os.urandom(3_000_000).hex()}}).encode()
    large = gzip.compress(line + b"\n" + line, 1)
    place.put(partition(large))
    bucket = new_bucket("s3")
    loads.run(place, archive_to=bucket.url, archive_credentials=bucket.credentials)
    assert (list(bucket.files().values()), loads.told("records", "error")) == ([large], [(2, None)])
    assert [method for method, key in s3.requests if method == "PUT"] == ["PUT"] * (len(large) // (5 << 20) + 2)


@pytest.mark.parametrize(
    "name", ["bucket", "./bucket/", "{tmp_path}/bucket/.", "x/../bucket", "link", "file://{tmp_path}/link/"]
)
def test_the_folder_that_is_read_is_no_archive(loads: Loads, place: Place, tmp_path: Path, name: str) -> None:
    """However it is named: its own files would count as copies."""
    (tmp_path / "link").symlink_to(place.root)
    with pytest.raises(ConfigurationError, match="archive_to is bucket_url"):
        loads.run(place, archive_to=name.format(tmp_path=tmp_path))


def test_an_archive_can_be_read_as_a_source(loads: Loads, place: Place, kept: Place) -> None:
    place.put(FILES)
    loads.run(place, archive_to=kept.url)
    again = Loads()
    again.run(kept)
    assert again.told("file_count", "bytes") == loads.told("file_count", "bytes")


def test_nothing_is_copied_before_success_or_of_a_bad_file(loads: Loads, place: Place, kept: Place) -> None:
    place.put(partition(users(3), complete=False) | partition(users(4), users(5)[:-2], day=NEXT))
    loads.run(place, archive_to=kept.url)
    assert kept.files() == {f"{folder_of(day=NEXT)}part-0.json.gz": users(4)}
    assert [at for (at,) in loads.told("archived_at")] == [None, None]
    assert loads.run(place, archive_to=kept.url) == 0


def test_an_equal_copy_is_not_made_again(
    loads: Loads, place: Place, kept: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a run that was killed, or with an older copy of the warehouse."""
    place.put(FILES)
    kept.put(COPIES)
    monkeypatch.setattr(Folder, "writer", lambda self, path: pytest.fail("it is written again"))
    loads.run(place, archive_to=kept.url)
    assert loads.told("records", "error") == [(7, None)]
    assert loads.row()["archived_at"] is not None


@pytest.mark.parametrize("other", [users(9), users(3)[:-1] + b"\x01"])
def test_a_different_file_is_never_replaced(loads: Loads, place: Place, kept: Place, other: bytes) -> None:
    place.put(FILES)
    kept.put({f"{folder_of()}part-0.json.gz": other})
    loads.run(place, archive_to=kept.url)
    row = loads.row()
    assert kept.files() == {**COPIES, f"{folder_of()}part-0.json.gz": other}
    message = "part-0.json.gz: the archive holds a different file of that name, which stays"
    assert (row["records"], row["error"], row["archived_at"], row["needs_retry"]) == (7, message, None, False)
    assert [file["error"] for file in row["files"]] == ["archive_differs", None]
    assert loads.run(place, archive_to=kept.url) == 0


def test_a_file_that_comes_while_the_copy_is_made_stays(
    loads: Loads, place: Place, kept: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.put(FILES)
    real = Folder.rename

    def late(self: Folder, path: str, to: str) -> None:
        kept.put({to: users(9)})
        real(self, path, to)

    monkeypatch.setattr(Folder, "rename", late)
    loads.run(place, archive_to=kept.url)
    assert kept.files() == dict.fromkeys(COPIES, users(9))
    assert {file["error"] for file in loads.row()["files"]} == {"archive_differs"}


def test_what_is_known_is_copied_when_an_archive_is_set(
    loads: Loads, place: Place, kept: Place, tmp_path: Path, opened: list[str]
) -> None:
    place.put(FILES | partition(b"", day=NEXT))
    loads.run(place)
    assert loads.run(place, archive_to=kept.url) == 2
    assert kept.files() == COPIES
    elsewhere = Place(tmp_path / "elsewhere")
    loads.run(place, archive_to=elsewhere.url)
    assert elsewhere.files() == COPIES
    opened.clear()
    assert (loads.run(place, archive_to=elsewhere.url), opened) == (0, [])
    assert loads.told("records", "error") == [(7, None), (None, "part-0.json.gz: the file has no bytes")]


def test_only_a_changed_file_is_copied_again(loads: Loads, place: Place, kept: Place, opened: list[str]) -> None:
    place.put(FILES)
    loads.run(place, archive_to=kept.url)
    first = loads.row()["archived_at"]
    opened.clear()
    place.put({f"{folder_of()}part-2.json.gz": users(5)})
    loads.run(place, archive_to=kept.url)
    assert opened == [f"{folder_of()}part-2.json.gz"]
    assert kept.files() == {**COPIES, f"{folder_of()}part-2.json.gz": users(5)}
    assert (loads.row()["records"], loads.row()["archived_at"] >= first) == (12, True)


def test_an_empty_delivery_is_archived(loads: Loads, place: Place, kept: Place) -> None:
    place.put(partition())
    loads.run(place, archive_to=kept.url)
    assert loads.row()["archived_at"] is not None


class FullDisk:
    """A file of a disk that has no room left."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.write_bytes(b"begun")

    def write(self, block: bytes) -> None:
        with stores._translated(str(self._path)):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        pytest.fail("a copy that failed is closed")

    def abort(self) -> None:
        self._path.unlink()


def test_a_full_archive_loses_nothing(
    loads: Loads, place: Place, kept: Place, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place.put(FILES | partition(users(5), day=NEXT))
    with monkeypatch.context() as full:
        full.setattr(stores, "_FolderWriter", FullDisk)
        loads.run(place, archive_to=kept.url, threads=1)
    assert kept.files() == {}
    (error,) = loads.outcome.errors
    assert error.startswith(f"the archive {kept.url} takes no copies: {kept.url}/data/")
    assert error.endswith(": No space left on device")
    assert loads.told("records", "needs_retry", "archived_at") == [(7, True, None), (5, True, None)]
    assert loads.rows()[1]["error"] == f"part-0.json.gz: {error}"
    assert loads.outcome.of(EXPORT).error == error
    assert len(opened) == 3
    loads.run(place, archive_to=kept.url)
    assert kept.files() == {**COPIES, f"{folder_of(day=NEXT)}part-0.json.gz": users(5)}
    assert loads.told("records", "needs_retry", "error") == [(7, False, None), (5, False, None)]
    assert None not in [at for (at,) in loads.told("archived_at")]


def test_a_copy_that_is_damaged_is_not_kept(
    loads: Loads, place: Place, kept: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.put(FILES)
    with monkeypatch.context() as damaging:
        damaging.setattr(Folder, "read", lambda self, path: iter([b"other bytes"]))
        loads.run(place, archive_to=kept.url)
    assert not any(key.endswith(".json.gz") for key in kept.files())
    assert loads.outcome.errors == [
        f"the archive {kept.url} takes no copies: a copy that was read back is not what was written"
    ]
    loads.run(place, archive_to=kept.url)
    assert (kept.files(), loads.told("error", "needs_retry")) == (COPIES, [(None, False)])


def test_an_archive_that_refuses_is_asked_once(loads: Loads, place: Place, new_bucket: NewBucket, s3: S3Server) -> None:
    place.put(partition(*[users(1)] * 20))
    bucket = new_bucket("s3")
    s3.before = lambda method, key: ("403 Forbidden", error_xml("AccessDenied")) if method == "PUT" else None
    loads.run(place, archive_to=bucket.url, archive_credentials=bucket.credentials, threads=2)
    (error,) = loads.outcome.errors
    right = "the credentials need s3:PutObject, s3:GetObject and s3:DeleteObject on the archive"
    assert error.endswith(f"(403 AccessDenied): {right}: check sources.didomi.deliveries.archive_credentials")
    assert (loads.told("records", "needs_retry"), bucket.files()) == ([(20, True)], {})
    assert s3.counted()["PUT"] <= 2
    s3.before = None
    loads.run(place, archive_to=bucket.url, archive_credentials=bucket.credentials)
    assert (len(bucket.files()), loads.told("needs_retry", "error")) == (20, [(False, None)])


def test_an_archive_without_credentials_is_reported(loads: Loads, place: Place, new_bucket: NewBucket) -> None:
    place.put(FILES)
    bucket = new_bucket("s3")
    loads.run(place, archive_to=bucket.url)
    (error,) = loads.outcome.errors
    assert error == (
        f"the archive {bucket.url.rstrip('/')} cannot be opened: no AWS credentials are found for {bucket.url}: "
        "set sources.didomi.deliveries.archive_credentials, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    )
    assert loads.told("records", "needs_retry") == [(7, True)]


def test_turning_the_archive_off_keeps_what_is_known_of_it(loads: Loads, place: Place, kept: Place) -> None:
    place.put(FILES)
    loads.run(place, archive_to=kept.url)
    before = loads.told("archived_to", "archived_at")
    loads.run(place, recount=[DAY])
    assert loads.told("archived_to") == [before[0][:1]]
    assert loads.run(place) == 0
