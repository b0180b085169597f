"""Changes of health in words, as plain text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from didomi_source.health.judge import Judgement
from didomi_source.health.words import counted, moment, percent, shortened, span, visible

from .changes import Change

_LISTED = 20
_NAME_LENGTH, _DETAIL_LENGTH = 80, 300


class Message(NamedTuple):
    """A message: `kind` is one of Apprise's, failure, warning, success or info."""

    kind: str
    title: str
    body: str


def message(changes: Sequence[Change], found: Judgement, now: datetime) -> Message:
    """The message for some changes, the worst first."""
    ordered = sorted(changes, key=lambda c: (c.problem is None, not c.is_severe))
    lines = [_line(change, now) for change in ordered[:_LISTED]]
    if len(ordered) > _LISTED:
        lines.append(f"… and {counted(len(ordered) - _LISTED, 'more change')}")
    title = _title(ordered[0]) if len(ordered) == 1 else found.headline
    if not found.is_stale:
        lines += ["", f"Now: {found.headline}."]
    is_severe, is_bad = any(c.is_severe for c in changes), any(c.problem for c in changes)
    return _message(title, lines, is_severe=is_severe, is_bad=is_bad)


def digest_message(found: Judgement, now: datetime) -> Message:
    """The message about all exports, whether or not something has changed."""
    lines = [f"{found.headline}."]
    bad = [export for export in found.exports if export.export_id in found.problems]
    lines += [
        f"✕ {visible(found.problems[export.export_id].sentence(_name(export.title), now.date()))}"
        for export in bad[:_LISTED]
    ]
    if len(bad) > _LISTED:
        lines.append(f"… and {counted(len(bad) - _LISTED, 'more export')}")
    for days in (7, 28):
        completed, settled = found.settled(days)
        if settled:
            lines.append(f"Success, {days} days: {percent(completed / settled)} ({completed} of {settled} runs)")
    if found.read_at:
        lines.append(f"Last complete read: {moment(found.read_at, now.date())} UTC")
    return _message(found.headline, lines, is_severe=found.is_severe, is_bad=bool(bad))


def _message(title: str, lines: Sequence[str], *, is_severe: bool, is_bad: bool) -> Message:
    """The page's narrow spaces become plain ones: some services cannot show them."""
    kind = "failure" if is_severe else "warning" if is_bad else "success"
    return Message(kind, f"Didomi: {title}".replace("\u202f", " "), "\n".join(lines).replace("\u202f", " "))


def _title(change: Change) -> str:
    return f"{_name(change.title)} {change.problem.kind.now if change.problem else 'is well again'}"


def _line(change: Change, now: datetime) -> str:
    name = _name(change.title)
    if change.problem is None:
        lasted = f" after {span(change.lasted)}" if change.lasted is not None else ""
        return f"✓ {name} is well again{lasted}: it {change.before.then if change.before else 'was not'}"
    line = f"✕ {visible(change.problem.sentence(name, now.date()))}"
    detail = shortened(" ".join(change.detail.split()), _DETAIL_LENGTH)
    return f"{line}\n   {visible(detail)}" if detail else line


def _name(title: str) -> str:
    return visible(shortened(title, _NAME_LENGTH))
