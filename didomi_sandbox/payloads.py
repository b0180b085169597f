"""Logs with odd contents, as functions from a log to the value that is sent in its place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .encoding import RawJson, encode
from .faults import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from .answers import Answer
    from .faults import Scene
    from .store import Record

    Change = Callable[[Record], object]

_WEIRD_TEXT = {
    "nul": "before\x00after",
    "lone_surrogate": "before\ud83dafter",
    "escape_codes": "\x1b[2J\x1b[31mred\x1b[0m\x07",
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "sql": "'; drop table export_logs; --",
    "formula": '=HYPERLINK("http://elsewhere.invalid","x")',
    "right_to_left": "\u202egnp.exe",
    "newlines": "one\r\ntwo\u2028three\n",
    "megabyte": "E" * (1 << 20),
    "emoji": "déjà 👩‍👩‍👧 vu",
    "blank": "   ",
    "empty": "",
}
_OTHER_TYPES: dict[str, Any] = {
    "null": None,
    "number": 42,
    "float": 4.5,
    "true": True,
    "text": "text",
    "list": ["a", {"b": 1}],
    "object": {"a": {"b": [1]}},
}
_NUMBERS: dict[str, Any] = {
    "int64_max": 2**63 - 1,
    "int64_over": 2**63,
    "uint64_over": 2**64,
    "int64_under": -(2**63) - 1,
    "huge_integer": 10**400,
    "exponent": RawJson("1e3"),
    "overflow": RawJson("1e999"),
    "precise": RawJson("432234.000000000000000001"),
    "whole_float": 432234.0,
    "half": 0.5,
    "negative": -7,
    "minus_zero": RawJson("-0"),
    "nan": RawJson("NaN"),
    "infinity": RawJson("Infinity"),
    "minus_infinity": RawJson("-Infinity"),
    "digits": "432234",
    "digits_with_comma": "432,234",
    "word": "many",
}
_TIMES: dict[str, Any] = {
    "no_fraction": "2026-03-01T04:12:07Z",
    "microseconds": "2026-03-01T04:12:07.123456Z",
    "nanoseconds": "2026-03-01T04:12:07.123456789Z",
    "comma_fraction": "2026-03-01T04:12:07,5Z",
    "zero_offset": "2026-03-01T04:12:07+00:00",
    "offset": "2026-03-01T06:12:07+02:00",
    "offset_no_colon": "2026-03-01T06:12:07+0200",
    "offset_hours": "2026-03-01T06:12:07+02",
    "offset_half_hour": "2026-02-28T22:42:07-05:30",
    "no_zone": "2026-03-01T04:12:07",
    "no_seconds": "2026-03-01T04:12Z",
    "blank": "2026-03-01 04:12:07",
    "lower_case": "2026-03-01t04:12:07z",
    "basic": "20260301T041207Z",
    "date_only": "2026-03-01",
    "week_date": "2026-W09-7T04:12:07Z",
    "ordinal_date": "2026-060T04:12:07Z",
    "leap_second": "2016-12-31T23:59:60Z",
    "hour_24": "2026-03-01T24:00:00Z",
    "http_date": "Sun, 01 Mar 2026 04:12:07 GMT",
    "american": "03/01/2026 4:12 AM",
    "epoch_seconds": 1_772_338_327,
    "epoch_milliseconds": 1_772_338_327_123,
    "epoch_float": 1_772_338_327.5,
    "epoch_text": "1772338327",
    "epoch_zero": 0,
    "year_1": "0001-01-01T00:00:00Z",
    "year_9999": "9999-12-31T23:59:59.999Z",
    "year_10000": "+010000-01-01T00:00:00Z",
    "impossible": "2026-02-30T04:12:07Z",
    "garbage": "yesterday",
    "padded": " 2026-03-01T04:12:07Z ",
}
_STATUSES = {
    "capitalized": "Completed",
    "upper_case": "FAILED",
    "mixed_case": "peNDing",
    "padded": " completed ",
    "synonym": "success",
    "british": "cancelled",
    "running": "running",
    "unknown": "quarantined_by_moon",
}
_FREQUENCIES: dict[str, Any] = {
    "number": 1,
    "hours": "24 hours",
    "week": "1 week",
    "month": "1 month",
    "days": "7 days",
    "word": "daily",
    "cron": "0 4 * * *",
    "zero": 0,
    "garbage": "whenever",
}
_FIELDS = {
    "dlt_id": "_dlt_id",
    "dlt_load_id": "_dlt_load_id",
    "dlt_parent_id": "_dlt_parent_id",
    "flattened": "metrics__users",
    "quote": 'a"b',
    "dot": "a.b",
    "dollar": "$where",
    "prototype": "__proto__",
    "empty": "",
    "blank": " ",
    "unicode": "größe",
    "nul": "a\x00b",
    "long": "x" * 300,
    "keyword": "select",
    "id_upper_case": "ID",
    "id_padded": "id ",
}


def _field(name: str, value: object) -> Change:
    return lambda log: {**log, name: value}


def _inside(outer: str, name: str, value: object) -> Change:
    """Set a field of a nested object, and keep its other fields."""

    def change(log: Record) -> object:
        held = log.get(outer)
        return {**log, outer: {**(held if isinstance(held, dict) else {}), name: value}}

    return change


def _without(name: str) -> Change:
    return lambda log: {key: value for key, value in log.items() if key != name}


def _deep(levels: int) -> RawJson:
    return RawJson('{"a":' * levels + "1" + "}" * levels)


def _of_many(changes: dict[str, Any], prefix: str, make: Callable[[Any], Change]) -> dict[str, Change]:
    return {f"{prefix}_{name}": make(value) for name, value in changes.items()}


def _types_of(field: str, good: tuple[str, ...]) -> dict[str, Change]:
    """A change for each JSON type that a field is not meant to have, and one that removes the field."""
    odd = {name: value for name, value in _OTHER_TYPES.items() if name not in good}
    return {**_of_many(odd, field, lambda value: _field(field, value)), f"{field}_missing": _without(field)}


def _twice(field: str, first: object) -> Change:
    """A field twice in one object, which JSON allows and parsers resolve differently."""
    return lambda log: RawJson(f"{encode({field: first}).decode()[:-1]},{encode(log).decode()[1:]}")


PAYLOADS: dict[str, Change] = {
    **_of_many(_OTHER_TYPES, "item", lambda value: lambda _: value),
    "item_empty": lambda _: {},
    **_types_of("id", ("text",)),
    **_of_many({k: v for k, v in _WEIRD_TEXT.items() if k != "megabyte"}, "id", lambda value: _field("id", value)),
    "id_huge_integer": _field("id", 2**64),
    "id_twice": _twice("id", "another"),
    **_types_of("export_id", ("text",)),
    "export_id_foreign": _field("export_id", "of-somebody-else"),
    **_types_of("organization_id", ("text",)),
    "organization_id_foreign": _field("organization_id", "of-somebody-else"),
    **_types_of("status", ("text",)),
    **_of_many(_STATUSES, "status", lambda value: _field("status", value)),
    "status_empty": _field("status", ""),
    **_types_of("metrics", ("object",)),
    "metrics_empty": _field("metrics", {}),
    "metrics_json_text": lambda log: {**log, "metrics": json.dumps(log.get("metrics"))},
    "metrics_3000_keys": _field("metrics", {f"metric_{n}": n for n in range(3000)}),
    "metrics_deep": _field("metrics", _deep(900)),
    "metrics_deeper": _field("metrics", _deep(2000)),
    "metrics_nested": _inside("metrics", "by_country", {"FR": {"users": 1}, "DE": {"users": 2}}),
    "metrics_list_inside": _inside("metrics", "files", [{"name": "a"}, {"name": "b"}]),
    "metrics_more": _inside("metrics", "events", 12),
    "metrics_clashing": lambda log: {**log, "metrics": {"users": 1, "a b": 1, "A B": 2, "a_b": 3, "aB": 4}},
    **_of_many({**_NUMBERS, **_OTHER_TYPES}, "users", lambda value: _inside("metrics", "users", value)),
    **_types_of("config", ("object",)),
    "config_empty": _field("config", {}),
    **_of_many(
        {**_FREQUENCIES, "null": None, "list": [1], "object": {}},
        "frequency",
        lambda v: _inside("config", "frequency", v),
    ),
    **_types_of("result", ("text", "null")),
    **_of_many(_WEIRD_TEXT, "result", lambda value: _field("result", value)),
    "result_not_utf8": _field("result", RawJson('"before\udcffafter"')),
    **_types_of("created_at", ("text", "number", "float")),
    **_of_many(_TIMES, "created_at", lambda value: _field("created_at", value)),
    **_types_of("updated_at", ("text", "number", "float")),
    **_of_many(_TIMES, "updated_at", lambda value: _field("updated_at", value)),
    "updated_before_created": _field("updated_at", "2001-01-01T00:00:00.000Z"),
    "created_in_future": _field("created_at", "2099-01-01T00:00:00.000Z"),
    **_of_many(_FIELDS, "field", lambda name: _field(name, "odd")),
    "field_500_more": lambda log: {**log, **{f"field_{n}": n for n in range(500)}},
    "field_clashing": lambda log: {**log, "a b": 1, "A B": 2},
    "field_changing_type": lambda log: {**log, "extra": 1 if len(str(log.get("id"))) % 2 else {"a": 1}},
    "documented_sample": lambda log: {**log, "status": "completed", "result": "Job failed."},
    "failed_with_users": lambda log: {**log, "status": "failed", "metrics": {"users": 5}, "result": "Job failed."},
}
"""The changes of one log, by name. A result that is a dict can also be put into a store."""


def _id_of(item: bytes) -> object:
    """The id of an item, None if it has none."""
    try:
        log = json.loads(item)
    except (ValueError, RecursionError):
        return None
    return log.get("id") if isinstance(log, dict) else None


def mutate_log(change: str | Change, *, log_id: object = None, at: int = 0) -> Kind:
    """One log of a page, changed.

    Args:
        change: The name of a payload, or a function from the log to any value.
        log_id: The id of the log, on any page; the log at position `at` unless given.
        at: The position on the page, from 0; a shorter page is not changed.
    """
    become = PAYLOADS[change] if isinstance(change, str) else change
    name = f"log_{change}" if isinstance(change, str) else "log_mutated"

    def play(_: Scene, answer: Answer) -> Answer:
        items = answer.items or []
        for place, item in enumerate(items):
            if place == at if log_id is None else _id_of(item) == log_id:
                items[place] = encode(become(json.loads(item)))
        return answer

    return Kind(name, play)


def _duplicated(name: str, **changes: object) -> Kind:
    """The first log of a page again at its end, with these changes."""

    def play(_: Scene, answer: Answer) -> Answer:
        if answer.items:
            answer.items.append(encode({**json.loads(answer.items[0]), **changes}))
        return answer

    return Kind(name, play)


PAYLOAD_KINDS = (
    *(mutate_log(name) for name in PAYLOADS),
    _duplicated("duplicate_log"),
    _duplicated("conflicting_log", status="failed", result="the other one"),
)
"""A kind `log_…` for each payload, applied to the first log of a page, and two kinds for logs that are sent twice."""
