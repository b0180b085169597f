"""Reading a list in any order: in whole sweeps, until all of them together can hardly have missed an item.

Two sweeps in a row must show nothing that was overlooked before, and the number of items that no sweep has shown is
estimated by capture-recapture:

    expected unseen = items that are there now * (share of the items known to exist that a sweep misses) ** sweeps

The estimate is too low where few items of a long list change places: the others show no misses. Then the list has more
positions than the sweeps have shown items, and as many are taken to be unseen, with the largest share of misses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from math import sqrt

from didomi_source.errors import NeverSettled, ProtocolError

from .pages import ENDLESS, MAX_REPEATED_PAGES, Entry, Page, Pages
from .state import SeenNames

MAX_SWEEPS = 20
# One quiet sweep lost a row in 1 of 480 simulated trials, two in none.
QUIET_SWEEPS = 2
# Above the largest share that a sweep misses of items shuffled for each of n pages: (1 - 1/n) ** n, at most 1/e.
LARGEST_SHARE_MISSED = 0.42
# Sweeps that miss known items are repeated until fewer than this many can be expected to be unseen.
MAX_EXPECTED_UNSEEN = 0.001


class Sweeps:
    """A capture-recapture estimate over the sweeps of one list.

    A sweep captures the items that it shows. It missed an item if the item is known to have existed meanwhile: an
    earlier and a later sweep show it. The latest sweep has no later one, so whatever it does not show of the sweep
    before counts as missed for now; what the next sweep does not show either was purged, until it is seen again.

    Args:
        seen: The names of all items received.
    """

    def __init__(self, seen: SeenNames) -> None:
        self._seen = seen
        self._shown: list[int] = []  # items that each sweep showed
        self._missed: list[int] = []  # items that an earlier and a later sweep showed, but not this one
        self._last_shown: list[int] = []  # items that each sweep showed, and no later one
        self._positions = 0  # length of the list, by the end of the latest sweep
        self._captured = 0  # different items that were shown
        self._recaptured = 0  # items that both the latest sweep and the one before showed
        self._newest: datetime | None = None  # time of creation, of all that was shown before the latest sweep
        self._latest: datetime | None = None  # of all that was shown
        self._has_overlooked = False  # the latest sweep shows an item that an earlier one should have shown
        self._quiet = -1  # finished sweeps in a row that show no such item

    def begin(self) -> None:
        """Begin the next sweep."""
        self._quiet = self._quiet_sweeps
        self._has_overlooked, self._recaptured, self._newest = False, 0, self._latest
        self._shown.append(0)
        self._missed.append(0)
        self._last_shown.append(0)

    def saw(self, entries: Sequence[Entry]) -> int:
        """Note the items of a page; returns how many of them this sweep has not shown before."""
        sweep = len(self._shown) - 1
        before = self._seen.add((entry.name for entry in entries), sweep)
        new = {entry.name: entry.created_at for entry in reversed(entries) if before.get(entry.name) != sweep}
        for name, created_at in new.items():
            previous = before.get(name, -1)
            if previous < 0:
                self._captured += 1
                self._has_overlooked |= not (self._newest and created_at and created_at > self._newest)
            else:
                self._last_shown[previous] -= 1
            self._recaptured += 0 <= previous == sweep - 1
            for missed in range(previous + 1, sweep) if previous >= 0 else ():
                self._missed[missed] += 1
        self._latest = max(filter(None, [self._latest, *(entry.created_at for entry in entries)]), default=None)
        self._shown[sweep] += len(new)
        self._last_shown[sweep] += len(new)
        return len(new)

    def end(self, positions: int) -> None:
        """End the sweep.

        Args:
            positions: How many positions of the list it has gone through.
        """
        self._positions = positions

    @property
    def _quiet_sweeps(self) -> int:
        return 0 if self._has_overlooked else self._quiet + 1

    def expected_unseen(self) -> float:
        """How many of the items that are there now no sweep has shown, if each misses items at random."""
        pending = self._shown[-2] - self._recaptured if len(self._shown) > 1 else 0
        share_missed = max(self._share_missed_between, self._share_missed_at_most(pending))
        by_misses = (self._shown[-1] + pending) * share_missed ** len(self._shown)
        by_length = self._positions - sum(self._last_shown[-2:])  # those of the last two sweeps may still be there
        return max(by_misses, by_length * LARGEST_SHARE_MISSED ** len(self._shown))

    @property
    def _share_missed_between(self) -> float:
        """Of the sweeps between the first and the last one that show an item, how many did not show it.

        The first and the last one do not count: that they show the item is why it is known.
        """
        missed = sum(self._missed)
        return missed / (missed + max(sum(self._shown) - 2 * self._captured, 0)) if missed else 0.0

    def _share_missed_at_most(self, pending: int) -> float:
        """The share of all that the sweeps should have shown, with the misses that there may have been at most.

        That is two standard deviations above the count, and one: that few sweeps missed nothing proves little about
        a short list.
        """
        missed = sum(self._missed) + pending
        return min((missed + 2 * sqrt(missed) + 1) / max(sum(self._shown[1:]) + missed, 1), 1.0)

    @property
    def are_enough(self) -> bool:
        """Whether the sweeps so far have hardly missed an item, once the latest one is finished."""
        return self._quiet_sweeps >= QUIET_SWEEPS and self.expected_unseen() < MAX_EXPECTED_UNSEEN


def read_in_sweeps(pages: Pages, first: Page, seen: SeenNames) -> Iterator[Page]:
    """Read the whole list until enough sweeps agree.

    Args:
        pages: The list.
        first: Its first page, which the first sweep begins with.
        seen: Where the names of all items received are noted.

    Raises:
        NeverSettled: The list moved too much to be called complete.
        ProtocolError: A sweep does not end.
    """
    sweeps = Sweeps(seen)
    for number in range(MAX_SWEEPS):
        pages.allow_for(first)
        sweeps.begin()
        yield from _sweep(pages, first if number == 0 else pages.at(0), sweeps)
        if sweeps.are_enough:
            return
    raise NeverSettled(f"the list did not settle in {MAX_SWEEPS} sweeps: run again when fewer exports are running")


def _sweep(pages: Pages, page: Page, sweeps: Sweeps) -> Iterator[Page]:
    """Read from the first page to an empty one, or to the second in a row that ends the list by its own word."""
    position, repeated, longest, was_last = 0, 0, 0, False
    while page.entries:
        repeated = 0 if sweeps.saw(page.entries) else repeated + 1
        yield page
        position += page.length
        is_last = page.total is not None and page.total <= position
        if is_last and was_last and page.length < longest:
            break
        was_last, longest = is_last, max(longest, page.length)
        if repeated > MAX_REPEATED_PAGES:
            raise ProtocolError(ENDLESS)
        page = pages.at(position)
    sweeps.end(position)
