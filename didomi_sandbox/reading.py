"""The page of a list that a request gets, and its order."""

from __future__ import annotations

import zlib
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from .answers import Refused
from .clock import epoch
from .query import Filter

if TYPE_CHECKING:
    from collections.abc import Hashable
    from random import Random

    from .behaviour import Behaviour
    from .query import Query, Sorting
    from .store import Collection, Entry, Record, Store

_CACHED_LISTS = 16
_DEFAULT_LIMIT = 10

_ORDER_SORTS: dict[str, Sorting] = {
    "created": (("created_at", 1),),
    "created_desc": (("created_at", -1),),
    "updated": (("updated_at", 1),),
    "updated_desc": (("updated_at", -1),),
    "random_id": (("#id", 1),),
    "page_only": (("#id", 1),),
    "shards": (("#shard", 1), ("created_at", 1)),
    "ties": (("#day", 1),),
}


@dataclass(frozen=True)
class Page:
    """A page of a list of `total` records, each as JSON; `limit` and `skip` as echoed."""

    total: int
    limit: int
    skip: int
    items: list[bytes]


@dataclass(frozen=True)
class _Listing:
    """A whole list in order; `ties` numbers the groups of equal sort values, ascending."""

    entries: list[Entry]
    ties: list[int]


class Reader:
    """Reads pages from a store; the latest lists are cached until the store changes."""

    def __init__(self) -> None:
        self._cache: OrderedDict[Hashable, _Listing] = OrderedDict()

    def page(self, store: Store, collection: Collection, query: Query, behaviour: Behaviour, random: Random) -> Page:
        """The page that a query asks for, with a source of every shuffle.

        Raises:
            Refused: The query has a sort that the server does not take.
        """
        if query.sort and behaviour.sort in _SORT_REFUSALS:
            raise Refused(*_SORT_REFUSALS[behaviour.sort])
        hidden = _hidden_fields(behaviour) if collection == "logs" else ()
        sort = _sort_in_force(query, behaviour, hidden)
        order = sort or _ORDER_SORTS.get(behaviour.order, ())
        listing = self._listing(store, collection, _filter(query, behaviour, hidden), order)
        total = len(listing.entries)
        limit, skip = _applied_limit(query, behaviour), query.skip
        if behaviour.envelope == "data_alone_unpaged":
            limit, skip = total, 0
        cut = _Cut(listing, skip, min(skip + limit, total), random)
        if sort:
            entries = cut.shuffled() if behaviour.ties == "shuffled" else cut.plain()
        else:
            entries = cut.by(behaviour.order, shuffle_ties=behaviour.ties == "shuffled")
        if behaviour.order == "page_only" and not sort:
            entries = _sorted(entries, query.sort or (("created_at", 1),)).entries
        echoed = limit if behaviour.echoed_limit == "capped" or query.limit is None else query.limit
        return Page(total, echoed, query.skip, [entry.encoded(hidden) for entry in entries])

    def _listing(self, store: Store, collection: Collection, wanted: Filter, order: Sorting) -> _Listing:
        key = (store.version, collection, wanted, order)
        if key not in self._cache:
            entries = [entry for entry in store.entries(collection) if wanted.keeps(entry.record)]
            self._cache[key] = _sorted(entries, order)
        self._cache.move_to_end(key)
        while len(self._cache) > _CACHED_LISTS:
            self._cache.popitem(last=False)
        return self._cache[key]


@dataclass(frozen=True)
class _Cut:
    """The part of a listing from `start` up to `end`."""

    listing: _Listing
    start: int
    end: int
    random: Random

    def plain(self) -> list[Entry]:
        return self.listing.entries[self.start : self.end]

    def by(self, order: str, *, shuffle_ties: bool) -> list[Entry]:
        """The part in the server's own order."""
        entries = self.listing.entries
        length = max(0, self.end - self.start)
        if order == "heap":
            return self.random.sample(entries, length)
        if order == "rotated" and entries:
            first = self.random.randrange(len(entries)) + self.start
            return [entries[(first + offset) % len(entries)] for offset in range(length)]
        if order == "inserted_desc":
            return entries[::-1][self.start : self.end]
        is_sorted = order in _ORDER_SORTS
        return self.shuffled() if order == "ties" or (shuffle_ties and is_sorted) else self.plain()

    def shuffled(self) -> list[Entry]:
        """The part, with records of equal sort values shuffled."""
        ties, entries = self.listing.ties, self.listing.entries
        cut: list[Entry] = []
        at = self.start
        while at < self.end:
            low, high = bisect_left(ties, ties[at]), bisect_right(ties, ties[at])
            group = self.random.sample(entries[low:high], high - low)
            cut += group[at - low : self.end - low]
            at = high
        return cut


def _hidden_fields(behaviour: Behaviour) -> tuple[str, ...]:
    """The fields that logs do not show."""
    return {"present": (), "created_only": ("updated_at",), "absent": ("created_at", "updated_at")}[
        behaviour.timestamps
    ]


# Source: feathersjs/feathers, packages/knex/src/error-handler.ts (read 2026-11-24): an unknown column is 422 for
# PostgreSQL, else 500.
_SORT_REFUSALS = {
    "rejected": (400, "Invalid query parameter $sort"),
    "unprocessable": (422, 'column "created_at" does not exist'),
    "crashes": (500, "no such column: created_at"),
}


def _filter(query: Query, behaviour: Behaviour, hidden: tuple[str, ...]) -> Filter:
    where = dict(query.where)
    if behaviour.export_filter == "ignored":
        where.pop("export_id", None)
    return Filter(frozenset(where.items()), hidden, behaviour.forbidden_exports | behaviour.missing_exports)


def _applied_limit(query: Query, behaviour: Behaviour) -> int:
    asked = _DEFAULT_LIMIT if query.limit is None else query.limit
    return asked if behaviour.page_cap is None else min(asked, behaviour.page_cap)


def _sort_in_force(query: Query, behaviour: Behaviour, hidden: tuple[str, ...]) -> Sorting:
    """The sort that decides the order; empty if the server's own order does."""
    if behaviour.sort == "ignored":
        return ()
    sort = query.sort[:1] if behaviour.sort == "first_field" else query.sort
    return tuple(item for item in sort if item[0] not in hidden)


def _sorted(entries: list[Entry], sort: Sorting) -> _Listing:
    ordered = entries
    for field, way in reversed(sort):
        ordered = sorted(ordered, key=partial(_rank, field), reverse=way < 0)
    ties: list[int] = []
    before: object = None
    for entry in ordered:
        ranks = [_rank(field, entry) for field, _ in sort]
        ties.append(ties[-1] + (ranks != before) if ties else 0)
        before = ranks
    return _Listing(ordered, ties)


def _rank(field: str, entry: Entry) -> tuple[int, float, str]:
    """A sort key: NULL before numbers before text before the rest; times by the moment they name."""
    if field.startswith("#"):
        return (0, _pseudo_rank(entry.record, field), "")
    value = entry.record.get(field)
    moment = epoch(value) if field.endswith("_at") else None
    if moment is not None:
        return (1, moment, "")
    if isinstance(value, (int, float)):
        return (1, value, "")
    if isinstance(value, str):
        return (2, 0, value)
    return (0 if value is None else 3, 0, "")


def _pseudo_rank(record: Record, field: str) -> float:
    if field == "#day":
        return (epoch(record.get("created_at")) or 0) // 86400
    number = zlib.crc32(repr(record.get("id")).encode())
    return number % 2 if field == "#shard" else number
