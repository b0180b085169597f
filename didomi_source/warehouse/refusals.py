"""What a database server answers when it will not do what a run needs, and what to do about it."""

from __future__ import annotations

import re
from pathlib import Path

from didomi_source.errors import ConfigurationError, DestinationError, DidomiError

# The first that matches decides. What only the configuration can mend ends with its exit code.
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


def refusal(text: str, where: Path | str) -> DidomiError | None:
    """What a server's answer means; None when it is none of the known ones, or `where` is no server.

    Args:
        text: The answer.
        where: What the warehouse is called; a server's begins with the name of the destination.
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
