"""What of an answer is used: its JSON, the text of an error, the time to wait."""

from __future__ import annotations

import json
import math
import re
from contextlib import suppress
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

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
