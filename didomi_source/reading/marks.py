"""What has to be kept of each log while a run lasts, in 24 bytes of memory for each.

Of a name its hash is kept, 64 bits in one of many sorted arrays. So two names may be taken for one: among a million
logs that happens once in 37 million runs. What was seen of a log is in a temporary file, if there are many of them.
"""

from __future__ import annotations

import math
import os
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from datetime import datetime, timezone
from functools import partial
from itertools import count
from struct import Struct
from tempfile import SpooledTemporaryFile, gettempdir
from threading import Lock
from typing import NamedTuple

from didomi_source.errors import DiskFull

_BUCKETS = 2**10  # arrays, so that each of them stays short; the hash chooses one
_MEMORY_BYTES = 2**18  # a longer file goes to the disk
_CHUNK_BYTES = 2**16
_SETTLED, _MISSING, _KNOWN, _WRITTEN = 1, 2, 4, 8
_DIGEST_BYTES = 16
_RECORD = Struct(f"<{_DIGEST_BYTES}s{_DIGEST_BYTES}sdiB")  # content, version, update, sequence, state
_END = b"\0"  # of an id; no warehouse could hold one in it
_PLACE_BITS = 32


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
    """A number for each of many names, from 0 to 2⁶⁴ - 1."""

    def __init__(self) -> None:
        self._keys: defaultdict[int, array[int]] = defaultdict(partial(array, "q"))
        self._numbers: defaultdict[int, array[int]] = defaultdict(partial(array, "Q"))
        self._count = 0

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
        self._count += 1
        return number

    def __len__(self) -> int:
        return self._count

    def swap(self, name: str, number: int) -> int | None:
        """Give this number to a name; returns the one that it had."""
        key = hash(name)
        keys, numbers = self._keys[key % _BUCKETS], self._numbers[key % _BUCKETS]
        at = bisect_left(keys, key)
        if at < len(keys) and keys[at] == key:
            before, numbers[at] = numbers[at], number
            return before
        keys.insert(at, key)
        numbers.insert(at, number)
        self._count += 1
        return None


class Claim(NamedTuple):
    """Whose the logs are that were received together.

    `new` are the ids that nobody had, in their order; `places` has these and those that the export had already, with
    the places of their marks (None: it has none yet); `taken` are those of other exports, with the export.
    """

    new: list[str]
    places: dict[str, int | None]
    taken: dict[str, str]


class Owners:
    """Which export each log id belongs to, and the place of its mark among that export's; threads may share one."""

    def __init__(self) -> None:
        self._held = Numbers()  # the export's number, and after it the place + 1; 0: no mark yet
        self._exports: dict[str, int] = {}
        self._lock = Lock()

    def hold(self, log_ids: Iterable[str], export_id: str) -> int:
        """Give ids that nobody has to an export, without marks; returns how many these are."""
        with self._lock:
            given, setdefault, before = self._number(export_id), self._held.setdefault, len(self._held)
            for log_id in log_ids:
                setdefault(log_id, given)
            return len(self._held) - before

    def claim(self, log_ids: Iterable[str], export_id: str, place: int) -> Claim:
        """Give different ids to an export, unless somebody has them; this place is that of the first new one's mark."""
        found = Claim([], {}, {})
        with self._lock:
            own = self._number(export_id)
            setdefault = self._held.setdefault
            for log_id in log_ids:
                given = own + place + len(found.new) + 1
                held = setdefault(log_id, given)
                if held == given:
                    found.new.append(log_id)
                if held >> _PLACE_BITS == own >> _PLACE_BITS:
                    found.places[log_id] = None if held == own else held - own - 1
                else:
                    found.taken[log_id] = self._name(held)
        return found

    def place(self, log_id: str) -> int | None:
        """The place of the mark of a log; None where there is none."""
        with self._lock:
            held = (self._held.get(log_id) or 0) % 2**_PLACE_BITS
        return held - 1 if held else None

    def put(self, log_id: str, export_id: str, place: int) -> None:
        """Note where the mark of a log of an export is."""
        with self._lock:
            self._held.swap(log_id, self._number(export_id) + place + 1)

    def _number(self, export_id: str) -> int:
        return self._exports.setdefault(export_id, len(self._exports)) << _PLACE_BITS

    def _name(self, held: int) -> str:
        return next(name for name, number in self._exports.items() if number == held >> _PLACE_BITS)


class Mark(NamedTuple):
    """How a log was last seen, as far as it decides what becomes of it when it is seen again."""

    content_hash: str = ""  # empty where it has to be written again
    version_id: str = ""  # of its state in the history
    is_settled: bool = False
    is_missing: bool = False  # at the source, by the last complete whole read
    is_known: bool = False  # the destination held it before this run
    is_written: bool = False  # by this run
    updated_at: datetime | None = None
    sequence: int | None = None  # of its state in the history, from 1 on; None when the destination has to be asked


class Marks:
    """The marks of an export's logs, each at a place of its own: 0, 1, 2 and so on.

    Close it in the end.
    """

    def __init__(self) -> None:
        self._count = 0
        self._records = SpooledTemporaryFile(_MEMORY_BYTES)  # noqa: SIM115 - closed with this
        self._ids = SpooledTemporaryFile(_MEMORY_BYTES)  # noqa: SIM115

    def close(self) -> None:
        """Remove the files."""
        for file in (self._records, self._ids):
            with suppress(OSError):  # of what was not written yet
                file.close()

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, place: int) -> Mark:
        try:
            self._records.seek(place * _RECORD.size)
            return _mark(self._records.read(_RECORD.size))
        except OSError as error:
            raise _no_room(error) from error

    def __setitem__(self, place: int, mark: Mark) -> None:
        try:
            self._records.seek(place * _RECORD.size)
            self._records.write(_record(mark))
        except OSError as error:
            raise _no_room(error) from error

    def append(self, log_id: str, mark: Mark) -> int:
        """Add the mark of a log; returns its place."""
        self._add([log_id], _record(mark))
        return self._count - 1

    def extend(
        self,
        log_ids: Sequence[str],
        content_hashes: Iterable[str],
        version_ids: Iterable[str],
        are_settled: Iterable[bool],
        updated_at: Iterable[datetime | None],
        sequences: Iterable[int | None],
    ) -> None:
        """Add the marks of new logs that are written, column by column; the hashes are digests."""
        records = map(
            _RECORD.pack,
            map(bytes.fromhex, content_hashes),
            map(bytes.fromhex, version_ids),
            map(_seconds, updated_at),
            (sequence or 0 for sequence in sequences),
            (_WRITTEN | is_settled for is_settled in are_settled),
        )
        self._add(log_ids, b"".join(records))

    def items(self) -> Iterator[tuple[str, Mark]]:
        """All ids with their marks, in the order in which they came; not to be changed meanwhile."""
        places, rest = count(), b""
        self._ids.seek(0, os.SEEK_END)
        for begin in range(0, self._ids.tell(), _CHUNK_BYTES):
            self._ids.seek(begin)
            *log_ids, rest = (rest + self._ids.read(_CHUNK_BYTES)).split(_END)
            for log_id in log_ids:
                yield log_id.decode(), self[next(places)]

    def _add(self, log_ids: Sequence[str], records: bytes) -> None:
        try:
            self._records.seek(0, os.SEEK_END)
            self._records.write(records)
            self._ids.seek(0, os.SEEK_END)
            self._ids.write(_END.join([*map(str.encode, log_ids), b""]))
        except OSError as error:
            raise _no_room(error) from error
        self._count += len(log_ids)


def _no_room(error: OSError) -> DiskFull:
    return DiskFull(
        f"{gettempdir()} has no room for notes on the logs that were read ({error}): make room, or set TMPDIR"
    )


def _record(mark: Mark) -> bytes:
    state = (
        mark.is_settled * _SETTLED | mark.is_missing * _MISSING | mark.is_known * _KNOWN | mark.is_written * _WRITTEN
    )
    content, version = _digest(mark.content_hash), _digest(mark.version_id)
    return _RECORD.pack(content, version, _seconds(mark.updated_at), mark.sequence or 0, state)


def _mark(record: bytes) -> Mark:
    content, version, updated, sequence, state = _RECORD.unpack(record)
    return Mark(
        content.hex() if any(content) else "",
        version.hex() if any(version) else "",
        bool(state & _SETTLED),
        bool(state & _MISSING),
        bool(state & _KNOWN),
        bool(state & _WRITTEN),
        _time(updated),
        sequence or None,
    )


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
