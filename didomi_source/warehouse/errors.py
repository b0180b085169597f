"""Errors of dlt, the warehouse and the machine, in one line that says what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from didomi_source.configuration import wrong_value
from didomi_source.errors import ConfigurationError, DestinationError, DidomiError

from .duckdb_storage import describe_newer
from .refusals import match_server_error

_HOLDER = re.compile(r"Conflicting lock is held in (.+?) \(PID (\d+)\)")
# DuckDB's lock is exclusive: a read-only connection blocks writers.
_LET_GO = "close it there, or let it read a copy (didomi run --publish)"
_SIGNS = (
    ("No space left", "the disk of {0} is full: make room and run again"),
    ("not a valid DuckDB database", "{0} is not a DuckDB file: move it away or name another"),
    ("is encrypted", "{0} is encrypted: name another file"),
    ("Permission denied", "no permission to write {0}: change its rights or name another file"),
    ("Read-only file system", "{0} is on a read-only file system: name another file"),
    ("Is a directory", "{0} is a folder: name a file"),
    ("Could not set lock", "{0} is held by another program: " + _LET_GO),
)


def to_our_error(error: BaseException, where: Path | str, code: str | None = None) -> DidomiError:
    """Turn an error that dlt raised into one of this package.

    Args:
        error: Any exception; if its chain contains an error of this package, that one is returned.
        where: The location of the warehouse: its file, or the name of the destination and its host.
        code: The SQLSTATE of the error, where it is known.
    """
    from didomi_source.dlt_compat import ConfigValueCannotBeCoercedException

    # dlt's loops end with a StopIteration, which becomes the context of what a thread had raised
    chain = [found for found in exception_chain(error) if not isinstance(found, StopIteration)] or [error]
    for found in chain:
        if isinstance(found, DidomiError):
            return found
        if isinstance(found, ConfigValueCannotBeCoercedException):
            return ConfigurationError(wrong_value(found))
    matches = (match_server_error(str(found), where, code) for found in reversed(chain))
    if match := next(filter(None, matches), None):
        return match
    known = next((text for text in map(str, chain) if _known(text, where)), str(chain[-1]))
    step = getattr(error, "step", None)
    before = f"the {step} step failed: " if step else ""
    return DestinationError(before + describe_error(known, where, type(chain[-1]).__name__))


def describe_error(error: BaseException | str, where: Path | str, kind: str = "") -> str:
    """Describe an error of the warehouse in one line.

    Args:
        error: The error, or its text.
        where: The location of the warehouse.
        kind: The class of the error, where only its text is given.
    """
    text = " ".join(str(error).split())
    kind = kind or type(error).__name__
    return _known(text, where) or f"{where}: {kind}: {text[:300]}"


def _known(text: str, where: Path | str) -> str | None:
    text = " ".join(text.split())
    if holder := _HOLDER.search(text):
        return f"{where} is held by another program ({holder[1]}, process {holder[2]}): {_LET_GO}"
    if newer := describe_newer(text, where):
        return newer
    return next((advice.format(where) for sign, advice in _SIGNS if sign.lower() in text.lower()), None)


def exception_chain(error: BaseException) -> Iterator[BaseException]:
    """The error, its causes and contexts; the innermost is the last."""
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        found = found.__cause__ or found.__context__
