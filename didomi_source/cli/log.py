"""Standard error: log records and errors, as lines of text or as a JSON object a line."""

from __future__ import annotations

import json
import logging
import os
import warnings
from datetime import datetime, timezone
from typing import Any

from .streams import print_error, printable

_as_json = False


def set_up_logging(verbose: int, *, as_json: bool = False) -> None:
    """Log to stderr.

    Args:
        verbose: 0 for warnings, 1 for info, 2 for debug.
        as_json: Write an object a line, also for steps and errors.
    """
    global _as_json  # noqa: PLW0603 - stderr is one for the process, too
    _as_json = as_json
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    handler = _Handler()
    handler.setFormatter(
        _JsonFormatter() if as_json else _Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S")
    )
    package = logging.getLogger("didomi_source")
    package.handlers[:] = [handler]
    package.setLevel(level)
    package.propagate = False
    if not verbose:
        warnings.simplefilter("ignore")  # those of libraries are for programmers
    else:
        os.environ.setdefault("RUNTIME__LOG_LEVEL", logging.getLevelName(level))


def complain(message: str) -> None:
    """Print an error to stderr, as one line."""
    print_error(_json_line("error", message) if _as_json else f"didomi: {printable(message)}")


def print_step(step: str) -> None:
    """Print a step of a run to stderr, with its time."""
    now = datetime.now(timezone.utc)
    line = _json_line("info", step, event="step") if _as_json else f"{now:%H:%M:%S} {printable(step)}"
    print_error(line)


def is_json() -> bool:
    """Whether stderr is to be JSON alone."""
    return _as_json


def _json_line(level: str, message: str, **more: Any) -> str:
    now = datetime.now(timezone.utc)
    return json.dumps({"time": now.isoformat(timespec="milliseconds"), "level": level, "message": message, **more})


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        more = {"trace": self.formatException(record.exc_info)} if record.exc_info and record.exc_info[0] else {}
        return _json_line(record.levelname.lower(), record.getMessage(), logger=record.name, **more)


class _Handler(logging.Handler):
    """Writes to the current `sys.stderr`: while a spinner turns, it is the spinner's."""

    def emit(self, record: logging.LogRecord) -> None:
        print_error(self.format(record))


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        # Further lines, those of a traceback, are indented: no text from outside can forge a line.
        return "\n    ".join(map(printable, super().format(record).splitlines()))
