"""What has to be kept of each log while a run lasts, in a third of the memory that Python's own sets and dicts take.

Of a name its hash is kept, 64 bits in a sorted array. So two names may be taken for one: among a million logs
that happens once in 37 million runs.
"""

from __future__ import annotations

import math
import struct
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime, timezone
from typing import NamedTuple

_RECENT = 100_000  # names are sorted when there are so many new ones
_LOWEST_BITS = 2**10 - 1  # of a hash: they choose one of a thousand arrays, so that each stays short
_LAYOUT = struct.Struct("<16s16sdd??i")
_SIZE = _LAYOUT.size
_END = b"\0"  # of an id; no warehouse could hold one in it


class Names:
    """A set of names; equal to any set that holds the same."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self) -> None:
        self._recent: set[int] = set()
        self._settled: array[int] = array("q")  # ascending

    def __len__(self) -> int:
        self._settle()
        return len(self._settled)

    def __contains__(self, name: str) -> bool:
        key = hash(name)
        if key in self._recent:
            return True
        at = bisect_left(self._settled, key)
        return at < len(self._settled) and self._settled[at] == key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AbstractSet) and len(self) == len(other) and all(name in self for name in other)

    def update(self, names: Iterable[str]) -> None:
        """Add all of them."""
        self._recent.update(map(hash, names))
        if len(self._recent) > _RECENT:
            self._settle()

    def _settle(self) -> None:
        self._recent.difference_update(self._settled)
        if self._recent:
            self._settled = array("q", sorted([*self._settled, *self._recent]))
            self._recent.clear()


class Numbers:
    """A number for each of many names, whole and not negative."""

    def __init__(self) -> None:
        self._buckets: defaultdict[int, tuple[array[int], array[int]]] = defaultdict(lambda: (array("q"), array("I")))

    def get(self, name: str) -> int | None:
        """The number of a name; None for one that has none."""
        key = hash(name)
        keys, numbers = self._buckets[key & _LOWEST_BITS]
        at = bisect_left(keys, key)
        return numbers[at] if at < len(keys) and keys[at] == key else None

    def setdefault(self, name: str, number: int) -> int:
        """The number of a name, after this one was given to it if it had none."""
        key = hash(name)
        keys, numbers = self._buckets[key & _LOWEST_BITS]
        at = bisect_left(keys, key)
        if at < len(keys) and keys[at] == key:
            return numbers[at]
        keys.insert(at, key)
        numbers.insert(at, number)
        return number


class Mark(NamedTuple):
    """How a log was last seen, as far as it decides what becomes of it when it is seen again."""

    content_hash: str = ""  # empty where it has to be written again
    version_id: str = ""  # of its state in the history
    is_settled: bool = False
    is_missing: bool = False  # at the source, by the last complete whole read
    created_at: datetime | None = None
    updated_at: datetime | None = None
    sequence: int | None = None  # of its state in the history, from 1 on; None when the destination has to be asked


class Marks:
    """A mark for each log id.

    Args:
        marks: To begin with.
    """

    def __init__(self, marks: Mapping[str, Mark] | None = None) -> None:
        self._numbers = Numbers()
        self._records = bytearray()
        self._ids = bytearray()
        self._count = 0
        for log_id, mark in (marks or {}).items():
            self[log_id] = mark

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[str]:
        begin = 0
        while begin < len(self._ids):
            end = self._ids.index(_END, begin)
            yield self._ids[begin:end].decode()
            begin = end + 1

    def __contains__(self, log_id: str) -> bool:
        return self._numbers.get(log_id) is not None

    def get(self, log_id: str) -> Mark | None:
        """The mark of a log; None for one that has none."""
        number = self._numbers.get(log_id) if self._count else None
        return None if number is None else self._mark(number)

    def __setitem__(self, log_id: str, mark: Mark) -> None:
        content, version, is_settled, is_missing, created, updated, sequence = mark
        packed = _LAYOUT.pack(
            _digest(content),
            _digest(version),
            math.nan if created is None else created.timestamp(),
            math.nan if updated is None else updated.timestamp(),
            is_settled,
            is_missing,
            sequence or 0,
        )
        number = self._numbers.setdefault(log_id, self._count)
        if number == self._count:
            self._count += 1
            self._records += packed
            self._ids += log_id.encode() + _END
        else:
            self._records[number * _SIZE : (number + 1) * _SIZE] = packed

    def values(self) -> Iterator[Mark]:
        """All marks, in the order of their ids."""
        return map(self._mark, range(self._count))

    def items(self) -> Iterator[tuple[str, Mark]]:
        """All ids with their marks, in the order in which they came."""
        return zip(self, self.values(), strict=True)

    def _mark(self, number: int) -> Mark:
        content, version, created, updated, is_settled, is_missing, sequence = _LAYOUT.unpack_from(
            self._records, number * _SIZE
        )
        return Mark(
            content.hex() if any(content) else "",
            version.hex() if any(version) else "",
            is_settled,
            is_missing,
            _time(created),
            _time(updated),
            sequence or None,
        )


def _digest(text: str) -> bytes:
    """A digest of values.digest as bytes; what is none (somebody else wrote it) never equals one."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def _time(seconds: float) -> datetime | None:
    return None if math.isnan(seconds) else datetime.fromtimestamp(seconds, timezone.utc)
