"""What has to be kept of each log while a run lasts, in a third of the memory that Python's own sets and dicts take.

Of a name its hash is kept, 64 bits in one of many sorted arrays. So two names may be taken for one: among a million
logs that happens once in 37 million runs.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timezone
from functools import partial
from itertools import repeat
from typing import NamedTuple

_BUCKETS = 2**10  # arrays, so that each of them stays short; the hash chooses one
_DIGEST_BYTES = 16
_NO_DIGEST = "00" * _DIGEST_BYTES
_SETTLED, _MISSING = 1, 2
_END = "\0"  # of an id; no warehouse could hold one in it


class Names:
    """A set of names; equal to any set that holds the same."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self) -> None:
        self._keys: defaultdict[int, array[int]] = defaultdict(partial(array, "q"))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, name: str) -> bool:
        key = hash(name)
        keys = self._keys[key % _BUCKETS]
        at = bisect_left(keys, key)
        return at < len(keys) and keys[at] == key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AbstractSet) and len(self) == len(other) and all(name in self for name in other)

    def update(self, names: Iterable[str]) -> None:
        """Add all of them."""
        for key in map(hash, names):
            keys = self._keys[key % _BUCKETS]
            at = bisect_left(keys, key)
            if at == len(keys) or keys[at] != key:
                keys.insert(at, key)
                self._count += 1


class Numbers:
    """A number for each of many names, whole and not negative."""

    def __init__(self) -> None:
        self._keys: defaultdict[int, array[int]] = defaultdict(partial(array, "q"))
        self._numbers: defaultdict[int, array[int]] = defaultdict(partial(array, "I"))

    def get(self, name: str) -> int | None:
        """The number of a name; None for one that has none."""
        key = hash(name)
        keys = self._keys[key % _BUCKETS]
        at = bisect_left(keys, key)
        return self._numbers[key % _BUCKETS][at] if at < len(keys) and keys[at] == key else None

    def setdefault(self, name: str, number: int) -> int:
        """The number of a name, after this one was given to it if it had none."""
        key = hash(name)
        keys, numbers = self._keys[key % _BUCKETS], self._numbers[key % _BUCKETS]
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
        self._count = 0
        self._ids = bytearray()
        self._contents = bytearray()
        self._versions = bytearray()
        self._states = bytearray()
        self._created: array[float] = array("d")
        self._updated: array[float] = array("d")
        self._sequences: array[int] = array("i")
        for log_id, mark in (marks or {}).items():
            self[log_id] = mark

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[str]:
        begin = 0
        while begin < len(self._ids):
            end = self._ids.index(_END.encode(), begin)
            yield self._ids[begin:end].decode()
            begin = end + 1

    def __contains__(self, log_id: str) -> bool:
        return bool(self._count) and self._numbers.get(log_id) is not None

    def missing(self, log_ids: Iterable[str]) -> list[str]:
        """Those of the ids that have no mark."""
        get = self._numbers.get
        return [log_id for log_id in log_ids if get(log_id) is None] if self._count else list(log_ids)

    def get(self, log_id: str) -> Mark | None:
        """The mark of a log; None for one that has none."""
        number = self._numbers.get(log_id) if self._count else None
        return None if number is None else self._mark(number)

    def __setitem__(self, log_id: str, mark: Mark) -> None:
        if log_id not in self:
            self.extend([log_id], [_NO_DIGEST], [_NO_DIGEST], [False], [None], [None])
        number = self._numbers.setdefault(log_id, self._count)
        digest = _place(number)
        self._contents[digest] = _digest(mark.content_hash)
        self._versions[digest] = _digest(mark.version_id)
        self._states[number] = mark.is_settled * _SETTLED | mark.is_missing * _MISSING
        self._created[number] = _seconds(mark.created_at)
        self._updated[number] = _seconds(mark.updated_at)
        self._sequences[number] = mark.sequence or 0

    def extend(
        self,
        log_ids: Sequence[str],
        content_hashes: Iterable[str],
        version_ids: Iterable[str],
        are_settled: Iterable[bool],
        updated_at: Iterable[datetime | None],
        sequences: Iterable[int | None],
    ) -> None:
        """Add marks of different logs that have none yet, column by column; the hashes are digests."""
        for number, log_id in enumerate(log_ids, self._count):
            self._numbers.setdefault(log_id, number)
        self._count += len(log_ids)
        self._ids += "".join(log_id + _END for log_id in log_ids).encode()
        self._contents += bytes.fromhex("".join(content_hashes))
        self._versions += bytes.fromhex("".join(version_ids))
        self._states += bytes(are_settled)
        self._created.extend(repeat(math.nan, len(log_ids)))
        self._updated.extend(map(_seconds, updated_at))
        self._sequences.extend(sequence or 0 for sequence in sequences)

    def values(self) -> Iterator[Mark]:
        """All marks, in the order of their ids."""
        return map(self._mark, range(self._count))

    def items(self) -> Iterator[tuple[str, Mark]]:
        """All ids with their marks, in the order in which they came."""
        return zip(self, self.values(), strict=True)

    def _mark(self, number: int) -> Mark:
        digest = _place(number)
        content, version, state = self._contents[digest], self._versions[digest], self._states[number]
        return Mark(
            content.hex() if any(content) else "",
            version.hex() if any(version) else "",
            bool(state & _SETTLED),
            bool(state & _MISSING),
            _time(self._created[number]),
            _time(self._updated[number]),
            self._sequences[number] or None,
        )


def _place(number: int) -> slice:
    return slice(number * _DIGEST_BYTES, (number + 1) * _DIGEST_BYTES)


def _digest(text: str) -> bytes:
    """A digest of values.digest as bytes; what is none (somebody else wrote it) never equals one."""
    try:
        return bytes.fromhex(text)[:_DIGEST_BYTES].ljust(_DIGEST_BYTES, b"\0")
    except ValueError:
        return bytes(_DIGEST_BYTES)


def _seconds(when: datetime | None) -> float:
    return math.nan if when is None else when.timestamp()


def _time(seconds: float) -> datetime | None:
    return None if math.isnan(seconds) else datetime.fromtimestamp(seconds, timezone.utc)
