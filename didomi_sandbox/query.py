"""Query strings as FeathersJS reads them: fields that have to be equal, `$sort`, `$limit` and `$skip`.

Its operators (`$gte`, `$in`, `$or` …) are answered as it answers those that it does not know: with 400.

Source: feathersjs/feathers, packages/adapter-commons/src/query.ts and filter-query.ts (read 2026-11-23).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from .answers import Refused

if TYPE_CHECKING:
    from .store import Record

Sorting = tuple[tuple[str, int], ...]
"""Fields and directions (1 or -1), the most significant first."""


@dataclass(frozen=True)
class Query:
    """A parsed query.

    Args:
        where: The fields and what each has to equal.
        sort: The order asked for; empty without `$sort`.
        limit: `$limit`, or None when it is missing or no number.
        skip: `$skip`, 0 when it is missing or no number.
    """

    where: dict[str, str] = field(default_factory=dict)
    sort: Sorting = ()
    limit: int | None = None
    skip: int = 0


def parse(text: str) -> Query:
    """A query string, parsed; of a repeated key the last value counts.

    Raises:
        Refused: It has an operator, or another parameter that starts with `$`.
    """
    where: dict[str, str] = {}
    sort: dict[str, int] = {}
    numbers: dict[str, int | None] = {}
    for key, value in parse_qsl(text, keep_blank_values=True):
        name, _, inner = key.rstrip("]").partition("[")
        if name == "$sort":
            sort |= {inner: -1 if value.startswith("-") else 1} if inner else {}
        elif name in ("$limit", "$skip"):
            numbers[name] = _number(value)
        elif inner or name.startswith("$"):
            operator = re.search(r"\$\w+", key)
            raise Refused(400, f"Invalid query parameter {operator.group() if operator else key}")
        else:
            where[name] = value
    return Query(where, tuple(sort.items()), numbers.get("$limit"), numbers.get("$skip") or 0)


def _number(value: str) -> int | None:
    """A number as `Math.abs(parseInt(value, 10))` reads it."""
    found = re.match(r"\s*[+-]?(\d+)", value)
    return int(found.group(1)) if found else None


@dataclass(frozen=True)
class Filter:
    """Which records a list has.

    Args:
        where: Fields and their values.
        hidden: Fields that no record shows, so that no value matches.
        closed: The exports whose logs are left out.
    """

    where: frozenset[tuple[str, str]]
    hidden: tuple[str, ...]
    closed: frozenset[str]

    def keeps(self, record: Record) -> bool:
        """Whether the list has a record."""
        if _text(record.get("export_id")) in self.closed:
            return False
        return all(name not in self.hidden and _text(record.get(name)) == value for name, value in self.where)


def _text(value: object) -> str | None:
    """A value as a query writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (str, int, float)) else None
