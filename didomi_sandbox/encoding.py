"""JSON as a Node server writes it, and text that no JSON library would write."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class RawJson:
    r"""A value that is sent verbatim, such as `NaN`, `1e999` or an object with a key twice.

    Args:
        text: What to send; bytes that are no UTF-8 are written as surrogate escapes (`"\udcff"` sends 0xFF).
    """

    text: str


def encode(value: object) -> bytes:
    """A value as compact JSON in UTF-8.

    Args:
        value: Dicts, lists and scalars. NaN, infinities and integers of any size are written in full, a lone surrogate
            as its escape (as by `JSON.stringify`), a `RawJson` verbatim.
    """
    raws: list[RawJson] = []

    def keep(item: object) -> str:
        if not isinstance(item, RawJson):
            raise TypeError(f"{type(item).__name__} is not JSON")
        raws.append(item)
        return f"\x00raw {len(raws) - 1}\x00"

    encoded = _dump(value, keep)
    for number, raw in enumerate(raws):
        placeholder = f'"\\u0000raw {number}\\u0000"'.encode()
        encoded = encoded.replace(placeholder, raw.text.encode("utf-8", "surrogateescape"), 1)
    return encoded


def _dump(value: object, default: Any) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=default)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"), default=default).encode()
