"""`didomi status`: whether the exports are well, and whether that can be believed."""

from __future__ import annotations

import dataclasses
import json
import re
from datetime import datetime, timedelta, timezone

import pytest

from didomi_source.health.deliveries import DeliveryStatus, RecentDeliveries
from didomi_source.health.judge import Limits, Problem, judge
from didomi_source.health.nagios import nagios
from didomi_source.health.status import ExportStatus
from support.marts import NOW, ago, export, failing, late, stuck

HOUR = timedelta(hours=1)


def just_read(**fields):
    """Read now, by the real clock."""
    return {"last_complete_sync_at": datetime.now(timezone.utc), **fields}


def status(export_id="a", **fields) -> ExportStatus:
    """A healthy export of which one run in 28 days failed, but for the fields given."""
    rates = {"runs_completed_28d": 27, "runs_failed_28d": 1, "success_rate_28d": 27 / 28}
    return export(export_id, **{**rates, **fields})


FAILING = {"health": "failing", "health_reason": "5 failed runs in a row (quota)", "failing_since_at": ago(days=4)}
LATE = {"health": "late", "health_reason": "no run for 50 hours, 2 overdue", "expected_next_run_at": ago(days=1)}
STUCK = {"health": "stuck", "health_reason": "1 run pending", "oldest_pending_at": ago(days=2)}
UNREAD = {"last_complete_sync_at": ago(hours=50)}
RETIRED = {"health": "retired", "health_reason": "named in didomi_retired_exports"}


@pytest.mark.parametrize(
    ("fields", "limits", "problem"),
    [
        ({}, Limits(), None),
        ({"health": "unknown_schedule"}, Limits(), None),
        ({"health": "no_outcome", "success_rate_28d": None}, Limits(min_rate=0.9), None),
        (FAILING, Limits(), Problem("failing", "5 failed runs in a row (quota)", ago(days=4))),
        (LATE, Limits(), Problem("late", "no run for 50 hours, 2 overdue", ago(days=1))),
        (STUCK, Limits(), Problem("stuck", "1 run pending", ago(days=2))),
        (UNREAD, Limits(), Problem("unread", "it has not been read completely for 2 days", ago(hours=50))),
        ({"last_complete_sync_at": None}, Limits(), Problem("unread", "it has not been read completely yet", None)),
        # It would have been seen to run, if it could have been read.
        (LATE | UNREAD, Limits(), Problem("unread", "it has not been read completely for 2 days", ago(hours=50))),
        (FAILING | UNREAD, Limits(), Problem("failing", "5 failed runs in a row (quota)", ago(days=4))),
        ({}, Limits(min_rate=0.97), Problem("below_rate", "1 of 28 runs of 28 days failed", None)),
        ({}, Limits(min_rate=27 / 28), None),
        (UNREAD | RETIRED, Limits(min_rate=0.99), None),
    ],
)
def test_the_first_problem_that_applies_is_told(fields, limits, problem):
    """What Didomi says, then what could not be asked, then the rate."""
    found = judge([status(**fields), status("fresh", success_rate_28d=1.0)], NOW, limits)
    assert found.problems == ({"a": problem} if problem else {})
    assert (found.exit_code, found.is_stale) == (1 if problem else 0, False)


@pytest.mark.parametrize(("hours", "stale"), [(25.9, False), (26, False), (26.1, True)])
def test_a_load_that_is_too_old_is_not_believed(hours, stale):
    """However well the exports were."""
    found = judge([status(last_complete_sync_at=ago(hours=hours))], NOW)
    assert (found.is_stale, found.exit_code) == (stale, int(stale))


@pytest.mark.parametrize(
    ("synced_at", "advice"),
    [
        (ago(hours=50), "What happened since is not known: check why the schedule does not run “didomi run”."),
        (ago(hours=1), "The load runs, but cannot finish reading: run “didomi check”, and read the errors of “didomi run”."),
    ],
)  # fmt: skip
def test_a_stale_load_comes_with_what_to_do(synced_at, advice):
    """Either nothing runs, or what runs cannot finish reading."""
    assert judge([status(**UNREAD, last_synced_at=synced_at)], NOW).advice == advice


def test_a_late_export_that_was_not_read_is_not_called_late():
    """Its next run may have come."""
    found = judge([status(**LATE | UNREAD), status("b")], NOW)
    assert (found.headline, found.is_severe) == ("1 of 2 exports is not read", False)


def test_a_stale_load_is_told_from_a_failing_export():
    """The sentence says which of the two it is."""
    failed = judge([status(**FAILING), status("b")], NOW)
    stale = judge([status(**FAILING, **UNREAD), status("b", **UNREAD)], NOW)
    assert (failed.state, failed.headline) == ("unhealthy", "1 of 2 exports is failing")
    assert stale.state == "stale"
    assert stale.headline == (
        "Nothing has been read completely and built for 2 days; by then, 1 of 2 exports was failing"
    )
    assert judge([], NOW).headline == "No export is known yet"
    assert judge([status(runs_total=0)], NOW).headline == "1 export is known, and none has run yet"


@pytest.mark.parametrize(
    ("exports", "code", "line"),
    [
        ([status()], 0, "DIDOMI OK - The only export is healthy"),
        ([status(**FAILING), status("b")], 2, "DIDOMI CRITICAL - 1 of 2 exports is failing; Export a: 5 failed runs in a row (quota)"),
        ([status(**STUCK), status("b")], 1, "DIDOMI WARNING - 1 of 2 exports is stuck; Export a: 1 run pending"),
        ([status(**UNREAD | RETIRED), status("b")], 0, "DIDOMI OK - The only export is healthy"),
        ([status(**FAILING), status("b"), status("c", **RETIRED)], 2, "DIDOMI CRITICAL - 1 of 2 exports is failing; Export a: 5 failed runs in a row (quota)"),
        ([status(**RETIRED)], 0, "DIDOMI OK - All exports are retired"),
        ([status(**UNREAD), status("b")], 1, "DIDOMI WARNING - 1 of 2 exports is not read; Export a: it has not been read completely for 2 days"),
        ([status(**UNREAD)], 2, "DIDOMI CRITICAL - STALE: Nothing has been read completely and built for 2 days; by then, the only export was healthy; Export a: it has not been read completely for 2 days"),
    ],
)  # fmt: skip
def test_nagios_reads_one_line_and_its_code(exports, code, line):
    """With figures behind the bar, each with its thresholds."""
    found, told = nagios(judge(exports, NOW), Limits())
    text, figures = told.split(" | ")
    assert (found, text) == (code, line)
    assert all(re.fullmatch(r"\w+=[\d.]+[s%]?(;[\d.]*){0,4}", figure) for figure in figures.split())
    assert f"exports={len(exports)};;;0" in figures


def delivery(day=2, verdict="short", **fields) -> DeliveryStatus:
    """A delivery some days ago, of which a record is missing, but for the fields given."""
    known = dict.fromkeys(field.name for field in dataclasses.fields(DeliveryStatus))
    known |= {"export_id": "a", "name": "Export a", "delivery_date": ago(days=day).date(), "data_kind": "users"}
    known |= {"verdict": verdict, "verdict_reason": "4 records, 5 claimed", "is_wrong": verdict == "short"}
    return DeliveryStatus(**known | {"is_about_to_expire": False} | fields)


WELL = delivery(0, "as_claimed")
EXPIRING = delivery(6, "as_claimed", is_about_to_expire=True, expires_at=ago(hours=-10))
LOST = "1 delivery is deleted by Didomi within 48 hours, first 2026-11-24 16:00 UTC, not archived"


@pytest.mark.parametrize(
    ("exports", "rows", "code", "line", "figures"),
    [
        ([status()], [WELL], 0, "OK - The only export is healthy", "deliveries_wrong=0;0;;0 deliveries_expiring=0;;;0"),
        ([status()], [WELL, delivery()], 1,
         "WARNING - The only export is healthy; Export a: delivery of 2026-11-22 is short (4 records, 5 claimed)",
         "deliveries_wrong=1;0;;0 deliveries_expiring=0;;;0"),
        ([status()], [WELL, delivery(8)], 0, "OK - The only export is healthy", "deliveries_wrong=0;0;;0 deliveries_expiring=0;;;0"),
        # That all files expire is known to whoever archives none.
        ([status()], [WELL, EXPIRING], 0, f"OK - The only export is healthy; {LOST}", "deliveries_wrong=0;0;;0 deliveries_expiring=1;;;0"),
        ([status()], [delivery(0, "as_claimed", archived_at=ago()), EXPIRING], 1, f"WARNING - The only export is healthy; {LOST}",
         "deliveries_wrong=0;0;;0 deliveries_expiring=1;0;;0"),
        # The newest wrong one is the health's.
        ([status(health="undelivered", health_reason="delivery of 2026-11-24")], [delivery(0), delivery()], 2,
         ("CRITICAL - The only export is undelivered; Export a: delivery of 2026-11-24; "
         "Export a: delivery of 2026-11-22 is short (4 records, 5 claimed)"), "deliveries_wrong=2;0;;0 deliveries_expiring=0;;;0"),
        ([status(**RETIRED), status("b")], [delivery()], 0, "OK - The only export is healthy", None),
        ([status()], [], 0, "OK - The only export is healthy", None),
    ],
)  # fmt: skip
def test_nagios_reads_of_deliveries(exports, rows, code, line, figures):
    """Wrong ones of seven days warn, and so does what expires although others are archived; nothing where none are read."""
    found, told = nagios(judge(exports, NOW, Limits(), RecentDeliveries(rows, NOW)), Limits())
    assert (found, told.split(" | ")[0]) == (code, f"DIDOMI {line}")
    assert " ".join(part for part in told.split(" | ")[1].split() if part.startswith("deliveries_")) == (figures or "")


def test_json_holds_the_wrong_deliveries():
    """And those that expire; null where none are read."""
    told = json.loads(
        json.dumps(judge([status()], NOW, Limits(), RecentDeliveries([delivery(), EXPIRING], NOW)).as_dict())
    )
    assert {name: [one["verdict"] for one in found] for name, found in told["deliveries"].items()} == {
        "wrong": ["short"],
        "expiring": ["as_claimed"],
    }
    assert judge([status()], NOW).as_dict()["deliveries"] is None


def test_a_name_cannot_forge_figures_or_lines():
    """A bar or a line break in a name or a reason is none in the line."""
    name = "x | age=0s\nDIDOMI OK"
    _, line = nagios(judge([status(**FAILING | {"name": name})], NOW), Limits())
    assert line.count("|") == 1
    assert "\n" not in line
    assert "x / age=0s DIDOMI OK" in line


def test_the_command_says_how_it_is_and_ends_so(made, didomi):
    """0 unless a limit is given or the exit code is asked for; then 1 for what is not well."""
    made.export(failing("a", **just_read()))
    made.export(export("b", success_rate_28d=0.9, **just_read()))
    made.finish()
    done = didomi("status", "--min-rate", "0.95")
    assert done.code == 1
    assert "Export a: 5 failed runs in a row (access_denied)" in done.out
    assert "Export b: 0 of 28 runs of 28 days failed" in done.out
    assert [didomi("status", *given).code for given in ([], ["--exit-code"])] == [0, 1]
    assert didomi("status", "--export-id", "b", "--exit-code").code == 0


def test_the_command_says_when_it_is_stale(made, didomi):
    """First of all, whatever the exports were like."""
    now = datetime.now(timezone.utc)
    made.export(export("a", last_complete_sync_at=now - 5 * HOUR, last_synced_at=now))
    made.finish()
    assert didomi("status").code == 0
    done = didomi("status", "--max-age", "4.5")
    assert done.code == 1
    assert done.out.splitlines()[:3] == [
        "Stale: Nothing has been read completely and built for 5 hours; by then, the only export was healthy.",
        "The load runs, but cannot finish reading: run “didomi check”, and read the errors of “didomi run”.",
        "",
    ]


def test_machines_get_all_of_it_as_json(made, didomi):
    """The verdict, and each export with its problem."""
    made.export(late("a", **just_read()))
    made.export(stuck("b", **just_read()))
    made.export(export("c", **just_read()))
    made.finish()
    done = didomi("status", "--format", "json")
    found = json.loads(done.out)
    assert (done.code, found["state"], found["headline"]) == (0, "unhealthy", "1 of 3 exports is late and 1 is stuck")
    assert found["age_seconds"] < 300
    assert [(e["export_id"], e["health"], (e["problem"] or {}).get("kind")) for e in found["exports"]] == [
        ("a", "late", "late"),
        ("b", "stuck", "stuck"),
        ("c", "healthy", None),
    ]


@pytest.fixture
def two_organizations(made):
    """Two failing exports of one name in one dataset."""
    for number, organization in enumerate(("acme", "beta")):
        made.export(failing(f"e{number}", name="Raw events", organization_id=organization, **just_read()))
    made.finish()


def test_the_organization_is_named_where_a_dataset_holds_several(two_organizations, didomi):
    """In the table and in the reasons, for Nagios, and of one export that was asked for."""
    reason = "5 failed runs in a row (access_denied)"
    lines = didomi("status").out.splitlines()
    assert [line for line in lines if line.endswith(reason)] == [
        f"acme / Raw events: {reason}",
        f"beta / Raw events: {reason}",
    ]
    assert [sum(name in line for line in lines) for name in ("acme / Raw events", "beta / Raw events")] == [2, 2]
    assert (
        f"; acme / Raw events: {reason}; beta / Raw events: {reason} | " in didomi("status", "--format", "nagios").out
    )
    assert f"beta / Raw events: {reason}" in didomi("status", "--export-id", "e1").out


def test_the_id_is_named_where_two_exports_have_one_name(made, didomi):
    """In tables, reasons and deliveries; JSON has both anyway."""
    for number, name in ((1, "Daily"), (2, "Daily"), (3, "Weekly")):
        made.export(failing(f"e{number}", name=name, **just_read()))
    made.deliveries("e2", "short", datetime.now(timezone.utc).date())
    made.finish()
    out = didomi("status").out
    assert [name in out for name in ("Daily (e1)", "Daily (e2)", "Weekly (e3)")] == [True, True, False]
    assert "Daily (e2): delivery of " in out
    found = json.loads(didomi("status", "--format", "json").out)
    assert [export["name"] for export in found["exports"]] == ["Daily", "Daily", "Weekly"]


def test_json_always_has_the_organization(two_organizations, didomi):
    """With the name as it is, of a dataset with several organizations and of one export alone."""
    for given, expected in (
        ((), [("acme", "Raw events"), ("beta", "Raw events")]),
        (("--export-id", "e1"), [("beta", "Raw events")]),
    ):
        found = json.loads(didomi("status", "--format", "json", *given).out)
        assert [(e["organization_id"], e["name"]) for e in found["exports"]] == expected


def test_the_only_organization_of_a_dataset_is_not_named(made, didomi):
    """Its exports' names are enough."""
    made.export(failing("a", **just_read()))
    made.export(export("b", **just_read()))
    made.finish()
    assert "acme" not in didomi("status").out + didomi("status", "--format", "nagios").out


def test_an_id_that_the_marts_do_not_hold_is_refused_with_those_they_hold(made, didomi):
    """An empty table would look as if all were well."""
    made.export(export("b", **just_read()))
    made.export(export("a", **just_read()))
    made.finish()
    message = "the marts hold no export typo: choose from a, b"
    done = didomi("status", "--export-id", "a", "--export-id", "typo")
    assert (done.code, done.out, done.err) == (78, "", f"didomi: {message}\n")
    done = didomi("status", "--export-id", "typo", "--format", "nagios")
    assert (done.code, done.out) == (3, f"DIDOMI UNKNOWN - {message}\n")


def test_nagios_is_told_when_there_is_nothing_to_read(folder, didomi):
    """As a plugin that does not know; other formats end with the error's own code."""
    done = didomi("status", "--format", "nagios")
    assert (done.code, done.err) == (3, "")
    assert done.out.startswith("DIDOMI UNKNOWN - there is no warehouse ")
    assert didomi("status").code == 1
    assert didomi("status", "--format", "nagios", "--destination", "paper").out.startswith(
        "DIDOMI UNKNOWN - unknown dest"
    )
