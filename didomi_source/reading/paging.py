"""How one list of the API is read completely, whatever the server makes of paging and sorting.

Two strategies, both proven in tests/faults:

- *sorted*: the list comes newest first, which is probed in both directions and verified on every page.
  Pages overlap by one item, and a page must begin at or before the last item read; otherwise something
  before it vanished, and the reader goes back until it does. Reading may stop at a watermark.
- *sweeps* (sweeps.py): the list comes in any other order. It is read as a whole, again and again.

A list that arrives as a whole in one answer needs neither.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from itertools import takewhile

from didomi_source.errors import ProtocolError

from .pages import REFUSES_SORT, Entry, Fetch, Key, Page, Pages
from .state import Database, SeenNames
from .sweeps import read_in_sweeps

# After so many pages in a row that show nothing further down, a sorted list is read in sweeps.
MAX_IDLE_PAGES = 10


class Sort(str, Enum):
    """What the server made of `$sort`."""

    HONOURED = "honoured"
    IGNORED = "ignored"
    REJECTED = "rejected"
    NOT_NEEDED = "not_needed"


@dataclass
class _Place:
    """How far a sorted list has been read: everything from `top` down to `last`.

    Args:
        top: The key of the first item.
        last: The key of the last item.
        position: Where the list continues, if it did not move.
        overlap: How many items before `position` the next page is to show again.
        repeated: How many pages in a row showed nothing below `last`.
    """

    top: Key
    last: Key
    position: int
    overlap: int
    repeated: int = 0

    @property
    def skip(self) -> int:
        """Where the next page begins."""
        return max(self.position - self.overlap, 0)

    def last_after(self, page: Page) -> Key:
        """The key of the last item, once a page is read too."""
        return min(self.last, page.keys[-1]) if page.keys else self.last

    def go_back(self, page: Page) -> None:
        """Have the next page begin further up, since this one begins below `last`."""
        self.position, self.overlap = self.skip, 2 * self.overlap + page.length

    def move_past(self, page: Page) -> None:
        """Continue below a page that was read."""
        last = self.last_after(page)
        self.repeated = 0 if last < self.last else self.repeated + 1
        self.last = last
        self.position, self.overlap = self.skip + page.length, page.overlap


class ListReader:
    """Reads one list.

    Args:
        fetch: See `Pages`.
        page_size: Items to request at once.
        database: Where the names of the items received are kept.

    Afterwards `is_whole` says whether all of the list was read, `sort` what the server made of `$sort`,
    `total` the last length it claimed, and `seen` the names of all items received.
    """

    def __init__(self, fetch: Fetch, page_size: int, database: Database | None = None) -> None:
        self._pages = Pages(fetch, page_size)
        self.sort = Sort.IGNORED
        self.seen = SeenNames(database or Database())
        self.is_whole = False

    @property
    def total(self) -> int | None:
        """The last length that the server claimed."""
        return self._pages.total

    def read(self, until: datetime | None = None) -> Iterator[list[Entry]]:
        """Read the list, or its newest part.

        Args:
            until: The watermark: stop at items created before it; None reads the whole list. Where the server
                does not sort, the whole list is read all the same.

        Yields:
            The items of each page as received; an item is repeated where pages overlap.

        Raises:
            NeverSettled: The list moved too much to be called complete.
            ProtocolError: The server's pages contradict each other.
        """
        for page in self._read(until):
            yield page.entries

    def _read(self, until: datetime | None) -> Iterator[Page]:
        first = self._pages.first()
        if self._pages.direction is None:
            self.sort = Sort.REJECTED
        repeats = 1 if first.total == 0 else 2  # of an empty answer: without a total nothing else proves it
        while not first.entries and repeats:
            first, repeats = self._pages.at(0), repeats - 1
        yield self._noted(first)
        if (first.total is None or first.total <= first.length) and (yield from self._read_small(first)):
            return
        if self._is_sorted(first) and (yield from self._read_sorted(first, until)):
            return
        yield from read_in_sweeps(self._pages, first, self.seen)
        self.is_whole = True

    def _noted(self, page: Page) -> Page:
        self.seen.add(page.names)
        return page

    # -- all at once -----------------------------------------------------------------------------

    def _read_small(self, first: Page) -> Generator[Page, None, bool]:
        """Find out whether the first page was the whole list: then the next one holds nothing else."""
        if first.entries:
            second = yield from self._after(first)
            if first.length == 1 and first.names < second.names:  # it grew, or the server ignores $skip: ask again
                first = self._pages.at(0)
                yield self._noted(first)
                second = yield from self._after(first)
            if not self._is_all(first, second):
                return False
        if self.sort is not Sort.REJECTED:
            self.sort = Sort.NOT_NEEDED
        self.is_whole = True
        return True

    def _after(self, first: Page) -> Generator[Page, None, Page]:
        """The page after the first one, with its last item again unless it has no other."""
        page = self._pages.at(max(first.length - 1, 1))
        yield self._noted(page)
        return page

    def _is_all(self, first: Page, second: Page) -> bool:
        """Whether nothing comes after the first page, by the second one, which overlaps it by an item.

        The overlap shows that nothing moved up meanwhile; a `total` says so too.
        """
        if first.total is not None:
            return second.names <= first.names
        if first.length == 1:
            return second.names <= first.names
        if second.length == 1:
            return second.names == {entry.name for entry in first.entries[-1:]}
        return self._is_unpaged(first, second)

    def _is_unpaged(self, first: Page, second: Page) -> bool:
        """Whether the first page was the whole list because the server does not page at all.

        A server that cuts the list at `$limit` and ignores `$skip` hides the rest for good; only a
        list whose length does not follow the limit is whole.
        """
        if 2 * len(first.names & second.names) <= len(first.entries):
            return False
        half = len(first.entries) // 2
        if len(self._pages.of_size(half).entries) > half:
            return True
        if first.names == second.names == self._pages.at(2 * len(first.entries) + 1).names:
            raise ProtocolError(f"the server ignores $skip: only the first {len(first.entries)} items can be read")
        return False

    # -- newest first ----------------------------------------------------------------------------

    def _is_sorted(self, first: Page) -> bool:
        """Whether `$sort` is honoured: this page descends, and the other direction starts at the other end.

        Of what lies between the two ends, both pages must show the same.
        """
        keys = first.keys
        if self._pages.direction is None or keys is None:
            return False
        try:
            other = self._pages.oldest()
        except REFUSES_SORT:
            return False
        oldest = Page(other.entries[::-1], None).keys
        if oldest is None or other.entries[0].name in first.names:
            return False
        if any(keys[-1] <= key <= keys[0] and key[1] not in first.names for key in oldest):
            return False
        self.sort = Sort.HONOURED
        return True

    def _read_sorted(self, first: Page, until: datetime | None) -> Generator[Page, None, bool]:
        """Go down the sorted list, to its end or the watermark.

        Returns:
            Whether that was all; False where the list turns out not to be sorted.
        """
        if not first.keys:
            return False
        place = _Place(first.keys[0], first.keys[-1], first.length, first.overlap)
        while until is None or place.last[0] >= until:
            if place.repeated > MAX_IDLE_PAGES:
                break
            page = self._page_after(place)
            if (page.entries and not page.keys) or self._shows_overlooked(page, place):
                break
            yield self._noted(page)
            if place.last_after(page) == place.last and self._is_last(page, place.skip, place.overlap):
                return (yield from self._read_top(place.top))
            place.move_past(page)
        else:
            return True
        self.sort = Sort.IGNORED
        return False

    def _page_after(self, place: _Place) -> Page:
        """The page that continues the list: it begins at or before the last item read, or is not sorted.

        Where it begins after that item, what stood there vanished: then the page before it is requested.
        """
        while True:
            page = self._pages.at(place.skip)
            is_unsorted = page.entries and not page.keys
            if not place.skip or is_unsorted or (page.keys and page.keys[0] >= place.last):
                return page
            place.go_back(page)

    def _shows_overlooked(self, page: Page, place: _Place) -> bool:
        """Whether a page shows an item that should have come before: then the list is not sorted."""
        newer = takewhile(lambda key: key > place.last, page.keys or ())
        return any(key <= place.top and key[1] not in self.seen for key in newer)

    def _is_last(self, page: Page, skip: int, overlap: int) -> bool:
        """Whether the list ends with this page, which showed nothing below what was read before."""
        end = skip + page.length
        if page.total is not None and page.total <= end:
            return True
        if page.length > overlap:
            return False
        for _ in range(MAX_IDLE_PAGES):
            rest = self._pages.at(end)
            if not rest.names <= page.names:
                return False
            if not rest.entries:  # without a total nothing else tells that this is the end
                return page.total is not None or not self._pages.at(end).entries
            end += rest.length  # of an item that is in the list more than once
        return False

    def _read_top(self, top: Key) -> Generator[Page, None, bool]:
        """End a whole read: request what was added on top meanwhile, and compare the count with `total`."""
        position = 0
        while not self._has_all:
            page = self._pages.at(position)
            if not page.keys:
                return False
            yield self._noted(page)
            if page.keys[-1] <= top:
                break
            position += max(page.length - 1, 1)
        self.is_whole = self._has_all
        return self.is_whole

    @property
    def _has_all(self) -> bool:
        return self.total is None or len(self.seen) >= self.total
