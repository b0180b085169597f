"""The verdict's words in each state."""

from __future__ import annotations

from datetime import timedelta

import pytest

from didomi_source.report.data import Incident, Marts, Volume
from didomi_source.report.verdict import Verdict, freshness, judge

from .marts import NOW, TODAY, ago, export, failing, late, stuck


def verdict(*exports, now=NOW, **more):
    """The verdict on some exports, with plain spaces."""
    marts = Marts(exports=list(exports), as_of=NOW, today=TODAY, **more)
    found = judge(marts, freshness(marts, now))
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
    bad = [failing("a", 5, name="CMP – US"), failing("b", 2, name="Proofs", last_error_kind="no_message")]
    assert verdict(*bad, *well(3)) == Verdict(
        "bad",
        "2 of 5 exports are failing",
        [
            "CMP – US failed 5 times in a row since Fri 20 Nov, last with “access denied”.",
            "Proofs failed twice since Mon 23 Nov, last without an error text.",
        ],
    )
    once = failing("a", 1, name="Consents", last_error_kind="other")
    assert verdict(once).sentences == ["Consents failed once on Tue 24 Nov."]


def test_late():
    """What is overdue, and since when."""
    assert verdict(late("a", 2, name="Proofs"), *well(3)) == Verdict(
        "bad", "1 of 4 exports is late", ["Proofs missed 2 runs; the first was due Sun 22 Nov 22:00 UTC."]
    )  # fmt: skip


def test_stuck():
    """A run that is pending for too long is a warning: nothing failed yet."""
    assert verdict(stuck("a", name="Apps"), *well(1)) == Verdict(
        "warn", "1 of 2 exports is stuck", ["Apps has a run that has been pending since Sun 22 Nov 06:00 UTC."]
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
    assert judge(empty, freshness(empty, NOW)) == Verdict(
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
        "Nothing has been loaded and built for 3 days",
        [
            "This page shows Tue 24 Nov 06:00 UTC: 1 of 5 exports was failing.",
            "What happened since is not known: look why the schedule does not run “didomi run”.",
        ],
    )


def test_nothing_read_completely_for_days():
    """The job runs and its reads fail: another thing than a job that does not run."""
    old = [export(e, last_complete_sync_at=ago(days=2)) for e in "ab"]
    assert verdict(*old) == Verdict(
        "stale",
        "No export has been read completely for 2 days",
        [
            "The load runs, but cannot finish reading. By what it has read: all 2 exports were healthy.",
            "Run “didomi check”, and look at the errors of the last “didomi run”.",
        ],
    )
    never = export(last_complete_sync_at=None)
    assert verdict(never).headline == "No export has ever been read completely"


def test_one_export_is_not_read():
    """Its health is old, and so is what the page says of it."""
    unread = export("a", name="Apps", last_complete_sync_at=ago(days=4))
    assert verdict(unread, *well(2)) == Verdict(
        "warn",
        "All 3 exports are healthy, but 1 was not read completely",
        ["Apps was not read completely in the last 26 hours, and may look better than it is."],
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
    week = freshness(marts, NOW + timedelta(days=6), timedelta(days=8))
    assert (judge(marts, week).state, week.is_stale) == ("good", False)


def test_a_load_after_the_as_of_time_is_fresh():
    """The as-of time may be fixed in the past."""
    marts = Marts(exports=[export(last_complete_sync_at=ago(days=-90))], as_of=NOW, today=TODAY)
    assert judge(marts, freshness(marts, NOW)).state == "good"


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
    """Models and page may be of different versions."""
    found = verdict(*[export(e, health="on_fire", health_reason="smoke") for e in "abcd"])
    assert found == Verdict(
        "warn",
        "None of the 4 exports can be judged",
        ["Export a: smoke.", "Export b: smoke.", "Export c: smoke.", "1 more export cannot be judged either."],
    )


def test_what_changed_since_yesterday_is_told():
    """An operator who comes each morning looks for the news."""

    def incident(**fields):
        ended = {"recovered_at": None, "is_open": True, "duration_seconds": 1, "runs_failed": 1, "runs_missed": 0}
        return Incident(**{"export_id": "e0", "started_by": "failed", "last_error_kind": None, **ended, **fields})

    new = incident(started_at=ago(hours=5))
    old = incident(started_at=ago(days=5))
    over = incident(started_at=ago(days=5), recovered_at=ago(hours=3), is_open=False)
    assert (
        verdict(failing("a"), incidents=[new, old, over]).sentences[-1]
        == "In the last 24 hours 1 incident began and 1 ended."
    )
    assert verdict(*well(2), incidents=[over, over]).sentences[-1] == "In the last 24 hours 2 incidents ended."
    assert verdict(failing("a"), incidents=[old]).sentences[1:] == []
