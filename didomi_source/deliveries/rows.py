"""The rows of `export_deliveries` that come of what was listed and read."""

from __future__ import annotations

from datetime import datetime, timezone

from didomi_source import values
from didomi_source.schema import Row

from .archive import Archive
from .files import FileResult
from .layout import Partition

_COUNTED = (
    "is_complete", "file_count", "bytes", "records", "records_counted", "odd_lines", "uncompressed_bytes",
    "first_modified_at", "last_modified_at",
)  # fmt: skip
_NAMED_FILES = 3  # in the error of a row


def delivery_row(
    partition: Partition,
    known: Row | None,
    results: list[FileResult],
    archive: Archive | None,
    listed_at: datetime,
    run_id: str,
) -> Row:
    """Make the row of a partition.

    Args:
        partition: As it is listed.
        known: Its row in the destination; None for a new one.
        results: One for each of its files.
        archive: Where copies go; None: nowhere.
        listed_at: When the listing began.
        run_id: The run.
    """
    counted = [result for result in results if result.records is not None]
    times = [file.modified_at for file in partition.files]
    is_counted = partition.is_complete and len(counted) == len(results)
    return {
        "delivery_id": partition.delivery_id,
        "export_id": values.clean_text(partition.export_id),
        "delivery_date": partition.delivery_date,
        "data_kind": values.clean_text(partition.data_kind),
        "is_complete": partition.is_complete,
        "file_count": len(partition.files),
        "bytes": sum(file.bytes for file in partition.files),
        "records": sum(result.records or 0 for result in counted) if is_counted else None,
        "records_counted": sum(result.records or 0 for result in counted),
        "odd_lines": sum(result.odd_lines or 0 for result in counted),
        "uncompressed_bytes": sum(result.uncompressed_bytes or 0 for result in counted),
        "first_modified_at": min(times, default=None),
        "last_modified_at": max(times, default=None),
        "files": values.canonical([result.as_json() for result in results]),
        "listing_hash": partition.listing_hash,
        "error": _error_of(results),
        "needs_retry": any(result.is_open for result in results) and partition.is_complete,
        **_archived(partition, known, results, archive),
        "first_seen_at": (known or {}).get("first_seen_at") or listed_at,
        "gone_since": None,
        **_run_columns(run_id),
    }


def _archived(partition: Partition, known: Row | None, results: list[FileResult], archive: Archive | None) -> Row:
    known = known or {}
    place = archive.place_of(partition) if archive and partition.is_complete else None
    to = place if archive else known.get("archived_to")
    is_archived = bool(to) and partition.is_complete and all(result.sha256 for result in results)
    is_same = known.get("archived_to") == to
    at = (known.get("archived_at") if is_same else None) or datetime.now(timezone.utc)
    return {"archived_to": to, "archived_at": at if is_archived else None}


def expired_row(row: Row, known: Row) -> Row:
    """Make the row of a partition that lost files by their age: what is left was copied, its count or flaw stays.

    That a file could not be read is no flaw of it, and it is not tried again.
    """
    flaw = {} if known["records"] is not None else {"error": None if known["needs_retry"] else known["error"]}
    return {**row, **{name: known[name] for name in _COUNTED}, **flaw, "archived_at": None}


def gone_row(row: Row, listed_at: datetime, run_id: str) -> Row:
    """Make the row of a partition that is no longer listed from its known one."""
    return {**row, "files": values.canonical(row["files"]), "gone_since": listed_at, **_run_columns(run_id)}


def _run_columns(run_id: str) -> Row:
    return {"run_id": run_id, "extracted_at": datetime.now(timezone.utc)}


def _error_of(results: list[FileResult]) -> str | None:
    wrong = [f"{result.name}: {result.explanation}" for result in results if result.error]
    more = f"; and {len(wrong) - _NAMED_FILES} more files" if len(wrong) > _NAMED_FILES else ""
    return values.clean_text("; ".join(wrong[:_NAMED_FILES]) + more) if wrong else None
