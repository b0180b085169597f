"""The pages of one list of the API: what each shows, and how they are requested."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

from didomi_source.api.client import Direction
from didomi_source.errors import BadRequest, ProtocolError, ServerFailure

# Without a `total` nothing says how long a list is; this many pages are a million logs.
MAX_PAGES_WITHOUT_TOTAL = 10_000
# A `total` may claim anything.
MAX_PAGES = 100_000
# After so many pages in a row that only repeat, a list is not read any further.
MAX_REPEATED_PAGES = 50
ENDLESS = "the list does not end: the server ignores $skip, repeats its pages, or adds logs as fast as they are read"

# How a server refuses `$sort`: 400 by convention, 422 or 500 where it only finds out in its database.
REFUSES_SORT = (BadRequest, ServerFailure)

Key: TypeAlias = tuple[datetime, str]


class Entry(NamedTuple):
    """One item of a list.

    `name` is the same each time the item is received; `created_at` is its position in a sorted list, None when it
    has none; `is_readable` is false for what cannot be a log (it is quarantined later).
    """

    name: str
    created_at: datetime | None
    is_readable: bool
    item: Any


@dataclass(frozen=True)
class Page:
    """One answer of a list route: its items, and the length of the whole list if it says so."""

    entries: list[Entry]
    total: int | None

    @cached_property
    def names(self) -> set[str]:
        """The names of its items; not to be changed."""
        return {entry.name for entry in self.entries}

    @property
    def length(self) -> int:
        """The number of positions of the list that it surely covers: an item that it shows twice may have only one."""
        return len(self.names)

    @cached_property
    def keys(self) -> list[Key] | None:
        """The sort keys of its items, newest first; None when they are not in that order or have none."""
        readable = [e for e in self.entries if e.is_readable]
        keys = [(e.created_at, e.name) for e in readable if e.created_at is not None]
        descends = keys == sorted(keys, reverse=True)
        return keys if keys and len(keys) == len(readable) and descends else None

    @property
    def overlap(self) -> int:
        """How many of its items the next page has to show again to begin with one that has a sort key."""
        return 1 + next((n for n, entry in enumerate(reversed(self.entries)) if entry.is_readable), 0)


Fetch: TypeAlias = Callable[[int, int, Direction | None], Page]


class Pages:
    """Requests the pages of one list, newest first unless the server refuses that.

    Args:
        fetch: Requests the page at an offset, of at most so many items, in a direction or none;
            raises BadRequest or ServerFailure where the direction is refused.
        size: Items to request at once.
    """

    def __init__(self, fetch: Fetch, size: int) -> None:
        self._fetch = fetch
        self._size = size
        self._left: int | None = None  # how many more may be requested; None until the first page with items
        self.direction: Direction | None = Direction.DESCENDING
        self.total: int | None = None  # the last length that the server claimed

    def first(self) -> Page:
        """The first page; without a direction where the server refuses it."""
        try:
            return self.at(0)
        except REFUSES_SORT:
            self.direction = None
            return self.at(0)

    def at(self, skip: int) -> Page:
        """The page at an offset.

        Raises:
            ProtocolError: There were more pages than the list can have.
        """
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise ProtocolError(ENDLESS)
        page = self._fetch(skip, self._size, self.direction)
        if page.total is not None:
            self.total = page.total
        if self._left is None and page.entries:
            self.allow_for(page)
        return page

    def allow_for(self, page: Page) -> None:
        """Allow as many pages from here on as reading the list once may need, by what one of its pages shows."""
        total = page.total if page.total is None else max(page.total, self.total or 0)
        self._left = page_budget(len(page.entries), total)

    def oldest(self) -> Page:
        """The first page of the list in the other direction, which counts for nothing."""
        return self._fetch(0, self._size, Direction.ASCENDING)

    def of_size(self, size: int) -> Page:
        """The first page with another `$limit`, which counts for nothing."""
        return self._fetch(0, size, self.direction)


def page_budget(length: int, total: int | None) -> int:
    """How many pages one pass over a list may need before the list must be called endless.

    Args:
        length: The items of one of its pages.
        total: The items of the list, if it says so.
    """
    if total is None:
        return MAX_PAGES_WITHOUT_TOTAL
    return min(50 + 3 * total // max(length, 1), MAX_PAGES)
