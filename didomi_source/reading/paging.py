"""How one list of the API is read completely, whatever the server makes of paging and sorting.

Two ways, both proven in tests/faults:

- *sorted*: the list comes newest first, which is probed in both directions and verified on every page.
  Pages overlap by one item, and a page must begin at or before the last item read; otherwise something
  before it vanished, and the reader goes back until it does. Reading may stop at a watermark.
- *sweeps*: the list comes in any other order. It is read as a whole, again and again, until two sweeps
  in a row show no item that was overlooked before.

A list that arrives as a whole in one answer needs neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import cached_property
from itertools import takewhile
from typing import Any, NamedTuple, TypeAlias

from didomi_source.api.client import Direction
from didomi_source.errors import BadRequest, NeverSettled, ProtocolError, ServerFailure

from .marks import Names, Numbers

MAX_SWEEPS = 20
# One quiet sweep lost a row in 1 of 480 simulated trials, two in none.
QUIET_SWEEPS = 2
# Sweeps that miss known items are repeated until fewer than this many can be expected to be unseen.
MAX_EXPECTED_UNSEEN = 0.001
# Without a `total` nothing says how long a list is; this many pages are a million logs.
MAX_PAGES_WITHOUT_TOTAL = 10_000
# A `total` may claim anything.
MAX_PAGES = 100_000
# After so many pages in a row that only repeat, a list is not read any further.
MAX_REPEATED_PAGES = 50
_ENDLESS = "the list does not end: the server ignores $skip, repeats its pages, or adds logs as fast as they are read"

# How a server refuses `$sort`: 400 by convention, 422 or 500 where it only finds out in its database.
REFUSES_SORT = (BadRequest, ServerFailure)

Key: TypeAlias = tuple[datetime, str]


class Sort(str, Enum):
    """What the server made of `$sort`."""

    HONOURED = "honoured"
    IGNORED = "ignored"
    REJECTED = "rejected"
    NOT_NEEDED = "not_needed"


class Entry(NamedTuple):
    """One item of a list.

    `name` is the same each time the item is received; `created_at` is its place in the list, None when it
    has none; `is_readable` is false for what cannot be a log (it is set aside later).
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
        """How many places of the list it surely covers: an item that it shows twice may have only one."""
        return len(self.names)

    @cached_property
    def keys(self) -> list[Key] | None:
        """The places of its items, newest first; None when they are not in that order or have none."""
        readable = [e for e in self.entries if e.is_readable]
        keys = [(e.created_at, e.name) for e in readable if e.created_at is not None]
        descends = keys == sorted(keys, reverse=True)
        return keys if keys and len(keys) == len(readable) and descends else None

    @property
    def overlap(self) -> int:
        """How many of its items the next page has to show again to begin with one that has a place."""
        return 1 + next((n for n, entry in enumerate(reversed(self.entries)) if entry.is_readable), 0)


Fetch: TypeAlias = Callable[[int, int, Direction | None], Page]


class ListReader:
    """Reads one list.

    Args:
        fetch: Gets the page at an offset, of at most so many items, in a direction or none;
            raises BadRequest or ServerFailure where the direction is not taken.
        page_size: Items to ask for in one request.

    Afterwards `is_whole` tells whether all of the list was read, `sort` what the server made of `$sort`,
    `total` the last length it claimed, and `seen` the names of all items received.
    """

    def __init__(self, fetch: Fetch, page_size: int) -> None:
        self._fetch = fetch
        self._page_size = page_size
        self._direction: Direction | None = Direction.DESCENDING
        self._pages_left: int | None = None
        self._is_done = False
        self.sort = Sort.IGNORED
        self.total: int | None = None
        self.seen = Names()
        self.is_whole = False

    def read(self, until: datetime | None = None) -> Iterator[list[Entry]]:
        """Read the list, or its newest part.

        Args:
            until: Stop at items created before this; None reads the whole list. Where the server
                does not sort, the whole list is read all the same.

        Yields:
            The items of each page as received; an item comes again where pages overlap.

        Raises:
            NeverSettled: The list moved too much to be called complete.
            ProtocolError: The server's pages contradict each other.
        """
        first = self._first_page()
        if not first.entries:  # an empty list is worth a second look
            first = self._page(0)
        yield self._received(first)
        if first.total is None or first.total <= first.length:
            yield from self._read_small(first)
        if not self._is_done and self._is_sorted(first):
            yield from self._read_sorted(first, until)
        if not self._is_done:
            yield from self._sweep(first)

    # -- pages -----------------------------------------------------------------------------------

    def _first_page(self) -> Page:
        try:
            return self._page(0)
        except REFUSES_SORT:
            self.sort, self._direction = Sort.REJECTED, None
            return self._page(0)

    def _page(self, skip: int) -> Page:
        self._spend_page()
        page = self._fetch(skip, self._page_size, self._direction)
        if page.total is not None:
            self.total = page.total
        if self._pages_left is None and page.entries:
            self._pages_left = _page_budget(page)
        return page

    def _spend_page(self) -> None:
        if self._pages_left is None:
            return
        self._pages_left -= 1
        if self._pages_left < 0:
            raise ProtocolError(_ENDLESS)

    def _received(self, page: Page) -> list[Entry]:
        self.seen.update(page.names)
        return page.entries

    def _finish(self, *, is_whole: bool = True) -> None:
        self._is_done, self.is_whole = True, is_whole

    # -- all at once -----------------------------------------------------------------------------

    def _read_small(self, first: Page) -> Iterator[list[Entry]]:
        """Find out whether the first page was the whole list: then the next one holds nothing else."""
        if first.entries:
            second = self._page(max(first.length - 1, 1))
            yield self._received(second)
            if not self._is_all(first, second):
                return
        if self.sort is not Sort.REJECTED:
            self.sort = Sort.NOT_NEEDED
        self._finish()

    def _is_all(self, first: Page, second: Page) -> bool:
        """Whether nothing comes after the first page, by the second one, which overlaps it by an item.

        The overlap shows that nothing moved up meanwhile; a `total` says so too.
        """
        if first.total is not None:
            return second.names <= first.names
        if first.length == 1:
            return second.names <= first.names
        if second.length == 1:
            return second.entries[0].name == first.entries[-1].name
        return self._is_unpaged(first, second)

    def _is_unpaged(self, first: Page, second: Page) -> bool:
        """Whether the first page was the whole list because the server does not page at all.

        A server that cuts the list at `$limit` and ignores `$skip` hides the rest for good; only a
        list whose length does not follow the limit is whole.
        """
        if 2 * len(first.names & second.names) <= len(first.entries):
            return False
        half = len(first.entries) // 2
        if len(self._fetch(0, half, self._direction).entries) > half:
            return True
        if first.names == second.names == self._page(2 * len(first.entries) + 1).names:
            msg = f"the server ignores $skip: only the first {len(first.entries)} items can be read"
            raise ProtocolError(msg)
        return False

    # -- newest first ----------------------------------------------------------------------------

    def _is_sorted(self, first: Page) -> bool:
        """Whether `$sort` is honoured: this page descends, and the other direction starts at the other end.

        Of what lies between the two ends, both pages must show the same.
        """
        keys = first.keys
        if self._direction is None or keys is None:
            return False
        try:
            other = self._fetch(0, self._page_size, Direction.ASCENDING)
        except REFUSES_SORT:
            return False
        oldest = Page(other.entries[::-1], None).keys
        if oldest is None or other.entries[0].name in first.names:
            return False
        if any(keys[-1] <= key <= keys[0] and key[1] not in first.names for key in oldest):
            return False
        self.sort = Sort.HONOURED
        return True

    def _read_sorted(self, first: Page, until: datetime | None) -> Iterator[list[Entry]]:
        """Go down the sorted list, to its end or the watermark.

        All from `top` down to `last` has been read; `position` is where the list goes on from there, if
        it did not move. Leaves `_is_done` unset where the order turns out not to hold.
        """
        if not first.keys:
            return
        top, last = first.keys[0], first.keys[-1]
        position, overlap, idle = first.length, first.overlap, 0
        while until is None or last[0] >= until:
            skip = max(position - overlap, 0)
            page = self._page(skip)
            if page.entries and not page.keys:
                break
            if skip and (not page.keys or page.keys[0] < last):  # what stood here vanished: go back
                position, overlap = skip, 2 * overlap + page.length
                continue
            if self._is_overlooked(page, last, top):
                break
            yield self._received(page)
            if not page.keys or page.keys[-1] >= last:
                idle += 1
                if self._is_last(page, skip, overlap):
                    yield from self._read_top(top)
                    return
                if idle > MAX_REPEATED_PAGES:
                    break
            else:
                last, idle = page.keys[-1], 0
            position, overlap = skip + page.length, page.overlap
        else:
            self._finish(is_whole=False)
            return
        self.sort = Sort.IGNORED

    def _is_overlooked(self, page: Page, last: Key, top: Key) -> bool:
        """Whether a page shows an item that should have come before: then the list is not sorted."""
        newer = takewhile(lambda key: key > last, page.keys or ())
        return any(key <= top and key[1] not in self.seen for key in newer)

    def _is_last(self, page: Page, skip: int, overlap: int) -> bool:
        """Whether the list ends with this page, which showed nothing below what was read before."""
        end = skip + page.length
        if page.total is not None:
            return page.total <= end
        return page.length <= overlap and not self._page(end).entries

    def _read_top(self, top: Key) -> Iterator[list[Entry]]:
        """End a whole read: fetch what was added on top meanwhile, and hold the count against `total`."""
        position = 0
        while self.total is not None and len(self.seen) < self.total:
            page = self._page(position)
            if not page.keys:
                return
            yield self._received(page)
            if page.keys[-1] <= top:
                break
            position += max(page.length - 1, 1)
        if self.total is None or len(self.seen) >= self.total:
            self._finish()

    # -- any order -------------------------------------------------------------------------------

    def _sweep(self, first: Page) -> Iterator[list[Entry]]:
        """Read the whole list until two sweeps in a row show nothing that was overlooked before.

        Where each sweep misses a part of what is known (an order that changes with every request), as
        many more as it takes until all of them together can hardly have missed anything.
        """
        last_seen = Numbers()
        shown: list[int] = []
        missed: list[int] = []
        newest = latest = None
        quiet = 0
        for number in range(MAX_SWEEPS):
            self._pages_left = _page_budget(first)
            is_news = False
            missed.append(shown[-1] if shown else 0)
            shown.append(0)
            for page in self._pass(first if number == 0 else None, shown):
                yield self._received(page)
                for name, created_at, *_ in page.entries:
                    latest = max(latest, created_at) if latest and created_at else latest or created_at
                    before = last_seen.swap(name, number)
                    if before == number:
                        continue
                    shown[number] += 1
                    if before is None:
                        is_news = is_news or not (newest and created_at and created_at > newest)
                        continue
                    missed[number] -= before == number - 1
                    for sweep in range(before + 2, number):
                        missed[sweep] += 1
            newest = latest
            quiet = 0 if is_news else quiet + 1
            if quiet >= QUIET_SWEEPS and _expected_unseen(shown, missed) < MAX_EXPECTED_UNSEEN:
                self._finish()
                return
        msg = f"the list did not settle in {MAX_SWEEPS} sweeps: run again when fewer exports are running"
        raise NeverSettled(msg)

    def _pass(self, first: Page | None, shown: list[int]) -> Iterator[Page]:
        """Read from the beginning to an empty page, or to the second in a row that ends the list by its own word.

        The last of `shown` is how many items it has shown so far; the caller counts.
        """
        page = first or self._page(0)
        position, repeated, longest, was_last = 0, 0, 0, False
        while page.entries:
            before = shown[-1]
            yield page
            position += page.length
            is_last = page.total is not None and page.total <= position
            if is_last and was_last and page.length < longest:
                return
            was_last, longest = is_last, max(longest, page.length)
            repeated = 0 if shown[-1] > before else repeated + 1
            if repeated > MAX_REPEATED_PAGES:
                raise ProtocolError(_ENDLESS)
            page = self._page(position)


def _expected_unseen(shown: list[int], missed: list[int]) -> float:
    """How many items all sweeps together have missed, if each misses at random as many as it does of the known.

    One more is counted than was found: that a few sweeps missed nothing proves little about a short list.
    """
    leak = (sum(missed[1:]) + 1) / max(sum(shown[1:]) + sum(missed[1:]), 1)
    return max(shown) * min(leak, 1.0) ** len(shown)


def _page_budget(page: Page) -> int:
    """How many pages one pass may take before the list must be called endless."""
    if page.total is None:
        return MAX_PAGES_WITHOUT_TOTAL
    return min(50 + 3 * page.total // max(len(page.entries), 1), MAX_PAGES)
