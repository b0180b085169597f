"""A page is taken only where its envelope can be true."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from didomi_source.api.answers import parse_envelope
from didomi_source.errors import ProtocolError
from support.values_of_any_kind import JSON


@pytest.mark.parametrize(
    ("answer", "skip", "expected"),
    [
        ({"total": 3, "limit": 2, "skip": 0, "data": [1, 2]}, 0, ([1, 2], 3)),
        ({"total": 3, "limit": 2, "skip": 2, "data": [3]}, 2, ([3], 3)),
        ({"total": 3, "skip": 4, "data": []}, 4, ([], 3)),
        ({"total": 0, "data": []}, 0, ([], 0)),
        ({"data": []}, 0, ([], None)),
        ({"data": [None]}, 50, ([None], None)),
        ({"total": None, "skip": None, "data": [1]}, 0, ([1], None)),
        ({"total": 1, "data": [1, 2, 3]}, 0, ([1, 2, 3], None)),  # its own page contradicts it
        ({"total": 3, "data": [3]}, 3, ([3], None)),
        ({"data": [1], "next": "x"}, 0, ([1], None)),  # properties are only ever added
    ],
)
def test_a_sound_page_is_taken(answer: Any, skip: int, expected: Any) -> None:
    """The items, and the length of the list where it is said and can be true."""
    assert parse_envelope(answer, skip) == expected


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, 'expected an object with a list "data", got null'),
        ([], 'expected an object with a list "data", got a list'),
        ("x", 'expected an object with a list "data", got a text'),
        (1.5, 'expected an object with a list "data", got a number'),
        (True, 'expected an object with a list "data", got a boolean'),
        ({}, 'expected a list "data", got none'),
        ({"data": None}, 'expected a list "data", got null'),
        ({"data": {}}, 'expected a list "data", got an object'),
        ({"data": [], "total": -1}, 'expected "total" to be a number of 0 or more, got -1'),
        ({"data": [], "total": True}, 'expected "total" to be a number of 0 or more, got True'),
        ({"data": [], "total": "7"}, "expected \"total\" to be a number of 0 or more, got '7'"),
        ({"data": [], "skip": 1.0}, 'expected "skip" to be a number of 0 or more, got 1.0'),
        ({"data": [], "skip": 99}, "asked for the page at 10, got the page at 99"),
        ({"data": [], "total": 11}, "the page at 10 is empty, though the list is said to hold 11"),
    ],
)
def test_a_page_that_cannot_be_true_is_refused(answer: Any, message: str) -> None:
    """What was expected, and what came instead."""
    with pytest.raises(ProtocolError, match=f"^{re.escape(message)}$"):
        parse_envelope(answer, 10)


@given(JSON | st.fixed_dictionaries({"data": JSON}, optional={"total": JSON, "skip": JSON}), st.integers(0, 500))
def test_any_answer_is_taken_or_refused(answer: Any, skip: int) -> None:
    """There is no third way, however strange the JSON; and a message stays short."""
    try:
        items, total = parse_envelope(answer, skip)
    except ProtocolError as error:
        assert len(str(error)) < 150
    else:
        assert items is answer["data"]
        assert total is None or total >= skip + len(items) or not items
