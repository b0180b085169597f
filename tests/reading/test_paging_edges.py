"""Each request that a list costs, and what is made of servers that contradict themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import groupby

import pytest

from didomi_source.api.client import Direction
from didomi_source.errors import BadRequest, NeverSettled, ProtocolError
from didomi_source.reading.pages import MAX_REPEATED_PAGES, Entry, Page, page_budget
from didomi_source.reading.paging import MAX_IDLE_PAGES, ListReader, Sort

BEGIN = datetime(2026, 1, 1, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
DOWN, UP = Direction.DESCENDING, Direction.ASCENDING


def entry(number: int, *, at: float | None = None, readable: bool = True) -> Entry:
    """An item whose place in the list is its number, or another hour."""
    return Entry(f"{number:04d}", BEGIN + (number if at is None else at) * HOUR, readable, number)


def entries(count: int) -> list[Entry]:
    """Items 0 to count - 1, the newest first."""
    return [entry(number) for number in range(count)][::-1]


@dataclass
class Server:
    """Serves a list and remembers what it was asked; `before` may change it before each answer."""

    items: list[Entry]
    cap: int = 1000
    has_total: bool = True
    sorts: bool = True
    rejects: tuple[Direction, ...] = ()
    before: Callable[[Server, int], None] = lambda _server, _number: None
    asked: list[tuple[int, int, Direction | None]] = field(default_factory=list)

    def __call__(self, skip: int, limit: int, direction: Direction | None) -> Page:
        self.asked.append((skip, limit, direction))
        self.before(self, len(self.asked))
        if direction in self.rejects:
            raise BadRequest("400")
        items = self.items
        if direction is not None and self.sorts:
            items = sorted(items, key=lambda e: (e.created_at, e.name), reverse=direction is DOWN)
        total = len(self.items) if self.has_total else None
        return Page(items[skip : skip + min(limit, self.cap)], total)

    @property
    def way(self) -> str:
        """Offsets in the order asked, with the direction where it changes: `-: 0 +: 0 -: 9`."""
        marks = {DOWN: "-", UP: "+", None: "?"}
        runs = groupby(self.asked, key=lambda call: marks[call[2]])
        return " ".join(f"{mark}: {' '.join(str(skip) for skip, *_ in calls)}" for mark, calls in runs)


def read(server: Server, page_size: int = 10, until: float | None = None) -> tuple[ListReader, list[str]]:
    """Read a list; the reader, and the names in the order received."""
    reader = ListReader(server, page_size)
    pages = reader.read(None if until is None else BEGIN + until * HOUR)
    return reader, [item.name for page in pages for item in page]


def names(items: list[Entry]) -> set[str]:
    return {item.name for item in items}


# -- sorted --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "way"),
    [
        (11, "-: 0 +: 0 -: 9 10"),
        (19, "-: 0 +: 0 -: 9 18"),
        (20, "-: 0 +: 0 -: 9 18 19"),
        (35, "-: 0 +: 0 -: 9 18 27 34"),
    ],
)
def test_a_sorted_list_is_read_with_pages_that_overlap_by_one(count: int, way: str) -> None:
    """One page each way to see that it is sorted, then down to a page that shows nothing new."""
    server = Server(entries(count))
    reader, received = read(server)
    assert server.way == way
    assert {limit for _, limit, _ in server.asked} == {10}
    assert list(dict.fromkeys(received)) == [e.name for e in server.items]
    assert (reader.is_whole, reader.sort, reader.total, set(reader.seen)) == (
        True, Sort.HONOURED, count, names(server.items)
    )  # fmt: skip


@pytest.mark.parametrize(("count", "way"), [(11, "-: 0 9 +: 0 -: 9 10 11 11"), (35, "-: 0 9 +: 0 -: 9 18 27 34 35 35")])
def test_without_a_total_an_empty_page_ends_a_sorted_list(count: int, way: str) -> None:
    """The last item is met again, and nothing comes after it."""
    server = Server(entries(count), has_total=False)
    reader, _ = read(server)
    assert server.way == way
    assert (reader.is_whole, reader.sort, reader.total, set(reader.seen)) == (
        True, Sort.HONOURED, None, names(server.items)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("until", "way", "received"),
    [(31.0, "-: 0 +: 0", 10), (30.5, "-: 0 +: 0", 10), (30.0, "-: 0 +: 0 -: 9", 20), (21.0, "-: 0 +: 0 -: 9 18", 30)],
)
def test_reading_stops_below_the_watermark(until: float, way: str, received: int) -> None:
    """When the last item read was created before it; one that was created just then is not enough."""
    server = Server(entries(40))
    reader, found = read(server, until=until)
    assert (server.way, len(found)) == (way, received)
    assert (reader.is_whole, reader.sort) == (False, Sort.HONOURED)


def test_a_capped_page_is_read_on_from_where_it_ended() -> None:
    """The server decides how long a page is."""
    server = Server(entries(12), cap=5)
    reader, _ = read(server)
    assert server.way == "-: 0 +: 0 -: 4 8 11"
    assert (reader.is_whole, set(reader.seen)) == (True, names(server.items))


def test_what_vanished_before_a_page_is_searched_for_by_going_back() -> None:
    """When items before the position go, the next page begins below the last one read: the gap is read again."""

    def purge(server: Server, number: int) -> None:
        if number == 4:  # six that were read already: the next page would begin six items too low
            del server.items[:6]

    server = Server(entries(60), before=purge)
    reader, received = read(server)
    assert server.way == "-: 0 +: 0 -: 9 18 6 15 24 33 42 51 53"
    assert set(received) == names(entries(60))
    assert reader.is_whole


def test_going_back_ends_at_the_beginning() -> None:
    """However much vanished, the whole list is as far as it goes."""

    def purge(server: Server, number: int) -> None:
        if number == 5:
            del server.items[:27]

    server = Server(entries(60), before=purge)
    reader, _ = read(server)
    assert server.way == "-: 0 +: 0 -: 9 18 27 19 0 9 18 27 32"
    assert (reader.is_whole, set(reader.seen)) == (True, names(entries(60)))


def test_what_is_added_on_top_meanwhile_is_fetched_at_the_end() -> None:
    """A whole read is held against `total`: what came on top since is read from the top."""

    def add(server: Server, number: int) -> None:
        if number == 4:
            server.items[:0] = [entry(number) for number in range(114, 99, -1)]

    server = Server(entries(30), before=add)
    reader, received = read(server)
    assert server.way == "-: 0 +: 0 -: 9 18 27 36 44 0 9"
    assert reader.is_whole
    assert set(received) == set(reader.seen) == names(server.items)


def test_what_is_added_on_top_of_an_incremental_read_is_left_to_the_next() -> None:
    """Nothing is read for the sake of the count when only the newest part is."""

    def add(server: Server, number: int) -> None:
        if number == 3:
            server.items[:0] = [entry(101), entry(100)]

    server = Server(entries(30), before=add)
    reader, received = read(server, until=15)
    assert (server.way, reader.is_whole, len(set(received))) == ("-: 0 +: 0 -: 9", False, 17)


def test_an_item_that_appears_between_others_is_taken_along() -> None:
    """Below what has been read it is only new; the list is still sorted."""

    def add(server: Server, number: int) -> None:
        if number == 3:
            server.items.append(entry(900, at=2.5))

    server = Server(entries(30), before=add)
    reader, _ = read(server)
    assert (reader.sort, reader.is_whole, set(reader.seen)) == (Sort.HONOURED, True, names(server.items))


@pytest.mark.parametrize("place", [20.5, 25.5, 28.5])
def test_an_item_that_should_have_come_before_proves_the_list_unsorted(place: float) -> None:
    """It stands where the second page begins, and belongs on the first one: then the whole list is swept."""

    def add(server: Server, number: int) -> None:
        if number == 3:
            server.sorts = False
            server.items.insert(9, entry(900, at=place))

    server = Server(entries(30), before=add)
    reader, received = read(server)
    assert server.way == "-: 0 +: 0 -: 9" + " 10 20 30 31" + 3 * " 0 10 20 30 31"
    assert (reader.sort, reader.is_whole, set(received)) == (Sort.IGNORED, True, names(server.items))


@pytest.mark.parametrize(("added", "top"), [(9, [0]), (10, [0, 9]), (12, [0, 9]), (25, [0, 9, 18])])
def test_the_top_is_read_as_far_as_what_was_read_first(added: int, top: list[int]) -> None:
    """And where the count is not reached even so, something was overlooked: the list is swept."""

    def add(server: Server, number: int) -> None:
        if number == 8:
            server.items[:0] = [entry(100 + number) for number in range(added, 0, -1)]
            server.items.append(entry(900, at=45.5))

    server = Server(entries(60), before=add)
    reader, received = read(server)
    offsets = [skip for skip, *_ in server.asked]
    back = offsets.index(0, 8)  # the reader has come to the end of the list
    swept = offsets.index(10)  # the first sweep goes on after the first page
    assert offsets[back:swept] == top
    assert (reader.sort, reader.is_whole, set(received)) == (Sort.HONOURED, True, names(server.items))


def test_a_page_out_of_order_proves_the_list_unsorted() -> None:
    """So does an item whose time changed while the list was read."""

    def spoil(server: Server, number: int) -> None:
        if number == 4:
            server.sorts = False
            server.items = server.items[::3] + server.items[1::3] + server.items[2::3]

    server = Server(entries(40), before=spoil)
    reader, received = read(server)
    assert server.way == "-: 0 +: 0 -: 9 18 10 20 30 40" + 3 * " 0 10 20 30 40"
    assert (reader.sort, reader.is_whole, set(received)) == (Sort.IGNORED, True, names(server.items))


@pytest.mark.parametrize(
    ("has_total", "way"), [(True, "-: 0 +: 0 -: 8 16 24 28"), (False, "-: 0 9 +: 0 -: 8 16 24 28 30 30")]
)
def test_what_cannot_be_read_does_not_disturb_the_order(has_total: bool, way: str) -> None:
    """An item without a place is received like any other, also where a page ends: the next begins before it."""

    class Spoiled(Server):
        def __call__(self, skip: int, limit: int, direction: Direction | None) -> Page:
            page = super().__call__(skip, limit, direction)
            return Page([e._replace(is_readable=e.item % 4 != 0, created_at=None if e.item % 4 == 0 else e.created_at)
                         for e in page.entries], page.total)  # fmt: skip

    server = Spoiled(entries(30), has_total=has_total)
    reader, received = read(server)
    assert server.way == way
    assert (reader.sort, reader.is_whole, set(received)) == (Sort.HONOURED, True, names(server.items))


def test_a_sorted_list_that_only_repeats_is_given_up() -> None:
    """A server that claims more than it has is asked ten times more, and then swept, and found out."""

    class Claiming(Server):
        def __call__(self, skip: int, limit: int, direction: Direction | None) -> Page:
            page = super().__call__(min(skip, 20), limit, direction)
            return Page(page.entries, 10_000)

    server = Claiming(entries(30))
    reader = ListReader(server, 10)
    with pytest.raises(ProtocolError, match="does not end"):
        list(reader.read())
    assert server.asked[:4] == [(0, 10, DOWN), (0, 10, UP), (9, 10, DOWN), (18, 10, DOWN)]
    restart = [skip for skip, *_ in server.asked].index(10)  # the first sweep goes on after the first page
    assert restart == 5 + MAX_IDLE_PAGES + 1
    assert len(server.asked) - restart == 2 + MAX_REPEATED_PAGES + 1
    assert reader.sort is Sort.IGNORED
    assert reader.is_whole is False


def test_a_sorted_list_that_repeats_its_last_item_for_ever_is_given_up() -> None:
    """A server that takes no offset beyond its last item, and does not say how many there are."""

    class Clamped(Server):
        def __call__(self, skip: int, limit: int, direction: Direction | None) -> Page:
            return super().__call__(min(skip, len(self.items) - 1), limit, direction)

    server = Clamped(entries(25), has_total=False)
    with pytest.raises(ProtocolError, match="does not end"):
        read(server)
    assert len(server.asked) < 3 * MAX_IDLE_PAGES**2


# -- is it sorted? -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "other", "is_sorted"),
    [
        ([9, 8, 7], [0, 1, 2], True),
        ([9, 8, 8], [0, 1, 2], True),
        ([9, 8, 7], [2, 1, 0], False),  # the other way is not sorted
        ([7, 8, 9], [0, 1, 2], False),  # this way is not
        ([9, 8, 7], [9, 8, 7], False),  # the direction is ignored
        ([9, 8, 7], [7, 8, 9], False),  # it begins with what this page shows
        ([9, 8, 7], [6, 7, 8], True),  # a short list: the two overlap, and agree
        ([9, 7, 6], [5, 6, 8], False),
        ([9, 8, 6], [5, 7], False),
        ([9, 8, 7, 6], [0, 2, 1, 3], False),  # the two overlap, and don't: 8 should be here
        ([9, 8, 7], [], False),
    ],
)
def test_both_directions_show_whether_a_list_is_sorted(first: list[int], other: list[int], is_sorted: bool) -> None:
    """Each page is in its order, and of what both could show both show the same."""
    pages = {DOWN: [entry(n) for n in first], UP: [entry(n) for n in other]}
    reader = ListReader(lambda _skip, _limit, direction: Page(pages[direction], 100), 3)
    assert reader._is_sorted(Page(pages[DOWN], 100)) is is_sorted
    assert reader.sort is (Sort.HONOURED if is_sorted else Sort.IGNORED)


def test_a_server_that_refuses_the_other_direction_is_not_trusted() -> None:
    """Without a look from the other end the order proves nothing."""
    server = Server(entries(15), rejects=(UP,))
    reader, received = read(server)
    assert server.way == "-: 0 +: 0 -: 10 15 0 10 15 0 10 15"
    assert (reader.sort, reader.is_whole, set(received)) == (Sort.IGNORED, True, names(server.items))


def test_a_server_that_refuses_to_sort_is_asked_without() -> None:
    """And never again with it."""
    server = Server(entries(15), rejects=(DOWN, UP))
    reader, received = read(server)
    assert server.way == "-: 0 ?: 0 10 15 0 10 15 0 10 15"
    assert (reader.sort, reader.is_whole, set(received)) == (Sort.REJECTED, True, names(server.items))


@pytest.mark.parametrize(
    ("items", "keys"),
    [
        ([], None),
        ([entry(3)], [3]),
        ([entry(3), entry(2)], [3, 2]),
        ([entry(3), entry(3)], [3, 3]),
        ([entry(2), entry(3)], None),
        ([entry(3), entry(9, readable=False), entry(2)], [3, 2]),
        ([entry(9, readable=False)], None),
        ([entry(3), entry(2)._replace(created_at=None)], None),
        ([entry(2, at=5), entry(1, at=5)], [2, 1]),
        ([entry(1, at=5), entry(2, at=5)], None),
    ],
)
def test_places_are_given_only_for_a_page_in_order(items: list[Entry], keys: list[int] | None) -> None:
    """By time and then by name; what cannot be read does not count, what has no time spoils it."""
    found = Page(items, None).keys
    assert (None if found is None else [int(name) for _, name in found]) == keys


# -- all at once ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "has_total", "way"),
    [
        (0, True, "-: 0 0"),
        (0, False, "-: 0 0 0"),
        (1, True, "-: 0 1"),
        (1, False, "-: 0 1"),
        (2, True, "-: 0 1"),
        (2, False, "-: 0 1"),
        (10, True, "-: 0 9"),
        (10, False, "-: 0 9"),
    ],
)
def test_a_list_of_one_page_costs_two_requests(count: int, has_total: bool, way: str) -> None:
    """The second one shows that nothing comes after it; an empty one is asked for a third time where no total confirms it."""
    server = Server(entries(count), has_total=has_total)
    reader, received = read(server)
    assert server.way == way
    assert (reader.sort, reader.is_whole, set(received)) == (Sort.NOT_NEEDED, True, names(server.items))


@pytest.mark.parametrize("count", [0, 5])
def test_a_short_list_that_is_not_to_be_sorted_says_so(count: int) -> None:
    """What the server made of `$sort` is known even where nothing depends on it."""
    reader, _ = read(Server(entries(count), rejects=(DOWN, UP)))
    assert (reader.sort, reader.is_whole) == (Sort.REJECTED, True)


def test_an_empty_page_in_front_of_a_list_is_looked_at_again() -> None:
    """An export that has no logs is rare, and an answer that is wrongly empty is cheap to find."""
    server = Server([], before=lambda s, n: s.items.extend(entries(3)) if n == 2 else None)
    reader, received = read(server)
    assert (server.way, set(received), reader.is_whole) == ("-: 0 0 2", names(entries(3)), True)


def test_a_short_list_that_grows_is_not_taken_for_whole() -> None:
    """What the second page shows besides is read like any longer list."""
    server = Server(entries(10), before=lambda s, n: s.items.append(entry(50, at=-1)) if n == 2 else None)
    reader, received = read(server)
    assert server.way == "-: 0 9 +: 0 -: 9 10"
    assert (reader.sort, reader.is_whole, set(received)) == (Sort.HONOURED, True, names(server.items))


class Unpaged(Server):
    """Sends everything, whatever is asked, up to `cap`."""

    def __call__(self, skip: int, limit: int, direction: Direction | None) -> Page:
        super().__call__(skip, limit, direction)
        return Page(self.items[: self.cap], None)


def test_a_server_that_does_not_page_may_have_one_item() -> None:
    """It is sent twice, and that is all there is."""
    server = Unpaged(entries(1))
    reader, _ = read(server)
    assert [call[:2] for call in server.asked] == [(0, 10), (1, 10)]
    assert (reader.sort, reader.is_whole) == (Sort.NOT_NEEDED, True)


@pytest.mark.parametrize("before", [0, 1, 2, 5])
@pytest.mark.parametrize("added", [1, 2, 7])
@pytest.mark.parametrize("at", [1, 2, 3, 4, 5])
def test_a_server_that_does_not_page_may_get_items_while_it_is_asked(before: int, added: int, at: int) -> None:
    """Between any two requests; what was there before the last one is received."""

    def grow(server: Server, number: int) -> None:
        if number == at:
            server.items = entries(before + added)

    server = Unpaged(entries(before), before=grow)
    reader, received = read(server)
    assert (reader.is_whole, len(server.asked) < 8) == (True, True)
    assert set(received) >= names(entries(before))
    assert set(received) == names(server.items) or at > 1


def test_a_server_that_does_not_page_may_be_empty_when_it_is_asked_again() -> None:
    """It grew before, and shows an item after: which it ends with is not known, and said."""

    def change(server: Server, number: int) -> None:
        server.items = entries((1, 2, 0, 1)[min(number, 4) - 1])

    with pytest.raises(ProtocolError, match="does not end"):
        read(Unpaged(entries(1), before=change))


@pytest.mark.parametrize(("shared", "sends", "is_unpaged"), [(3, 9, True), (2, 9, False), (3, 2, False)])
def test_a_list_is_unpaged_if_it_repeats_and_does_not_follow_the_limit(
    shared: int, sends: int, is_unpaged: bool
) -> None:
    """More than half of it has to come again, and more than the half that was asked for."""
    first = Page([entry(n) for n in range(4)], None)
    second = Page([entry(n) for n in range(4 - shared, 8 - shared)], None)
    reader = ListReader(lambda *_: Page([entry(n) for n in range(10, 10 + sends)], None), 4)
    assert reader._is_unpaged(first, second) is is_unpaged


def test_two_of_five_that_come_again_are_too_few() -> None:
    """The list goes on: it is only read slowly."""
    first, second = (Page([entry(n) for n in numbers], None) for numbers in (range(5), range(3, 8)))
    reader = ListReader(lambda *_: Page([entry(n) for n in range(9)], None), 5)
    assert reader._is_unpaged(first, second) is False


@pytest.mark.parametrize("count", [3, 10, 25])
def test_a_server_that_does_not_page_sends_everything_at_once(count: int) -> None:
    """Half of what it sent is asked for: that it sends more shows that the list was not cut."""
    server = Unpaged(entries(count))
    reader, received = read(server)
    last = count - 1
    assert [call[:2] for call in server.asked] == [(0, 10), (last, 10), (0, count // 2)]
    assert (reader.sort, reader.is_whole, set(received)) == (Sort.NOT_NEEDED, True, names(server.items))


def test_a_server_that_cuts_and_does_not_skip_hides_the_rest() -> None:
    """There is no way to read on, and that is an error."""

    class Cutting(Server):
        def __call__(self, skip: int, limit: int, direction: Direction | None) -> Page:
            super().__call__(skip, limit, direction)
            return Page(self.items[:limit], None)

    server = Cutting(entries(30))
    with pytest.raises(ProtocolError, match=r"the server ignores \$skip: only the first 10 items can be read"):
        read(server)
    assert [call[:2] for call in server.asked] == [(0, 10), (9, 10), (0, 5), (21, 10)]


@pytest.mark.parametrize(("second", "is_all"), [([2], True), ([1], False), ([2, 3], False), ([], False), ([5], False)])
def test_without_a_total_the_overlap_tells_that_a_page_was_all(second: list[int], is_all: bool) -> None:
    """The second page is the last item of the first one and nothing else."""
    first = Page([entry(n) for n in (0, 1, 2)], None)
    reader = ListReader(lambda *_: Page([], None), 3)
    assert reader._is_all(first, Page([entry(n) for n in second], None)) is is_all


@pytest.mark.parametrize(
    ("second", "is_all"), [([2], True), ([], True), ([1, 2], True), ([0, 1, 2], True), ([2, 3], False)]
)
def test_with_a_total_nothing_new_tells_that_a_page_was_all(second: list[int], is_all: bool) -> None:
    """The server's word and an overlap without anything new are enough."""
    first = Page([entry(n) for n in (0, 1, 2)], 3)
    reader = ListReader(lambda *_: Page([], None), 3)
    assert reader._is_all(first, Page([entry(n) for n in second], 3)) is is_all


# -- sweeps --------------------------------------------------------------------------------------


def test_an_unsorted_list_is_swept_until_two_sweeps_are_quiet() -> None:
    """Three sweeps when nothing moves; each one ends with an empty page."""
    server = Server(entries(25)[::-1], sorts=False)
    reader, received = read(server)
    assert server.way == "-: 0 10 20 25 0 10 20 25 0 10 20 25"
    assert (reader.sort, reader.is_whole, set(received)) == (Sort.IGNORED, True, names(server.items))


def test_a_sweep_may_end_before_the_empty_page() -> None:
    """When two pages in a row are the last by the server's word, and the second one is shorter than others."""

    class Growing(Server):
        def __call__(self, skip: int, limit: int, direction: Direction | None) -> Page:
            page = super().__call__(skip, limit, direction)
            return Page(page.entries[:3] if skip >= 20 else page.entries, 20 if skip >= 10 else 26)

    server = Growing(entries(26)[::-1], sorts=False)
    reader, _ = read(server)
    assert server.way == "-: 0 10 20 0 10 20 0 10 20"
    assert reader.is_whole


@pytest.mark.parametrize("times", [[3.5], [3.5, 99], [99, 3.5]])
def test_an_item_overlooked_before_makes_another_sweep(times: list[float]) -> None:
    """One that was there, by its time, and was not shown: two quiet sweeps have to follow, whatever is new beside it."""

    def show(server: Server, number: int) -> None:
        if number == 6:
            server.items += [entry(900 + n, at=at) for n, at in enumerate(times)]

    server = Server(entries(15)[::-1], sorts=False, before=show)
    reader, _ = read(server)
    end = 15 + len(times)
    assert server.way == f"-: 0 10 15 0 10 15 0 10 {end} 0 10 {end}"
    assert (reader.is_whole, set(reader.seen)) == (True, names(server.items))


def test_an_item_that_is_only_new_makes_no_further_sweep() -> None:
    """Newer than all that the sweep before showed: it was not overlooked."""

    def add(server: Server, number: int) -> None:
        if number == 6:
            server.items.append(entry(900))

    server = Server(entries(15)[::-1], sorts=False, before=add)
    reader, _ = read(server)
    assert server.way == "-: 0 10 15 0 10 15 0 10 16"
    assert (reader.is_whole, set(reader.seen)) == (True, names(server.items))


def test_an_item_of_the_same_time_as_the_newest_may_have_been_overlooked() -> None:
    """Only a later time proves that it is new."""

    def add(server: Server, number: int) -> None:
        if number == 6:
            server.items.append(entry(900, at=14))

    server = Server(entries(15)[::-1], sorts=False, before=add)
    read(server)
    assert server.way == "-: 0 10 15 0 10 15 0 10 16 0 10 16"


def test_a_list_without_times_is_swept_like_any_other() -> None:
    """What is new then cannot be told from what was overlooked."""
    server = Server([e._replace(created_at=None) for e in entries(15)], sorts=False)
    reader, received = read(server)
    assert (server.way, reader.is_whole, set(received)) == (
        "-: 0 10 15 0 10 15 0 10 15", True, names(server.items)
    )  # fmt: skip


def test_a_list_that_always_shows_another_item_never_settles() -> None:
    """Twenty sweeps, and the reading is called incomplete."""

    def show(server: Server, number: int) -> None:
        if number % 3 == 1:
            server.items.append(entry(1000 + number, at=3 - number / 1000))

    server = Server(entries(12)[::-1], sorts=False, before=show)
    reader = ListReader(server, 1000)
    server.cap = 8
    with pytest.raises(NeverSettled, match="did not settle in 20 sweeps"):
        list(reader.read())
    assert [skip for skip, *_ in server.asked].count(0) == 20
    assert not reader.is_whole


@pytest.mark.parametrize(("hidden", "sweeps"), [(2, 19), (8, 7)])
def test_sweeps_that_miss_known_items_are_repeated(hidden: int, sweeps: int) -> None:
    """A server that hides every second or eighth item in turn is read until hardly anything can be unseen."""

    class Hiding(Server):
        def __call__(self, skip: int, limit: int, direction: Direction | None) -> Page:
            page = super().__call__(skip, limit, direction)
            sweep = [skip for skip, *_ in self.asked].count(0)
            return Page([e for e in page.entries if (e.item + sweep) % hidden], page.total)

    server = Hiding(entries(64)[::-1], sorts=False, cap=8)
    reader, received = read(server)
    assert (reader.is_whole, set(received)) == (True, names(server.items))
    assert [skip for skip, *_ in server.asked].count(0) == sweeps


# -- without end ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("length", "total", "pages"), [(10, 100, 80), (10, None, 10_000), (0, 100, 350), (7, 100, 92), (1, 0, 50)]
)
def test_a_pass_has_a_budget_of_pages(length: int, total: int | None, pages: int) -> None:
    """Three times what the list should take, and fifty; a million logs where nobody says."""
    assert page_budget(length, total) == pages


@pytest.mark.parametrize("has_total", [True, False])
@pytest.mark.parametrize("place", [0, 12, 24])
@pytest.mark.parametrize("sorts", [True, False])
@pytest.mark.parametrize("times", [2, 3])
def test_an_item_that_is_in_the_list_more_than_once_is_no_endless_list(
    has_total: bool, place: int, sorts: bool, times: int
) -> None:
    """At the top, in the middle or at its end."""
    items = entries(25)
    server = Server([*items, *[items[place]] * (times - 1)], has_total=has_total, sorts=sorts)
    reader, received = read(server)
    assert (reader.is_whole, set(received), len(server.asked) < 72) == (True, names(items), True)


def test_a_list_that_grows_between_two_sweeps_may_take_more_pages() -> None:
    """From 3 items to 300 while the first page is read, which allowed for 50 pages."""

    def grow(server: Server, number: int) -> None:
        if number == 2:
            server.items = [*server.items, *(entry(number) for number in range(3, 300))]

    server = Server(entries(3), cap=3, sorts=False, before=grow)
    reader, received = read(server)
    assert (reader.is_whole, len(set(received))) == (True, 300)


def test_a_list_that_grows_as_fast_as_it_is_read_is_called_endless() -> None:
    """The budget comes from the first page, so that a growing total does not move it."""

    class Growing(Server):
        def __call__(self, skip: int, limit: int, direction: Direction | None) -> Page:
            self.asked.append((skip, limit, direction))
            return Page([entry(skip + n) for n in range(10)], skip + 100)

    server = Growing([])
    with pytest.raises(ProtocolError, match="the list does not end"):
        read(server)
    assert len(server.asked) == 1 + 80


def test_a_sorted_list_that_grows_downwards_is_called_endless() -> None:
    """Its budget is that of any other list."""

    class Bottomless(Server):
        def __call__(self, skip: int, limit: int, direction: Direction | None) -> Page:
            self.asked.append((skip, limit, direction))
            assert len(self.asked) < 200
            if direction is UP:
                return Page([entry(n, at=n - 5000) for n in range(10)], 100)
            return Page([entry(5000 - skip - n) for n in range(10)], skip + 100)

    server = Bottomless([])
    with pytest.raises(ProtocolError, match="the list does not end"):
        read(server)
    assert len(server.asked) == 1 + 1 + 80


def test_without_a_total_pages_that_only_repeat_end_the_reading() -> None:
    """Twenty in a row, and the list is called endless."""

    class Around(Server):
        def __call__(self, skip: int, limit: int, direction: Direction | None) -> Page:
            self.asked.append((skip, limit, direction))
            return Page([entry((skip + n) % 30) for n in range(10)], None)

    server = Around([])
    with pytest.raises(ProtocolError, match="the list does not end"):
        read(server)
    assert [skip for skip, *_ in server.asked][-53:] == [10 * n for n in range(1, 54)]
