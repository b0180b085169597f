"""One delivered file: read once, counted, copied; its result as `files` of a row holds it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from didomi_source import values
from didomi_source.schema import Row

from .archive import Archive, ArchiveDiffers, Copy
from .counting import BadFile, FileCount, Flaw, count_records
from .layout import StoredFile
from .stores import FileMoved, Store, StoreRefused

MOVED, UNREADABLE, REFUSED, DIFFERS = "moved", "unreadable", "archive_refused", "archive_differs"
_FLAWS = {flaw.code: flaw.meaning for flaw in Flaw}
# What another attempt would only find again.
SETTLED = {**_FLAWS, DIFFERS: "the archive holds a different file of that name, which stays"}
# What `files` of a row holds of each.
_STORED = ("name", "bytes", "etag", "records", "odd_lines", "uncompressed_bytes", "sha256", "error")


@dataclass(frozen=True)
class FileResult:
    """What is known of one file.

    Args:
        name: Its path below the partition's folder.
        bytes: Its size.
        etag: Its version.
        records: How many it holds; None: not counted.
        odd_lines: Those that do not begin with `{`.
        uncompressed_bytes: Size of its content.
        sha256: Hash of the verified copy in the archive; None: not copied.
        error: What is wrong, by name.
        explanation: The same in words.
        is_open: Whether the next run has to read it.
    """

    name: str
    bytes: int
    etag: str
    records: int | None = None
    odd_lines: int | None = None
    uncompressed_bytes: int | None = None
    sha256: str | None = None
    error: str | None = None
    explanation: str | None = None
    is_open: bool = False

    def as_json(self) -> Row:
        """As `files` holds it."""
        return {column: getattr(self, column) for column in _STORED} | {"name": values.clean_text(self.name)}


def known_result(name: str, file: StoredFile, found: Row | None, *, must_be_kept: bool) -> FileResult | None:
    """The result of an earlier run (an entry of `files`), if the file is still the same and nothing is left to do.

    Returns:
        The result, or None when the file has to be read.
    """
    if found is None or found["etag"] != file.etag or found["bytes"] != file.bytes:
        return None
    error = found["error"]
    is_counted = found["records"] is not None or error in _FLAWS
    is_kept = found["sha256"] is not None or error in SETTLED
    if not is_counted or (must_be_kept and not is_kept):
        return None
    known = FileResult(**{column: found[column] for column in _STORED})
    return replace(known, name=name, error=error if error in SETTLED else None, explanation=SETTLED.get(error))


def read_file(
    store: Store, name: str, file: StoredFile, archive: Archive | None, check: Callable[[], None]
) -> FileResult:
    """Read a file once, count it, and copy it on the way.

    Returns:
        The result; an error of the file or of the way to it is part of it.
    """
    result = FileResult(name, file.bytes, file.etag)
    received = _Received(store.blocks(file), check)
    copy = Copy(archive, file) if archive else None
    try:
        blocks = copy.passing(iter(received)) if copy else iter(received)
        count = count_records(blocks, with_sha256=copy is not None)
        return _sound(result, count, copy)
    except BadFile as error:
        return _flawed(result, error.flaw, is_whole=received.bytes == file.bytes)
    except FileMoved as error:
        return _open(result, MOVED, str(error))
    except StoreRefused as error:
        return _open(result, UNREADABLE, str(error))
    finally:
        if copy is not None:
            copy.abort()


def _sound(result: FileResult, count: FileCount, copy: Copy | None) -> FileResult:
    if count.bytes != result.bytes:
        return _open(result, UNREADABLE, "the store sent another number of bytes than it lists")
    counted = replace(
        result, records=count.records, odd_lines=count.odd_lines, uncompressed_bytes=count.uncompressed_bytes
    )
    if copy is None:
        return counted
    try:
        copy.finish(count)
    except ArchiveDiffers:
        return replace(counted, error=DIFFERS, explanation=SETTLED[DIFFERS])
    except StoreRefused as error:
        return _open(counted, REFUSED, str(error))
    return replace(counted, sha256=count.sha256)


def _flawed(result: FileResult, flaw: Flaw, *, is_whole: bool) -> FileResult:
    if flaw in (Flaw.CUT, Flaw.EMPTY) and not is_whole:
        return _open(result, UNREADABLE, "the answer of the store broke off")
    return replace(result, error=flaw.code, explanation=flaw.meaning)


def _open(result: FileResult, error: str, explanation: str) -> FileResult:
    return replace(result, error=error, explanation=explanation, is_open=True)


class _Received:
    """Counts the bytes of a file as they come."""

    def __init__(self, blocks: Iterator[bytes], check: Callable[[], None]) -> None:
        self._blocks = blocks
        self._check = check
        self.bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        for block in self._blocks:
            self._check()
            self.bytes += len(block)
            yield block
