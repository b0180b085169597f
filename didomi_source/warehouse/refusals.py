"""Errors of database servers that can be recognised, and what to do about each."""

from __future__ import annotations

import re
from pathlib import Path

from didomi_source.errors import ConfigurationError, DestinationError, DidomiError

# The first pattern that matches decides. Errors that only the configuration can repair have its exit code.
_REFUSALS: tuple[tuple[str, type[DidomiError], str], ...] = (
    (
        (
            r"password authentication failed|no password supplied|incorrect username or password|jwt token is invalid"
            r"|user temporarily locked|user access disabled|invalid_grant|invalid_client|invalid credentials"
            r"|invalid authentication credentials|could not deserialize key|default credentials were not found"
            r'|role "[^"]*" (does not exist|is not permitted to log in)'
        ),
        ConfigurationError,
        "{where} refuses the user or its key: correct {setting}",
    ),
    (
        (
            r'name or service not known|no such host|database "[^"]*" does not exist'
            r"|404 not found: post \S+/session|is not a valid account"
        ),
        ConfigurationError,
        "{where} does not exist: correct {setting}",
    ),
    (
        r"was not found in location|cannot read and write in different locations|already exists in location",
        ConfigurationError,
        "the dataset is in another region than {where}: set DESTINATION__BIGQUERY__LOCATION to where it is",
    ),
    (
        (
            r"no active warehouse selected|warehouse \S+ (was|is) suspended|cannot be resumed|exceeded its quota"
            r"|warehouse .*does not exist or not authorized"
        ),
        DestinationError,
        "{where} has no warehouse at work: resume it, raise its quota or name another in {setting} ({text})",
    ),
    (
        (
            r"read-only transaction|permission denied for|must be owner of|insufficient privileges|access control error"
            r"|access denied|permission_denied|does not have bigquery|does not exist or not authorized"
        ),
        DestinationError,
        "the user of {where} lacks a right that a run needs (docs/warehouses.md lists them): {text}",
    ),
    (
        (
            r"connection refused|connection timed out|timeout expired|server closed the connection|max retries exceeded"
            r"|connection reset by peer|temporary failure in name resolution|could not connect|network is unreachable"
        ),
        DestinationError,
        "{where} cannot be reached: see whether it is up and reachable from here, then run again ({text})",
    ),
)
_SERVERS = ("postgres", "bigquery", "snowflake", "motherduck", "ducklake")


def match_server_error(text: str, where: Path | str) -> DidomiError | None:
    """Return the error that a server's text stands for; None for an unknown text, or if `where` is no server.

    Args:
        text: The text of the server's error.
        where: The location of the warehouse; a server's begins with the name of the destination.
    """
    name = str(where).split(" ", 1)[0]
    if name not in _SERVERS:
        return None
    text = " ".join(text.split())
    for pattern, kind, advice in _REFUSALS:
        if found := re.search(pattern, text, re.IGNORECASE):
            start = max(0, found.start() - 80)
            setting = f"DESTINATION__{name.upper()}__CREDENTIALS"
            return kind(advice.format(where=where, setting=setting, text=text[start : start + 240].strip()))
    return None
