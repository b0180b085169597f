"""What of an answer is used: its JSON, the envelope of a page, the text of an error, the time to wait."""

from __future__ import annotations

import json
import math
import re
from contextlib import suppress
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from didomi_source import values
from didomi_source.errors import ProtocolError

_LONGEST_WAIT_SECONDS = 30 * 86_400.0  # a time in milliseconds since 1970 would be beyond any calendar


def parse_json(body: bytes, content_type: str) -> object:
    """Parse JSON that may hold NaN, numbers of any size and broken text: one log must not cost the page.

    Args:
        body: The JSON.
        content_type: What the answer claims to be, for the error.

    Returns:
        The value; numbers that are not finite become text.

    Raises:
        ProtocolError: It is no JSON.
    """
    if not values.has_long_number(body):  # orjson would round it
        with suppress(ValueError, TypeError):
            parsed = orjson.loads(body)
            orjson.dumps(parsed)  # refuses what is nested too deep for all that comes after
            return parsed
    body = values.flattened(body)
    with suppress(ValueError):
        return json.loads(body, parse_constant=str, parse_float=_float_or_text)
    try:
        return json.loads(
            body.decode("utf-8", "replace"), parse_constant=str, parse_float=_float_or_text, parse_int=_int_or_text
        )
    except ValueError:
        kind = re.sub(r"[^\w/+.;= -]", "", content_type)[:60]
        raise ProtocolError(f"expected JSON, got {len(body)} bytes that do not parse (Content-Type: {kind})") from None


def _int_or_text(digits: str) -> int | str:
    return int(digits) if len(digits) < 1000 else digits  # noqa: PLR2004 - beyond any column


def _float_or_text(text: str) -> float | str:
    return number if math.isfinite(number := float(text)) else text


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


def error_message(body: bytes) -> str:
    """What an error answer says of itself, made harmless."""
    try:
        answer = json.loads(body[:10_000])
        said = f"{answer['name']}: {answer['message']}"
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return "(" + "".join(c if c.isprintable() else " " for c in said)[:200] + ")"


def retry_after(value: str | None) -> float | None:
    """Seconds to wait: the header gives seconds or a date; zero means soon, not at once."""
    if not value:
        return None
    if re.fullmatch("[0-9]+", value.strip()):
        seconds = float(value)
    else:
        try:
            seconds = (values.in_utc(parsedate_to_datetime(value)) - datetime.now(timezone.utc)).total_seconds()
        except (TypeError, ValueError, OverflowError):
            return None
    return min(max(seconds, 0.5), _LONGEST_WAIT_SECONDS)
