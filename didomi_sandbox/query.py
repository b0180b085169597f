"""Query strings as FeathersJS reads them: nested keys, filters and operators.

Source: feathersjs/feathers, packages/adapter-commons/src/query.ts and filter-query.ts, read 2026-11-23; the keys in
brackets are those of the `qs` package, as Express uses it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from .clock import epoch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .store import Record

Value = str | list["Value"] | dict[str, "Value"]
"""What a key can hold: text, or lists and objects of it."""

OPERATORS = ("$in", "$nin", "$lt", "$lte", "$gt", "$gte", "$ne")
_FILTERS = ("$limit", "$skip", "$sort", "$select")
# The `qs` package makes an object, not a list, of an index above this.
_HIGHEST_INDEX = 20


class BadQueryError(ValueError):
    """A query that the API answers with an error, usually 400."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Query:
    """A query, taken apart.

    Attributes:
        where: The fields and what is asked of them.
        sort: Field and direction (1 or -1), the most significant first; empty without ``$sort``.
        limit: ``$limit``, or None when it is missing or no number.
        skip: ``$skip``, 0 when it is missing or no number.
        select: The fields to send, or None for all.
    """

    where: Mapping[str, Value]
    sort: tuple[tuple[str, int], ...]
    limit: int | None
    skip: int
    select: tuple[str, ...] | None


def parse(text: str) -> Query:
    """Take a query string apart.

    Raises:
        BadQueryError: It has an unknown parameter or operator that starts with ``$``.
    """
    tree = _tree(text)
    where = {key: value for key, value in tree.items() if key not in _FILTERS}
    _check(where, ("$or", "$and"))
    return Query(
        where=where,
        sort=_sort(tree.get("$sort")),
        limit=_number(tree.get("$limit")),
        skip=_number(tree.get("$skip")) or 0,
        select=_select(tree.get("$select")),
    )


def _tree(text: str) -> dict[str, Value]:
    root: dict[str, Value] = {}
    for key, value in parse_qsl(text, keep_blank_values=True):
        head = key.split("[", 1)[0]
        _put(root, [head, *re.findall(r"\[([^\[\]]*)\]", key[len(head) :])], value)
    return {key: _lists(value) for key, value in root.items()}


def _put(node: dict[str, Value], path: list[str], value: str) -> None:
    for step in path[:-1]:
        below = node.setdefault(step or str(len(node)), {})
        if not isinstance(below, dict):
            return
        node = below
    last = path[-1] or str(len(node))
    if last in node:
        before = node[last]
        node[last] = [*(before if isinstance(before, list) else [before]), value]
    else:
        node[last] = value


def _lists(value: Value) -> Value:
    if not isinstance(value, dict):
        return value
    if value and all(key.isdigit() and int(key) <= _HIGHEST_INDEX for key in value):
        return [_lists(item) for item in value.values()]
    return {key: _lists(item) for key, item in value.items()}


def _check(where: Mapping[str, Value], allowed: Iterable[str]) -> None:
    for key, value in where.items():
        if key.startswith("$") and key not in allowed:
            message = f"Invalid query parameter {key}"
            raise BadQueryError(message)
        if isinstance(value, dict):
            _check(value, OPERATORS)
        for item in value if isinstance(value, list) else ():
            if isinstance(item, dict):
                _check(item, OPERATORS)


def _number(value: Value | None) -> int | None:
    """Read a number as ``Math.abs(parseInt(value, 10))`` does."""
    found = re.match(r"\s*[+-]?(\d+)", value) if isinstance(value, str) else None
    return int(found.group(1)) if found else None


def _sort(value: Value | None) -> tuple[tuple[str, int], ...]:
    if not isinstance(value, dict):
        return ()
    return tuple((field, -1 if str(way).startswith("-") else 1) for field, way in value.items())


def _select(value: Value | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    return ("id", *(str(item) for item in (value if isinstance(value, list) else [value])))


def has_operators(query: Query) -> bool:
    """Tell whether the query asks for anything beyond equality."""
    return any(key.startswith("$") or isinstance(value, dict) for key, value in query.where.items())


def without_operators(where: Mapping[str, Value]) -> dict[str, Value]:
    """Return what remains of a query on a server that knows equality alone."""
    return {key: value for key, value in where.items() if not key.startswith("$") and not isinstance(value, dict)}


def matcher(where: Mapping[str, Value], hidden: tuple[str, ...] = ()) -> Callable[[Record], bool]:
    """Return a test for records.

    Args:
        where: Fields and what is asked of them; all of it has to hold.
        hidden: Fields that no record has, whatever the store says.

    Raises:
        BadQueryError: A time is asked for by something that is none.
    """
    tests = [_test(field, value, hidden) for field, value in where.items()]
    return lambda record: all(test(record) for test in tests)


def _test(field: str, asked: Value, hidden: tuple[str, ...]) -> Callable[[Record], bool]:
    if field in ("$or", "$and"):
        branches = [matcher(item, hidden) for item in asked if isinstance(item, dict)]
        combine = any if field == "$or" else all
        return lambda record: combine(branch(record) for branch in branches)
    if field in hidden:
        return lambda _: False
    conditions = asked if isinstance(asked, dict) else {"$eq": asked}
    checks = [_check_of(field, operator, value) for operator, value in conditions.items()]
    return lambda record: all(check(record.get(field)) for check in checks)


def _check_of(field: str, operator: str, asked: Value) -> Callable[[object], bool]:
    is_time = field.endswith("_at")
    if operator in ("$in", "$nin"):
        options = [_asked(item, is_time=is_time) for item in (asked if isinstance(asked, list) else [asked])]
        return lambda held: (_held(held, is_time=is_time) in options) is (operator == "$in")
    wanted = _asked(asked, is_time=is_time)
    if operator in ("$eq", "$ne"):
        return lambda held: (_held(held, is_time=is_time) == wanted) is (operator == "$eq")
    return lambda held: _ordered(operator, held, wanted, is_time=is_time)


def _asked(value: Value, *, is_time: bool) -> object:
    if not is_time:
        return value
    moment = epoch(value)
    if moment is None:
        message = f"Invalid date {value}"
        raise BadQueryError(message)
    return moment


def _held(value: object, *, is_time: bool) -> object:
    """Return what a record holds in the form of a query's text."""
    if is_time:
        return epoch(value)
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (str, int, float)) else None


def _ordered(operator: str, held: object, wanted: object, *, is_time: bool) -> bool:
    left: object = epoch(held) if is_time else held
    if isinstance(held, (int, float)) and isinstance(wanted, str):
        try:
            wanted = float(wanted)
        except ValueError:
            return False
    if isinstance(left, (int, float)) and isinstance(wanted, (int, float)):
        return _compare(operator, left - wanted)
    if isinstance(left, str) and isinstance(wanted, str):
        return _compare(operator, (left > wanted) - (left < wanted))
    return False


def _compare(operator: str, difference: float) -> bool:
    return {
        "$lt": difference < 0,
        "$lte": difference <= 0,
        "$gt": difference > 0,
        "$gte": difference >= 0,
    }[operator]
