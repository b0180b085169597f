"""Standard output and error, whatever their encoding, and also when they are closed or their reader has left."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from didomi_source.errors import DidomiError


def prepare() -> None:
    """Make both streams accept every text: closed ones discard it, others escape what their encoding lacks."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free descriptor is this one: no database file may become standard output.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - until the process ends
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def is_discarded() -> bool:
    """Whether standard output was closed when the process began."""
    return getattr(sys.stdout, "name", None) == os.devnull


@contextmanager
def results() -> Iterator[None]:
    """Print results inside: a reader that has closed the pipe is no failure.

    Raises:
        DidomiError: They cannot be written, for instance to a full disk.
    """
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise DidomiError(f"the results cannot be printed ({error.strerror})") from None


def print_error(line: str) -> None:
    """Print a line to stderr; a full disk or a reader that has left stops no run, and what follows is discarded."""
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # where the line goes that Python holds until the process ends


def printable(text: str) -> str:
    """Escape the control characters of a text, which could change a terminal or forge a line."""
    return "".join(c if c.isprintable() else " " if c == "\n" else f"\\x{ord(c):02x}" for c in text)
