"""`didomi notify`: each change is told once to each target, whichever machine sees it."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import duckdb
import pytest
from apprise import AppriseResult, AppriseResultStatus
from apprise.plugins.discord import NotifyDiscord

from didomi_source.errors import RunLocked
from didomi_source.health.deliveries import DeliveryStatus, RecentDeliveries
from didomi_source.health.judge import judge
from didomi_source.notify import channels
from didomi_source.notify import ledger as ledgers
from didomi_source.notify.changes import changes
from didomi_source.notify.channels import Channel
from didomi_source.notify.ledger import LEASE, LEASE_SECONDS, TABLE, Ledger, Told
from didomi_source.notify.message import Message, digest_message, message
from didomi_source.warehouse.open import open_temporary
from didomi_source.warehouse.target import Target
from support.marts import Made, columns_of, export, failing, late
from support.postgres import server

MINUTE = timedelta(minutes=1)
SECRET = "hunter2-hunter2"


def now() -> datetime:
    return datetime.now(timezone.utc)


def read_now(**fields):
    return {"last_complete_sync_at": now(), **fields}


@pytest.fixture
def marts(folder, monkeypatch) -> Callable[..., None]:
    """Makes the marts anew, of given exports and ended incidents; who was told what stays."""
    path = folder / "warehouse.duckdb"
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", f"duckdb:///{path}")

    def make(*exports, ended=(), deliveries=None, **of_deliveries):
        if path.exists():
            with duckdb.connect(str(path)) as connection:
                connection.execute("drop schema didomi_marts cascade")
        else:
            duckdb.connect(str(path)).execute("create schema didomi_raw").close()
        made = Made(path)
        for row in exports:
            made.export(row)
        for number, (export_id, started_at, recovered_at) in enumerate(ended):
            made.add("export_incidents", incident_id=str(number), export_id=export_id, started_at=started_at,
                     started_by="failed", recovered_at=recovered_at, is_open=False, duration_seconds=1,
                     runs_failed=1, runs_missed=0)  # fmt: skip
        for export_id, verdicts in (deliveries or {}).items():
            made.deliveries(export_id, verdicts, now().date(), **of_deliveries)
        made.finish()

    return make


@pytest.fixture
def urls(monkeypatch, listener) -> Callable[..., None]:
    """Configures targets that lead to the listener, by path."""

    def configure(*paths):
        monkeypatch.setenv("NOTIFY__URLS", json.dumps([f"json://u:{SECRET}@{listener.place}/{p}" for p in paths]))

    configure("team")
    return configure


def messages(listener):
    """What the targets were sent: path, kind, title and body."""
    found = [(r.path, json.loads(r.body)) for r in listener.requests]
    listener.requests.clear()
    return [(path, body["type"], body["title"], body["message"]) for path, body in found]


def test_a_change_is_told_once(marts, urls, listener, didomi):
    """With what fails, since when and why; a second call has nothing to tell."""
    marts(failing("a", 5, failing_since_at=datetime(2026, 11, 20, 9, 41, tzinfo=timezone.utc), **read_now()),
          export("b", **read_now()))  # fmt: skip
    done = didomi("notify")
    assert (done.code, done.out) == (0, "Told target 1 (JSON): Didomi: Export a is failing\n")
    ((path, kind, title, body),) = messages(listener)
    assert (path, kind, title) == ("/team", "failure", "Didomi: Export a is failing")
    assert body.splitlines() == [
        "✕ Export a is failing since Fri 20 Nov 09:41 UTC: 5 failed runs in a row (access_denied)",
        "   AccessDenied: not authorized to perform s3:PutObject",
        "",
        "Now: 1 of 2 exports is failing.",
    ]
    assert didomi("notify")[:2] == (0, "Nothing is new.\n")
    assert listener.requests == []


def test_a_wrong_delivery_of_last_week_is_not_told_to_be_well(marts, urls, listener, didomi):
    """It is no longer reported, and nothing came after it; what comes and is right is told."""
    marts(export("a", health="undelivered", health_reason="delivery of last week", **read_now()))
    didomi("notify")
    messages(listener)
    marts(export("a", **read_now()))
    assert didomi("notify")[:2] == (0, "Nothing is new.\n")
    assert messages(listener) == []


def test_a_wrong_delivery_is_told_once(marts, urls, listener, didomi):
    """And that it is right after all; one of which the health of its export is reported is not told twice."""
    day = now().date() - timedelta(days=1)
    marts(export("a", **read_now()), deliveries={"a": "as_claimed short as_claimed"})
    assert didomi("notify").code == 0
    ((_, kind, title, body),) = messages(listener)
    assert (kind, title) == ("warning", f"Didomi: Export a: delivery of {day} is short")
    assert body.splitlines()[0] == f"✕ Export a: delivery of {day} is short: why short"
    assert didomi("notify").out == "Nothing is new.\n"
    undelivered = export("a", health="undelivered", health_reason="delivery of today", **read_now())
    marts(undelivered, deliveries={"a": "as_claimed as_claimed no_success"})
    assert didomi("notify").code == 0
    ((_, _, _, body),) = messages(listener)
    assert body.splitlines()[:2] == [
        "✕ Export a is undelivered: delivery of today",
        f"✓ Export a: delivery of {day} is well again: it was short",
    ]
    marts(export("a", **read_now()), deliveries={"a": "as_claimed as_claimed no_success"})
    assert didomi("notify").code == 0
    assert [body.splitlines()[0].partition(" after ")[0] for *_, body in messages(listener)] == [
        "✓ Export a is well again"
    ]


def test_a_wrong_delivery_that_expires_weeks_later_is_not_well_again():
    """It comes back among those that expire, and is as wrong as it was told to be."""
    known = dict.fromkeys(field.name for field in dataclasses.fields(DeliveryStatus)) | {
        "export_id": "a", "delivery_date": now().date() - timedelta(days=28), "data_kind": "users",
        "verdict": "short", "is_wrong": True, "is_about_to_expire": True, "expires_at": now() + timedelta(days=1),
    }  # fmt: skip
    one = DeliveryStatus(**known)
    found = judge([export("a", **read_now())], now(), deliveries=RecentDeliveries([one], now()))
    told = {" ".join(map(str, one.key)): Told("short", None, now() - timedelta(days=27))}
    assert [change.subject for change in changes(found, told, now(), list)] == ["(files)"]


def test_files_that_expire_are_told_once(marts, urls, listener, didomi):
    """When the first are about to; not with each day's."""
    soon = {"is_about_to_expire": True, "expires_at": now() + timedelta(hours=5)}
    marts(export("a", **read_now()), deliveries={"a": "as_claimed"}, **soon)
    assert didomi("notify").code == 0
    ((_, kind, title, body),) = messages(listener)
    assert (kind, title) == ("warning", "Didomi: Delivered files expire soon")
    assert body.startswith("✕ Delivered files expire soon: 1 delivery is deleted by Didomi within 48 hours, first ")
    marts(export("a", **read_now()), deliveries={"a": "as_claimed as_claimed"}, **soon)
    assert didomi("notify").out == "Nothing is new.\n"
    marts(export("a", **read_now()), deliveries={"a": "as_claimed as_claimed"})
    assert didomi("notify").out == "Nothing is new.\n"
    marts(export("a", **read_now()), deliveries={"a": "as_claimed"}, **soon)
    assert didomi("notify").code == 0
    assert len(messages(listener)) == 1


def test_one_target_is_sent_what_belongs_to_other_exports_too(marts, urls, listener, didomi):
    """Two jobs with an export each: neither repeats its news, nor keeps the other from sending its own."""
    soon = {"is_about_to_expire": True, "expires_at": now() + timedelta(hours=5)}
    marts(export("a", **read_now()), export("b", **read_now()), deliveries={"a": "as_claimed"}, **soon)
    for export_id, count in (("a", 1), ("b", 0), ("a", 0)):
        assert didomi("notify", "--export-id", export_id).code == 0
        assert len(messages(listener)) == count
    for export_id, count in (("a", 1), ("b", 1), ("b", 0)):
        assert didomi("notify", "--digest", "--export-id", export_id).code == 0
        assert len(messages(listener)) == count


def test_well_exports_are_no_news(marts, urls, listener, didomi):
    """Nothing is sent, and nothing is written into the warehouse."""
    marts(export("a", **read_now()), export("b", health="unknown_schedule", **read_now()))
    assert didomi("notify").out == "Nothing is new.\n"
    assert listener.requests == []
    with duckdb.connect("warehouse.duckdb", read_only=True) as connection:
        assert connection.execute("select count(*) from duckdb_tables() where table_name like 'noti%'").fetchone() == (
            0,
        )


def test_a_recovery_is_told_with_how_long_it_took(marts, urls, listener, didomi):
    """From the first failure to the first success, as the marts tell it."""
    began, ended = now() - timedelta(days=5), now() - timedelta(days=2)
    marts(failing("a", failing_since_at=began, **read_now()))
    didomi("notify")
    messages(listener)
    # An older incident, and a later one, are others.
    others = [("a", began - 9 * MINUTE, began - MINUTE), ("a", ended, ended + MINUTE), ("b", began, began + MINUTE)]
    marts(export("a", **read_now()), ended=[("a", began, ended), *others])
    didomi("notify")
    assert messages(listener) == [
        (
            "/team",
            "success",
            "Didomi: Export a is well again",
            "✓ Export a is well again after 3 days: it was failing\n\nNow: The only export is healthy.",
        )
    ]
    assert didomi("notify").out == "Nothing is new.\n"


def test_a_retired_export_is_no_news(marts, urls, listener, didomi):
    """It has not recovered, and whatever it was does not matter any more; once it is not retired it does."""
    marts(failing("a", **read_now()), export("b", **read_now()))
    didomi("notify")
    messages(listener)
    marts(export("a", health="retired"), export("b", **read_now()))
    assert didomi("notify").out == "Nothing is new.\n"
    marts(export("a", **read_now()), export("b", **read_now()))
    didomi("notify")
    assert [title for _, _, title, _ in messages(listener)] == ["Didomi: Export a is well again"]


def test_many_changes_are_one_message(marts, urls, listener, didomi):
    """The worst first; recoveries last; the rest is counted."""
    marts(failing("z", **read_now()))
    didomi("notify")
    messages(listener)
    marts(export("z", **read_now()), export("y", success_rate_28d=0.5, **read_now()),
          *(late(f"l{i:02}", **read_now()) for i in range(30)))  # fmt: skip
    didomi("notify", "--min-rate", "0.9")
    ((_, kind, title, body),) = messages(listener)
    lines = body.splitlines()
    assert (kind, title) == ("failure", "Didomi: 30 of 32 exports are late; 1 below the least success rate")
    assert [line[:8] for line in lines[:20]] == ["✕ Export"] * 20
    assert lines[20] == "… and 12 more changes"


def test_the_organization_is_named_where_a_dataset_holds_several(marts, urls, listener, didomi):
    """In the title of one change, in the lines of many, and in a digest."""
    names = {"name": "Raw events", "failing_since_at": datetime(2026, 11, 20, 9, 41, tzinfo=timezone.utc)}
    marts(failing("a", **names, **read_now()), export("b", organization_id="beta", **read_now()))
    assert didomi("notify").out == "Told target 1 (JSON): Didomi: acme / Raw events is failing\n"
    marts(export("a", **read_now()), failing("b", **names, organization_id="beta", **read_now()))
    messages(listener)
    didomi("notify")
    didomi("notify", "--digest")
    reason = "is failing since Fri 20 Nov 09:41 UTC: 5 failed runs in a row (access_denied)"
    (_, _, _, news), (_, _, _, digest) = messages(listener)
    assert news.splitlines()[0] == digest.splitlines()[1] == f"✕ beta / Raw events {reason}"
    assert "✓ acme / Export a is well again" in news


def test_a_stale_load_is_told_and_the_exports_are_not(marts, urls, listener, didomi):
    """Nobody knows how they are; when it is read again, they are told."""
    old = now() - timedelta(hours=30)
    marts(late("a", last_complete_sync_at=old))
    didomi("notify")
    ((_, kind, title, body),) = messages(listener)
    assert (kind, title) == ("failure", "Didomi: The load is stale")
    assert body == (
        "✕ The load is stale: Nothing has been read completely and built for 30 hours; by then, the only export was late"
    )
    assert didomi("notify").out == "Nothing is new.\n"
    marts(late("a", **read_now()))
    didomi("notify")
    ((_, kind, _, body),) = messages(listener)
    assert [line[:40] for line in body.splitlines()[:2]] == [
        "✕ Export a is late since " + body[25:40],
        "✓ The load is well again after 30 hours:",
    ]


def test_an_export_that_the_marts_do_not_hold_is_no_stale_load(marts, urls, listener, didomi):
    """A slip on the command line alarms nobody."""
    marts(export("a", **read_now()))
    done = didomi("notify", "--export-id", "typo")
    assert (done.code, done.out) == (78, "")
    assert done.err.endswith("didomi: the marts hold no export typo: choose from a\n")
    assert listener.requests == []


def test_a_digest_is_told_once_a_day(marts, urls, listener, didomi):
    """How everything is, well or not."""
    marts(failing("a", failing_since_at=datetime(2026, 11, 20, 9, 41, tzinfo=timezone.utc), **read_now()),
          export("b", **read_now()))  # fmt: skip
    assert didomi("notify", "--digest").out == "Told target 1 (JSON): Didomi: 1 of 2 exports is failing\n"
    ((_, kind, _, body),) = messages(listener)
    assert kind == "failure"
    assert body.splitlines()[:4] == [
        "1 of 2 exports is failing.",
        "✕ Export a is failing since Fri 20 Nov 09:41 UTC: 5 failed runs in a row (access_denied)",
        "Success, 7 days: 64.3% (9 of 14 runs)",
        "Success, 28 days: 91.1% (51 of 56 runs)",
    ]
    assert didomi("notify", "--digest").out == "Nothing is new.\n"
    with duckdb.connect("warehouse.duckdb") as connection:
        connection.execute(f"update didomi_raw.{TABLE} set told_at = told_at - interval 1 day")
    assert didomi("notify", "--digest").code == 0
    assert len(messages(listener)) == 1


def test_a_dry_run_shows_and_changes_nothing(marts, urls, listener, didomi, monkeypatch):
    """Also before anybody is configured."""
    marts(failing("a", **read_now()))
    shown = didomi("notify", "--dry-run").out
    assert shown.startswith("Would tell target 1 (JSON): Didomi: Export a is failing\n    ✕ Export a is failing since")
    assert listener.requests == []
    monkeypatch.delenv("NOTIFY__URLS")
    assert didomi("notify", "--dry-run").out == shown.replace("target 1 (JSON)", "nobody yet")


def test_no_reader_keeps_what_was_told_from_being_written_down(marts, urls, listener, didomi):
    """A reader of the DuckDB file that came while the message was sent would have it sent again."""
    marts(failing("a", **read_now()))
    code = "import duckdb; duckdb.connect('warehouse.duckdb', read_only=True)"
    readers = []

    def read(_):
        readers.append(subprocess.run([sys.executable, "-c", code], check=False).returncode)
        return 200

    listener.status = read
    assert didomi("notify").code == 0
    assert readers == [1]
    assert didomi("notify").out == "Nothing is new.\n"
    assert readers == [1]


def test_a_target_that_refuses_is_tried_again_alone(marts, urls, listener, didomi):
    """The others were told, and are not told twice."""
    marts(failing("a", **read_now()))
    urls("good", "bad")
    listener.status = lambda path: 503 if "bad" in path else 200
    done = didomi("notify")
    assert (done.code, [m[0] for m in messages(listener)]) == (1, ["/good", "/bad"])
    assert "didomi: target 2 (JSON) did not take the message: it is tried again next time" in done.err
    listener.status = lambda _: 200
    assert didomi("notify").out == "Told target 2 (JSON): Didomi: Export a is failing\n"
    assert [m[0] for m in messages(listener)] == ["/bad"]


REFUSAL = (
    "AccessDenied: User: arn:aws:sts::123456789012:assumed-role/didomi-export/session is not authorized to perform: "
    's3:PutObject on resource: "arn:aws:s3:::acme-consents-eu-west-1/didomi/raw/2026/11/24/events.json.gz" because no '
    "identity-based policy allows the s3:PutObject action (Service: Amazon S3; Status Code: 403)"
)


def outage(count=25):
    """Exports that fail at once, with a usual text of AWS, and the changes that they are."""
    found = judge([failing(f"{n:02}", last_error_message=REFUSAL, **read_now()) for n in range(count)], now())
    return changes(found, {}, now(), list), found


@pytest.fixture
def discord(monkeypatch, listener):
    """A target that refuses more than 2,000 characters, as Discord does; returns what it was sent."""

    def content():
        return [json.loads(request.body)["content"] for request in listener.requests]

    monkeypatch.setattr(NotifyDiscord, "notify_url", f"http://{listener.place}/discord")
    monkeypatch.setenv("NOTIFY__URLS", "discord://123456789012345678/token-of-discord")
    listener.status = lambda _: 204 if len(content()[-1]) <= 2000 else 400
    return content


def test_an_outage_of_all_exports_is_one_message_that_discord_takes(marts, discord, didomi):
    """The worst first, each by its name, with as many errors as there is room for; the rest is counted."""
    marts(*(failing(f"{n:02}", last_error_message=REFUSAL, **read_now()) for n in range(9)))
    assert didomi("notify")[:2] == (0, "Told target 1 (Discord): Didomi: All 9 exports are failing\n")
    (content,) = discord()
    assert 1700 < len(content) <= 2000
    assert [line[:13] for line in content.splitlines() if line.startswith("✕")] == [
        f"✕ Export 0{n} i" for n in range(9)
    ]
    assert [line[:13] for line in content.splitlines()[1:5]] == [
        "✕ Export 00 i",
        "   AccessDeni",
        "✕ Export 01 i",
        "   AccessDeni",
    ]
    assert content.splitlines()[-1] == "Now: All 9 exports are failing."
    assert didomi("notify").out == "Nothing is new.\n"
    assert len(discord()) == 1


@pytest.mark.parametrize(
    ("url", "limit", "named"),
    [
        ("discord://123456789012345678/token-of-discord", 2000, 19),
        ("tgram://123456789:abcdefg_hijklmnop/12345/", 4096, 20),
        ("pover://user0000000000000000000000000@token0000000000000000000000000", 1024, 10),
        (f"pagerduty://key@{'b' * 32}", 1024, 10),
        (f"twilio://AC{'a' * 32}:{'b' * 32}@+15551234567/+15551234568", 160, 1),
        ("clicksend://user:pass@+15551234567", 160, 1),
        ("json://localhost", 32_768, 20),
    ],
)
def test_a_message_is_one_message_within_the_limit_of_its_service(url, limit, named, monkeypatch):
    """As Apprise hands it to the service: title and body together where they are one."""
    monkeypatch.setenv("NOTIFY__URLS", url)
    (channel,) = channels.configured()
    sent = []
    monkeypatch.setattr(channel.service, "send", lambda **given: [sent.append(given)] != [])
    news, found = outage()
    for made in (message(news, found, now(), channel.size), digest_message(found, now(), channel.size)):
        assert channel.send(made)
        assert sum(line.startswith("✕") for line in made.body.splitlines()) >= named
        assert f"… and {25 - made.body.count('✕')} more " in made.body
    assert len(sent) == 2
    for given in sent:  # Pushover has a limit of its own for titles
        assert len(given["body"] + given["title"] * channel.size.is_joined) <= limit


@pytest.mark.parametrize("length", [20, 60, 120, 160, 300, 1000])
def test_a_message_fits_whatever_the_limit_is(length):
    """Of title and body together, of titles and names without a blank too."""
    news, found = outage()
    one = judge([failing("x" * 200, name=None, health_reason="y" * 300, **read_now())], now())
    size = channels.SizeLimit(0, length, is_joined=True)
    for made in (
        message(news, found, now(), size),
        message(changes(one, {}, now(), list), one, now(), size),
        digest_message(found, now(), size),
    ):
        assert len(made.title) <= length // 2
        assert made.title
        assert length < 100 or len(made.title) + len(made.body) <= length


def test_a_target_whose_address_asks_for_it_gets_all_of_it_in_parts(marts, discord, didomi, monkeypatch):
    """Once, also where it takes its time for each part."""
    marts(*(failing(f"{n:02}", last_error_message=REFUSAL, **read_now()) for n in range(9)))
    monkeypatch.setenv("NOTIFY__URLS", "discord://123456789012345678/token-of-discord?overflow=split")
    assert didomi("notify").code == 0
    parts = discord()
    assert (len(parts), "".join(parts).count("AccessDenied: User")) == (2, 9)
    assert didomi("notify").out == "Nothing is new.\n"
    assert discord() == parts


@pytest.mark.parametrize(
    ("answer", "accepted"),
    [
        (True, True),
        (False, False),
        (AppriseResult(AppriseResultStatus.SUCCESS), True),
        (AppriseResult(AppriseResultStatus.FAILURE), False),
        (AppriseResult(AppriseResultStatus.PARTIAL), False),
        (AppriseResult(AppriseResultStatus.TIMEOUT), False),
        (AppriseResult(AppriseResultStatus.NOMATCH), False),
    ],
)
def test_only_a_message_that_was_accepted_counts_as_sent(answer, accepted):
    """A truth value of older versions of Apprise, a result object of newer ones."""

    class Service:
        overflow_mode = "upstream"

        def notify(self, **_):
            return answer

    assert Channel("key", "name", Service()).send(Message("failure", "title", "body")) is accepted


def test_a_new_target_is_told_what_is_bad_now(marts, urls, listener, didomi):
    """The old one knows."""
    marts(failing("a", **read_now()))
    didomi("notify")
    messages(listener)
    urls("team", "pager")
    didomi("notify")
    assert [m[0] for m in messages(listener)] == ["/pager"]


def test_no_secret_of_an_address_is_shown_or_kept(marts, urls, listener, didomi, monkeypatch):
    """Neither in what is printed, with -vv, nor in the warehouse; a wrong address is named by its place in the list."""
    marts(failing("a", **read_now()))
    listener.status = lambda _: 500
    refused = didomi("notify", "-vv")
    listener.status = lambda _: 200
    told = didomi("notify", "-vv")
    monkeypatch.setenv("NOTIFY__URLS", f"json://127.0.0.1 nonsense://{SECRET}")
    wrong = didomi("notify")
    assert (refused.code, told.code, wrong.code) == (1, 0, 78)
    assert "notify.urls: number 2 of 2 is no address that Apprise knows" in wrong.err
    written = Path("warehouse.duckdb").read_bytes()
    assert SECRET.encode() not in written
    assert SECRET not in "".join([*refused[1:], *told[1:], *wrong[1:]])


def test_nobody_to_be_told_is_a_wrong_setting(marts, didomi, monkeypatch):
    """Otherwise silence would look like health."""
    marts(failing("a", **read_now()))
    monkeypatch.delenv("NOTIFY__URLS", raising=False)
    done = didomi("notify")
    assert (done.code, done.out) == (78, "")
    assert "nobody is to be told: set notify.urls in .dlt/secrets.toml, or NOTIFY__URLS" in done.err


@pytest.mark.parametrize("value", [5, False, {"a": "json://localhost"}, ["json://localhost", 5]])
def test_targets_are_a_list_of_texts(marts, didomi, monkeypatch, value):
    """Whatever else TOML allows is refused by the name of the setting."""
    monkeypatch.setattr(channels, "get_secret", {channels.SETTING: value}.get)
    done = didomi("notify")
    assert (done.code, done.out) == (78, "")
    assert done.err.endswith('didomi: notify.urls is not a list: write it like ["slack://…", "mailto://…"]\n')


@pytest.fixture
def ledger(marts):
    """A ledger in DuckDB, and its connection's pipeline."""
    marts(export("a"))
    with open_temporary(Target()) as pipeline:
        found = Ledger(pipeline, Target())
        found.prepare()
        yield found


def test_one_tells_at_a_time(ledger):
    """The second one waits, and gives up by name."""
    steps = []
    with (
        ledger.alone(steps.append),
        pytest.raises(RunLocked, match="another machine is telling"),
        ledger.alone(steps.append, 0),
    ):
        pass
    with ledger.alone(steps.append, 0):
        assert not ledger._take("me")
    assert steps == []
    ledger._change_holder("", "other")
    with ledger.alone(lambda step: [steps.append(step), ledger._change_holder("other", "")]):
        assert steps == ["Waiting for another machine that is telling"]


def test_the_lease_of_a_machine_that_died_is_taken_over(ledger, monkeypatch):
    """After five minutes, by the warehouse's clock; not before."""
    monkeypatch.setattr(ledgers.time, "sleep", lambda _: None)
    ledger._change_holder("", "dead")
    age = "update {} set taken_at = current_timestamp - interval '%d' second"
    ledger._execute(age % (LEASE_SECONDS - 20), LEASE)
    with pytest.raises(RunLocked), ledger.alone(print, 0.1):
        pass
    ledger._execute(age % (LEASE_SECONDS + 1), LEASE)
    with ledger.alone(print, 5):
        assert ledger._select(LEASE, ("holder",)) != [{"holder": "dead"}]


def test_two_rows_of_a_lease_still_let_one_through(ledger):
    """Two machines can make the row at once: who holds one of two rows does not hold the lease."""
    ledger._execute("insert into {} (holder, taken_at) values ('other', current_timestamp)", LEASE)
    assert not ledger._take("me")
    assert sorted(row["holder"] for row in ledger._select(LEASE, ("holder",))) == ["", "other"]
    ledger._change_holder("other", "")
    assert ledger._take("me")


@pytest.fixture(scope="module")
def postgres():
    """A PostgreSQL server."""
    with server() as running:
        yield running


def url_of(postgres):
    return f"postgresql://{postgres.user}:{postgres.password}@{postgres.host}:{postgres.port}/{postgres.database}"


def test_of_machines_that_call_at_once_one_tells(postgres, job, listener):
    """On PostgreSQL, four processes begin without the tables: the target hears one message."""
    _copy_to_postgres(postgres, failing("a", **read_now()), export("b", **read_now()))
    settings = {"DESTINATION__POSTGRES__CREDENTIALS": url_of(postgres), "NOTIFY__URLS": f"json://{listener.place}/team"}
    listener.status = lambda _: time.sleep(3) or 200  # so slow that all have begun before it was told
    running = [job.start("notify", "--destination", "postgres", **settings) for _ in range(4)]
    ended = [process.wait() for process in running]
    assert [done.code for done in ended] == [0] * 4, ended
    told = sorted(done.out for done in ended)
    assert told == ["Nothing is new.\n"] * 3 + ["Told target 1 (JSON): Didomi: Export a is failing\n"]
    assert listener.paths() == ["/team"]
    with postgres.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"select subject, state, since_at is not null from didomi_raw.{TABLE}")
        assert cursor.fetchall() == [("a", "failing", True)]


def test_a_table_that_another_machine_makes_at_once_is_no_error(postgres, folder, monkeypatch):
    """PostgreSQL refuses the second one, though it said `if not exists`."""
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", url_of(postgres))
    target = Target(destination="postgres", dataset="other_raw")
    with postgres.connect() as connection, connection.cursor() as cursor, open_temporary(target) as pipeline:
        cursor.execute("create schema other_raw")
        connection.commit()
        cursor.execute(f"create table other_raw.{TABLE} (target text)")
        threading.Timer(1, connection.commit).start()
        Ledger(pipeline, target).prepare()
        cursor.execute(f"select holder from other_raw.{LEASE}")
        assert cursor.fetchall() == [("",)]


def _copy_to_postgres(postgres, *exports):
    with postgres.connect() as connection, connection.cursor() as cursor:
        cursor.execute("create schema didomi_raw; create schema didomi_marts")
        for number, row in enumerate(exports):
            fields = {**columns_of(row), "current_streak_status": None}
            if not number:
                kinds = {int: "bigint", float: "double precision", datetime: "timestamp"}
                types = {n: kinds.get(type(v), "text") for n, v in fields.items()}
                types |= dict.fromkeys((n for n in fields if n.endswith("_at")), "timestamp")
                columns = ", ".join(f"{n} {t}" for n, t in types.items())
                cursor.execute(f"create table didomi_marts.didomi__exports ({columns})")
            values = [v.replace(tzinfo=None) if isinstance(v, datetime) else v for v in fields.values()]
            places = ", ".join(["%s"] * len(fields))
            cursor.execute(f"insert into didomi_marts.didomi__exports ({', '.join(fields)}) values ({places})", values)
