"""The length of message that a service accepts."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

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
