"""Each switch for what the documentation leaves open."""

from __future__ import annotations

import itertools
import time
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import pytest

from didomi_sandbox import ORDERS, Behaviour, Store, plain_store
from didomi_sandbox.behaviour import CHOICES

if TYPE_CHECKING:
    from didomi_sandbox import Sandbox
    from tests.sandbox.conftest import Api

ALL = list(range(25))
NEWEST_FIRST = ALL[::-1]
DESC = {"$sort[created_at]": -1}


def switch(sandbox: Sandbox, **switches: Any) -> None:
    sandbox.behaviour = replace(sandbox.behaviour, **switches)


@pytest.mark.parametrize("name", sorted(CHOICES))
def test_switch_takes_its_own_words_alone(name: str) -> None:
    assert [getattr(Behaviour(**{name: word}), name) for word in CHOICES[name]] == list(CHOICES[name])
    with pytest.raises(ValueError, match=f"{name} is one of {CHOICES[name][0]}, .*not 'honored'"):
        Behaviour(**{name: "honored"})


def test_every_switch_of_words_is_checked() -> None:
    words = {field.name for field in fields(Behaviour) if isinstance(field.default, str)}
    assert words == CHOICES.keys()


@pytest.mark.parametrize(
    ("sort", "expected"), [("honoured", NEWEST_FIRST), ("first_field", NEWEST_FIRST), ("ignored", ALL)]
)
def test_sort_is_honoured_or_ignored(sandbox: Sandbox, api: Api, sort: str, expected: list[int]) -> None:
    switch(sandbox, sort=sort)
    assert api.sweep(**DESC) == expected


def test_sort_by_the_first_field_leaves_ties_as_they_are(sandbox: Sandbox, api: Api) -> None:
    sandbox.store = plain_store(25, distinct_times=False)
    switch(sandbox, sort="first_field")
    assert api.sweep(**DESC, **{"$sort[id]": -1}) == ALL
    switch(sandbox, sort="honoured")
    assert api.sweep(**DESC, **{"$sort[id]": -1}) == NEWEST_FIRST


@pytest.mark.parametrize(
    ("sort", "status", "message"),
    [
        ("rejected", 400, "Invalid query parameter $sort"),
        ("unprocessable", 422, 'column "created_at" does not exist'),
        ("crashes", 500, "no such column: created_at"),
    ],
)
def test_sort_is_rejected(sandbox: Sandbox, api: Api, sort: str, status: int, message: str) -> None:
    switch(sandbox, sort=sort)
    response = api.logs(DESC)
    assert (response.status_code, response.json()["message"]) == (status, message)
    assert api.sweep() == ALL


def test_sort_overrules_every_order(sandbox: Sandbox, api: Api) -> None:
    for order in ORDERS:
        switch(sandbox, order=order)
        assert api.sweep(**DESC) == NEWEST_FIRST, order


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("inserted", ["a", "b", "c", "d"]),
        ("inserted_desc", ["d", "c", "b", "a"]),
        ("created", ["d", "b", "a", "c"]),
        ("created_desc", ["c", "a", "b", "d"]),
        ("updated", ["d", "a", "c", "b"]),
        ("updated_desc", ["b", "c", "a", "d"]),
    ],
)
def test_order_without_a_sort(sandbox: Sandbox, api: Api, order: str, expected: list[str]) -> None:
    sandbox.store = Store()
    for log_id, created in (("a", 3), ("b", 2), ("c", 4), ("d", 1)):
        sandbox.store.add_log("export-1", id=log_id, created_at=f"2026-03-0{created}T00:00:00.000Z")
    sandbox.store.settle("b")
    switch(sandbox, order=order)
    data = [api.logs({"$limit": 2, "$skip": skip}).json()["data"] for skip in (0, 2)]
    assert [log["id"] for page in data for log in page] == expected


@pytest.mark.parametrize("order", sorted({*ORDERS} - {"heap", "rotated", "ties"}))
def test_order_that_stands_still_gives_each_log_once(sandbox: Sandbox, api: Api, order: str) -> None:
    switch(sandbox, order=order)
    assert sorted(api.sweep(7)) == ALL
    assert api.sweep(7) == api.sweep(7)


@pytest.mark.parametrize("order", ["random_id", "page_only", "shards"])
def test_order_is_not_that_of_creation(sandbox: Sandbox, api: Api, order: str) -> None:
    switch(sandbox, order=order)
    assert api.sweep(7) not in (ALL, NEWEST_FIRST)


@pytest.mark.parametrize("order", ["heap", "rotated"])
def test_order_that_is_new_each_time_loses_logs_between_pages(sandbox: Sandbox, api: Api, order: str) -> None:
    switch(sandbox, order=order)
    first, second = api.sweep(7), api.sweep(7)
    assert len(first) == len(second) == 25
    assert first != second
    assert set(first) != set(ALL)


def test_heap_gives_each_log_once_within_a_page(sandbox: Sandbox, api: Api) -> None:
    switch(sandbox, order="heap")
    assert sorted(api.numbers({"$limit": 25})) == ALL


def test_rotated_is_the_insertion_order_from_somewhere_else(sandbox: Sandbox, api: Api) -> None:
    switch(sandbox, order="rotated")
    page = api.numbers({"$limit": 25})
    start = page[0]
    assert page == ALL[start:] + ALL[:start]


def test_page_only_looks_sorted_within_each_page(sandbox: Sandbox, api: Api) -> None:
    switch(sandbox, order="page_only", sort="ignored")
    pages = [api.numbers({"$limit": 7, "$skip": skip}) for skip in range(0, 25, 7)]
    assert all(page == sorted(page) for page in pages)
    assert sorted(itertools.chain(*pages)) == ALL != list(itertools.chain(*pages))
    descending = [api.numbers({"$limit": 7, "$skip": skip, **DESC}) for skip in range(0, 25, 7)]
    assert descending == [page[::-1] for page in pages]


def test_shards_are_two_ascending_runs(sandbox: Sandbox, api: Api) -> None:
    switch(sandbox, order="shards")
    numbers = api.sweep()
    assert sum(left > right for left, right in itertools.pairwise(numbers)) == 1


@pytest.mark.parametrize("params", [{}, {"$sort[created_at]": 1}], ids=["no sort", "sort"])
def test_shuffled_ties_stay_in_their_group_and_move_within(sandbox: Sandbox, api: Api, params: dict[str, Any]) -> None:
    sandbox.store = plain_store(100, distinct_times=False)
    switch(sandbox, order="created", ties="shuffled")
    pages = [[api.numbers({"$limit": 50, "$skip": skip, **params}) for skip in (0, 50)] for _ in range(2)]
    assert [[sorted(page) for page in sweep] for sweep in pages] == [[[*range(50)], [*range(50, 100)]]] * 2
    assert pages[0] != pages[1]
    assert set(api.sweep(20, **params)) != set(range(100))


def test_shuffled_ties_are_still_sorted_by_a_second_field(sandbox: Sandbox, api: Api) -> None:
    sandbox.store = plain_store(25, distinct_times=False)
    switch(sandbox, ties="shuffled")
    assert api.sweep(**{"$sort[created_at]": 1, "$sort[id]": -1}) == NEWEST_FIRST


def test_ties_order_is_by_day_and_shuffled_within(sandbox: Sandbox, api: Api) -> None:
    sandbox.store = plain_store(48, step=3600, until=1_760_054_400 - 1)
    switch(sandbox, order="ties")
    first, second = api.numbers({"$limit": 24}), api.numbers({"$limit": 24})
    assert sorted(first) == sorted(second) == [*range(24)]
    assert first != second


@pytest.mark.parametrize(
    ("envelope", "fields"), [("full", ["total", "limit", "skip", "data"]), ("data_alone", ["data"])]
)
def test_envelope_has_all_fields_or_data_alone(sandbox: Sandbox, api: Api, envelope: str, fields: list[str]) -> None:
    switch(sandbox, envelope=envelope)
    page = api.logs({"$limit": 2, "$skip": 1}).json()
    assert list(page) == fields
    assert [log["id"] for log in page["data"]] == ["log-000001", "log-000002"]


def test_unpaged_envelope_sends_all_whatever_is_asked(sandbox: Sandbox, api: Api) -> None:
    switch(sandbox, envelope="data_alone_unpaged", page_cap=7)
    for params in ({}, {"$limit": 2}, {"$limit": 2, "$skip": 24}, {"$skip": 100}):
        assert api.numbers(params) == ALL


@pytest.mark.parametrize(
    ("timestamps", "hidden"),
    [("present", set()), ("created_only", {"updated_at"}), ("absent", {"created_at", "updated_at"})],
)
def test_timestamps_are_there_or_not(sandbox: Sandbox, api: Api, timestamps: str, hidden: set[str]) -> None:
    switch(sandbox, timestamps=timestamps)
    expected = {key: value for key, value in sandbox.store.log("log-000000").items() if key not in hidden}
    assert api.logs({"$limit": 1}).json()["data"] == [expected]
    assert "created_at" in api.get("/marketplace/integrations").json()["data"][0]


def test_absent_timestamps_sort_and_match_nothing(sandbox: Sandbox, api: Api) -> None:
    switch(sandbox, timestamps="absent")
    assert api.sweep(**DESC) == ALL
    assert api.logs({"created_at": sandbox.store.log("log-000000")["created_at"]}).json()["total"] == 0


@pytest.mark.parametrize(("cap", "length"), [(7, 7), (1, 1), (100, 25), (None, 25)])
def test_page_is_no_longer_than_the_cap(sandbox: Sandbox, api: Api, cap: int | None, length: int) -> None:
    switch(sandbox, page_cap=cap)
    page = api.logs({"$limit": 500}).json()
    assert (len(page["data"]), page["limit"], page["total"]) == (length, cap or 500, 25)


def test_limit_is_echoed_as_it_was_asked(sandbox: Sandbox, api: Api) -> None:
    switch(sandbox, page_cap=7, echoed_limit="asked")
    assert api.logs({"$limit": 100}).json()["limit"] == 100
    assert api.logs().json()["limit"] == 7


@pytest.mark.parametrize(("policy", "with_id"), [("honoured", 1), ("ignored", 26)])
def test_export_filter(sandbox: Sandbox, api: Api, policy: str, with_id: int) -> None:
    sandbox.store.add_log("export-2")
    switch(sandbox, export_filter=policy)
    assert api.logs({"export_id": "export-2"}).json()["total"] == with_id
    assert api.logs({"export_id": None}).json()["total"] == 26


@pytest.mark.parametrize(("access", "status"), [("allowed", 200), ("forbidden", 403), ("missing", 404)])
def test_access_to_integrations(sandbox: Sandbox, api: Api, access: str, status: int) -> None:
    switch(sandbox, integrations=access)
    assert api.get("/marketplace/integrations").status_code == status


@pytest.mark.parametrize(("field", "status"), [("forbidden_exports", 403), ("missing_exports", 404)])
def test_closed_exports_are_refused_and_in_no_other_list(sandbox: Sandbox, api: Api, field: str, status: int) -> None:
    sandbox.store.add_log("export-2", id="log-x")
    switch(sandbox, **{field: frozenset({"export-2"})})
    assert api.logs({"export_id": "export-2"}).status_code == status
    assert api.logs().status_code == 200
    assert api.logs({"export_id": None, "id": "log-x"}).json()["total"] == 0


def test_latency_comes_before_each_answer(sandbox: Sandbox, api: Api) -> None:
    switch(sandbox, latency=0.05)
    begun = time.monotonic()
    assert api.logs().status_code == 200
    assert time.monotonic() - begun >= 0.05


@pytest.mark.parametrize(("accepted", "encoding"), [("gzip", "gzip"), ("identity", None)])
def test_answers_are_compressed_for_those_who_accept_it(
    sandbox: Sandbox, api: Api, accepted: str, encoding: str | None
) -> None:
    response = api.logs(headers={"Accept-Encoding": accepted})
    assert response.headers.get("Content-Encoding") == encoding
    assert response.json()["data"] == sandbox.store.logs()[:10]


def test_list_moves_while_it_is_read(sandbox: Sandbox, api: Api) -> None:
    """An oldest log that expires before the second page makes offset paging miss one."""
    seen: list[int] = []

    def expire(store: Store, number: int) -> None:
        seen.append(number)
        if number == 2:
            store.purge(["log-000000"])

    switch(sandbox, on_request=expire)
    sandbox.reset()
    first, second = api.numbers({"$limit": 10}), api.numbers({"$limit": 10, "$skip": 10})
    assert seen == [1, 2]
    assert (first, second) == (ALL[:10], ALL[11:21])


def test_list_can_be_changed_from_another_thread_between_pages(sandbox: Sandbox, api: Api) -> None:
    assert api.logs({"$limit": 0}).json()["total"] == 25
    sandbox.store.add_log("export-1", id="log-000025")
    assert api.numbers({"$sort[created_at]": -1, "$limit": 1}) == [25]
