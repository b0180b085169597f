"""How many items of a list no sweep has shown, by capture–recapture; what was purged is no miss."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from random import Random

import pytest

from didomi_source.api.client import Direction
from didomi_source.reading.pages import Entry, Page
from didomi_source.reading.paging import ListReader, Sort
from didomi_source.reading.state import Database, SeenNames
from didomi_source.reading.sweeps import Sweeps

BEGIN = datetime(2026, 1, 1, tzinfo=timezone.utc)


def entry(number: int, *, hour: float | None = None) -> Entry:
    return Entry(f"{number:04d}", BEGIN + (number if hour is None else hour) * timedelta(hours=1), True, number)


def swept(*sweeps: list[int]) -> Sweeps:
    """Sweeps that show these numbers, in one page each."""
    found = Sweeps(SeenNames(Database()))
    for numbers in sweeps:
        found.begin()
        found.saw([entry(number) for number in numbers])
    return found


ALL, HALF = list(range(100)), list(range(0, 100, 2))


@pytest.mark.parametrize(
    ("sweeps", "expected"),
    [
        ([ALL], 100.0),
        ([ALL, ALL], 100 * (1 / 100) ** 2),
        ([ALL, ALL, ALL], 100 * (1 / 200) ** 3),
        ([[]], 0.0),
        ([[], []], 0.0),
        ([[1], [1], [1]], (1 / 2) ** 3),
        ([ALL, HALF], 100.0 * ((51 + 2 * 50**0.5) / 100) ** 2),  # missed or purged: not known yet, so they count
        ([ALL, HALF, ALL], 100.0 * (50 / 100) ** 3),  # missed, since they are there again
        ([ALL, HALF, HALF, ALL], 100.0 * (100 / 200) ** 4),  # by both sweeps between
        ([ALL, HALF, HALF], 50.0 * (1 / 100) ** 3),  # purged, as far as two sweeps in a row can show
        ([[1, 2], [], []], 0.0),  # nothing is left that could be unseen
        ([[1, 2], []], 2.0),
        ([ALL, [], ALL], 100.0),  # the one sweep between has missed everything
        ([HALF, ALL, HALF], 100.0 * ((51 + 2 * 50**0.5) / 200) ** 3),
    ],
)
def test_how_many_items_can_be_unseen(sweeps: list[list[int]], expected: float) -> None:
    """As many as are there now, times the share that a sweep misses of what is known to exist, for each sweep."""
    assert swept(*sweeps).expected_unseen() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("sweeps", "positions", "hidden"),
    [
        ([ALL, ALL, ALL], 100, 0),
        ([ALL, ALL, ALL], 102, 2),
        ([ALL, [*ALL, 100], [*ALL, 101]], 102, 0),
        ([ALL, [*HALF, 100], HALF], 51, 0),
        ([ALL, HALF, HALF], 52, 2),  # what was purged stands in none of the 52
    ],
)
def test_a_list_with_more_positions_than_items_hides_some(sweeps: list[list[int]], positions: int, hidden: int) -> None:
    """Where few of many items change places, all others are shown by each sweep, and no share of misses tells."""
    found = swept(*sweeps)
    by_misses = found.expected_unseen()
    found.end(positions)
    assert found.expected_unseen() == pytest.approx(max(by_misses, hidden * 0.42**3))


def test_items_that_change_places_at_the_end_of_a_list_are_all_found() -> None:
    """Three of 43, on the border of two pages: with a chance of 2 in 9 a sweep shows one of them twice, and another never."""
    chance = Random(2)
    items = [entry(number)._replace(created_at=None) for number in range(43)]

    def fetch(skip: int, limit: int, direction: Direction | None) -> Page:
        shuffled = [*items[:38], *chance.sample(items[38:41], 3), *items[41:]]
        return Page(shuffled[skip : skip + limit], None)

    for _ in range(500):
        received = {e.name for page in ListReader(fetch, 3).read() for e in page}
        assert received == {item.name for item in items}


def test_a_page_counts_what_its_sweep_has_not_shown_before() -> None:
    """An item that comes twice, on one page or on two, is one; the next sweep begins to count again."""
    sweeps = Sweeps(SeenNames(Database()))
    sweeps.begin()
    assert [sweeps.saw([entry(1), entry(2), entry(1)]), sweeps.saw([entry(2), entry(3)])] == [2, 1]
    sweeps.begin()
    assert [sweeps.saw([entry(1), entry(2)]), sweeps.saw([entry(2)])] == [2, 0]


def test_what_was_received_before_the_sweeps_was_not_shown_by_one() -> None:
    """A sorted read that came to nothing is no sweep."""
    seen = SeenNames(Database())
    seen.add(["0001", "0002"])
    sweeps = Sweeps(seen)
    sweeps.begin()
    assert sweeps.saw([entry(1), entry(2), entry(3)]) == 3
    assert (len(seen), sweeps.expected_unseen()) == (3, 3.0)


@pytest.mark.parametrize(
    ("third", "are_enough"), [([entry(n) for n in ALL], True), ([*map(entry, ALL), entry(500, hour=5)], False)]
)
def test_two_quiet_sweeps_are_enough_if_they_miss_nothing(third: list[Entry], are_enough: bool) -> None:
    """An item that is older than the newest one known was overlooked by the sweeps before."""
    sweeps = swept(ALL, ALL)
    sweeps.begin()
    sweeps.saw(third)
    assert sweeps.are_enough is are_enough


@pytest.mark.parametrize(("left", "requests"), [(0, 5), (10, 9), (40, 10)])
def test_a_list_that_is_purged_while_it_is_read_settles(left: int, requests: int) -> None:
    """What the first sweep showed and no later one does was purged: two quiet sweeps, or three of a short list, are enough."""
    items = [entry(number)._replace(created_at=None) for number in range(60)]
    asked = []

    def fetch(skip: int, limit: int, direction: Direction | None) -> Page:
        asked.append(skip)
        if len(asked) == 2:
            del items[left:]
        return Page(items[skip : skip + limit], None)

    reader = ListReader(fetch, 20)
    received = {e.name for page in reader.read() for e in page}
    assert (reader.is_whole, reader.sort, len(received) >= left, len(asked)) == (True, Sort.IGNORED, True, requests)
