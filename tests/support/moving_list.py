"""A list that moves while it is read, in memory: the double of the API that thousands of schedules need.

It knows the truth, so that a test can say what was lost.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from random import Random
from zlib import crc32

from didomi_source.api.answers import parse_envelope
from didomi_source.api.client import Direction
from didomi_source.errors import BadRequest
from didomi_source.reading.pages import Entry, Page

BEGIN = datetime(2026, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Shape:
    """How a list is served and how it moves; chances are per request."""

    order: str = "created_desc"
    sort: str = "honoured"  # honoured, first_field, ignored, rejected, ascending_rejected
    length: int = 150
    cap: int | None = None
    total: bool = True
    ties: float = 0.0  # the part of the logs that share their created_at with the one before
    times: bool = True
    inserts: float = 0.0  # at the newest end
    late: float = 0.0  # with a created_at somewhere in the past
    updates: float = 0.0
    purges: float = 0.0  # of the oldest
    removals: float = 0.0  # of any


@dataclass
class Log:
    name: str
    created_at: datetime
    updated: float
    place: float  # in the order of insertion


@dataclass
class MovingList:
    """Serves pages of a list, and moves it before each of them."""

    shape: Shape
    seed: int
    requests: int = 0
    logs: list[Log] = field(default_factory=list)
    lived_through: dict[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.clock = 0
        for _ in range(self.shape.length):
            self._insert()
        self.begin_read()

    def begin_read(self) -> None:
        """From now on, logs that go are no longer promised to be received."""
        self.requests = 0
        self.lived_through = {log.name: log.created_at for log in self.logs}

    def fetch(self, skip: int, limit: int, direction: Direction | None) -> Page:
        """One page, as ListReader asks for it."""
        self.requests += 1
        self._move()
        if direction is not None and self.shape.sort == "rejected":
            raise BadRequest("400")
        if direction is Direction.ASCENDING and self.shape.sort == "ascending_rejected":
            raise BadRequest("400")
        limit = min(limit, self.shape.cap or limit)
        items = self._page(skip, limit, direction)
        answer = {"data": items, **({"total": len(self.logs), "skip": skip} if self.shape.total else {})}
        received, total = parse_envelope(answer, skip)
        times = self.shape.times
        return Page([Entry(log.name, log.created_at if times else None, True, log) for log in received], total)

    # -- the order -------------------------------------------------------------------------------

    def _page(self, skip: int, limit: int, direction: Direction | None) -> list[Log]:
        logs, sort, order = self.logs, self.shape.sort, self.shape.order
        if direction is not None and sort in ("honoured", "ascending_rejected") and self.shape.times:
            return self._sorted(lambda log: (log.created_at, log.name), direction)[skip : skip + limit]
        if direction is not None and sort == "first_field" and self.shape.times:
            return self._sorted(lambda log: log.created_at, direction)[skip : skip + limit]
        if order == "heap":
            return self.random.sample(logs, max(0, min(limit, len(logs) - skip)))
        if order == "rotated":
            start = self.random.randrange(len(logs) or 1)
            turned = logs[start:] + logs[:start]
            return turned[skip : skip + limit]
        if order == "page_only":
            page = sorted(logs, key=_by_id)[skip : skip + limit]
            return sorted(page, key=lambda log: (log.created_at, log.name), reverse=True)
        if order == "ties":  # by day; within a day shuffled for each request
            shuffled = self.random.sample(logs, len(logs))
            return sorted(shuffled, key=lambda log: log.created_at.date())[skip : skip + limit]
        keys = {
            "inserted": lambda log: log.place,
            "inserted_desc": lambda log: -log.place,
            "created": lambda log: (log.created_at, log.place),
            "created_desc": lambda log: (-log.created_at.timestamp(), log.place),
            "updated": lambda log: log.updated,
            "updated_desc": lambda log: -log.updated,
            "random_id": _by_id,
            "shards": lambda log: (crc32(log.name.encode()) % 2, log.created_at),
        }
        return sorted(logs, key=keys[order])[skip : skip + limit]

    def _sorted(self, key, direction: Direction) -> list[Log]:
        return sorted(self.logs, key=key, reverse=direction is Direction.DESCENDING)

    # -- the movement ----------------------------------------------------------------------------

    def _move(self) -> None:
        shape = self.shape
        for _ in range(self._times(shape.inserts)):
            self._insert()
        for _ in range(self._times(shape.late)):
            self._insert(late=True)
        for _ in range(self._times(shape.updates)):
            if self.logs:
                self.clock += 1
                self.random.choice(self.logs).updated = self.clock
        for _ in range(self._times(shape.purges)):
            if self.logs:
                self._remove(min(self.logs, key=lambda log: (log.created_at, log.name)))
        for _ in range(self._times(shape.removals)):
            if self.logs:
                self._remove(self.random.choice(self.logs))

    def _times(self, rate: float) -> int:
        return int(rate) + (self.random.random() < rate % 1)

    def _insert(self, *, late: bool = False) -> None:
        self.clock += 1
        newest = max((log.created_at for log in self.logs), default=BEGIN)
        step = timedelta(0) if self.random.random() < self.shape.ties else timedelta(hours=1)
        created_at = BEGIN + (newest - BEGIN) * self.random.random() if late else newest + step
        name = f"{self.random.getrandbits(32):08x}"
        self.logs.append(Log(name, created_at, self.clock, self.clock))

    def _remove(self, log: Log) -> None:
        self.logs.remove(log)
        self.lived_through.pop(log.name, None)


def _by_id(log: Log) -> int:
    return crc32(log.name.encode())
