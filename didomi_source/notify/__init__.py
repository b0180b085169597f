"""Telling people that the health of an export has changed: once, whichever machine sees it first.

changes   what has changed since a target was told
message   that, in words
targets   who is told, through Apprise
ledger    who was told what, in the warehouse

A target that refuses is tried again by the next call. A process that dies between sending and writing it down sends
twice, and never not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from didomi_source.errors import ConfigurationError
from didomi_source.health.judge import Judgement, Limits, judge
from didomi_source.job import read_status
from didomi_source.job.options import Options, prepare_environment
from didomi_source.warehouse import databases as warehouse
from didomi_source.warehouse.pipelines import reading, scratch

from . import targets
from .changes import DIGEST, Change, changes
from .ledger import Ledger, Told
from .message import Message, digest_message, message
from .targets import Target


@dataclass(frozen=True)
class Notice:
    """What a target is told.

    Args:
        target: Who.
        message: What.
        changes: Of which changes it tells; none for a digest.
    """

    target: Target
    message: Message
    changes: Sequence[Change]


def notify(
    options: Options,
    limits: Limits,
    now: datetime,
    report: Callable[[str], None],
    *,
    digest: bool = False,
    dry_run: bool = False,
) -> tuple[list[Notice], list[str]]:
    """Tell every configured target what it does not know yet.

    Args:
        options: Which warehouse and dataset.
        limits: What is still good.
        now: When it is asked.
        report: Told each step.
        digest: Tell how everything is, once a day, instead of what has changed.
        dry_run: Send nothing and write nothing; without targets, as to one that knows nothing yet.

    Returns:
        What was sent, and a line for each target that did not take it.

    Raises:
        ConfigurationError: No target is configured, or one of them is not known.
        DestinationError: The warehouse cannot be read or written.
        RunLocked: Another machine is telling.
    """
    prepare_environment()
    found = targets.configured()
    if not found and not dry_run:
        msg = f"nobody is to be told: set {targets.SETTING} in .dlt/secrets.toml, or NOTIFY__URLS"
        raise ConfigurationError(msg)
    report("Reading the marts")
    state = judge(read_status(options), now, limits)
    with reading(options) as pipeline:
        ledger = Ledger(pipeline, options)
        notices = [
            notice
            for target in found or [targets.NOBODY]
            if (notice := _notice(target, state, ledger.told(target.key), now, ledger, digest=digest))
        ]
    if dry_run or not notices:
        return notices, []
    return _send(options, state, now, found, report, digest=digest)


def _send(
    options: Options,
    state: Judgement,
    now: datetime,
    found: Sequence[Target],
    report: Callable[[str], None],
    *,
    digest: bool,
) -> tuple[list[Notice], list[str]]:
    """Send and write down, alone; what is to be sent is looked at anew, since another one may have been faster."""
    sent, refused = [], []
    with scratch(options) as pipeline:
        warehouse.wait_until_writable(pipeline, report)
        ledger = Ledger(pipeline, options)
        ledger.prepare()
        with ledger.alone(report):
            for target in found:
                notice = _notice(target, state, ledger.told(target.key), now, ledger, digest=digest)
                if notice is None:
                    continue
                report(f"Telling {target.name}")
                if target.send(notice.message):
                    told = [(change.subject, change.after, change.since) for change in notice.changes]
                    ledger.write(target.key, told or [(DIGEST, DIGEST, None)])
                    sent.append(notice)
                else:
                    refused.append(f"{target.name} did not take the message: it is tried again next time")
    return sent, refused


def _notice(
    target: Target, state: Judgement, told: dict[str, Told], now: datetime, ledger: Ledger, *, digest: bool
) -> Notice | None:
    if digest:
        last = told.get(DIGEST)
        if last is not None and last.told_at.date() == now.date():
            return None
        return Notice(target, digest_message(state, now), ())
    news = changes(state, told, now, ledger.recoveries)
    return Notice(target, message(news, state, now), news) if news else None
