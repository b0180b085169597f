"""Logs with odd contents, byte for byte as they are sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from didomi_sandbox import KINDS, PAYLOADS, Fault, RawJson
from didomi_sandbox.encoding import encode
from didomi_sandbox.payloads import mutate_log

if TYPE_CHECKING:
    from didomi_sandbox import Sandbox
    from tests.sandbox.conftest import Api


def items(api: Api, limit: int = 3) -> list[Any]:
    return api.logs({"$limit": limit}).json()["data"]


def sent(sandbox: Sandbox, api: Api, name: str) -> bytes:
    """Return what is sent in the place of the first log."""
    sandbox.faults = [Fault(mutate_log(name))]
    content = api.logs({"$limit": 1}).content
    return content.removeprefix(b'{"total":25,"limit":1,"skip":0,"data":[').removesuffix(b"]}")


@pytest.mark.parametrize("name", sorted(PAYLOADS))
def test_payload_changes_one_log_and_no_other(sandbox: Sandbox, api: Api, name: str) -> None:
    good = api.logs({"$limit": 3}).content
    others = good[good.index(b',{"id":"log-000001"') :]
    sandbox.faults = [Fault(f"log_{name}")]
    changed = api.logs({"$limit": 3}).content
    assert changed != good
    assert changed.endswith(others)
    assert changed.startswith(b'{"total":25,"limit":3,"skip":0,"data":[')


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("users_nan", b'"metrics":{"users":NaN}'),
        ("users_infinity", b'"metrics":{"users":Infinity}'),
        ("users_minus_infinity", b'"metrics":{"users":-Infinity}'),
        ("users_overflow", b'"metrics":{"users":1e999}'),
        ("users_exponent", b'"metrics":{"users":1e3}'),
        ("users_minus_zero", b'"metrics":{"users":-0}'),
        ("users_whole_float", b'"metrics":{"users":432234.0}'),
        ("users_precise", b'"metrics":{"users":432234.000000000000000001}'),
        ("users_int64_over", b'"metrics":{"users":9223372036854775808}'),
        ("users_uint64_over", b'"metrics":{"users":18446744073709551616}'),
        ("users_digits", b'"metrics":{"users":"432234"}'),
        ("users_huge_integer", b'"metrics":{"users":1' + b"0" * 400 + b"}"),
        ("result_nul", rb'"result":"before\u0000after"'),
        ("result_lone_surrogate", rb'"result":"before\ud83dafter"'),
        ("result_not_utf8", b'"result":"before\xffafter"'),
        ("result_megabyte", b'"result":"' + b"E" * 1_048_576 + b'"'),
        ("result_escape_codes", rb'"result":"\u001b[2J'),
        ("id_twice", b'{"id":"another","id":"log-000000",'),
        ("id_null", b'"id":null'),
        ("id_number", b'"id":42'),
        ("item_null", b"null"),
        ("item_text", b'"text"'),
        ("field_dlt_id", b'"_dlt_id":"odd"'),
        ("field_clashing", b'"a b":1,"A B":2'),
        ("created_at_epoch_seconds", b'"created_at":1772338327,'),
        ("status_upper_case", b'"status":"FAILED"'),
        ("metrics_deeper", b'"metrics":' + b'{"a":' * 2000 + b"1" + b"}" * 2000),
        ("metrics_json_text", rb'"metrics":"{\"users\": 0}"'),
        ("documented_sample", b'"result":"Job failed."'),
    ],
)
def test_payload_is_sent_in_these_bytes(sandbox: Sandbox, api: Api, name: str, part: bytes) -> None:
    assert part in sent(sandbox, api, name)


def test_missing_field_is_not_sent(sandbox: Sandbox, api: Api) -> None:
    assert b'"id"' not in sent(sandbox, api, "id_missing")
    assert b"created_at" not in sent(sandbox, api, "created_at_missing")


def test_three_thousand_metrics_are_sent(sandbox: Sandbox, api: Api) -> None:
    assert len(json.loads(sent(sandbox, api, "metrics_3000_keys"))["metrics"]) == 3000


def test_log_is_chosen_by_its_place_or_its_id(sandbox: Sandbox, api: Api) -> None:
    def null(**where: Any) -> list[int]:
        sandbox.faults = [Fault(mutate_log(lambda _: None, **where))]
        return [place for place, item in enumerate(items(api, 5)) if item is None]

    places = [null(), null(at=2), null(at=9), null(log_id="log-000003"), null(log_id="x")]
    assert places == [[0], [2], [], [3], []]


def test_log_is_found_by_its_id_on_whichever_page(sandbox: Sandbox, api: Api) -> None:
    sandbox.faults = [Fault(mutate_log("status_unknown", log_id="log-000017"))]
    odd = [
        log["id"]
        for skip in range(0, 25, 10)
        for log in api.logs({"$skip": skip}).json()["data"]
        if log["status"] != "completed"
    ]
    assert odd == ["log-000017"]


def test_several_payloads_add_up_in_one_log(sandbox: Sandbox, api: Api) -> None:
    sandbox.faults = [Fault("log_status_british"), Fault("log_users_text"), Fault("log_item_null")]
    assert items(api, 1) == [None]
    sandbox.faults = [Fault("log_status_british"), Fault("log_users_text")]
    assert [(log["status"], log["metrics"]) for log in items(api, 1)] == [("cancelled", {"users": "text"})]


def test_payload_can_be_put_into_the_store(sandbox: Sandbox, api: Api) -> None:
    log = PAYLOADS["users_nan"](sandbox.store.log("log-000000"))
    assert isinstance(log, dict)
    sandbox.store.update("log-000000", log)
    assert b'"metrics":{"users":NaN}' in api.logs({"$limit": 1}).content
    assert sandbox.store.log("log-000000")["metrics"] == {"users": RawJson("NaN")}


def test_odd_logs_in_the_store_can_be_sorted_and_filtered(sandbox: Sandbox, api: Api) -> None:
    good = sandbox.store.log("log-000000")
    for name in sorted(PAYLOADS):
        changed = PAYLOADS[name](good)
        if isinstance(changed, dict):
            sandbox.store.add_logs([{**changed, "export_id": "export-1", "organization_id": "acme"}])
    params = {"$sort[created_at]": -1, "$sort[id]": 1, "$sort[metrics]": 1}
    assert api.logs(params).json()["total"] > 100
    assert api.logs({"$sort[status]": 1, "status": "completed"}).json()["total"] > 100


@pytest.mark.parametrize(
    ("kind", "copies"),
    [
        ("duplicate_log", ["completed", "completed"]),
        ("conflicting_log", ["completed", "failed"]),
    ],
)
def test_log_comes_twice_on_a_page(sandbox: Sandbox, api: Api, kind: Any, copies: list[str]) -> None:
    sandbox.faults = [Fault(kind)]
    data = items(api)
    assert [log["id"] for log in data] == ["log-000000", "log-000001", "log-000002", "log-000000"]
    assert [log["status"] for log in data if log["id"] == "log-000000"] == copies


def test_every_payload_is_a_kind() -> None:
    assert {f"log_{name}" for name in PAYLOADS} <= KINDS.keys()


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ({"a": [1, 2.5, None, True, "é"]}, '{"a":[1,2.5,null,true,"é"]}'.encode()),
        ([RawJson("NaN"), {"b": RawJson("[1,]")}], b'[NaN,{"b":[1,]}]'),
        ("\ud83d é", rb'"\ud83d \u00e9"'),
        (RawJson('"\udcff"'), b'"\xff"'),
        (float("nan"), b"NaN"),
        ("\x00raw 0\x00", rb'"\u0000raw 0\u0000"'),
    ],
)
def test_values_are_encoded_as_node_would_or_as_told(value: object, encoded: bytes) -> None:
    assert encode(value) == encoded


def test_what_is_not_json_cannot_be_encoded() -> None:
    with pytest.raises(TypeError, match="set is not JSON"):
        encode({1})
