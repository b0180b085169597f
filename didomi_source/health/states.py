"""What a word for how something is carries with it: how urgent it is, what it means, how it is written."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import TypeVar

from .words import NOTHING


class Severity(IntEnum):
    """How urgent a state is."""

    RETIRED = 0  # no run is expected
    HEALTHY = 1
    UNJUDGED = 2
    BAD = 3
    SEVERE = 4  # worth waking somebody


# The classes of the style sheet; status_table.py gives each a colour of the terminal.
_CLASSES = {Severity.RETIRED: "meta", Severity.HEALTHY: "good", Severity.SEVERE: "bad"}


@dataclass(frozen=True)
class Facts:
    """All that is known of a state.

    Args:
        severity: How urgent it is.
        meaning: What the exports in this state have in common.
        mark: The sign before it on the page.
        label: What it is called, unless that is its value.
        now: A sentence's predicate in the present tense, unless that is "is" and the label.
        then: The same in the past tense.
        since: The column of `didomi__exports` that holds when it began.
        has_error: The last error of the export is its cause.
        needs_read: An export that was not read lately may only seem to be in this state.
    """

    severity: Severity
    meaning: str = ""
    mark: str = NOTHING
    label: str = ""
    now: str = ""
    then: str = ""
    since: str = ""
    has_error: bool = False
    needs_read: bool = False


# Of a value that only newer models know: a problem, since it is not known to be none.
UNKNOWN = Facts(Severity.BAD, "this version does not know it", "!")

_S = TypeVar("_S", bound="State")


class State(str, Enum):
    """A word for how something is. It equals its value, as a text too."""

    facts: Facts

    def __new__(cls, value: str, facts: Facts = UNKNOWN) -> State:
        """Make a member that carries its facts."""
        state = str.__new__(cls, value)
        state._value_ = value
        state.facts = facts
        return state

    @classmethod
    def unlisted(cls: type[_S], value: object, facts: Facts) -> _S | None:  # noqa: PYI019 - typing.Self is newer than 3.10
        """Make a value of newer models a member that iterating does not show; None for what is no text."""
        if not isinstance(value, str):
            return None
        state = str.__new__(cls, value)
        state._name_ = state._value_ = value
        state.facts = facts
        return state

    __hash__ = str.__hash__

    def __str__(self) -> str:
        """The value, in each version of Python."""
        return str(self.value)

    @property
    def severity(self) -> Severity:
        """How urgent it is."""
        return self.facts.severity

    @property
    def is_bad(self) -> bool:
        """Something is wrong."""
        return self.severity >= Severity.BAD

    @property
    def is_severe(self) -> bool:
        """It is worth waking somebody."""
        return self.severity is Severity.SEVERE

    @property
    def is_retired(self) -> bool:
        """No run is expected: it is neither judged nor counted."""
        return self.severity is Severity.RETIRED

    @property
    def label(self) -> str:
        """What it is called."""
        return self.facts.label or self.value.replace("_", " ")

    @property
    def now(self) -> str:
        """The predicate of a sentence: is failing."""
        return self.facts.now or f"is {self.label}"

    @property
    def then(self) -> str:
        """The same of the past: was failing."""
        return self.facts.then or f"was {self.label}"

    @property
    def css_class(self) -> str:
        """Its class in the style sheet."""
        return _CLASSES.get(self.severity, "warn")

    @property
    def rank(self) -> tuple[int, int]:
        """Sorts the worst first; a value of newer models comes after the known ones of its severity."""
        members = list(type(self))
        return -self.severity, members.index(self) if self in members else len(members)
