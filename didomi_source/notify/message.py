"""Changes of health in words, as plain text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from didomi_source.health.judge import SEVERE, Judgement
from didomi_source.health.words import counted, moment, percent, shortened, span, visible

from .changes import LOAD, STALE, Change

_WORDS = {
    "failing": "is failing",
    "late": "is late",
    "stuck": "is stuck",
    "unread": "cannot be read",
    "below_rate": "fails too often",
    STALE: "is stale",
}
_WERE = {
    "failing": "it was failing",
    "late": "it was late",
    "stuck": "it was stuck",
    "unread": "it could not be read",
    "below_rate": "it failed too often",
    STALE: "it was stale",
}
_LISTED = 20
_NAME_LENGTH, _DETAIL_LENGTH = 80, 300


class Message(NamedTuple):
    """What is sent: `kind` is one of Apprise's, failure, warning, success or info."""

    kind: str
    title: str
    body: str


def message(changes: Sequence[Change], found: Judgement, now: datetime) -> Message:
    """Tell of changes, what is worst first."""
    ordered = sorted(changes, key=lambda c: (c.is_recovery, not c.is_severe))
    lines = [_line(change, now) for change in ordered[:_LISTED]]
    if len(ordered) > _LISTED:
        lines.append(f"… and {counted(len(ordered) - _LISTED, 'more change')}")
    title = _title(ordered[0]) if len(ordered) == 1 else f"Didomi: {found.headline}"
    if not found.is_stale:
        lines += ["", f"Now: {found.headline}."]
    return _message(_kind(ordered), title, lines)


def digest_message(found: Judgement, now: datetime) -> Message:
    """Tell how everything is."""
    lines = [f"{found.headline}."]
    bad = [export for export in found.exports if export.export_id in found.problems]
    lines += [
        f"✕ {_name(export.title)} {_WORDS[found.problems[export.export_id].kind]}: "
        f"{visible(found.problems[export.export_id].text)}"
        for export in bad[:_LISTED]
    ]
    if len(bad) > _LISTED:
        lines.append(f"… and {counted(len(bad) - _LISTED, 'more export')}")
    for days in (7, 28):
        completed = sum(getattr(export, f"runs_completed_{days}d") or 0 for export in found.exports)
        settled = completed + sum(getattr(export, f"runs_failed_{days}d") or 0 for export in found.exports)
        if settled:
            lines.append(f"Success, {days} days: {percent(completed / settled)} ({completed} of {settled} runs)")
    if found.read_at:
        lines.append(f"Last complete read: {moment(found.read_at, now.date())} UTC")
    kinds = {problem.kind for problem in found.problems.values()}
    kind = "failure" if found.is_stale or kinds & set(SEVERE) else "warning" if kinds else "success"
    return _message(kind, f"Didomi: {found.headline}", lines)


def _message(kind: str, title: str, lines: Sequence[str]) -> Message:
    """Narrow spaces are for the page: not every service shows them."""
    return Message(kind, title.replace("\u202f", " "), "\n".join(lines).replace("\u202f", " "))


def _kind(changes: Sequence[Change]) -> str:
    if any(change.is_severe for change in changes):
        return "failure"
    return "success" if all(change.is_recovery for change in changes) else "warning"


def _title(change: Change) -> str:
    return f"Didomi: {_name(change.title)} {'is well again' if change.is_recovery else _WORDS[change.after]}"


def _line(change: Change, now: datetime) -> str:
    name = _name(change.title)
    if change.is_recovery:
        lasted = f" after {span(change.lasted)}" if change.lasted is not None else ""
        return f"✓ {name} is well again{lasted}: {_WERE.get(change.before, 'it was not')}"
    since = f" since {moment(change.since, now.date())} UTC" if change.since and change.subject != LOAD else ""
    line = f"✕ {name} {_WORDS[change.after]}{since}: {visible(change.text)}"
    detail = shortened(" ".join(change.detail.split()), _DETAIL_LENGTH)
    return f"{line}\n   {visible(detail)}" if detail else line


def _name(title: str) -> str:
    return visible(shortened(title, _NAME_LENGTH))
