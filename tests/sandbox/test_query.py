"""Filters, sorting and paging, as FeathersJS reads them from a query string."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from didomi_sandbox import Store
from didomi_sandbox.query import parse

if TYPE_CHECKING:
    from didomi_sandbox import Sandbox
    from tests.sandbox.conftest import Api


@pytest.fixture(autouse=True)
def _four_logs(sandbox: Sandbox) -> None:
    store = Store()
    for number, (status, users, created) in enumerate(
        [
            ("completed", 5, "2026-03-01T00:00:00.000Z"),
            ("failed", 50, "2026-03-02T00:00:00.000Z"),
            ("completed", 500, "2026-03-02T00:00:00.000Z"),
            ("pending", None, "2026-03-03T00:00:00.500Z"),
        ]
    ):
        store.add_log(
            "export-1", id=f"log-{number}", status=status, records=users, created_at=created, is_last=number == 3
        )
    store.add_log("export-2", id="log-9", created_at="2026-03-09T00:00:00.000Z")
    sandbox.store = store


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, [0, 1, 2, 3]),
        ({"status": "completed"}, [0, 2]),
        ({"status": "completed", "id": "log-2"}, [2]),
        ({"status": "Completed"}, []),
        ({"records": "50"}, [1]),
        ({"is_last": "true"}, [3]),
        ({"unknown": "x"}, []),
        ({"status": ["completed", "failed"]}, [1]),
    ],
    ids=str,
)
def test_filter_keeps_the_logs_that_match(api: Api, params: dict[str, Any], expected: list[int]) -> None:
    page = api.logs(params).json()
    assert page["total"] == len(expected)
    assert [log["id"] for log in page["data"]] == [f"log-{number}" for number in expected]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"$sort[created_at]": 1}, [0, 1, 2, 3]),
        ({"$sort[created_at]": -1}, [3, 1, 2, 0]),
        ({"$sort[created_at]": -1, "$sort[id]": -1}, [3, 2, 1, 0]),
        ({"$sort[status]": 1, "$sort[id]": -1}, [2, 0, 1, 3]),
        ({"$sort[records]": 1}, [3, 0, 1, 2]),
        ({"$sort[records]": -1}, [2, 1, 0, 3]),
        ({"$sort[unknown]": -1}, [0, 1, 2, 3]),
        ({"$sort": "created_at"}, [0, 1, 2, 3]),
    ],
    ids=str,
)
def test_sort_orders_by_each_field_in_turn(api: Api, params: dict[str, Any], expected: list[int]) -> None:
    assert [log["id"] for log in api.logs(params).json()["data"]] == [f"log-{number}" for number in expected]


@pytest.mark.parametrize(
    ("params", "limit", "skip", "expected"),
    [
        ({"$limit": 2}, 2, 0, [0, 1]),
        ({"$limit": 2, "$skip": 3}, 2, 3, [3]),
        ({"$limit": 0}, 0, 0, []),
        ({"$skip": 4}, 10, 4, []),
        ({"$skip": 1000}, 10, 1000, []),
        ({"$limit": "two"}, 10, 0, [0, 1, 2, 3]),
        ({"$skip": "two"}, 10, 0, [0, 1, 2, 3]),
        ({"$limit": -2}, 2, 0, [0, 1]),
        ({"$limit": "3.7"}, 3, 0, [0, 1, 2]),
        ({"$limit": 1000}, 100, 0, [0, 1, 2, 3]),
    ],
    ids=str,
)
def test_page_is_cut_and_echoed(api: Api, params: dict[str, Any], limit: int, skip: int, expected: list[int]) -> None:
    page = api.logs(params).json()
    assert (page["total"], page["limit"], page["skip"]) == (4, limit, skip)
    assert [log["id"] for log in page["data"]] == [f"log-{number}" for number in expected]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"status[$like]": "c"}, "Invalid query parameter $like"),
        ({"created_at[$gte]": "2026-03-01"}, "Invalid query parameter $gte"),
        ({"$or[0][status]": "c"}, "Invalid query parameter $or"),
        ({"status[like]": "c"}, "Invalid query parameter status[like]"),
        ({"$search": "c"}, "Invalid query parameter $search"),
    ],
    ids=str,
)
def test_query_that_means_nothing_answers_400(api: Api, params: dict[str, Any], message: str) -> None:
    response = api.logs(params)
    assert (response.status_code, response.json()["message"]) == (400, message)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a=1&b=2", {"a": "1", "b": "2"}),
        ("a=1&a=2", {"a": "2"}),
        ("a%20b=2026-03-01T00%3A00%3A00%2B00%3A00", {"a b": "2026-03-01T00:00:00+00:00"}),
        ("a=", {"a": ""}),
        ("", {}),
    ],
)
def test_fields_are_read_as_text(text: str, where: dict[str, Any]) -> None:
    assert parse(text).where == where
