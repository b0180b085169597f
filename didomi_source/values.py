"""Conversion of values of the API's JSON to what a warehouse column can hold."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone
from hashlib import blake2b
from typing import Any

import orjson

INT64_MAX = 2**63 - 1
_MAX_DEPTH = 100
_MAX_PARSED_DEPTH = 200
# NUL, lone surrogates, and the private-use characters with which dlt marks types in its own files.
_UNLOADABLE = re.compile("[\x00\ud800-\udfff\uf026-\uf02f]")
# What JSON text contains if it may hold a value that some warehouse refuses.
_SUSPECT = re.compile(r"\\u(0000|d[89a-f]|f02)|[\ud800-\udfff\uf026-\uf02f]|\d{19}", re.IGNORECASE)
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)
_DIGITS = bytes(ord("0") if chr(byte).isdigit() else ord(" ") for byte in range(256))
_ISO = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)"
    r"(?:[T ](\d\d)(?::?(\d\d)(?::?(\d\d)(?:[.,](\d+))?)?)?)?"
    r"\s*(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?",
    re.IGNORECASE,
)
# The API's usual format of a time.
_USUAL_TIME = b"0000-00-00T00:00:00.000Z"
_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?")
_EPOCH_UNITS = ((1e11, 1), (1e14, 1_000), (1e17, 1_000_000), (math.inf, 1_000_000_000))
_DIGEST = blake2b(digest_size=16)
_EARLIEST = datetime(2000, 1, 1, tzinfo=timezone.utc)
_LATEST = datetime(2100, 1, 1, tzinfo=timezone.utc)


def to_timestamp(value: object) -> datetime | None:
    """Read a calendar date and time in any ISO 8601 form, or as a number of (milli-, micro-, nano-)seconds since 1970.

    Returns:
        The time in UTC, to the microsecond; a time without a zone counts as UTC. None when it is not
        a time between 2000 and 2100.
    """
    when: datetime | None = None
    if isinstance(value, str):
        text = value.strip()
        if match := _ISO.fullmatch(text):
            when = _from_iso(match)
        if when is None and _NUMBER.fullmatch(text):
            when = _from_epoch(float(text))
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        when = _from_epoch(value)
    return when if when is not None and _EARLIEST <= when < _LATEST else None


def to_timestamps(given: Sequence[object]) -> list[datetime | None]:
    """`to_timestamp` of each; ten times faster if all of them have the API's usual format."""
    return [*_usual_times(given)] or [to_timestamp(value) for value in given]


def _usual_times(given: Sequence[Any]) -> Sequence[datetime]:
    """All of them as times; none if a single one does not have the API's usual format."""
    if set(map(type, given)) != {str} or set(map(len, given)) != {len(_USUAL_TIME)}:
        return ()
    text = "".join(given)
    is_usual = text.isascii() and text.encode().translate(_ZEROS) == _USUAL_TIME * len(given)
    if not is_usual or "T24" in text:  # some versions of Python read it as the next day
        return ()
    try:
        times = [datetime.fromisoformat(text[:-1] + "+00:00") for text in given]
    except ValueError:
        return ()
    return times if min(times) >= _EARLIEST and max(times) < _LATEST else ()


def _from_iso(match: re.Match[str]) -> datetime | None:
    *parts, fraction, zone = match.groups()
    year, month, day, hour, minute, second = (int(part or 0) for part in parts)
    micros = int((fraction or "")[:6].ljust(6, "0"))
    try:
        return datetime(year, month, day, hour, minute, second, micros, tzinfo=timezone.utc) - _offset(zone)
    except (ValueError, OverflowError):
        return None


def _offset(zone: str | None) -> timedelta:
    if not zone or zone[0] not in "+-":
        return timedelta(0)
    digits = zone[1:].replace(":", "").ljust(4, "0")
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if size >= timedelta(days=1) or int(digits[2:]) >= 60:  # noqa: PLR2004 - no offset of any calendar
        raise ValueError(zone)
    return size if zone[0] == "+" else -size


def _from_epoch(number: float) -> datetime | None:
    if not math.isfinite(number):
        return None
    unit = next(unit for bound, unit in _EPOCH_UNITS if abs(number) < bound)
    try:
        return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=number / unit)
    except OverflowError:
        return None


def in_utc(when: datetime) -> datetime:
    """The same time in UTC, which a time without a zone is in."""
    return when.replace(tzinfo=timezone.utc) if when.tzinfo is None else when.astimezone(timezone.utc)


def to_integer(value: object) -> int | None:
    """A whole number of at most 64 bits, also from `432234.0` and `"432234"`; None for anything else."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        whole, _, fraction = value.strip().partition(".")
        if len(whole) > 20 or fraction.strip("0"):  # noqa: PLR2004 - more digits than 64 bits have
            return None
        value = int(whole)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if isinstance(value, float):
        if not value.is_integer():
            return None
        value = int(value)
    return value if -INT64_MAX - 1 <= value <= INT64_MAX else None


def to_float(value: object) -> float | None:
    """A finite number, also from text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def to_text(value: object) -> str:
    """A text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def to_text_or_none(value: object) -> str | None:
    """`to_text`; None stays None."""
    return None if value is None else to_text(value)


def kind(value: object) -> str:
    """The JSON type of a value, for messages."""
    names = {dict: "an object", list: "a list", str: "a text", type(None): "null", bool: "a boolean"}
    return names.get(type(value), "a number")


def canonical(value: object) -> str:
    """JSON with sorted keys and without blanks, the same for equal values; numbers are finite."""
    try:
        return orjson.dumps(value, None, orjson.OPT_SORT_KEYS).decode()
    except orjson.JSONEncodeError:  # numbers beyond 64 bits, lone surrogates, deep nesting
        return ascii_json(value)


def canonicals(given: Iterable[object]) -> list[str]:
    """`canonical` of each."""
    dumps, option = orjson.dumps, orjson.OPT_SORT_KEYS
    try:
        return [dumps(value, None, option).decode() for value in given]
    except orjson.JSONEncodeError:
        return list(map(canonical, given))


def ascii_json(value: object) -> str:
    """JSON in ASCII, which every text column accepts."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def flattened(text: bytes) -> bytes:
    """JSON with everything below 200 levels of nesting as text, since Python's parser fails at about a thousand."""
    parts: list[bytes] = []
    level = done = begin = 0
    for token in _TOKEN.finditer(text):
        if token[0] in (b"[", b"{"):
            level += 1
            if level == _MAX_PARSED_DEPTH + 1:
                begin = token.start()
        elif token[0] in (b"]", b"}"):
            if level == _MAX_PARSED_DEPTH + 1:
                cut = text[begin : token.end()].decode("utf-8", "replace")
                parts += [text[done:begin], json.dumps(cut).encode()]
                done = token.end()
            level -= 1
    if level > _MAX_PARSED_DEPTH:  # truncated JSON: leave it invalid, but do not pass on the deep part
        return b"".join([*parts, text[done:begin]])
    return b"".join([*parts, text[done:]])


def has_long_number(text: bytes) -> bool:
    """Whether there are 19 digits in a row: no other number exceeds 64 bits."""
    return b"0" * 19 in text.translate(_DIGITS)


def digest(*parts: str) -> str:
    """A hash of 32 hexadecimal digits, for key columns."""
    (made,) = digests([parts])
    return made


def digests(given: Iterable[Sequence[str]]) -> list[str]:
    """`digest` of each."""
    found = []
    copy = _DIGEST.copy
    for parts in given:
        made = copy()
        made.update("\x1f".join(parts).encode())
        found.append(made.hexdigest())
    return found


def loadable(value: Any, canonical_form: str) -> tuple[Any, bool]:
    """The value with everything replaced that some warehouse cannot hold in a JSON column.

    Characters become U+FFFD; integers beyond 64 bits and values below 100 levels of nesting become text.

    Args:
        value: Parsed JSON.
        canonical_form: Its canonical form, which is quicker to search.

    Returns:
        The value, and whether anything was replaced.
    """
    depth = canonical_form.count("{") + canonical_form.count("[")
    if depth <= _MAX_DEPTH and not _is_suspect(canonical_form):
        return value, False
    replaced = _loadable(value, 0)
    return replaced, replaced != value


def holds_odd_text(text: str) -> bool:
    """Whether a text in JSON could hold a character that some warehouse refuses."""
    return not _is_plain(text) and bool(_SUSPECT.search(text))


def _is_plain(text: str) -> bool:
    return text.isascii() and "\\" not in text


def _is_suspect(text: str) -> bool:
    """Whether JSON could hold a value that some warehouse refuses."""
    if not _is_plain(text):
        return bool(_SUSPECT.search(text))
    return has_long_number(text.encode())


def _loadable(value: Any, depth: int) -> Any:
    if isinstance(value, (dict, list)) and depth >= _MAX_DEPTH:
        value = to_text(value)
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {clean_text(k): _loadable(v, depth + 1) for k, v in value.items()}
    if isinstance(value, list):
        return [_loadable(v, depth + 1) for v in value]
    is_too_large = isinstance(value, int) and not -INT64_MAX - 1 <= value <= INT64_MAX
    return str(value) if is_too_large else value


def clean_text(text: str) -> str:
    """The text with U+FFFD for each character that some warehouse cannot hold."""
    return _UNLOADABLE.sub("\ufffd", text)
