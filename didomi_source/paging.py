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
from typing import Any, NamedTuple, TypeAlias

from .errors import BadRequest, NeverSettled, ProtocolError

MAX_SWEEPS = 12
# One quiet sweep lost a row in 1 of 480 simulated trials, two in none.
QUIET_SWEEPS = 2
# Without a `total` nothing says how long a list is; this many pages are a million logs.
MAX_PAGES_WITHOUT_TOTAL = 10_000

# After so many pages in a row that only repeat, a list without a `total` is not read any further.
MAX_REPEATED_PAGES = 50

Key: TypeAlias = tuple[datetime, str]


class Direction(int, Enum):
    """The order to ask for: by creation, then by id."""

    DESCENDING = -1
    ASCENDING = 1


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

    @property
    def names(self) -> set[str]:
        """The names of its items."""
        return {entry.name for entry in self.entries}

    @property
    def keys(self) -> list[Key] | None:
        """The places of its items, newest first; None when they are not in that order or have none."""
        readable = [e for e in self.entries if e.is_readable]
        keys = [(e.created_at, e.name) for e in readable if e.created_at is not None]
        descends = all(a >= b for a, b in zip(keys, keys[1:], strict=False))
        return keys if keys and len(keys) == len(readable) and descends else None


Fetch: TypeAlias = Callable[[int, int, Direction | None], Page]


def parse_envelope(answer: object, skip: int) -> tuple[list[Any], int | None]:
    """Take the items of a page out of an answer, if the answer keeps to the documented envelope.

    Args:
        answer: The parsed JSON.
        skip: The `$skip` that was asked for.

    Returns:
        The items, and the length of the whole list where it is given and can be true.

    Raises:
        ProtocolError: What is wrong with the envelope.

    Source: developers.didomi.io, pagination (`total`, `limit`, `skip`, `data`) and batch export, logs
    (`data` alone), read 2026-11.
    """
    if not isinstance(answer, dict):
        msg = f'expected an object with a list "data", got {_kind(answer)}'
        raise ProtocolError(msg)
    items, total, echo = answer.get("data"), answer.get("total"), answer.get("skip")
    if not isinstance(items, list):
        what = _kind(items) if "data" in answer else "none"
        msg = f'expected a list "data", got {what}'
        raise ProtocolError(msg)
    for name, value in (("total", total), ("skip", echo)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
            msg = f'expected "{name}" to be a number of 0 or more, got {value!r:.50}'
            raise ProtocolError(msg)
    if echo is not None and echo != skip:
        msg = f"asked for the page at {skip}, got the page at {echo}"
        raise ProtocolError(msg)
    if total is not None and not items and skip < total:
        msg = f"the page at {skip} is empty, though the list is said to hold {total}"
        raise ProtocolError(msg)
    # A total that its own page contradicts says nothing; an empty page will tell the end.
    believable = total is None or not items or total >= skip + len(items)
    return items, total if believable else None


class ListReader:
    """Reads one list.

    Args:
        fetch: Gets the page at an offset, of at most so many items, in a direction or none;
            raises BadRequest where the direction is not taken.
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
        self.seen: set[str] = set()
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
        yield first.entries
        self.seen |= first.names
        if first.total is None or first.total <= len(first.entries):
            second = self._page(len(first.entries)) if first.entries else first
            yield second.entries
            self.seen |= second.names
            if not second.entries or self._is_unpaged(first, second):
                self._finish(Sort.NOT_NEEDED)
        if not self._is_done and self._is_sorted(first):
            yield from self._read_sorted(first, until)
        if not self._is_done:
            yield from self._sweep(first)

    # -- pages -----------------------------------------------------------------------------------

    def _first_page(self) -> Page:
        try:
            return self._page(0)
        except BadRequest:
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
            msg = "the list does not end: the server ignores $skip, or repeats its pages"
            raise ProtocolError(msg)

    def _finish(self, sort: Sort | None = None, *, is_whole: bool = True) -> None:
        self._is_done = True
        self.is_whole = is_whole
        if sort is not None and self.sort is not Sort.REJECTED:
            self.sort = sort

    def _is_unpaged(self, first: Page, second: Page) -> bool:
        """Whether the first page was the whole list because the server does not page at all.

        A server that cuts the list at `$limit` and ignores `$skip` hides the rest for good; only a
        list whose length does not follow the limit is whole.
        """
        repeated = first.names & second.names
        if self.total is not None or 2 * len(repeated) <= len(first.entries):
            return False
        half = max(1, len(first.entries) // 2)
        if len(first.entries) == 1 or len(self._fetch(0, half, self._direction).entries) > half:
            return True
        if first.names == second.names:
            msg = f"the server ignores $skip: only the first {len(first.entries)} items can be read"
            raise ProtocolError(msg)
        return False

    # -- newest first ----------------------------------------------------------------------------

    def _is_sorted(self, first: Page) -> bool:
        """Whether `$sort` is honoured: this page descends, and the other direction starts elsewhere."""
        keys = first.keys
        if self._direction is None or keys is None:
            return False
        try:
            oldest = self._fetch(0, 1, Direction.ASCENDING)
        except BadRequest:
            return False
        if not oldest.keys or oldest.keys[0] > keys[-1] or oldest.names & first.names:
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
        position, overlap = len(first.entries), 1
        while until is None or last[0] >= until:
            at_end = self.total is not None and position >= self.total
            skip = max(position - (0 if at_end else overlap), 0)
            page = self._page(skip)
            if not page.entries and skip in (0, position):
                yield from self._read_top(top)
                return
            if page.entries and not page.keys:
                break
            if skip and (not page.keys or page.keys[0] < last):  # what stood here vanished: go back
                position, overlap = skip, 2 * overlap + len(page.entries)
                continue
            if self._is_overlooked(page, last, top):
                break
            yield page.entries
            self.seen |= page.names
            if page.keys and page.keys[0] == page.keys[-1] == last:  # nothing but the overlap
                if self._page(position).entries:
                    break
                yield from self._read_top(top)
                return
            last = min(last, page.keys[-1] if page.keys else last)
            position, overlap = skip + len(page.entries), 1
        else:
            self._finish(is_whole=False)
            return
        self.sort = Sort.IGNORED

    def _is_overlooked(self, page: Page, last: Key, top: Key) -> bool:
        """Whether a page shows an item that should have come before: then the list is not sorted."""
        return any(
            entry.created_at is not None
            and last < (entry.created_at, entry.name) <= top
            and entry.name not in self.seen
            for entry in page.entries
        )

    def _read_top(self, top: Key) -> Iterator[list[Entry]]:
        """End a whole read: fetch what was added on top meanwhile, and hold the count against `total`."""
        position = 0
        while self.total is not None and len(self.seen) < self.total:
            page = self._page(position)
            if not page.keys:
                return
            yield page.entries
            self.seen |= page.names
            if page.keys[-1] <= top:
                break
            position += max(len(page.entries) - 1, 1)
        if self.total is None or len(self.seen) >= self.total:
            self._finish()

    # -- any order -------------------------------------------------------------------------------

    def _sweep(self, first: Page) -> Iterator[list[Entry]]:
        """Read the whole list until two sweeps in a row show nothing that was overlooked before."""
        known: set[str] = set()
        newest: datetime | None = None
        quiet = 0
        for number in range(MAX_SWEEPS):
            self._pages_left = _page_budget(first)
            found: dict[str, datetime | None] = {}
            for page in self._pass(first if number == 0 else None):
                yield page.entries
                found.update((entry.name, entry.created_at) for entry in page.entries)
            overlooked = any(
                name not in known and not (newest and created_at and created_at > newest)
                for name, created_at in found.items()
            )
            quiet = 0 if overlooked else quiet + 1
            known |= found.keys()
            newest = max((t for t in (newest, *found.values()) if t), default=None)
            if quiet == QUIET_SWEEPS:
                self.seen |= known
                self._finish()
                return
        msg = f"the list did not settle in {MAX_SWEEPS} sweeps: run again when fewer exports are running"
        raise NeverSettled(msg)

    def _pass(self, first: Page | None) -> Iterator[Page]:
        """Read from the beginning to an empty page."""
        page = first or self._page(0)
        position, repeated, names = 0, 0, set[str]()
        while page.entries:
            yield page
            repeated = repeated + 1 if page.names <= names else 0
            if page.total is None and repeated > MAX_REPEATED_PAGES:
                msg = "the list does not end: the server ignores $skip, or repeats its pages"
                raise ProtocolError(msg)
            names |= page.names
            position += len(page.entries)
            page = self._page(position)


def _page_budget(page: Page) -> int:
    """How many pages one pass may take before the list must be called endless."""
    if page.total is None:
        return MAX_PAGES_WITHOUT_TOTAL
    return 50 + 3 * page.total // max(len(page.entries), 1)


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a text", type(None): "null", bool: "a boolean"}
    return names.get(type(value), "a number")
