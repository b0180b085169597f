"""Errors of dlt, the warehouse and the machine, in one line that says what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from didomi_source.configuration import wrong_value
from didomi_source.errors import ConfigurationError, DestinationError, DidomiError

from .credentials import credentials, location, name_of
from .duckdb_storage import describe_newer
from .sqlstate import refused_with

if TYPE_CHECKING:
    import dlt

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


class _Refusal(NamedTuple):
    """An error, by its text or by its SQLSTATE (of PostgreSQL, whose texts are in the server's language)."""

    pattern: str
    codes: str
    kind: type[DidomiError]
    advice: str


# The first that matches decides. Errors that only the configuration can repair have its exit code.
_REFUSALS = (
    _Refusal(
        r"unsupported startup parameter",
        "",
        ConfigurationError,
        "the pooler at {where} refuses the start-up parameter with which dlt names the schema: set "
        "ignore_startup_parameters = options in pgbouncer.ini, or connect to the server itself ({text})",
    ),
    _Refusal(
        r"password authentication failed|no password supplied|incorrect username or password|jwt token is invalid"
        r"|user temporarily locked|user access disabled|invalid_grant|invalid_client|invalid credentials"
        r"|invalid authentication credentials|could not deserialize key|default credentials were not found"
        r'|role "[^"]*" (does not exist|is not permitted to log in)',
        "28000|28P01",
        ConfigurationError,
        "{where} refuses the user or its key: correct {setting}",
    ),
    _Refusal(
        r'name or service not known|no such host|database "[^"]*" does not exist'
        r"|404 not found: post \S+/session|is not a valid account",
        "3D000",
        ConfigurationError,
        "{where} does not exist: correct {setting}",
    ),
    _Refusal(
        r"was not found in location|cannot read and write in different locations|already exists in location",
        "",
        ConfigurationError,
        "the dataset is in another region than {where}: set DESTINATION__BIGQUERY__LOCATION to where it is",
    ),
    _Refusal(
        r"no active warehouse selected|warehouse \S+ (was|is) suspended|cannot be resumed|exceeded its quota"
        r"|warehouse .*does not exist or not authorized",
        "",
        DestinationError,
        "{where} has no warehouse at work: resume it, raise its quota or name another in {setting} ({text})",
    ),
    _Refusal(
        r"read-only transaction|permission denied for|must be owner of|insufficient privileges|access control error"
        r"|access denied|permission_denied|does not have bigquery|does not exist or not authorized",
        "25006|42501",
        DestinationError,
        "the user of {where} lacks a right that a run needs (docs/warehouses.md lists them): {text}",
    ),
    _Refusal(
        r"connection refused|connection timed out|timeout expired|server closed the connection|max retries exceeded"
        r"|connection reset by peer|temporary failure in name resolution|could not connect|network is unreachable",
        "08...|53300|57P0[1-3]",
        DestinationError,
        "{where} cannot be reached: see whether it is up and reachable from here, then run again ({text})",
    ),
)
_SERVERS = ("postgres", "bigquery", "snowflake", "motherduck", "ducklake")


def error_of(error: BaseException, pipeline: dlt.Pipeline) -> DidomiError:
    """Turn an error of dlt or the database into one of this package that names the pipeline's warehouse."""
    where = location(pipeline)
    if name_of(pipeline) != "postgres":
        return to_our_error(error, where)
    codes = [code for found in exception_chain(error) if (code := getattr(found, "pgcode", None))]
    is_refused = any(type(found).__name__ == "OperationalError" for found in exception_chain(error))
    code = (
        codes[-1]
        if codes
        else refused_with(str(credentials(pipeline).to_native_representation()))
        if is_refused
        else None
    )
    return to_our_error(error, where, code)


@contextmanager
def named_errors(pipeline: dlt.Pipeline, *, with_cause: bool = False) -> Iterator[None]:
    """Raise what dlt or the database raises inside as an error of this package that names the pipeline's warehouse.

    Args:
        pipeline: Whose warehouse it is.
        with_cause: Whether a traceback shows the first error, too.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001 - each engine has its own, wrapped or not
        raise error_of(error, pipeline) from (error if with_cause else None)


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


def match_server_error(text: str, where: Path | str, code: str | None = None) -> DidomiError | None:
    """Return the error that a server's answer stands for; None for an unknown one, or if `where` is no server.

    Args:
        text: The text of the server's error.
        where: The location of the warehouse; a server's begins with the name of the destination.
        code: Its SQLSTATE, where it is known.
    """
    name = str(where).split(" ", 1)[0]
    if name not in _SERVERS:
        return None
    text = " ".join(text.split())
    for refusal in _REFUSALS:
        found = re.search(refusal.pattern, text, re.IGNORECASE)
        if found or (code and re.fullmatch(refusal.codes, code)):
            start = max(0, found.start() - 80) if found else 0
            setting = f"DESTINATION__{name.upper()}__CREDENTIALS"
            shown = text[start : start + 240].strip()
            return refusal.kind(refusal.advice.format(where=where, setting=setting, text=shown))
    return None


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
