"""Changes of health in words, as plain text of the length that a service accepts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import NamedTuple

from didomi_source.health.judge import Judgement
from didomi_source.health.words import counted, moment, percent, shortened, span, visible

from .changes import Change

_LISTED = 20
_NAME_LENGTH, _DETAIL_LENGTH = 80, 300
_ENDLESS = 1_000_000
_JOINT = 16  # what Apprise puts between a title and a body that it joins: a line break, markup or the number of a part


@dataclass(frozen=True)
class SizeLimit:
    """The limits of a service, in characters.

    Args:
        title: Of the title.
        body: Of the body.
        is_joined: The title is a part of the body: there is no other place for it, or the limit is that of both.
        is_markup: The text is sent as HTML or Markdown, in which some characters are longer.
    """

    title: int = _ENDLESS
    body: int = _ENDLESS
    is_joined: bool = False
    is_markup: bool = False

    @property
    def title_length(self) -> int:
        """How long a title may be; half of the body is left where both share it."""
        return min(self.title or self.body, self.body // 2) if self.is_joined else self.title

    def body_length(self, title: str) -> int:
        """How long a body may be under a title."""
        return self.body - self.length(title) - _JOINT if self.is_joined else self.body

    def length(self, text: str) -> int:
        """How long a text is once it is sent."""
        return len(escape(text).replace("\n", "<br/>\n")) if self.is_markup else len(text)


UNLIMITED = SizeLimit()


class Message(NamedTuple):
    """A message: `kind` is one of Apprise's, failure, warning, success or info."""

    kind: str
    title: str
    body: str


class Item(NamedTuple):
    """One change or one export: its line, and the error on lines under it."""

    line: str
    detail: str = ""


@dataclass(frozen=True)
class Content:
    """What a message reports, at any length.

    Args:
        kind: One of Apprise's.
        title: The title.
        noun: What an item is.
        items: The worst first.
        head: Lines above the items.
        tail: Lines below them.
    """

    kind: str
    title: str
    noun: str
    items: Sequence[Item]
    head: Sequence[str] = ()
    tail: Sequence[str] = ()

    def within(self, size: SizeLimit) -> Message:
        """The longest message within a limit: details are left out first, the last ones before others; then items."""
        # Some services cannot show the narrow spaces of the page. `shortened` adds a sign to a word that it cuts.
        title = shortened(f"Didomi: {self.title}".replace("\u202f", " "), size.title_length - 1)
        limit = size.body_length(title)
        bodies = (body.replace("\u202f", " ") for body in self._bodies())
        body = next((body for body in bodies if size.length(body) <= limit), None)
        return Message(self.kind, title, self._shortest(limit) if body is None else body)

    def _bodies(self) -> Iterator[str]:
        """The body at each length, the longest first."""
        count = min(len(self.items), _LISTED)
        for detailed in range(count, -1, -1):
            yield self._body(count, detailed)
        for listed in range(count, 0, -1):  # the title has what head and tail have
            yield "\n".join(self._listing(listed, 0))

    def _body(self, listed: int, detailed: int) -> str:
        return "\n".join([*self.head, *self._listing(listed, detailed), *self.tail])

    def _listing(self, listed: int, detailed: int) -> list[str]:
        texts = [item.line + item.detail * (number < detailed) for number, item in enumerate(self.items[:listed])]
        more = len(self.items) - listed
        return texts + [f"… and {counted(more, f'more {self.noun}')}"] * bool(more)

    def _shortest(self, limit: int) -> str:
        """The first line, cut, and how many more there are."""
        first, *more = self._listing(1, 0) if self.items else self.head
        return "\n".join([shortened(first, limit - 1 - sum(len(line) + 1 for line in more)), *more])


def message(changes: Sequence[Change], found: Judgement, now: datetime, size: SizeLimit = UNLIMITED) -> Message:
    """The message for some changes, the worst first, within a limit."""
    ordered = sorted(changes, key=lambda c: (c.problem is None, not c.is_severe))
    title = _title(ordered[0]) if len(ordered) == 1 else _headline(found)
    kind = _kind(is_severe=any(c.is_severe for c in changes), is_bad=any(c.problem for c in changes))
    tail = () if found.is_stale else ("", f"Now: {_headline(found)}.")
    return Content(kind, title, "change", [_item(change, now) for change in ordered], tail=tail).within(size)


def digest_message(found: Judgement, now: datetime, size: SizeLimit = UNLIMITED) -> Message:
    """The message about all exports, whether or not something has changed, within a limit."""
    items = [
        Item(f"✕ {visible(found.problems[export.export_id].sentence(_name(export.title), now.date()))}")
        for export in found.exports
        if export.export_id in found.problems
    ]
    items += [Item(f"✕ {visible(shortened(one.sentence, _DETAIL_LENGTH))}") for one in found.other_wrong_deliveries]
    kind = _kind(is_severe=found.is_severe, is_bad=bool(items))
    title = _headline(found)
    return Content(kind, title, "export", items, [f"{title}."], _rates(found, now)).within(size)


def _headline(found: Judgement) -> str:
    """The headline about the exports, with the wrong deliveries that are in no export's health."""
    wrong = 0 if found.is_stale else len(found.other_wrong_deliveries)
    return f"{found.headline}; {counted(wrong, 'wrong delivery', 'wrong deliveries')}" if wrong else found.headline


def _rates(found: Judgement, now: datetime) -> list[str]:
    lines = []
    for days in (7, 28):
        completed, settled = found.settled(days)
        if settled:
            lines.append(f"Success, {days} days: {percent(completed / settled)} ({completed} of {settled} runs)")
    if found.deliveries.expiry:
        lines.append(f"{found.deliveries.expiry}.")
    if found.read_at:
        lines.append(f"Last complete read: {moment(found.read_at, now.date())} UTC")
    return lines


def _kind(*, is_severe: bool, is_bad: bool) -> str:
    return "failure" if is_severe else "warning" if is_bad else "success"


def _title(change: Change) -> str:
    return f"{_name(change.title)} {change.problem.kind.now if change.problem else 'is well again'}"


def _item(change: Change, now: datetime) -> Item:
    name = _name(change.title)
    if change.problem is None:
        lasted = f" after {span(change.lasted)}" if change.lasted is not None else ""
        return Item(f"✓ {name} is well again{lasted}: it {change.before.then if change.before else 'was not'}")
    line = f"✕ {visible(change.problem.sentence(name, now.date()))}"
    detail = shortened(change.detail, _DETAIL_LENGTH)
    return Item(line, f"\n   {visible(detail)}" if detail else "")


def _name(title: str) -> str:
    return visible(shortened(title, _NAME_LENGTH))
