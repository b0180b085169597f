"""What becomes of each payload of the sandbox: the columns that differ from those of a good log, or why it is set aside."""

from __future__ import annotations

from typing import Any, NamedTuple

from support.warehouse import utc

NOT_64_BITS = "metrics.users: not a whole number of 64 bits"
REPLACED = "raw_log: holds values that no warehouse takes; they were replaced"
NO_ID = "has no usable id"
NO_TIME = "{}: not a time between 2000 and 2100"


class Loaded(NamedTuple):
    """A row: the columns that differ, None for those that are NULL, and what differs in `raw_log` from what was sent."""

    columns: dict[str, Any]
    raw: dict[str, Any] | None = None


class Quarantined(NamedTuple):
    """No row, but one of `export_log_quarantine`."""

    reason: str


Outcome = Loaded | Quarantined


def loaded(raw: dict[str, Any] | None = None, **columns: Any) -> Loaded:
    return Loaded(columns, raw)


def flagged(*flags: str, raw: dict[str, Any] | None = None, **columns: Any) -> Loaded:
    return Loaded({**columns, "flags": list(flags)}, raw)


def _not_an_object(what: str) -> Quarantined:
    return Quarantined(f"expected an object, got {what}")


# Of created_at and updated_at.
TIMES = {
    "no_fraction": "2026-03-01T04:12:07Z",
    "microseconds": "2026-03-01T04:12:07.123456Z",
    "nanoseconds": "2026-03-01T04:12:07.123456Z",
    "comma_fraction": "2026-03-01T04:12:07.500000Z",
    "zero_offset": "2026-03-01T04:12:07Z",
    "offset": "2026-03-01T04:12:07Z",
    "offset_no_colon": "2026-03-01T04:12:07Z",
    "offset_hours": "2026-03-01T04:12:07Z",
    "offset_half_hour": "2026-03-01T04:12:07Z",
    "no_zone": "2026-03-01T04:12:07Z",
    "no_seconds": "2026-03-01T04:12:00Z",
    "blank": "2026-03-01T04:12:07Z",
    "lower_case": "2026-03-01T04:12:07Z",
    "basic": "2026-03-01T04:12:07Z",
    "date_only": "2026-03-01T00:00:00Z",
    "padded": "2026-03-01T04:12:07Z",
    "epoch_seconds": "2026-03-01T04:12:07Z",
    "epoch_milliseconds": "2026-03-01T04:12:07.123000Z",
    "epoch_float": "2026-03-01T04:12:07.500000Z",
    "epoch_text": "2026-03-01T04:12:07Z",
}
NO_TIMES = (
    *("week_date", "ordinal_date", "leap_second", "hour_24", "http_date", "american", "epoch_zero", "year_1"),
    *("year_9999", "year_10000", "impossible", "garbage", "true", "list", "object"),
)


def _times(field: str) -> dict[str, Outcome]:
    return {
        **{f"{field}_{form}": loaded(**{field: utc(time)}) for form, time in TIMES.items()},
        **{f"{field}_{form}": flagged(NO_TIME.format(field), **{field: None}) for form in NO_TIMES},
        f"{field}_null": loaded(**{field: None}),
        f"{field}_missing": loaded(**{field: None}),
    }


def _texts(field: str) -> dict[str, Outcome]:
    """Of organization_id and status."""
    return {
        f"{field}_null": loaded(**{field: None}),
        f"{field}_missing": loaded(**{field: None}),
        f"{field}_number": flagged(f"{field}: not a text", **{field: "42"}),
        f"{field}_float": flagged(f"{field}: not a text", **{field: "4.5"}),
        f"{field}_true": flagged(f"{field}: not a text", **{field: "true"}),
        f"{field}_list": flagged(f"{field}: not a text; kept in raw_log", **{field: None}),
        f"{field}_object": flagged(f"{field}: not a text; kept in raw_log", **{field: None}),
    }


def _objects(field: str, column: str) -> dict[str, Outcome]:
    """Of metrics and config."""
    good = ("null", "missing", "empty")
    bad = ("number", "float", "true", "text", "list")
    return {
        **{f"{field}_{form}": loaded(**{column: None}) for form in good},
        **{f"{field}_{form}": flagged(f"{field}: not an object", **{column: None}) for form in bad},
    }


OUTCOMES: dict[str, Outcome] = {
    "item_null": _not_an_object("null"),
    "item_number": _not_an_object("a number"),
    "item_float": _not_an_object("a number"),
    "item_true": _not_an_object("a boolean"),
    "item_text": _not_an_object("a text"),
    "item_list": _not_an_object("a list"),
    **{f"item_{form}": Quarantined(NO_ID) for form in ("object", "empty")},
    # -- id
    **{
        f"id_{form}": Quarantined(NO_ID)
        for form in ("null", "float", "true", "list", "object", "missing", "blank", "empty")
    },
    "id_number": flagged("id: not a text", id="42"),
    "id_huge_integer": flagged(REPLACED, "id: not a text", id="18446744073709551616", raw={"id": str(2**64)}),
    "id_nul": flagged(REPLACED, id="before\ufffdafter-cb8fd3bd", raw={"id": "before\ufffdafter"}),
    "id_lone_surrogate": flagged(REPLACED, id="before\ufffdafter-288b6d44", raw={"id": "before\ufffdafter"}),
    "id_escape_codes": loaded(id="\x1b[2J\x1b[31mred\x1b[0m\x07"),
    "id_html": loaded(id="<script>alert(1)</script><img src=x onerror=alert(1)>"),
    "id_sql": loaded(id="'; drop table export_logs; --"),
    "id_formula": loaded(id='=HYPERLINK("http://elsewhere.invalid","x")'),
    "id_right_to_left": loaded(id="\u202egnp.exe"),
    "id_newlines": loaded(id="one\r\ntwo\u2028three\n"),
    "id_emoji": loaded(id="déjà 👩‍👩‍👧 vu"),
    "id_twice": loaded(),
    # -- export_id
    **{
        f"export_id_{form}": Quarantined("belongs to another export")
        for form in ("number", "float", "true", "list", "object", "foreign")
    },
    **{f"export_id_{form}": loaded() for form in ("null", "missing")},
    # -- texts
    **_texts("organization_id"),
    "organization_id_foreign": loaded(organization_id="of-somebody-else"),
    **_texts("status"),
    "status_capitalized": loaded(status="Completed"),
    "status_upper_case": loaded(status="FAILED"),
    "status_mixed_case": loaded(status="peNDing"),
    "status_padded": loaded(status=" completed "),
    "status_synonym": loaded(status="success"),
    "status_british": loaded(status="cancelled"),
    "status_running": loaded(status="running"),
    "status_unknown": loaded(status="quarantined_by_moon"),
    "status_empty": loaded(status=""),
    # -- metrics
    **_objects("metrics", "metrics__users"),
    "metrics_json_text": flagged("metrics: not an object", metrics__users=None),
    "metrics_nested": loaded(metrics__by_country='{"FR":{"users":1},"DE":{"users":2}}'),
    "metrics_list_inside": loaded(metrics__files='[{"name":"a"},{"name":"b"}]'),
    "metrics_more": loaded(metrics__events=12),
    "metrics_clashing": flagged(
        *(f"metrics.{name}: another field has the same column" for name in ("a b", "A B", "aB")),
        metrics__users=1,
        metrics__a_b=3,
    ),
    "users_int64_max": loaded(metrics__users=2**63 - 1),
    **{
        f"users_{form}": flagged(REPLACED, NOT_64_BITS, metrics__users=None, raw={"metrics": {"users": text}})
        for form, text in {
            "int64_over": str(2**63),
            "uint64_over": str(2**64),
            "int64_under": str(-(2**63) - 1),
            "huge_integer": str(10**400),
        }.items()
    },
    **{
        f"users_{form}": flagged(NOT_64_BITS, metrics__users=None)
        for form in (
            *("nan", "infinity", "minus_infinity", "half", "float", "digits_with_comma", "word"),
            *("true", "text", "list", "object"),
        )
    },
    "users_overflow": flagged(NOT_64_BITS, metrics__users=None, raw={"metrics": {"users": "1e999"}}),
    "users_null": loaded(metrics__users=None),
    "users_exponent": loaded(metrics__users=1000),
    "users_precise": loaded(metrics__users=432234),
    "users_whole_float": loaded(metrics__users=432234),
    "users_negative": loaded(metrics__users=-7),
    "users_minus_zero": loaded(metrics__users=0),
    "users_digits": loaded(metrics__users=432234),
    "users_number": loaded(metrics__users=42),
    # -- config
    **_objects("config", "config__frequency"),
    "frequency_number": loaded(config__frequency="1"),
    "frequency_hours": loaded(config__frequency="24 hours"),
    "frequency_week": loaded(config__frequency="1 week"),
    "frequency_month": loaded(config__frequency="1 month"),
    "frequency_days": loaded(config__frequency="7 days"),
    "frequency_word": loaded(config__frequency="daily"),
    "frequency_cron": loaded(config__frequency="0 4 * * *"),
    "frequency_zero": loaded(config__frequency="0"),
    "frequency_garbage": loaded(config__frequency="whenever"),
    "frequency_null": loaded(config__frequency=None),
    "frequency_list": loaded(config__frequency="[1]"),
    "frequency_object": loaded(config__frequency="{}"),
    # -- result
    "result_number": loaded(result="42"),
    "result_float": loaded(result="4.5"),
    "result_true": loaded(result="true"),
    "result_list": loaded(result='["a", {"b": 1}]'),
    "result_object": loaded(result='{"a": {"b": [1]}}'),
    "result_missing": loaded(result=None),
    "result_nul": flagged(REPLACED, result="before\ufffdafter", raw={"result": "before\ufffdafter"}),
    "result_lone_surrogate": flagged(REPLACED, result="before\ufffdafter", raw={"result": "before\ufffdafter"}),
    "result_not_utf8": loaded(result="before\ufffdafter"),
    "result_escape_codes": loaded(result="\x1b[2J\x1b[31mred\x1b[0m\x07"),
    "result_html": loaded(result="<script>alert(1)</script><img src=x onerror=alert(1)>"),
    "result_sql": loaded(result="'; drop table export_logs; --"),
    "result_formula": loaded(result='=HYPERLINK("http://elsewhere.invalid","x")'),
    "result_right_to_left": loaded(result="\u202egnp.exe"),
    "result_newlines": loaded(result="one\r\ntwo\u2028three\n"),
    "result_megabyte": loaded(result="E" * (1 << 20)),
    "result_emoji": loaded(result="déjà 👩‍👩‍👧 vu"),
    "result_blank": loaded(result="   "),
    "result_empty": loaded(result=""),
    # -- times
    **_times("created_at"),
    **_times("updated_at"),
    "updated_before_created": loaded(updated_at=utc("2001-01-01T00:00:00Z")),
    "created_in_future": loaded(created_at=utc("2099-01-01T00:00:00Z")),
    # -- further fields
    "field_dlt_id": loaded(source__dlt_id="odd"),
    "field_dlt_load_id": loaded(source__dlt_load_id="odd"),
    "field_dlt_parent_id": loaded(source__dlt_parent_id="odd"),
    "field_flattened": loaded(source_metrics__users="odd"),
    "field_quote": loaded(a_b="odd"),
    "field_dot": loaded(a_b="odd"),
    "field_dollar": loaded(_where="odd"),
    "field_prototype": loaded(_protoxx="odd"),
    "field_empty": loaded(empty="odd"),
    "field_blank": loaded(empty="odd"),
    "field_unicode": loaded(gr_e="odd"),
    "field_nul": flagged(REPLACED, a_b="odd", raw={"a\x00b": None, "a\ufffdb": "odd"}),
    "field_long": flagged(f"{'x' * 80}: the name is too long for a column; kept in raw_log"),
    "field_keyword": loaded(select="odd"),
    "field_id_upper_case": loaded(source_id="odd"),
    "field_id_padded": loaded(source_id="odd"),
    "field_changing_type": loaded(extra=1),
    "documented_sample": loaded(result="Job failed."),
    "failed_with_users": loaded(status="failed", metrics__users=5, result="Job failed."),
}
