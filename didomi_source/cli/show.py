"""Print to standard output with Rich: lines, tables, and the summary of a run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .streams import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from didomi_source.job import Summary

# dbt's status of a node → what is printed.
_NODES = {
    "success": "built",
    "pass": "tests passed",
    "warn": "with a warning",
    "fail": "tests failed",
    "error": "in error",
}
_PIPE_WIDTH = 160  # columns, where there is no terminal: wide enough that almost no line is wrapped


def print_summary(summary: Summary) -> None:
    """Print the result of a run: a line per export, and one each for the load and the models."""
    from didomi_source.health.words import distinct_names

    counts = ["rows_received", "logs_new", "logs_changed", "logs_pending"]
    titles = ["Export", "Read", ">Received", ">New", ">Changed", ">Pending"]
    if any(sync["logs_quarantined"] for sync in summary.syncs):
        counts.append("logs_quarantined")
        titles.append(">Quarantined")
    rows: list[list[Any]] = []
    names = distinct_names(summary.syncs)
    for sync in sorted(summary.syncs, key=lambda s: (s["name"] or s["export_id"]).casefold()):
        read = sync["mode"] if sync["is_complete"] else styled("incomplete", "red")
        rows.append([names[sync["export_id"]] or sync["export_id"], read, *(f"{sync[name]:,}" for name in counts)])
    if rows:
        print_table(titles, rows)
        print_line()
    for note in summary.notes:
        print_line(styled(f"Note: {note}", "yellow"))
    print_line(f"Loaded into {summary.destination}, dataset {summary.dataset}, in {summary.seconds:.1f} s.")
    if summary.deliveries is not None:
        found = summary.deliveries
        print_line(
            f"Deliveries: {found['changed']:,} new or changed, {found['requests']:,} requests, "
            f"{found['bytes_read']:,} bytes read."
        )
    if summary.models is not None:
        statuses = sorted(item for item in summary.models.counts.items() if item[0] != "no-op")
        nodes = [f"{count} {_NODES.get(status, status)}" for status, count in statuses]
        print_line(f"Models: {', '.join(nodes) or 'not built'} in {summary.models.seconds:.1f} s.")


def print_line(text: Text | str = "") -> None:
    """Print one line without markup: a terminal wraps it, a pipe gets it in one piece."""
    new_console().print(styled(text) if isinstance(text, str) else text, soft_wrap=True)


def print_below(lines: Sequence[str]) -> None:
    """Print lines under a table, after an empty one; nothing where there are none."""
    for line in ["", *lines] if lines else []:
        print_line(line)


def print_title(title: str) -> None:
    """Print the title of a group of lines."""
    print_line()
    print_line(styled(title, "bold"))
    print_line()


def print_table(titles: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table.

    Args:
        titles: One for each column; `>` in front of one aligns numbers. The last column should be one of those,
            so that no line ends in blanks.
        rows: Cells: texts, or Rich's.
    """
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
    new_console().print(table)


def styled(text: str, style: str = "") -> Text:
    """A text for Rich in one style, without markup and control characters."""
    from rich.text import Text

    return Text(printable(text), style=style)


def new_console(*, stderr: bool = False) -> Console:
    """A console of Rich on the current stream."""
    from rich.console import Console

    class Patient(Console):
        def on_broken_pipe(self) -> None:
            raise  # noqa: PLE0704 - Rich calls it where it caught the error, and would exit with 1

    console = Patient(stderr=stderr, highlight=False, emoji=False, markup=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _PIPE_WIDTH
    return console
