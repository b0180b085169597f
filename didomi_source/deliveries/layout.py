"""Which keys of a bucket are files of which partition.

    data/export-id={id}/date={YYYY-MM-DD}/{kind}/{name}.json.gz
    data/export-id={id}/date={YYYY-MM-DD}/_SUCCESS, or below {kind}: the partition is complete

Source: Didomi's documentation of batch exports, read 2026-11. It names the kinds `users` and `cmp_hourly_metrics` and
leaves the level of `_SUCCESS` open; names of files may change, and so only their ending counts.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from didomi_source import values

DATA = "data/"
SUCCESS = "_SUCCESS"
FILE_ENDING = ".json.gz"
UNNAMED_KIND = "unknown"  # of files, or of a lone _SUCCESS, right below the date
_KEY = re.compile(r"data/export-id=([^/]+)/date=([12]\d{3}-\d\d-\d\d)/(?:(.+)/)?([^/]+)", re.DOTALL)


@dataclass(frozen=True)
class StoredFile:
    """A file as a store lists it.

    Args:
        path: Its path below the root, the folder that holds `data/`.
        bytes: Its size.
        etag: What changes when its content does.
        modified_at: When it was written.
    """

    path: str
    bytes: int
    etag: str
    modified_at: datetime


@dataclass(frozen=True)
class Partition:
    """The files of one export, date and data kind.

    Args:
        export_id: The export.
        delivery_date: The day on which the export ran.
        data_kind: The folder: `users`, `cmp_hourly_metrics`, …
        is_complete: Whether there is a `_SUCCESS`.
        files: The files of records, by path.
    """

    export_id: str
    delivery_date: date
    data_kind: str
    is_complete: bool
    files: tuple[StoredFile, ...]

    @cached_property
    def delivery_id(self) -> str:
        """The key of the partition's row."""
        return values.digest(self.export_id, self.delivery_date.isoformat(), self.data_kind)

    @cached_property
    def listing_hash(self) -> str:
        """A hash of all that the listing says of the partition, but for times."""
        files = [[file.path, file.bytes, file.etag] for file in self.files]
        return values.digest(values.canonical([self.is_complete, files]))

    @cached_property
    def folder(self) -> str:
        """The path below the root, with a slash at the end."""
        kind = "" if self.data_kind == UNNAMED_KIND else f"{self.data_kind}/"
        return f"{export_prefix(self.export_id)}date={self.delivery_date}/{kind}"

    def name_of(self, file: StoredFile) -> str:
        """The name of a file of the partition, below its folder."""
        return file.path.removeprefix(self.folder)


def export_prefix(export_id: str) -> str:
    """Where the files of an export lie."""
    return f"{DATA}export-id={export_id}/"


def date_prefix(export_id: str, day: date) -> str:
    """Where the files of an export and a day lie."""
    return f"{export_prefix(export_id)}date={day}/"


def place_of(path: str) -> tuple[str, date] | None:
    """The export and the day to which a key belongs; None for keys of another layout."""
    match = _KEY.fullmatch(path)
    day = match and _day(match[2])
    return (match[1], day) if match and day else None


def partitions_of(files: Iterable[StoredFile]) -> list[Partition]:
    """Group listed files into partitions.

    Args:
        files: What a store lists, of any layout.

    Returns:
        The partitions, the oldest first; whatever is no file of one is left out.
    """
    grouped: defaultdict[tuple[date, str, str], list[StoredFile]] = defaultdict(list)
    complete_kinds: set[tuple[date, str, str]] = set()
    complete_days: set[tuple[date, str]] = set()
    for file in files:
        match = _KEY.fullmatch(file.path)
        day = match and _day(match[2])
        if match is None or day is None:
            continue
        export_id, _, below, name = match.groups()
        kind, *deeper = (below or UNNAMED_KIND).split("/")
        if name == SUCCESS and not deeper and not _is_hidden([kind]):
            if below:
                complete_kinds.add((day, export_id, kind))
            else:
                complete_days.add((day, export_id))
        elif name.endswith(FILE_ENDING) and not _is_hidden([kind, *deeper, name]):
            grouped[day, export_id, kind].append(file)
    for key in complete_kinds:
        grouped.setdefault(key, [])
    for day, export_id in complete_days - {key[:2] for key in grouped}:
        grouped[day, export_id, UNNAMED_KIND] = []
    return [
        Partition(
            export_id=key[1],
            delivery_date=key[0],
            data_kind=key[2],
            is_complete=key in complete_kinds or key[:2] in complete_days,
            files=tuple(sorted(grouped[key], key=lambda file: file.path)),
        )
        for key in sorted(grouped)
    ]


def _is_hidden(parts: list[str]) -> bool:
    """Whether a path is what Spark and Hadoop hide: what begins so is not (yet) data."""
    return any(part[0] in "_." for part in parts if part)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
