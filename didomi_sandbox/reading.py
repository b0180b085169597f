"""Which records a list request gets, and in which order."""

from __future__ import annotations

import zlib
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from .clock import epoch
from .query import BadQueryError, has_operators, matcher, without_operators

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from random import Random

    from .behaviour import Behaviour
    from .query import Query
    from .store import Entry, Record, Store

_KEPT_LISTS = 16

Sorting = tuple[tuple[str, int], ...]
"""Fields and directions (1 or -1), the most significant first."""

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
class Wanted:
    """What a request asks for.

    Attributes:
        collection: ``logs`` or ``exports``.
        query: The query.
        allowed: Which records the caller may see at all.
        scope: Names what `allowed` lets through.
    """

    collection: str
    query: Query
    allowed: Callable[[Record], bool]
    scope: Hashable


@dataclass(frozen=True)
class Page:
    """A part of a list.

    Attributes:
        total: The records of the whole list.
        limit: The length asked for or applied, as it is echoed.
        skip: The offset, as it is echoed.
        entries: The records of this part.
    """

    total: int
    limit: int
    skip: int
    entries: list[Entry]


@dataclass(frozen=True)
class _Listing:
    """A whole list in order; `ties` numbers the groups of equal sort values, ascending."""

    entries: list[Entry]
    ties: list[int]


class Reader:
    """Reads pages from a store; whole lists are kept until the store changes."""

    def __init__(self) -> None:
        """Start with nothing kept."""
        self._kept: OrderedDict[Hashable, _Listing] = OrderedDict()

    def page(self, store: Store, wanted: Wanted, behaviour: Behaviour, random: Random) -> Page:
        """Return the page that a query asks for.

        Args:
            store: The truth.
            wanted: What is asked for, by whom.
            behaviour: How the server treats it.
            random: Source of everything random.

        Raises:
            BadQueryError: The server refuses the query.
        """
        query, order = wanted.query, behaviour.order
        _refuse(query, behaviour)
        hidden = hidden_fields(behaviour) if wanted.collection == "logs" else ()
        sort = _sort_in_force(query, behaviour, hidden)
        listing = self._listing(store, wanted, behaviour, sort, hidden)
        total = len(listing.entries)
        limit, skip = _applied_limit(query, behaviour), query.skip
        if behaviour.envelope == "data_alone_unpaged":
            limit, skip = total, 0
        cut = _Cut(listing, skip, min(skip + limit, total), random)
        if sort:
            entries = cut.shuffled() if behaviour.ties == "shuffled" else cut.plain()
        else:
            entries = cut.by(order, shuffle_ties=behaviour.ties == "shuffled")
        if order == "page_only" and not sort:
            entries = _sorted(entries, query.sort or (("created_at", 1),)).entries
        echoed = limit if behaviour.echoed_limit == "capped" or query.limit is None else query.limit
        return Page(total, echoed, query.skip, entries)

    def _listing(
        self, store: Store, wanted: Wanted, behaviour: Behaviour, sort: Sorting, hidden: tuple[str, ...]
    ) -> _Listing:
        where = dict(wanted.query.where)
        if behaviour.range_filters != "honoured":
            where = without_operators(where)
        if behaviour.export_filter == "ignored":
            where.pop("export_id", None)
        order = sort or _ORDER_SORTS.get(behaviour.order, ())
        what = (wanted.collection, wanted.scope, repr(where), hidden, order)
        key: Hashable = (store.version, *what)
        if key not in self._kept:
            version, entries = store.snapshot(wanted.collection)
            key = (version, *what)
            matches, allowed = matcher(where, hidden), wanted.allowed
            chosen = [entry for entry in entries if allowed(entry.record) and matches(entry.record)]
            self._kept[key] = _sorted(chosen, order)
        self._kept.move_to_end(key)
        while len(self._kept) > _KEPT_LISTS:
            self._kept.popitem(last=False)
        return self._kept[key]


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
        """Return the part in the server's own order."""
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
        """Return the part with equal sort values in an order that is new each time."""
        ties, entries = self.listing.ties, self.listing.entries
        cut: list[Entry] = []
        at = self.start
        while at < self.end:
            low, high = bisect_left(ties, ties[at]), bisect_right(ties, ties[at])
            group = self.random.sample(entries[low:high], high - low)
            cut += group[at - low : self.end - low]
            at = high
        return cut


def hidden_fields(behaviour: Behaviour) -> tuple[str, ...]:
    """Return the fields that logs do not show."""
    return {"present": (), "created_only": ("updated_at",), "absent": ("created_at", "updated_at")}[
        behaviour.timestamps
    ]


# Source: feathersjs/feathers, packages/knex/src/error-handler.ts, read 2026-11-24: what a database says of a column
# that it has not is 422 for PostgreSQL, else 500.
_SORT_REFUSALS = {
    "rejected": ("Invalid query parameter $sort", 400),
    "unprocessable": ('column "created_at" does not exist', 422),
    "crashes": ("no such column: created_at", 500),
}


def _refuse(query: Query, behaviour: Behaviour) -> None:
    cap = behaviour.page_cap
    if query.sort and behaviour.sort in _SORT_REFUSALS:
        raise BadQueryError(*_SORT_REFUSALS[behaviour.sort])
    if has_operators(query) and behaviour.range_filters == "rejected":
        message = "Invalid query parameter " + _first_operator(query)
    elif cap is not None and behaviour.over_cap == "rejected" and (query.limit or 0) > cap:
        message = f"Invalid $limit: it has to be at most {cap}"
    else:
        return
    raise BadQueryError(message)


def _first_operator(query: Query) -> str:
    for key, value in query.where.items():
        if key.startswith("$"):
            return key
        if isinstance(value, dict):
            return next(iter(value))
    return ""


def _applied_limit(query: Query, behaviour: Behaviour) -> int:
    asked = behaviour.default_limit if query.limit is None else query.limit
    return asked if behaviour.page_cap is None else min(asked, behaviour.page_cap)


def _sort_in_force(query: Query, behaviour: Behaviour, hidden: tuple[str, ...]) -> Sorting:
    """Return the sort that decides the order, empty when the server's own order does."""
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
    """Return a sort key: nothing before numbers before text before the rest; times by the moment they name."""
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
