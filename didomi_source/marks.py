"""What has to be kept of each log while a run lasts, in a third of the memory that objects would take."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

_LAYOUT = struct.Struct("<16s16s??qqq")
_NEVER = -(2**63)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)
_NO_DIGEST = bytes(16)


class Mark(NamedTuple):
    """How a log was last seen, as far as it decides what becomes of it when it is seen again."""

    content_hash: str = ""  # empty where it has to be written again
    version_id: str = ""  # of its state in the history
    is_settled: bool = False
    is_missing: bool = False  # at the source, by the last complete whole read
    created_at: datetime | None = None
    updated_at: datetime | None = None
    sequence: int | None = None  # of its state in the history; None when the destination has to be asked


class Marks:
    """A mark for each log id.

    Args:
        marks: To begin with.
    """

    def __init__(self, marks: Mapping[str, Mark] | None = None) -> None:
        self._packed: dict[str, bytes] = {}
        for log_id, mark in (marks or {}).items():
            self[log_id] = mark

    def __len__(self) -> int:
        return len(self._packed)

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __contains__(self, log_id: str) -> bool:
        return log_id in self._packed

    def __setitem__(self, log_id: str, mark: Mark) -> None:
        content, version, is_settled, is_missing, created, updated, sequence = mark
        self._packed[log_id] = _LAYOUT.pack(
            _digest(content),
            _digest(version),
            is_settled,
            is_missing,
            _NEVER if created is None else (created - _EPOCH) // _MICROSECOND,
            _NEVER if updated is None else (updated - _EPOCH) // _MICROSECOND,
            _NEVER if sequence is None else sequence,
        )

    def get(self, log_id: str) -> Mark | None:
        """The mark of a log; None for one that has none."""
        packed = self._packed.get(log_id)
        return None if packed is None else _unpacked(packed)

    def values(self) -> Iterator[Mark]:
        """All marks."""
        return map(_unpacked, self._packed.values())

    def items(self) -> Iterator[tuple[str, Mark]]:
        """All ids with their marks."""
        return ((log_id, _unpacked(packed)) for log_id, packed in self._packed.items())


def _unpacked(packed: bytes) -> Mark:
    content, version, is_settled, is_missing, created, updated, sequence = _LAYOUT.unpack(packed)
    return Mark(
        "" if content == _NO_DIGEST else content.hex(),
        "" if version == _NO_DIGEST else version.hex(),
        is_settled,
        is_missing,
        _time(created),
        _time(updated),
        None if sequence == _NEVER else sequence,
    )


def _digest(text: str) -> bytes:
    """A digest of values.digest as bytes; what is none (somebody else wrote it) never equals one."""
    try:
        return bytes.fromhex(text) if len(text) == 2 * len(_NO_DIGEST) else _NO_DIGEST
    except ValueError:
        return _NO_DIGEST


def _time(micros: int) -> datetime | None:
    return None if micros == _NEVER else _EPOCH + micros * _MICROSECOND
