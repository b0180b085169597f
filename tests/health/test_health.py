"""The healths of exports: their order, values of newer models, and that one file knows what they mean."""

from __future__ import annotations

import ast
import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

from didomi_source.health.judge import KINDS, Limits, judge
from didomi_source.health.nagios import nagios
from didomi_source.health.states import Severity
from didomi_source.health.status import Concern, Health, read_status
from didomi_source.notify.changes import changes
from didomi_source.notify.message import message
from didomi_source.report.marts import Marts
from didomi_source.report.render import render
from didomi_source.warehouse.target import Target
from support.marts import NOW, Made, export, failing, late, stuck
from support.parsed_page import parse, section

ROOT = Path(__file__).parents[2]
MART = "sql/models/marts/didomi__exports"
HOMES = {"didomi_source/health/status.py", f"{MART}.sql", f"{MART}.yml"}


def test_the_order_of_healths_is_the_worst_first():
    """No health is more urgent than the one before it."""
    assert sorted(Health, key=lambda health: health.rank) == list(Health)
    assert [kind.value for kind in KINDS if kind.is_severe] == ["failing", "undelivered", "late"]
    assert [kind.value for kind in KINDS] == ["failing", "undelivered", "late", "stuck", "unread", "below_rate"]


@pytest.mark.parametrize("state", [*Health, *Concern])
def test_every_state_has_words(state):
    """A text everywhere: as a value, in sentences, on the page."""
    assert (str(state), f"{state}", json.dumps(state)) == (state.value, state.value, f'"{state.value}"')
    assert all([state.label, state.now, state.then, state.facts.mark, state.facts.meaning, state.css_class])


def test_a_read_of_a_clock_that_was_ahead_is_none():
    """Until the next one nobody knows when the exports were read."""
    ahead = export("a", last_complete_sync_at=NOW + timedelta(days=40_000), last_synced_at=NOW + timedelta(days=40_000))
    found = judge([ahead], NOW)
    assert (found.is_stale, found.read_at, found.age, found.is_load_running) == (True, None, None, False)
    near = export("a", last_complete_sync_at=NOW + timedelta(hours=2))
    assert not judge([near, ahead], NOW).is_stale
    assert judge([near, ahead], NOW).problems["a"].kind is Health.UNREAD


def test_the_worst_export_comes_first():
    """By health; a bad one by intervals without success, so that five daily runs weigh more than two weekly ones."""
    weekly = failing("weekly", 2, interval_seconds=604_800, seconds_since_last_success=15 * 86_400)
    monthly = failing("monthly", 1, interval_seconds=None, interval_months=1, seconds_since_last_success=40 * 86_400)
    never = failing("never", 1, last_success_at=None, seconds_since_last_success=None)
    odd = export("odd", health="a health of later")
    shaky = export("shaky", success_rate_28d=0.9)
    rows = [
        export("b"),
        shaky,
        odd,
        stuck("stuck"),
        late("late"),
        monthly,
        weekly,
        failing("daily"),
        never,
        export("a"),
    ]
    found = [e.export_id for e in sorted(rows, key=lambda export: export.rank)]
    assert found == ["never", "daily", "weekly", "monthly", "late", "stuck", "odd", "shaky", "a", "b"]


def test_a_health_of_newer_models_is_a_problem():
    """Printed as it is, after the bad healths that are known; one value is one health."""
    new = Health("on_fire")
    assert {new, Health("on_fire")} == {"on_fire"}
    assert new not in list(Health)
    assert (new.value, new.label, new.severity, new.css_class) == ("on_fire", "on fire", Severity.BAD, "warn")
    assert sorted([*Health, new], key=lambda health: health.rank)[4:7] == [Health.UNREAD, new, Health.UNKNOWN_SCHEDULE]
    with pytest.raises(ValueError, match="None is not a valid Health"):
        Health(None)


def test_a_health_of_newer_models_is_read_and_judged(tmp_path, monkeypatch):
    """By every command, without an edit of any table of words."""
    made = Made(tmp_path / "warehouse.duckdb")
    made.export(export("b"))
    made.export(export("a", health="on_fire", health_reason="smoke"))
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", f"duckdb:///{made.finish()}")
    exports = read_status(Target(working_dir=tmp_path))
    found = judge(exports, NOW)
    assert [e.export_id for e in exports] == ["a", "b"]
    assert (found.exit_code, found.headline) == (1, "1 of 2 exports is on fire")
    assert [json.loads(json.dumps(e))["problem"] for e in found.as_dict()["exports"]] == [
        {"kind": "on_fire", "text": "smoke", "since": None}, None
    ]  # fmt: skip
    code, line = nagios(found, Limits())
    assert (code, line.split(" | ")[0]) == (1, "DIDOMI WARNING - 1 of 2 exports is on fire; Export a: smoke")
    sent = message(changes(found, {}, NOW, list), found, NOW)
    assert (sent.kind, sent.title) == ("warning", "Didomi: Export a is on fire")
    page = parse(render(Marts(exports=exports, as_of=NOW), NOW, schema="didomi_marts"))
    assert section(page, "attention").rows()[0][1] == "! on fire smoke"


def texts_of(path):
    """The texts of a Python file; the quoted words of any other."""
    text = path.read_text("utf-8")
    if path.suffix == ".py":
        return {node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)}
    return set(re.findall(r"""['"`](\w+)['"`]""", text))


def files():
    """Everything from the marts on that could hold a table of healths."""
    for folder in ("didomi_source", "sql/models", "sql/macros"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in {".py", ".sql", ".yml", ".j2", ".css"} and "target" not in path.parts:
                yield path.relative_to(ROOT).as_posix(), path


def test_a_health_is_named_in_three_files():
    """A new one is an edit there; `healthy` is also a judgement on all exports."""
    values = {health.value for health in Health}
    found = {name: values & texts_of(path) for name, path in files()}
    assert {name: named for name, named in found.items() if named and name not in HOMES} == {
        "didomi_source/health/judge.py": {"healthy"}
    }
    assert [found[f"{MART}.sql"] | {"healthy"}, found["didomi_source/health/status.py"] & values] == [values, values]


def test_few_places_treat_one_health_apart_from_the_others():
    """By name; each of them is about that health alone, and none has to know a new one."""
    found = {
        name: set(re.findall(r"\bHealth\.([A-Z_]+)\b", path.read_text("utf-8")))
        for name, path in files()
        if path.suffix == ".py" and name not in HOMES
    }
    assert {name: named for name, named in found.items() if named} == {
        "didomi_source/health/headline.py": {"HEALTHY"},
        "didomi_source/health/judge.py": {"UNDELIVERED", "UNREAD"},
        "didomi_source/notify/changes.py": {"UNDELIVERED"},
        "didomi_source/report/figures.py": {"FAILING"},
        "didomi_source/report/render.py": {"UNKNOWN_SCHEDULE", "UNREAD"},
    }
