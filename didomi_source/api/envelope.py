"""The envelope in which a list route sends a page: what of it is taken, and what is refused."""

from __future__ import annotations

from typing import Any

from didomi_source import values
from didomi_source.errors import ProtocolError


def parse_envelope(answer: object, skip: int) -> tuple[list[Any], int | None]:
    """Take the items of a page out of an answer, if the answer keeps to the documented envelope.

    Args:
        answer: The parsed JSON.
        skip: The `$skip` that was asked for.

    Returns:
        The items, and the length of the whole list where it is given and can be true.

    Raises:
        ProtocolError: What is wrong with the envelope.

    Source: developers.didomi.io, pagination (`total`, `limit`, `skip`, `data`) and batch export, logs
    (`data` alone), read 2026-11.
    """
    if not isinstance(answer, dict):
        raise ProtocolError(f'expected an object with a list "data", got {values.kind(answer)}')
    items, total, echo = answer.get("data"), answer.get("total"), answer.get("skip")
    if not isinstance(items, list):
        what = values.kind(items) if "data" in answer else "none"
        raise ProtocolError(f'expected a list "data", got {what}')
    for name, value in (("total", total), ("skip", echo)):
        if value is not None and not _is_count(value):
            raise ProtocolError(f'expected "{name}" to be a number of 0 or more, got {value!r:.50}')
    if echo is not None and echo != skip:
        raise ProtocolError(f"asked for the page at {skip}, got the page at {echo}")
    if total is not None and not items and skip < total:
        raise ProtocolError(f"the page at {skip} is empty, though the list is said to hold {total}")
    # A total that its own page contradicts says nothing; an empty page will tell the end.
    believable = total is None or not items or total >= skip + len(items)
    return items, total if believable else None


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= values.INT64_MAX
