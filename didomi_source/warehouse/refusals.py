"""Errors of database servers that can be recognised, and what to do about each."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from didomi_source.errors import ConfigurationError, DestinationError, DidomiError


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
