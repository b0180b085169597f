"""Notifications: each change of an export's health is sent once to each channel, by whichever machine sees it first.

changes   the differences between the current health and what a channel was sent last
message   the changes in words, as long as a service accepts
channels  the services that messages are sent to, through Apprise
ledger    what each channel was sent, in the warehouse; a lease lets one machine send at a time

A channel that refuses a message is sent it by the next call. A process that dies between sending and writing to the
ledger sends twice: delivery is at least once. A message is shortened to what its service accepts, so that it is one:
of several, a refused one would have the others sent again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from didomi_source.errors import ConfigurationError
from didomi_source.health.deliveries import read_recent_deliveries
from didomi_source.health.judge import Judgement, Limits, judge
from didomi_source.health.status import read_status
from didomi_source.warehouse.duckdb import lock_duckdb_file
from didomi_source.warehouse.open import open_read_only, open_temporary
from didomi_source.warehouse.target import Target, prepare_environment

from . import channels
from .changes import DIGEST, Change, changes, subject_of
from .channels import Channel
from .ledger import Ledger
from .message import Message, digest_message, message


@dataclass(frozen=True)
class Notice:
    """A message to a channel.

    Args:
        channel: The receiver.
        message: The message; None where no change is news.
        changes: The changes that the ledger is to hold; none for a digest.
    """

    channel: Channel
    message: Message | None
    changes: Sequence[Change]


def notify(
    target: Target,
    limits: Limits,
    now: datetime,
    report: Callable[[str], None],
    *,
    export_ids: Collection[str] = (),
    digest: bool = False,
    dry_run: bool = False,
) -> tuple[list[Notice], list[str]]:
    """Send each configured channel the changes that it was not sent yet.

    Args:
        target: Which warehouse and dataset.
        limits: What is still good.
        now: The time of the judgement.
        report: Called with each step.
        export_ids: Only these exports; empty means all.
        digest: Send the state of all exports, once a day, instead of changes.
        dry_run: Send nothing and write nothing; without channels, as to a new one.

    Returns:
        What was sent, and a line for each channel that refused its message.

    Raises:
        ConfigurationError: No channel is configured, or the URL of one is not known to Apprise.
        DestinationError: The warehouse cannot be read or written.
        RunLocked: Another machine is sending.
    """
    prepare_environment()
    found = channels.configured()
    if not found and not dry_run:
        raise ConfigurationError(f"nobody is to be told: set {channels.SETTING} in .dlt/secrets.toml, or NOTIFY__URLS")
    report("Reading the marts")
    state = judge(read_status(target, export_ids), now, limits, read_recent_deliveries(target, export_ids, now))
    with open_read_only(target) as pipeline:
        ledger = Ledger(pipeline, target)
        notices = [
            notice
            for channel in found or [channels.NOBODY]
            if (notice := _notice(channel, state, now, ledger, export_ids, digest=digest))
        ]
    if dry_run or not notices:
        return [notice for notice in notices if notice.message], []
    return _send(target, state, now, found, report, export_ids, digest=digest)


def _send(
    target: Target,
    state: Judgement,
    now: datetime,
    found: Sequence[Channel],
    report: Callable[[str], None],
    export_ids: Collection[str],
    *,
    digest: bool,
) -> tuple[list[Notice], list[str]]:
    """Send and write to the ledger under the lease; the ledger is read again, since another machine may have sent."""
    sent, refused = [], []
    with open_temporary(target) as pipeline, lock_duckdb_file(pipeline, report, target.wait_seconds):
        ledger = Ledger(pipeline, target)
        ledger.prepare()
        with ledger.alone(report):
            for channel in found:
                notice = _notice(channel, state, now, ledger, export_ids, digest=digest)
                if notice is None:
                    continue
                told = [(change.subject, change.state, change.since) for change in notice.changes]
                if notice.message is None:
                    ledger.write(channel.key, told)
                    continue
                report(f"Telling {channel.name}")
                if channel.send(notice.message):
                    ledger.write(channel.key, told or [(subject_of(DIGEST, export_ids), DIGEST, None)])
                    sent.append(notice)
                else:
                    refused.append(f"{channel.name} did not take the message: it is tried again next time")
    return sent, refused


def _notice(
    channel: Channel, state: Judgement, now: datetime, ledger: Ledger, export_ids: Collection[str], *, digest: bool
) -> Notice | None:
    told = ledger.told(channel.key)
    if digest:
        last = told.get(subject_of(DIGEST, export_ids))
        if last is not None and last.told_at.date() == now.date():
            return None
        return Notice(channel, digest_message(state, now, channel.size), ())
    found = changes(state, told, now, ledger.recoveries, export_ids)
    news = [change for change in found if change.is_news]
    return Notice(channel, message(news, state, now, channel.size) if news else None, found) if found else None
