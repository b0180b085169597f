"""Answers that break off, lie or refuse: each export that meets one is complete, or an error by name, and costs no other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from didomi_sandbox import KINDS, Fault, Sandbox
from didomi_source.cli.demo import settings_of
from support.counts import Counted
from support.faults.lab import QUICK, WHEN, Lab, columns_of, lost, misbehaving, store_of, truth
from support.harness import clean_environment
from support.thorough import all_but

LOGS = 8
SETTINGS = {"page_size": 3, "retry_seconds": 4, "answer_seconds": 20, "max_answer_bytes": 2 << 20}
LIMIT = (150, 1)
LOADED = None
OVERSIZED = "the answer is larger than 2 MiB: lower page_size"
BROKEN = "no connection, or it broke: "
BROKEN_OFF = "the answer broke off: "
LATE = "no complete answer within 1 s"
NO_JSON = "expected JSON, got "
NO_DATA = 'expected an object with a list "data", got '
NO_LIST = 'expected a list "data", got '
TOO_MANY = "the organization's rate limit is used up (429)"
TOO_LONG = " is empty, though the list is said to hold "
ENDLESS = "the list does not end: "

# What comes of a fault that every answer of an export meets: complete and right, or this error.
ALWAYS = {
    "reset": BROKEN,
    "closed": BROKEN,
    "reset_mid_body": BROKEN_OFF,
    "short_body": BROKEN_OFF,
    "unfinished_chunks": BROKEN_OFF,
    "gzip_bomb": OVERSIZED,
    "huge_page": OVERSIZED,
    **{f"gateway_{status}": f"the API answers {status}" for status in (500, 502, 503, 504)},
    "refusal_400": "the API answers 400 (BadRequest: Invalid authentication information): it does not take the request",
    "refusal_401": "the API refuses a token that it has just issued (401)",
    "refusal_403": "the API answers 403 (Forbidden: You cannot access this resource): give the API key the right",
    "refusal_404": "the API answers 404 (NotFound: Page not found): check the export id",
    **{f"429_{form}": TOO_MANY for form in ("seconds", "zero", "missing", "negative", "garbage", "fraction", "date")},
    "429_day": f"{TOO_MANY}; it is open again at ",
    "redirect_https": "no trusted connection: ",
    "redirect_same_host": "more than 3 redirects",
    "redirect_other_host": "the API redirects to http://elsewhere.invalid, which is not followed: correct base_url",
    "redirect_nowhere": "more than 3 redirects",
    "truncated_json": NO_JSON,
    "malformed_json": NO_JSON,
    "trailing_garbage": NO_JSON,
    "byte_order_mark": LOADED,
    "html": f"{NO_JSON}111 bytes that do not parse (Content-Type: text/html; charset=utf-8)",
    "html_as_json": NO_JSON,
    "empty": f"{NO_JSON}0 bytes",
    "no_content": "expected 200, got 204",
    "null": f"{NO_DATA}null",
    "string": f"{NO_DATA}a text",
    "number": f"{NO_DATA}a number",
    "empty_object": f"{NO_LIST}none",
    "empty_array": f"{NO_DATA}a list",
    "bare_array": f"{NO_DATA}a list",
    "error_with_200": f"{NO_LIST}none",
    "short_gzip": NO_JSON,
    "not_gzip": BROKEN_OFF,
    "total_low": LOADED,
    "total_high": TOO_LONG,
    "total_zero": LOADED,
    "total_negative": 'expected "total" to be a number of 0 or more, got -1',
    "total_text": "expected \"total\" to be a number of 0 or more, got '8'",
    "total_null": LOADED,
    "total_float": 'expected "total" to be a number of 0 or more, got 8.5',
    "total_huge": 'expected "total" to be a number of 0 or more, got 1000000000000000000000000000000',
    "total_missing": LOADED,
    "skip_wrong": "asked for the page at 0, got the page at 1",
    "skip_text": "expected \"skip\" to be a number of 0 or more, got '0'",
    "skip_missing": LOADED,
    "limit_wrong": LOADED,
    "limit_zero": LOADED,
    "limit_missing": LOADED,
    "data_missing": f"{NO_LIST}none",
    "data_null": f"{NO_LIST}null",
    "data_object": f"{NO_LIST}an object",
    "data_string": f"{NO_LIST}a text",
    "data_nested": ENDLESS,
    "empty_page": TOO_LONG,
    "skip_ignored": "asked for the page at 2, got the page at 0",
    "skip_ignored_quietly": ENDLESS,
    "page_repeated": LOADED,
    "page_skipped": TOO_LONG,
    "endless_repeats": ENDLESS,
    "endless_fresh": ENDLESS,
    "duplicate_log": LOADED,
    "conflicting_log": LOADED,
}
# A fault that strikes now and then passes, but for these.
NEVER_PASSING = ("refusal_403", "refusal_404", "429_day")
NOW_AND_THEN = {
    "once": {kind: ALWAYS[kind] for kind in NEVER_PASSING},
    "every third": {kind: ALWAYS[kind] for kind in (*NEVER_PASSING, "refusal_400")},
}
SLOW = dict.fromkeys(("hang", "hang_after_head", "hang_mid_body", "drip", "drip_head"), LATE)
# They make up logs, or states of logs; the logs themselves are all there.
INVENTING = {"endless_fresh", "conflicting_log"}
BOTTOMLESS = ("gzip_bomb", "huge_page", "endless_fresh", "endless_repeats")
GOOD = "good"
# `didomi`, and how many kB it took at most; what the system counts for a child holds the parent's memory, too.
PEAK = """
import atexit, re
from pathlib import Path
from didomi_source.cli import main
peak = Path("peak").absolute()
atexit.register(lambda: peak.write_text(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]))
main()
"""


def outcomes(when: str) -> dict[str, str | None]:
    if when == "always":
        return ALWAYS
    return {**dict.fromkeys(ALWAYS, LOADED), **NOW_AND_THEN[when]}


def check(lab: Lab, sandbox: Sandbox, expected: dict[str, str | None], counted: Counted, **settings: float) -> None:
    """Run the job with the faults, then without; compare what each export came to, and all rows, with the truth."""
    summary = lab.run(sandbox, **{**SETTINGS, **settings})
    counted("faults tried", len(expected))
    errors = {sync["export_id"]: None if sync["is_complete"] else sync["error"] for sync in summary.syncs}
    wrong = {
        export: (error, expected.get(export))
        for export, error in errors.items()
        if not (error is expected.get(export) is None or (expected.get(export) or "\0") in (error or ""))
    }
    assert wrong == {}
    assert errors.keys() == {*expected, GOOD}
    assert summary.exit_code == int(any(expected.values()))
    rows = {row["id"]: row for row in lab.logs()}
    logs = [log for log in sandbox.store.logs() if errors[log["export_id"]] is None]
    counted("rows lost", len(lost(rows.values(), logs)))
    assert lost(rows.values(), logs) == []
    right = {log["id"]: columns_of(log) for log in sandbox.store.logs()}
    assert {i: row for i, row in rows.items() if row != right.get(i) and row["export_id"] not in INVENTING} == {}
    assert {row["export_id"] for row in lab.rows("export_log_quarantine")} <= {"data_nested"}
    assert sandbox.max_requests_in_window() <= LIMIT[0]
    check_recovery(lab, sandbox)
    counted("rows doubled", lab.doubled())
    leaks = lab.secrets_found(sandbox)
    counted("secrets found", len(leaks))
    assert (lab.doubled(), leaks) == (0, [])


def check_recovery(lab: Lab, sandbox: Sandbox) -> None:
    """The next run without faults is complete; what was made up is known to be missing at the source."""
    sandbox.faults = ()
    assert lab.run(sandbox, **SETTINGS).failures == []
    assert [row for row in lab.logs() if "missing_at_source_since" not in row] == truth(sandbox)


@pytest.mark.parametrize("when", all_but("always", WHEN))
def test_every_fault_has_its_outcome(lab: Lab, counted: Counted, when: str) -> None:
    """Each fault for an export of its own: complete or an error by name, never less than all with exit 0."""
    expected = outcomes(when)
    faults = [Fault(kind, export_id=kind, **WHEN[when]) for kind in expected]
    with misbehaving(store_of([*expected, GOOD], LOGS), faults, replace(QUICK, rate_limit=LIMIT)) as sandbox:
        check(lab, sandbox, expected, counted)


@pytest.mark.parametrize("when", all_but("always", WHEN))
def test_every_slow_answer_has_its_end(lab: Lab, counted: Counted, when: str) -> None:
    """What hangs or drips is given up at the deadline of an answer, and tried again."""
    expected = SLOW if when == "always" else dict.fromkeys(SLOW, LOADED)
    faults = [Fault(kind, export_id=kind, **WHEN[when]) for kind in expected]
    with misbehaving(store_of([*expected, GOOD], LOGS), faults, replace(QUICK, rate_limit=LIMIT)) as sandbox:
        check(lab, sandbox, expected, counted, answer_seconds=1, retry_seconds=2 if when == "always" else 10)


def test_no_fault_is_forgotten() -> None:
    """Every kind of the sandbox is tried: payloads and sessions elsewhere, all others here."""
    elsewhere = {name for name in KINDS if name.startswith(("log_", "session_"))}
    assert {*ALWAYS, *SLOW} == KINDS.keys() - elsewhere


def test_bombs_and_lists_without_end_fit_into_memory(tmp_path: Path, counted: Counted) -> None:
    """A gigabyte in a small body, a page of 300 MB and a list without an end: a run with the usual bounds stays small."""
    faults = [Fault(kind, export_id=kind) for kind in BOTTOMLESS]
    with misbehaving(store_of([*BOTTOMLESS, GOOD], LOGS), faults) as sandbox:
        counted("faults tried", len(faults))
        environment = {**clean_environment(tmp_path), **settings_of(sandbox, tmp_path / "warehouse.duckdb")}
        environment |= {"SOURCES__DIDOMI__RETRY_SECONDS": "1", "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
        command = [sys.executable, "-c", PEAK, "run", "--skip-models", "--json"]
        done = subprocess.run(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, check=False)
    summary = json.loads(done.stdout)
    assert {e["export_id"]: e["is_complete"] for e in summary["exports"]} == {
        **dict.fromkeys(BOTTOMLESS, False),
        GOOD: True,
    }
    assert done.returncode == 1
    assert int((tmp_path / "peak").read_text()) < 512 * 1024
