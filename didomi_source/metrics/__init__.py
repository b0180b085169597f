"""What a run tells machines that watch it, while it runs and when it has ended.

ping        a dead man's switch that is called at the beginning and at the end
measures    what is measured, for both of the following
prometheus  a text file for node_exporter
telemetry   traces and metrics over OTLP
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from didomi_source.errors import DidomiError

if TYPE_CHECKING:
    from didomi_source.job import ExportStatus, Options, Summary

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Args:
        options: What was asked for.
        summary: What came of it; None when it could not begin.
        error: Why it could not.
        started_at: When it began, in seconds since 1970.
        ended_at: When it ended.
    """

    options: Options
    summary: Summary | None
    error: BaseException | None
    started_at: float
    ended_at: float

    @property
    def exit_code(self) -> int:
        """The exit code of the run."""
        if self.summary is not None:
            return self.summary.exit_code
        return self.error.exit_code if isinstance(self.error, DidomiError) else 1

    @property
    def failures(self) -> list[str]:
        """A line for each thing that went wrong."""
        if self.summary is not None:
            return self.summary.failures
        if isinstance(self.error, DidomiError):
            return [str(self.error)]
        return [f"unexpected {type(self.error).__name__}"]

    @cached_property
    def exports(self) -> Sequence[ExportStatus]:
        """How each export is; none where the marts cannot be read."""
        from didomi_source.job import read_status

        if self.summary is None:
            return ()
        try:
            return read_status(self.options)
        except DidomiError:
            logger.debug("no metrics of exports", exc_info=True)
            return ()


class Watcher(Protocol):
    """Somebody who is told how a run goes; one who fails is warned about, and the run goes on."""

    def step(self, text: str) -> None:
        """Another step begins; the first one does so once no other run is at work."""

    def ended(self, outcome: Outcome) -> None:
        """The run is over."""


def run_watched(options: Options, report: Callable[[str], None], watchers: Sequence[Watcher]) -> Summary:
    """Run the job, and tell the watchers.

    Raises:
        DidomiError: See `didomi_source.job.run`.
    """
    from didomi_source.job import run

    started_at = time.time()

    def step(text: str) -> None:
        report(text)
        for watcher in watchers:
            _told(lambda watcher=watcher: watcher.step(text))  # type: ignore[misc]

    def end(summary: Summary | None, error: BaseException | None = None) -> None:
        outcome = Outcome(options, summary, error, started_at, time.time())
        for watcher in watchers:
            _told(lambda watcher=watcher: watcher.ended(outcome))  # type: ignore[misc]

    try:
        summary = run(options, step)
    except BaseException as error:
        end(None, error)
        raise
    end(summary)
    return summary


def _told(tell: Callable[[], None]) -> None:
    try:
        tell()
    except Exception as error:  # noqa: BLE001 - no watcher may harm a run
        logger.warning("%s", error)
