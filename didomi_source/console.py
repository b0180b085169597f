"""What the command line shows, and how it ends on a signal."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console
    from rich.status import Status

    from .job import ExportStatus, Summary
    from .job.check import Finding

_HEALTH_STYLE = {"healthy": "green", "failing": "red", "late": "red", "stuck": "yellow"}


def printable(text: str) -> str:
    """A text from outside, made harmless for a terminal: no control character gets through."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" if c != "\n" else " " for c in text)


def set_up_logging(verbose: int) -> None:
    """Log to stderr: warnings, or more."""
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
    package = logging.getLogger("didomi_source")
    package.handlers[:] = [handler]
    package.setLevel(level)
    package.propagate = False
    if verbose:
        os.environ.setdefault("RUNTIME__LOG_LEVEL", logging.getLevelName(level))


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


def obey_signals() -> None:
    """End at once with 143 or 130 on SIGTERM or SIGINT, wherever the program is.

    A kill at any point loses nothing (docs/reliability.md), so there is nothing to wait for; dlt would
    drain its pools first. A thread takes the signals, since dlt replaces handlers while it loads.
    """
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)

    def wait() -> None:
        received = signal.sigwait(signals)
        _end_dbt()
        name = signal.Signals(received).name
        os.write(2, f"didomi: ended by {name}\n".encode())
        os._exit(128 + received)

    threading.Thread(target=wait, daemon=True).start()


def _end_dbt() -> None:
    models = sys.modules.get("didomi_source.job.models")
    for process in list(models.running) if models else ():
        process.kill()


class Steps:
    """Shows the step at work: a spinner on a terminal, plain lines elsewhere."""

    def __init__(self) -> None:
        self._console = _console(stderr=True)
        self._status: Status | None = None

    def report(self, step: str) -> None:
        """Show the next step."""
        if not self._console.is_terminal:
            now = datetime.now(timezone.utc)
            print(f"{now:%H:%M:%S} {step}", file=sys.stderr, flush=True)
        elif self._status is None:
            self._status = self._console.status(f"{step} …")
            self._status.start()
        else:
            self._status.update(f"{step} …")

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
    """Print what came of a run: a line per export, and one for the models."""
    table = _table("Export", "Read", ">Received", ">New", ">Changed", ">Pending", ">Quarantined", "Complete")
    for sync in summary.syncs:
        table.add_row(
            printable(sync["export_id"]),
            sync["mode"],
            *(f"{sync[name]:,}" for name in ("rows_received", "logs_new", "logs_changed", "logs_pending")),
            f"{sync['logs_quarantined']:,}",
            "yes" if sync["is_complete"] else "[red]no[/red]",
        )
    console = _console()
    console.print(table)
    for note in summary.notes:
        console.print(f"Note: {printable(note)}", markup=False)
    console.print(
        f"Loaded into {summary.destination}, dataset {summary.dataset}, in {summary.seconds:.1f} s.", markup=False
    )
    if summary.models is not None:
        counts = ", ".join(f"{count} {status}" for status, count in sorted(summary.models.counts.items()))
        console.print(f"Models: {counts} in {summary.models.seconds:.1f} s.", markup=False)


def print_status(found: Sequence[ExportStatus]) -> None:
    """Print a line per export."""
    table = _table("Export", "Health", "Last success", ">Streak", ">7 days", ">28 days", "Why")
    for status in found:
        style = _HEALTH_STYLE.get(status.health, "yellow")
        streak = f"{status.current_streak} {status.current_streak_status}" if status.current_streak else "-"
        table.add_row(
            printable(status.name or status.export_id),
            f"[{style}]{status.health}[/{style}]",
            _day(status.last_success_at),
            streak,
            _rate(status.success_rate_7d),
            _rate(status.success_rate_28d),
            _escaped(status.health_reason),
        )
    _console().print(table)
    quarantined = sum(status.logs_quarantined for status in found)
    if quarantined:
        _console().print(f"{quarantined} logs could not be loaded: see export_log_quarantine.", markup=False)


def print_finding(finding: Finding) -> None:
    """Print one line of `check`."""
    mark = "[green]ok[/green]    " if finding.is_good else "[red]failed[/red]"
    _console().print(f"{mark} {_escaped(finding.subject)}: {_escaped(finding.text)}", soft_wrap=True)


def print_rows(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a small result of a query; columns that begin with > are numbers."""
    table = _table(*columns)
    for row in rows:
        table.add_row(*(_escaped("-" if value is None else str(value)) for value in row))
    console = _console()
    console.print(f"\n{title}", markup=False)
    console.print(table)


def _console(*, stderr: bool = False) -> Console:
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = 160  # a pipe has no width; nothing is cut or wrapped for it
    return console


def _table(*columns: str) -> Any:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        name = column.lstrip(">")
        table.add_column(name, justify="right" if column != name else "left", overflow="fold")
    return table


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(printable(text))


def _day(when: datetime | None) -> str:
    return f"{when:%Y-%m-%d %H:%M}" if when else "never"


def _rate(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.0%}"
