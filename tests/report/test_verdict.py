"""The verdict's words in each state."""

from __future__ import annotations

from datetime import timedelta

import pytest

from didomi_source.health.judge import Limits, judge
from didomi_source.report.marts import Incident, Marts, Volume
from didomi_source.report.verdict import Verdict
from didomi_source.report.verdict import verdict as verdict_on
from support.marts import NOW, TODAY, ago, export, failing, late, stuck


def verdict(*exports, now=NOW, **more):
    """The verdict on some exports, with plain spaces."""
    marts = Marts(exports=list(exports), as_of=NOW, today=TODAY, **more)
    found = verdict_on(marts, judge(marts.exports, now), now)
    return Verdict(
        found.state, found.headline.replace("\u202f", " "), [s.replace("\u202f", " ") for s in found.sentences]
    )


def well(count):
    return [export(f"e{i}") for i in range(count)]


def test_all_healthy():
    """The page can be closed again."""
    assert verdict(*well(5)) == Verdict(
        "good",
        "All 5 exports are healthy",
        [
            "The last settled run of each export succeeded, and none is overdue.",
            "Everything was read completely, last on Tue 24 Nov 05:30 UTC.",
        ],
    )
    assert verdict(export()).headline == "The only export is healthy"


def test_some_failing():
    """How many, which, since when, and with what."""
    bad = [failing("a", 5, name="CMP – US"), failing("b", 2, name="Proofs")]
    assert verdict(*bad, *well(3)) == Verdict(
        "bad",
        "2 of 5 exports are failing",
        [
            "CMP – US is failing since Fri 20 Nov 04:00 UTC: 5 failed runs in a row (access_denied).",
            "Proofs is failing since Mon 23 Nov 04:00 UTC: 2 failed runs in a row (access_denied).",
        ],
    )


def test_late():
    """What is overdue, and since when."""
    assert verdict(late("a", 2, name="Proofs"), *well(3)) == Verdict(
        "bad", "1 of 4 exports is late", ["Proofs is late since Sun 22 Nov 22:00 UTC: no run for 56 hours, 2 overdue."]
    )  # fmt: skip


def test_stuck():
    """A run that is pending for too long is a warning: nothing failed yet."""
    assert verdict(stuck("a", name="Apps"), *well(1)) == Verdict(
        "warn",
        "1 of 2 exports is stuck",
        ["Apps is stuck since Sun 22 Nov 06:00 UTC: 1 run pending for more than 24 hours."],
    )


def test_all_kinds_of_bad_are_told_the_worst_first():
    """Three are named, the others counted."""
    bad = [failing("a"), failing("b"), failing("c", last_error_kind="quota"), failing("d"), late("e"), stuck("f")]
    found = verdict(*bad, *well(4))
    assert found.headline == "4 of 10 exports are failing, 1 is late and 1 is stuck"
    assert found.sentences[3:] == [
        "3 more exports need attention. Last errors of the failing: access denied (3), quota (1)."
    ]
    assert verdict(failing("a"), failing("b")).headline == "All 2 exports are failing"
    assert verdict(late("a"), stuck("b"), export("c")).headline == "1 of 3 exports is late and 1 is stuck"
    assert verdict(failing()).headline == "The only export is failing"


def test_nothing_loaded():
    """Neither exports nor logs."""
    empty = Marts(exports=[])
    assert verdict_on(empty, judge([], NOW), NOW) == Verdict(
        "empty",
        "No export is known yet",
        ["Nothing has been loaded: run “didomi run”, then write this page again."],
    )


def test_no_run_yet():
    """Exports are configured and have never run."""
    fresh = export(health="no_outcome", runs_total=0, last_run_at=None, last_success_at=None)
    assert verdict(fresh, fresh) == Verdict(
        "empty", "2 exports are known, and none has run yet", ["The first run will show here."]
    )


def test_nothing_built_for_days():
    """A page of old figures says so before anything else, and tells the figures in the past."""
    assert verdict(failing("a"), *well(4), now=NOW + timedelta(days=3)) == Verdict(
        "stale",
        "Nothing has been read completely and built for 3 days; by then, 1 of 5 exports was failing",
        [
            "This page shows Tue 24 Nov 06:00 UTC.",
            "What happened since is not known: check why the schedule does not run “didomi run”.",
        ],
    )


def test_nothing_read_completely_for_days():
    """The job runs and its reads fail: another thing than a job that does not run."""
    old = [export(e, last_complete_sync_at=ago(days=2)) for e in "ab"]
    assert verdict(*old) == Verdict(
        "stale",
        "Nothing has been read completely and built for 2 days; by then, all 2 exports were healthy",
        [
            "This page shows Tue 24 Nov 06:00 UTC.",
            "The load runs, but cannot finish reading: run “didomi check”, and read the errors of “didomi run”.",
        ],
    )
    never = export(last_complete_sync_at=None)
    assert (
        verdict(never).headline
        == "Nothing has been read completely and built yet; by then, the only export was healthy"
    )


def test_one_export_is_not_read():
    """Its health is old."""
    unread = export("a", name="Apps", last_complete_sync_at=ago(days=4))
    assert verdict(unread, *well(2)) == Verdict(
        "warn",
        "1 of 3 exports is not read",
        ["Apps cannot be read since Fri 20 Nov 06:00 UTC: it has not been read completely for 4 days."],
    )


def test_a_retired_export_is_not_judged():
    """Neither its health nor when it was read matters, and it is not counted."""
    gone = export("a", name="Apps", health="retired", last_complete_sync_at=ago(days=400))
    assert verdict(gone, *well(2)) == verdict(*well(2))
    assert verdict(gone, failing("b"), *well(1)).headline == "1 of 2 exports is failing"
    assert verdict(export("a", health="retired")).headline == "All exports are retired"


def test_how_old_is_too_old_can_be_chosen():
    """A weekly schedule is not stale after a day."""
    marts = Marts(exports=[export()], as_of=NOW, today=TODAY)
    later = NOW + timedelta(days=6)
    week = judge(marts.exports, later, Limits(timedelta(days=8)))
    assert (verdict_on(marts, week, later).state, week.is_stale) == ("good", False)


def test_a_load_after_the_as_of_time_is_fresh():
    """The as-of time may be fixed in the past."""
    marts = Marts(exports=[export(last_complete_sync_at=ago(days=-6))], as_of=NOW, today=TODAY)
    assert verdict_on(marts, judge(marts.exports, NOW), NOW).state == "good"


def test_an_unusual_latest_delivery_is_told():
    """A run may complete and deliver nothing; one that was followed by a usual one is history."""
    odd = Volume("e0", TODAY, 0, -1.0, 1000.0, 66_212.0, -1.0, True)
    past = Volume("e1", TODAY - timedelta(days=3), 0, -1.0, 1000.0, 66_212.0, -1.0, True)
    found = verdict(*well(3), anomalies=[odd, past], delivered_on={"e0": TODAY, "e1": TODAY})
    assert found == Verdict(
        "warn",
        "All 3 exports are healthy, but 1 delivered an unusual number of users",
        ["Export e0 delivered 0 users on Tue 24 Nov, where about 66 212 are usual."],
    )
    assert verdict(*well(3), anomalies=[past], delivered_on={"e1": TODAY}).state == "good"


@pytest.mark.parametrize("hours", [0, 30])
def test_the_page_and_status_print_one_headline(hours):
    """Of the same morning, stale or not."""
    exports = [failing("a"), late("b"), stuck("c"), export("d", last_complete_sync_at=ago(days=4)), *well(2)]
    found = judge(exports, NOW + timedelta(hours=hours))
    marts = Marts(exports=exports, as_of=NOW, today=TODAY)
    assert verdict_on(marts, found, NOW + timedelta(hours=hours)).headline == found.headline
    assert found.is_stale == bool(hours)


@pytest.mark.parametrize(
    ("healthy", "headline"),
    [
        (2, "2 of 3 exports are healthy; 1 cannot be judged"),
        (1, "1 of 2 exports is healthy; 1 cannot be judged"),
        (0, "The only export cannot be judged"),
    ],
)
def test_what_cannot_be_judged_is_not_called_healthy(healthy, headline):
    """An unreadable schedule, or no outcome yet."""
    odd = export("x", name="Odd", health="unknown_schedule", health_reason='the frequency "fortnightly" cannot be read')
    found = verdict(odd, *well(healthy))
    assert found == Verdict("warn", headline, ['Odd: the frequency "fortnightly" cannot be read.'])


def test_a_health_of_a_later_version_is_not_called_healthy():
    """Models and page may be of different versions: what is not known to be fine needs attention."""
    found = verdict(*[export(e, health="on_fire", health_reason="smoke") for e in "abcd"])
    assert found == Verdict(
        "warn",
        "All 4 exports are on fire",
        [
            "Export a is on fire: smoke.",
            "Export b is on fire: smoke.",
            "Export c is on fire: smoke.",
            "1 more export needs attention.",
        ],
    )


def test_what_changed_since_yesterday_is_told():
    """An operator who comes each morning looks for the news."""

    def incident(**fields):
        ended = {"recovered_at": None, "is_open": True, "duration_seconds": 1, "runs_failed": 1, "runs_missed": 0}
        return Incident(**{"export_id": "e0", "last_error_kind": None, **ended, **fields})

    new = incident(started_at=ago(hours=5))
    old = incident(started_at=ago(days=5))
    over = incident(started_at=ago(days=5), recovered_at=ago(hours=3), is_open=False)
    assert (
        verdict(failing("a"), incidents=[new, old, over]).sentences[-1]
        == "In the last 24 hours 1 incident began and 1 ended."
    )
    assert verdict(*well(2), incidents=[over, over]).sentences[-1] == "In the last 24 hours 2 incidents ended."
    assert verdict(failing("a"), incidents=[old]).sentences[1:] == []
