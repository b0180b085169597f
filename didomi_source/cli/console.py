"""What the command line shows, and how it ends on a signal."""

from __future__ import annotations

import json
import logging
import math
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from didomi_source.errors import DidomiError
from didomi_source.health.words import percent

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console
    from rich.status import Status
    from rich.text import Text

    from didomi_source.job import Summary
    from didomi_source.job.forecast import Forecast

    from .check import Finding
    from .doctor import Fact

# dbt's words for what became of a node.
_NODES = {"success": "built", "pass": "tests passed", "warn": "warnings", "fail": "tests failed", "error": "errors"}
_PIPE_WIDTH = 160  # a pipe has no width; next to nothing is wrapped for it
_as_json = False


def printable(text: str) -> str:
    """A text from outside, made harmless for a terminal: no control character gets through."""
    return "".join(c if c.isprintable() else " " if c == "\n" else f"\\x{ord(c):02x}" for c in text)


def set_up_logging(verbose: int, *, as_json: bool = False) -> None:
    """Log to stderr: warnings, or more; as JSON, all that is written there is an object a line."""
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
        warnings.simplefilter("ignore")  # of libraries, to programmers
    else:
        os.environ.setdefault("RUNTIME__LOG_LEVEL", logging.getLevelName(level))


def complain(message: str) -> None:
    """Write what went wrong to stderr, as one line."""
    print(_json_line("error", message) if _as_json else f"didomi: {printable(message)}", file=sys.stderr, flush=True)


def _json_line(level: str, message: str, **more: Any) -> str:
    now = datetime.now(timezone.utc)
    return json.dumps({"time": now.isoformat(timespec="milliseconds"), "level": level, "message": message, **more})


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        more = {"trace": self.formatException(record.exc_info)} if record.exc_info and record.exc_info[0] else {}
        return _json_line(record.levelname.lower(), record.getMessage(), logger=record.name, **more)


class _Handler(logging.Handler):
    """Writes to what stderr is at the time: while a spinner turns, that is the spinner's."""

    def emit(self, record: logging.LogRecord) -> None:
        print(self.format(record), file=sys.stderr, flush=True)


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        # Further lines, those of a traceback, are indented: no text from outside can pass for a line of ours.
        return "\n    ".join(map(printable, super().format(record).splitlines()))


def obey_signals() -> None:
    """End at once with 143 or 130 on SIGTERM or SIGINT, wherever the program is.

    A kill at any point loses nothing (docs/reliability.md), so there is nothing to wait for; dlt would
    drain its pools first. A thread takes the signals, since dlt replaces handlers while it loads.
    """
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)

    def wait() -> None:
        received = signal.sigwait(signals)
        # On a terminal, over the spinner's line, and with the cursor that it hides.
        before = "\r\x1b[K\x1b[?25h" if os.isatty(2) else ""
        with suppress(OSError):
            os.write(2, f"{before}didomi: ended by {signal.Signals(received).name}\n".encode())
        os._exit(128 + received)

    threading.Thread(target=wait, daemon=True).start()


@contextmanager
def results() -> Iterator[None]:
    """Print results inside: a reader that has seen enough and left is no failure."""
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            msg = f"the results cannot be printed ({error.strerror})"
            raise DidomiError(msg) from None


class Steps:
    """Shows the step at work: a spinner on a terminal, plain lines elsewhere."""

    def __init__(self) -> None:
        self._console = _console(stderr=True)
        self._status: Status | None = None
        self._last = ""

    def report(self, step: str) -> None:
        """Show the next step; the same one again changes nothing."""
        if step == self._last:
            return
        self._last = step
        if _as_json:
            print(_json_line("info", step, event="step"), file=sys.stderr, flush=True)
        elif not self._console.is_terminal:
            now = datetime.now(timezone.utc)
            print(f"{now:%H:%M:%S} {printable(step)}", file=sys.stderr, flush=True)
        elif self._status is None:
            self._status = self._console.status(styled(f"{step} …"))
            self._status.start()
        else:
            self._status.update(styled(f"{step} …"))

    def __enter__(self) -> Steps:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._status is not None:
            self._status.stop()


def print_summary(summary: Summary) -> None:
    """Print what came of a run: a line per export, and one each for the load and the models."""
    counts = ["rows_received", "logs_new", "logs_changed", "logs_pending"]
    titles = ["Export", "Read", ">Received", ">New", ">Changed", ">Pending"]
    if any(sync["logs_quarantined"] for sync in summary.syncs):
        counts.append("logs_quarantined")
        titles.append(">Quarantined")
    rows: list[list[Any]] = []
    for sync in sorted(summary.syncs, key=lambda s: (s["name"] or s["export_id"]).casefold()):
        read = sync["mode"] if sync["is_complete"] else styled("incomplete", "red")
        rows.append([sync["name"] or sync["export_id"], read, *(f"{sync[name]:,}" for name in counts)])
    print_table(titles, rows)
    _print()
    for note in summary.notes:
        _print(styled(f"Note: {note}", "yellow"))
    _print(f"Loaded into {summary.destination}, dataset {summary.dataset}, in {summary.seconds:.1f} s.")
    if summary.models is not None:
        told = sorted(summary.models.counts.items() - {("no-op", summary.models.counts.get("no-op"))})
        nodes = [f"{count} {_NODES.get(status, status)}" for status, count in told]
        _print(f"Models: {', '.join(nodes) or 'not built'} in {summary.models.seconds:.1f} s.")


def print_forecast(forecast: Forecast) -> None:
    """Print what a run would ask of the API: a line per export, and the sum."""
    rows: list[list[Any]] = []
    for export in sorted(forecast.exports, key=lambda e: (e.name or e.export_id).casefold()):
        total = "-" if export.api_total is None else f"{export.api_total:,}"
        rows.append([export.name or export.export_id, export.mode, export.reason, total, f"{export.requests:,}"])
    print_table(["Export", "Read", "Why", ">Logs", ">Requests"], rows)
    _print()
    _print(f"A run would take {forecast.requests:,} requests and about {math.ceil(forecast.seconds):,} s.")
    _print("If the API does not sort as it is asked to: about three times as many.")


def print_line(text: Text | str = "") -> None:
    """Print one line as it is."""
    _print(text)


def print_facts(facts: Sequence[Fact]) -> None:
    """Print what `doctor` found, a table for each group."""
    for group in dict.fromkeys(fact.group for fact in facts):
        _print_title(group.capitalize())
        for fact in facts:
            if fact.group == group:
                origin = f"  ({fact.origin})" if fact.origin else ""
                _print(f"{fact.name:<36} {fact.value}{origin}")


def print_finding(finding: Finding) -> None:
    """Print one line of `check`."""
    mark = styled("ok      ", "green") if finding.is_good else styled("failed  ", "red")
    _print(mark.append(styled(f"{finding.subject}: {finding.text}", "default")))


def print_demo(rates: Sequence[Sequence[Any]], volumes: Sequence[Sequence[Any]], next_steps: Sequence[str]) -> None:
    """Print what the marts say after a demo, and where to look next."""
    _print_title("Success rates, last 28 days")
    print_table(
        ["Export", ">Completed", ">Failed", ">Success rate"],
        [[export, f"{good or 0:,}", f"{failed or 0:,}", percent(rate)] for export, good, failed, rate in rates],
    )
    _print_title("Users, latest delivery")
    print_table(
        ["Export", "Delivered", ">Users", ">Expected", ">Difference"],
        [
            [export, str(day), f"{users:,}", "-" if expected is None else f"{expected:,.0f}", percent(difference, "+")]
            for export, day, users, expected, difference in volumes
        ],
    )
    _print_title("Look further")
    for step in next_steps:
        _print(f"  {step}")


def _console(*, stderr: bool = False) -> Console:
    from rich.console import Console

    class Patient(Console):
        def on_broken_pipe(self) -> None:
            raise  # noqa: PLE0704 - Rich calls it where it caught the error, and would exit with 1

    console = Patient(stderr=stderr, highlight=False, emoji=False, markup=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _PIPE_WIDTH
    return console


def _print_title(title: str) -> None:
    _print()
    _print(styled(title, "bold"))
    _print()


def _print(text: Text | str = "") -> None:
    """Print one line as it is: a terminal wraps it, a pipe gets it whole."""
    _console().print(styled(text) if isinstance(text, str) else text, soft_wrap=True)


def print_table(titles: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table; columns whose title begins with > are numbers. The last one is: so no line ends in blanks."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True, header_style="bold")
    for title in titles:
        name = title.lstrip(">")
        is_first = title == titles[0]
        table.add_column(
            name,
            justify="right" if title != name else "left",
            no_wrap=not is_first,
            overflow="fold" if is_first else "ellipsis",
        )
    for row in rows:
        table.add_row(*(styled(cell) if isinstance(cell, str) else cell for cell in row))
    _console().print(table)


def styled(text: str, style: str = "") -> Text:
    """A line for Rich that is shown as it is: no markup, no control character."""
    from rich.text import Text

    return Text(printable(text), style=style)
