"""The SQLSTATE of PostgreSQL's errors: its texts are in the server's language."""

from __future__ import annotations

import ctypes
import importlib.util
import re
import select
import time
from typing import Any

CONNECT_SECONDS = 10.0
_VERBOSE = 2  # PQERRORS_VERBOSE: the text begins with the code
_FAILED, _READING, _WRITING, _OK = range(4)  # PostgresPollingStatusType
_CODE = re.compile(r":  ([0-9A-Z]{5}): ")  # severity, two blanks, code


def refused_with(dsn: str) -> str | None:
    """Connect once more, and return the SQLSTATE with which the server refuses: psycopg2 keeps its text alone.

    Returns:
        None if the server does not answer, or refuses no longer.
    """
    extension = importlib.util.find_spec("psycopg2._psycopg")
    if extension is None:
        return None
    libpq: Any = ctypes.CDLL(extension.origin)  # the functions of libpq, which it depends on, are found through it
    for name in ("PQsetErrorVerbosity", "PQconnectPoll", "PQsocket", "PQerrorMessage", "PQfinish"):
        getattr(libpq, name).argtypes = [ctypes.c_void_p]
    libpq.PQsetErrorVerbosity.argtypes = [ctypes.c_void_p, ctypes.c_int]
    libpq.PQconnectStart.restype = ctypes.c_void_p
    libpq.PQerrorMessage.restype = ctypes.c_char_p
    connection = libpq.PQconnectStart(dsn.encode())
    try:
        libpq.PQsetErrorVerbosity(connection, _VERBOSE)
        if _connect(libpq, connection) != _FAILED:
            return None
        found = _CODE.search(libpq.PQerrorMessage(connection).decode(errors="replace"))
        return found[1] if found else None
    finally:
        libpq.PQfinish(connection)


def _connect(libpq: Any, connection: int) -> int:
    """Drive libpq's connection to its end; returns its last polling status."""
    deadline = time.monotonic() + CONNECT_SECONDS
    status = libpq.PQconnectPoll(connection) if libpq.PQsocket(connection) < 0 else _WRITING
    while status not in (_FAILED, _OK) and (left := deadline - time.monotonic()) > 0:
        socket = libpq.PQsocket(connection)
        readers, writers = ([socket], []) if status == _READING else ([], [socket])
        select.select(readers, writers, [], left)
        status = libpq.PQconnectPoll(connection)
    return int(status)
