"""A list that moves while it is read is read completely, or it is said that it never settled."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest

from didomi_source.api.client import Direction
from didomi_source.errors import BadRequest, NeverSettled, ProtocolError
from didomi_source.reading.pages import Entry, Page
from didomi_source.reading.paging import ListReader, Sort
from support.moving_list import BEGIN, MovingList, Shape

ORDERS = (
    "inserted", "inserted_desc", "created", "created_desc", "updated", "updated_desc", "random_id", "shards", "heap",
    "rotated", "page_only", "ties",
)  # fmt: skip
POLICIES = ("honoured", "ignored", "rejected")
PAGE_SIZE = 20


def read(moving: MovingList, until: datetime | None = None) -> tuple[ListReader, set[str]]:
    """Read a list; returns its reader and the names that came."""
    reader = ListReader(moving.fetch, PAGE_SIZE)
    received = {entry.name for page in reader.read(until) for entry in page}
    return reader, received


def outcome(shape: Shape, seed: int) -> str:
    """How a read of a moving list ends: complete, never settled, or with logs lost that were there throughout."""
    moving = MovingList(shape, seed)
    try:
        reader, received = read(moving)
    except NeverSettled:
        return "never settled"
    return "complete" if reader.is_whole and moving.lived_through.keys() <= received else f"lost by seed {seed}"


# -- any order, any policy -----------------------------------------------------------------------


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("order", ORDERS)
def test_a_moving_list_loses_nothing(order: str, policy: str) -> None:
    """12 orders × 3 sort policies × 30 seeds: logs come and change with every request, and each is received.

    An order that is another one for each request, unsorted, may not settle; that is said.
    """
    shape = Shape(order, policy, inserts=0.3, updates=1.0)
    outcomes = Counter(outcome(shape, seed) for seed in range(30))
    may_not_settle = order == "heap" and policy != "honoured"
    assert outcomes.keys() - ({"never settled"} if may_not_settle else set()) == {"complete"}
    assert outcomes["complete"] >= 20


@pytest.mark.parametrize(
    "movement",
    [
        {},
        {"purges": 0.3, "inserts": 0.3},
        {"removals": 0.5, "inserts": 0.3},
        {"removals": 4.0, "length": 400},
        {"ties": 0.8, "inserts": 0.02, "updates": 1.0},
        {"ties": 1.0, "inserts": 0.02, "removals": 0.2},
        {"late": 0.02, "inserts": 0.2, "updates": 1.0},
        {"cap": 7, "inserts": 0.1, "updates": 0.5},
        {"total": False, "inserts": 0.3, "updates": 1.0},
        {"total": False, "inserts": 0.3, "purges": 0.3, "updates": 1.0},
        {"times": False, "inserts": 0.02, "updates": 1.0},
        {"length": 18, "inserts": 0.3, "updates": 0.5},
        {"length": 18, "inserts": 0.3, "updates": 0.5, "total": False},
        {"length": 0, "inserts": 0.3},
    ],
    ids=lambda movement: "-".join(movement) or "still",
)
def test_no_movement_loses_anything(movement: dict[str, Any]) -> None:
    """Expiry, removals, ties, late logs, caps, no `total`, no times: nothing is lost in 120 reads, and most settle."""
    policies = ("honoured", "first_field", "ignored", "rejected", "ascending_rejected")
    shapes = [Shape(**{"order": order, "sort": policy, **movement}) for order in ORDERS for policy in policies]
    outcomes = Counter(outcome(shape, seed) for shape in shapes for seed in range(2))
    assert outcomes.keys() <= {"complete", "never settled"}
    assert outcomes["complete"] > 100


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(
    "movement", [{}, {"inserts": 0.5, "updates": 1.0}, {"purges": 0.5}, {"removals": 0.5}], ids=str
)
def test_reading_to_a_watermark_loses_nothing_above_it(policy: str, movement: dict[str, Any]) -> None:
    """All that was created since then and is there throughout comes; sorted, the rest of the list is not asked for."""
    for seed in range(20):
        moving = MovingList(Shape("inserted", policy, length=400, **movement), seed)
        until = BEGIN + timedelta(hours=370)
        reader, received = read(moving, until)
        expected = {name for name, created_at in moving.lived_through.items() if created_at >= until}
        assert (len(expected) > 5, expected - received) == (True, set()), seed
        assert reader.is_whole == (policy != "honoured")
        if policy == "honoured":
            assert moving.requests <= 6


def test_a_list_that_moves_too_fast_is_named() -> None:
    """Where each sweep shows logs that the one before overlooked, it never settles, and the message says what to do."""
    moving = MovingList(Shape("random_id", "ignored", late=0.5), seed=1)
    with pytest.raises(NeverSettled, match="did not settle in 20 sweeps: run again when fewer exports are running"):
        read(moving)


def test_what_comes_on_top_meanwhile_is_read_too() -> None:
    """A sorted read that has come to the end looks at the beginning again, until it has as many as there are."""
    moving = MovingList(Shape(length=200), seed=1)

    def fetch(skip: int, limit: int, direction: Direction | None) -> Page:
        if moving.requests == 5:
            for _ in range(50):
                moving._insert()
        return moving.fetch(skip, limit, direction)

    reader = ListReader(fetch, PAGE_SIZE)
    assert {entry.name for page in reader.read() for entry in page} == {log.name for log in moving.logs}
    assert (reader.sort, reader.total, reader.is_whole) == (Sort.HONOURED, 250, True)


# -- what a read costs ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "requests", "sort"),
    [
        (Shape(length=0), 2, Sort.NOT_NEEDED),
        (Shape(length=1), 2, Sort.NOT_NEEDED),
        (Shape(length=20), 2, Sort.NOT_NEEDED),
        (Shape(length=20, sort="rejected"), 3, Sort.REJECTED),
        (Shape(length=400), 23, Sort.HONOURED),  # 21 pages that overlap by one; one more shows the end, one the order
        (Shape(length=400, cap=10), 47, Sort.HONOURED),
        (Shape("inserted", "ignored", length=400), 63, Sort.IGNORED),  # three sweeps of 21
        (Shape("inserted", "rejected", length=400), 64, Sort.REJECTED),
    ],
)
def test_a_whole_read_costs_no_more_than_it_has_to(shape: Shape, requests: int, sort: Sort) -> None:
    """A list that stands still is read with so many requests, and the reader knows what became of `$sort`."""
    moving = MovingList(shape, seed=3)
    reader, received = read(moving)
    assert received == set(reader.seen) == moving.lived_through.keys()
    assert (moving.requests, reader.sort, reader.total) == (requests, sort, shape.length)


# -- servers that do not keep to it --------------------------------------------------------------


def entries(count: int, first: int = 0) -> list[Entry]:
    """The newest first, an hour apart."""
    return [Entry(f"{n:04d}", BEGIN - n * timedelta(hours=1), True, None) for n in range(first, first + count)]


def test_a_server_that_ignores_skip_is_named() -> None:
    """A list that is cut at `$limit`, whatever `$skip` says, hides the rest for good."""
    reader = ListReader(lambda _skip, limit, _direction: Page(entries(60)[:limit], None), PAGE_SIZE)
    with pytest.raises(ProtocolError, match=r"ignores \$skip: only the first 20 items can be read"):
        list(reader.read())


def test_a_server_that_does_not_page_is_read_at_once() -> None:
    """A list that comes whole whatever is asked for needs no second look at each of its logs."""
    reader = ListReader(lambda _skip, _limit, _direction: Page(entries(60), None), PAGE_SIZE)
    assert len([entry for page in reader.read() for entry in page]) == 120
    assert (reader.is_whole, reader.sort, len(reader.seen)) == (True, Sort.NOT_NEEDED, 60)


@pytest.mark.parametrize("total", [None, 1_000])
def test_a_list_without_an_end_is_named(total: int | None) -> None:
    """Pages that only repeat are not asked for without end, whether the server tells a length or not."""
    requests = []

    def fetch(skip: int, limit: int, _direction: Direction | None) -> Page:
        requests.append(skip)
        return Page(entries(limit, skip % 100)[::-1], None if total is None else max(total, skip + 2 * limit))

    with pytest.raises(ProtocolError, match="the list does not end"):
        list(ListReader(fetch, PAGE_SIZE).read())
    assert len(requests) < 300


def test_a_list_that_grows_as_fast_as_it_is_read_is_named() -> None:
    """Without a `total`, new pages for ever end at a bound."""

    def fetch(skip: int, limit: int, _direction: Direction | None) -> Page:
        return Page(entries(1 if limit == 1 else limit, skip)[::-1], None)

    with pytest.raises(ProtocolError, match="the list does not end"):
        for _ in ListReader(fetch, 2).read():
            pass


def test_a_sort_that_stops_to_hold_is_noticed() -> None:
    """A list whose first and last pages look sorted, but not what is between, is swept instead."""
    items = entries(100)
    items[40:60] = items[59:39:-1]

    def fetch(skip: int, limit: int, direction: Direction | None) -> Page:
        turned = items[::-1] if direction is Direction.ASCENDING else items
        return Page(turned[skip : skip + limit], len(items))

    reader = ListReader(fetch, PAGE_SIZE)
    assert {entry.name for page in reader.read() for entry in page} == {entry.name for entry in items}
    assert (reader.sort, reader.is_whole) == (Sort.IGNORED, True)


def test_a_refusal_that_has_another_reason_is_passed_on() -> None:
    """400 without a `$sort` in the request is not about sorting."""

    def fetch(_skip: int, _limit: int, _direction: Direction | None) -> Page:
        raise BadRequest("no such organization")

    with pytest.raises(BadRequest, match="no such organization"):
        list(ListReader(fetch, PAGE_SIZE).read())


def test_unreadable_items_do_not_keep_a_list_from_settling() -> None:
    """Items that cannot be logs have a name too, by which a sweep knows them again."""
    items = [Entry(f"bad-{n}", None, False, n) for n in range(50)] + entries(50)
    reader = ListReader(lambda skip, limit, _: Page(items[skip : skip + limit], len(items)), PAGE_SIZE)
    assert {entry.name for page in reader.read() for entry in page} == {entry.name for entry in items}
    assert reader.is_whole
