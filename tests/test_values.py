"""Values become what a column can hold, or are refused; nothing that the API can send makes that fail."""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from didomi_source import values
from support.values_of_any_kind import JSON, TIMES

NOON = datetime(2026, 5, 31, 12, 0, tzinfo=timezone.utc)
INT64 = st.integers(-(2**63), 2**63 - 1)


# -- times ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-31T12:00:00Z", "2026-05-31T12:00:00.000Z", "2026-05-31t12:00:00z", "2026-05-31 12:00:00",
        "2026-05-31 12:00:00 UTC", "2026-05-31T12:00:00+00:00", "2026-05-31T14:00:00+02:00", "2026-05-31T14:00+0200",
        "2026-05-31T14+02", "2026-05-31T06:30:00-05:30", "20260531T120000Z", "2026-05-31T12:00:00,000000000Z",
        "  2026-05-31T12:00:00Z  ", "1780228800", "1780228800.0", "1780228800000",
        1780228800, 1780228800.0, 1780228800000, 1780228800000000, 1780228800000000000,
    ],
)  # fmt: skip
def test_a_time_is_read_in_every_form(text: str | float) -> None:
    """ISO 8601 with and without marks, fraction and zone; seconds, milli-, micro- and nanoseconds since 1970."""
    assert values.to_timestamp(text) == NOON


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-05-31", datetime(2026, 5, 31)),
        ("2026-05-31T12:00:00.5Z", datetime(2026, 5, 31, 12, 0, 0, 500_000)),
        ("2026-05-31T12:00:00.123456789Z", datetime(2026, 5, 31, 12, 0, 0, 123_456)),
        ("2024-02-29T23:59:59+23:59", datetime(2024, 2, 29, 0, 0, 59)),
    ],
)
def test_parts_of_a_time_are_kept(text: str, expected: datetime) -> None:
    """A day begins at midnight, a fraction is cut at microseconds."""
    assert values.to_timestamp(text) == expected.replace(tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "value",
    [
        None, True, "", "soon", "2026-13-01", "2026-02-30", "2026-05-31T25:00:00Z", "2026-05-31T12:60:00Z",
        "2026-05-31T12:00:00+99:99", "2026-05-31T12:00:00+24:00", "2026-05-31T12:00:00-01:60",
        "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1999-12-31T23:59:59Z", "2100-01-01T00:00:00Z",
        0, -1, 1e400, -1e400, math.nan, 10**30, "9" * 400, [], {}, ["2026-05-31"],
    ],
)  # fmt: skip
def test_what_is_no_time_is_none(value: object) -> None:
    """Nonsense, and times that no log can have."""
    assert values.to_timestamp(value) is None


@given(TIMES, st.integers(-14 * 60, 14 * 60))
def test_a_time_is_the_same_in_any_zone(when: datetime, minutes: int) -> None:
    """A zone says where a time was written down, not when it was."""
    there = timezone(timedelta(minutes=minutes))
    assert values.to_timestamp(when.astimezone(there).isoformat()) == when


@given(TIMES.filter(lambda when: when.year > 2000), st.sampled_from([1, 10**3, 10**6, 10**9]))
def test_a_time_is_the_same_in_any_unit(when: datetime, unit: int) -> None:
    """A number's size tells its unit."""
    second = when.replace(microsecond=0)
    number = int(second.timestamp()) * unit
    assert values.to_timestamp(number) == values.to_timestamp(str(number)) == second


# -- numbers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (432234, 432234), (432234.0, 432234), ("432234", 432234), (" 432234 ", 432234), ("432234.0", 432234),
        ("432234.", 432234), ("+5", 5), ("-5", -5), (-0.0, 0), ("0" * 19 + "7", 7),
        (2**63 - 1, 2**63 - 1), (-(2**63), -(2**63)), (str(2**63 - 1), 2**63 - 1),
        (2**63, None), (str(2**63), None), ("9" * 5000, None), (1e300, None), (math.inf, None), (math.nan, None),
        (1.5, None), ("1.5", None), ("1e3", None), ("1,000", None), ("", None), ("x", None), ("٣x", None),
        (True, None), (None, None), ([1], None), ({}, None),
    ],
)  # fmt: skip
def test_a_count_is_a_whole_number_or_nothing(value: object, expected: int | None) -> None:
    """What is a whole number in another dress is taken; nothing is rounded or cut."""
    assert values.to_integer(value) == expected


@given(INT64)
def test_a_whole_number_keeps_its_value(number: int) -> None:
    """As a number and as a text, up to 64 bits."""
    assert values.to_integer(number) == values.to_integer(str(number)) == number


@given(st.floats())
def test_a_float_is_taken_only_where_it_is_whole(number: float) -> None:
    """Never the next best integer."""
    whole = values.to_integer(number)
    assert whole is None or whole == number


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1, 1.0), (0.5, 0.5), ("0.5", 0.5), ("1e3", 1000.0), (10**400, None), ("nan", None), (math.inf, None), (True, None),
     ("", None), ([], None)],
)  # fmt: skip
def test_a_measure_is_finite(value: object, expected: float | None) -> None:
    """Infinity and NaN are in no warehouse's JSON, nor in every column."""
    assert values.to_float(value) == expected


# -- JSON ----------------------------------------------------------------------------------------


@given(JSON)
def test_any_value_can_be_tried_as_anything(value: Any) -> None:
    """No value of JSON makes a conversion fail."""
    for convert in (values.to_timestamp, values.to_integer, values.to_float):
        convert(value)
    assert isinstance(values.to_text(value), str)


@given(JSON)
@example("\ud800")
@example({"\x00": 0})
@example([2**63])
@example(-(2**64))
@example("\uf02f")
def test_what_is_loadable_loads_everywhere(value: Any) -> None:
    """No NUL, no lone surrogate, no mark of dlt's, no number beyond 64 bits; what was sound is untouched."""
    made, replaced = values.loadable(value, values.canonical(value))
    assert not list(troubles(made))
    assert replaced == bool(list(troubles(value)))
    if not replaced:
        assert made is value or made == value
    assert values.loadable(made, values.canonical(made)) == (made, False)
    values.canonical(made).encode()


def troubles(value: Any) -> Any:
    """What some warehouse refuses, worked out the long way."""
    if isinstance(value, str):
        yield from (c for c in value if c == "\x00" or "\ud800" <= c <= "\udfff" or "\uf026" <= c <= "\uf02f")
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from troubles(key)
            yield from troubles(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from troubles(inner)
    elif isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        yield value


@pytest.mark.parametrize("make", [lambda inner: [inner], lambda inner: {"a": inner}], ids=["lists", "objects"])
def test_what_is_nested_too_deep_becomes_text(make: Any) -> None:
    """BigQuery takes 500 levels, DuckDB's reader fewer; a hundred are kept."""
    value: Any = "core"
    for _ in range(150):
        value = make(value)
    made, replaced = values.loadable(value, values.canonical(value))
    depth = 0
    while not isinstance(made, str):
        made = next(iter(made.values() if isinstance(made, dict) else made))
        depth += 1
    assert (replaced, depth) == (True, 100)
    inner = json.loads(made)
    assert values.canonical(inner).count("core") == 1


# Each with how many levels it has beside its place.
SHAPES = {'{"a":%s}': 0, "[%s]": 0, '["[",%s]': 0, '{"}":[],"b":%s,"c":"]"}': 1, "[{},%s,[[]]]": 2}


@given(st.text(), st.sampled_from([*SHAPES]), st.integers(0, 1200))
@example('\\"[', '["[",%s]', 300)
@example("", '{"}":[],"b":%s,"c":"]"}', 200)
@example("", "[%s]", 200)
@example("", "[%s]", 201)
def test_no_depth_is_too_much_to_parse(core: str, shape: str, depth: int) -> None:
    """Up to 200 levels JSON stays as it is; deeper down a text stands for it that still holds it all."""
    before, after = shape.split("%s")
    text = before * depth + json.dumps(core) + after * depth
    flat = values.flattened(text.encode()).decode()
    if depth + SHAPES[shape] <= 200:
        assert flat == text
    if depth > 200:
        cut = before * (depth - 200) + json.dumps(core) + after * (depth - 200)
        assert json.dumps(cut) in flat
    assert values.canonical(json.loads(flat))
    for rest in {1, len(after) * depth // 2, len(after) * depth} - {0}:
        with pytest.raises(json.JSONDecodeError):  # what breaks off is no JSON, however deep
            json.loads(values.flattened(text[:-rest].encode()))


@given(st.dictionaries(st.text(max_size=5), st.integers(), max_size=6), st.randoms())
def test_the_order_of_keys_says_nothing(value: dict[str, int], random: Any) -> None:
    """The same log with its keys in another order is the same log."""
    shuffled = list(value.items())
    random.shuffle(shuffled)
    assert values.canonical(dict(shuffled)) == values.canonical(value)
    assert json.loads(values.canonical(value)) == value


def test_a_digest_tells_its_parts_apart() -> None:
    """Where one part ends and the next begins is in it."""
    assert values.digest("ab", "c") != values.digest("a", "bc")
    assert len(values.digest("a")) == 32
