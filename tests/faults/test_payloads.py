"""Logs with odd contents: each is loaded as it is, loaded and flagged, or set aside, and costs no other log anything."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from typer.testing import CliRunner

from didomi_sandbox import PAYLOADS, Fault, Sandbox, Store, plain_store
from didomi_sandbox.encoding import encode
from didomi_sandbox.payloads import mutate_log
from didomi_source.cli import app
from didomi_source.health.status import read_status
from didomi_source.warehouse.target import Target
from support.counts import Counted
from support.faults.lab import EVERYTHING, SETTINGS, Lab, columns_of, lost, misbehaving, store_of, truth
from support.faults.payload_outcomes import OUTCOMES, Loaded, Quarantined, flagged
from support.warehouse import Row

LOGS = 5
# Each has its own run, since what columns the table has decides what becomes of the others.
ALONE = {
    "field_clashing": flagged("A B: another field has the same column", a_b=1),
    "metrics_3000_keys": flagged(
        *(f"metrics.metric_{n}: more than 200 further fields; kept in raw_log" for n in range(200, 250)),
        "and 2750 more",
        metrics__users=None,
        **{f"metrics__metric_{n}": n for n in range(200)},
    ),
    "field_500_more": flagged(
        *(f"field_{n}: more than 200 further fields; kept in raw_log" for n in range(200, 250)),
        "and 250 more",
        **{f"field_{n}": n for n in range(200)},
    ),
}
# Nested deeper than any warehouse parses, which is shown by the text that stands for the rest.
DEEP = {"metrics_deep": 900, "metrics_deeper": 2000}


def export_of(kind: str) -> str:
    """The export in which a payload is tried: one for each payload, or only one for each field."""
    return kind if EVERYTHING else kind.split("_", maxsplit=1)[0]


def odd_log(kind: str) -> str:
    """The id of the log that is sent in another form."""
    return f"{kind}/odd"


def store_for(kinds: Iterable[str]) -> Store:
    """An odd log for each kind, with a good one before and after it."""
    kinds = list(kinds)
    store = store_of({export_of(kind): None for kind in kinds}, 0)
    patterns = iter(plain_store(3 * len(kinds)).logs())
    for kind in kinds:
        for log_id in (f"{kind}/before", odd_log(kind), f"{kind}/after"):
            store.add_logs([{**next(patterns), "id": log_id, "export_id": export_of(kind)}])
    return store


def faults(kinds: Iterable[str]) -> list[Fault]:
    return [Fault(mutate_log(kind, log_id=odd_log(kind)), export_id=export_of(kind)) for kind in kinds]


def sent(log: Row, kind: str) -> Any:
    """What is sent in the place of a log, parsed with texts for what JSON does not know."""
    return json.loads(encode(PAYLOADS[kind](log)).decode("utf-8", "replace"), parse_constant=str)


def expected_row(log: Row, kind: str, outcome: Loaded) -> Row:
    raw = {**sent(log, kind), **(outcome.raw or {})}
    row = {**columns_of(log), **outcome.columns, "raw_log": {k: v for k, v in raw.items() if k != "a\x00b"}}
    return {name: value for name, value in row.items() if value is not None}


def check(lab: Lab, sandbox: Sandbox, outcomes: dict[str, Loaded | Quarantined], counted: Counted) -> None:
    """Run the job; compare all rows with what the outcomes make of the truth; then run it again without the faults."""
    summary = lab.run(sandbox)
    counted("faults tried", len(outcomes))
    logs = {log["id"]: log for log in sandbox.store.logs()}
    odd = {kind: logs.pop(odd_log(kind)) for kind in outcomes}
    rows = [columns_of(log) for log in logs.values()]
    rows += [expected_row(odd[kind], kind, o) for kind, o in outcomes.items() if isinstance(o, Loaded)]
    found = lab.logs()
    counted("rows lost", len(lost(found, rows)))
    counted("rows doubled", lab.doubled())
    counted("secrets found", len(lab.secrets_found(sandbox)))
    assert by_key(found) == by_key(rows)
    aside = {
        (export_of(k), o.reason, as_json(sent(odd[k], k))) for k, o in outcomes.items() if isinstance(o, Quarantined)
    }
    assert set_aside(lab) == aside
    assert {sync["export_id"]: counts_of(sync) for sync in summary.syncs} == counts(outcomes)
    assert {export: counts_of(sync) for export, sync in lab.syncs(summary.run_id).items()} == counts(outcomes)
    assert (summary.exit_code, lab.doubled(), lab.secrets_found(sandbox)) == (0, 0, [])
    check_recovery(lab, sandbox)


def check_recovery(lab: Lab, sandbox: Sandbox) -> None:
    """What was odd is sent as it should have been, and later: then the tables equal the truth."""
    sandbox.faults = ()
    known = {log["id"] for log in sandbox.store.logs()}
    for log_id in known:
        if log_id.endswith("/odd"):
            sandbox.store.update(log_id, {"updated_at": "2026-11-01T00:00:00.000Z"})
    assert lab.run(sandbox).failures == []
    rows = lab.logs()
    assert [row for row in rows if "missing_at_source_since" not in row] == truth(sandbox)
    # Under the odd ids of before nothing comes any more.
    assert [row["id"] for row in rows if "missing_at_source_since" in row and row["id"] in known] == []
    assert lab.doubled() == 0


def by_key(rows: Iterable[Row]) -> dict[tuple[str, str], Row]:
    return {(row["export_id"], row["id"]): row for row in rows}


def set_aside(lab: Lab) -> set[tuple[str, str, str]]:
    """Export, reason and raw log of all that was set aside."""
    rows = lab.rows("export_log_quarantine")
    return {(row["export_id"], row["reason"], as_json(row["raw_log"])) for row in rows}


def as_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def counts(outcomes: dict[str, Loaded | Quarantined]) -> dict[str, tuple[bool, int, int, int]]:
    """For each export whether it is complete, and how many logs are new, flagged and quarantined."""
    found: dict[str, tuple[bool, int, int, int]] = {}
    for kind, outcome in outcomes.items():
        is_bad = isinstance(outcome, Quarantined)
        is_flagged = not is_bad and "flags" in outcome.columns
        _, new, flags, bad = found.get(export_of(kind), (True, 0, 0, 0))
        found[export_of(kind)] = True, new + 3 - is_bad, flags + is_flagged, bad + is_bad
    return found


def counts_of(sync: Row) -> tuple[bool, int, int, int]:
    return sync["is_complete"], sync["logs_new"], sync["logs_flagged"], sync["logs_quarantined"]


def test_every_payload_has_its_outcome(lab: Lab, counted: Counted) -> None:
    """One odd log of each kind: whole rows, the quarantine, the syncs and the summary are as written down."""
    with misbehaving(store_for(OUTCOMES), faults(OUTCOMES)) as sandbox:
        check(lab, sandbox, OUTCOMES, counted)


@pytest.mark.parametrize("kind", ALONE)
def test_further_fields_make_columns_within_bounds(lab: Lab, counted: Counted, kind: str) -> None:
    """Beyond 200 further fields, or where its column is taken, a field stays in raw_log, and is flagged."""
    with misbehaving(store_for([kind]), faults([kind])) as sandbox:
        check(lab, sandbox, {kind: ALONE[kind]}, counted)


@pytest.mark.parametrize(("kind", "depth"), DEEP.items())
def test_what_is_nested_too_deep_is_loaded_with_a_text_for_the_rest(
    lab: Lab, counted: Counted, kind: str, depth: int
) -> None:
    """Two thousand levels stay two thousand, the log is flagged, and those beside it are right."""
    with misbehaving(store_for([kind]), faults([kind])) as sandbox:
        summary = lab.run(sandbox)
        counted("faults tried", 1)
        logs = {log["id"]: log for log in sandbox.store.logs()}
        odd = columns_of(logs.pop(odd_log(kind)))
        rows = {row["id"]: row for row in lab.logs()}
        found = rows.pop(odd_log(kind))
        assert rows == {log_id: columns_of(log) for log_id, log in logs.items()}
        assert (levels(found["raw_log"].pop("metrics")), levels({"a": found.pop("metrics__a")})) == (depth, depth)
        del odd["metrics__users"], odd["raw_log"]["metrics"]
        assert found == {**odd, "flags": ["raw_log: holds values that no warehouse takes; they were replaced"]}
        assert (summary.exit_code, lab.doubled(), lab.secrets_found(sandbox)) == (0, 0, [])
        check_recovery(lab, sandbox)


def levels(value: Any) -> int:
    """How many objects are nested in each other, in a text that stands for some of them too."""
    if isinstance(value, dict):
        (inner,) = value.values()
        return 1 + levels(inner)
    return str(value).count("{")


def test_no_payload_is_forgotten() -> None:
    """Every payload of the sandbox has an outcome."""
    assert {*OUTCOMES, *ALONE, *DEEP} == PAYLOADS.keys()


def test_status_tells_of_what_was_set_aside(lab: Lab, counted: Counted) -> None:
    """The logs that could not be loaded are counted for each export, and the command line says where they are."""
    kinds = ["id_null", "users_nan"]
    with misbehaving(store_for(kinds), faults(kinds)) as sandbox:
        assert lab.run(sandbox, models=True).failures == []
        counted("faults tried", 2)
        found = read_status(Target())
    assert {status.export_id: status.logs_quarantined for status in found} == {
        export_of("id_null"): 1,
        export_of("users_nan"): 0,
    }
    shown = CliRunner().invoke(app, ["status"])
    assert "1 logs could not be loaded: see the table export_log_quarantine" in shown.stdout


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda log: {"_id": log.pop("id"), **log}, "has no usable id"),
        (lambda log: [log], "expected an object, got a list"),
        (lambda log: log["id"], "expected an object, got a text"),
    ],
    ids=["another name for the id", "nested", "ids alone"],
)
def test_logs_in_another_form_are_an_error(lab: Lab, counted: Counted, change: Any, reason: str) -> None:
    """Where not one log of an export can be used nothing counts as read, and what is known counts as still there."""
    with misbehaving(store_of(["changed", "good"], LOGS)) as sandbox:
        lab.run(sandbox)
        before = lab.logs()
        everything = [
            Fault(mutate_log(change, at=place), export_id="changed") for place in range(SETTINGS["page_size"])
        ]
        sandbox.faults = everything
        summary = lab.run(sandbox, full=True)
        counted("faults tried", 1)
        counted("rows lost", len(lost(lab.logs(), before)))
        assert summary.failures == [
            f"export changed (changed): none of 5 logs can be used, one {reason}: look into export_log_quarantine"
        ]
        assert lab.logs() == before
        sandbox.faults = ()
        assert lab.run(sandbox).failures == []
        assert lab.logs() == truth(sandbox)


def test_one_id_in_two_exports_is_noticed(lab: Lab, counted: Counted) -> None:
    """A log whose id another export's log has does not take its place, in this run or a later one; it is set aside."""
    with misbehaving(store_of(["one", "two"], LOGS)) as sandbox:
        lab.run(sandbox)
        before = lab.logs()
        sandbox.store.add_logs([{**sandbox.store.log("one/00"), "export_id": "two"}])
        counted("faults tried", 1)
        for _ in range(2):
            summary = lab.run(sandbox)
            assert lab.logs() == before
            assert {s["export_id"]: s["logs_quarantined"] for s in summary.syncs} == {"one": 0, "two": 1}
            assert summary.failures == []
        (row,) = lab.rows("export_log_quarantine")
        assert (row["export_id"], row["reason"]) == ("two", "has the id of a log of export one")


def test_one_id_in_two_new_exports_is_noticed(lab: Lab, counted: Counted) -> None:
    """Of two exports that both number their logs from 1 one is loaded, and the other is an error."""
    store = store_of(["one", "two"], 0)
    for export_id in ("one", "two"):
        store.add_logs({**log, "export_id": export_id} for log in plain_store(LOGS).logs())
    with misbehaving(store) as sandbox:
        for _ in range(2):
            (failure,) = lab.run(sandbox).failures
            assert "none of 5 logs can be used, one has the id of a log of export " in failure
            assert len({row["export_id"] for row in lab.logs()}) == 1
            assert (len(lab.logs()), len(lab.rows("export_log_quarantine")), lab.doubled()) == (LOGS, LOGS, 0)
    counted("faults tried", 1)
