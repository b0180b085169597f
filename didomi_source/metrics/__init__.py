"""What a run tells machines that watch it, while it runs and when it has ended.

ping        a dead man's switch that is called at the beginning and at the end
measures    what is measured, for both of the following
prometheus  a text file for node_exporter
telemetry   traces and metrics over OTLP
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property
from typing import Any, Protocol, TypeVar

from didomi_source.errors import DidomiError
from didomi_source.health.deliveries import NO_DELIVERIES, RecentDeliveries, read_recent_deliveries
from didomi_source.health.status import ExportStatus, read_status
from didomi_source.warehouse.target import Target

logger = logging.getLogger(__name__)

# What a run waits for its watchers in all, whatever is at the other end: closed, hanging or slow.
WAIT_SECONDS = 1.5


class RunSummary(Protocol):
    """What is measured of a run that came to its end; `didomi_source.job.Summary` has it."""

    @property
    def run_id(self) -> str:
        """Its name in every table."""

    @property
    def syncs(self) -> Sequence[dict[str, Any]]:
        """Its rows of `export_syncs`, each with the export's `name`."""

    @property
    def incomplete(self) -> Sequence[str]:
        """The exports that were not read completely."""

    @property
    def failures(self) -> Sequence[str]:
        """A line for each thing that went wrong."""

    @property
    def exit_code(self) -> int:
        """0 when everything was read and built."""


S = TypeVar("S", bound=RunSummary)


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Args:
        target: Where it loaded.
        summary: What came of it; None when it broke off.
        error: Why it broke off.
        started_at: When it began, in seconds since 1970.
        ended_at: When it ended, in seconds since 1970.
        export_ids: Only these exports were asked for; empty means all.
    """

    target: Target
    summary: RunSummary | None
    error: BaseException | None
    started_at: float
    ended_at: float
    export_ids: Collection[str] = ()

    @property
    def exit_code(self) -> int:
        """The exit code of the run."""
        if self.summary is not None:
            return self.summary.exit_code
        return self.error.exit_code if isinstance(self.error, DidomiError) else 1

    @property
    def failures(self) -> Sequence[str]:
        """A line for each thing that went wrong."""
        if self.summary is not None:
            return self.summary.failures
        if isinstance(self.error, DidomiError):
            return [str(self.error)]
        return [f"unexpected {type(self.error).__name__}"]

    @cached_property
    def exports(self) -> Sequence[ExportStatus]:
        """How each export is; none where the marts cannot be read."""
        if self.summary is None:
            return ()
        try:
            found = read_status(self.target)
        except DidomiError:
            logger.debug("no metrics of exports", exc_info=True)
            return ()
        return [export for export in found if not self.export_ids or export.export_id in self.export_ids]

    @cached_property
    def deliveries(self) -> RecentDeliveries:
        """The delivered files of the last days; none where the marts cannot be read, or deliveries are not."""
        if not self.exports:
            return NO_DELIVERIES
        try:
            ended_at = datetime.fromtimestamp(self.ended_at, timezone.utc)
            return read_recent_deliveries(self.target, self.export_ids, ended_at)
        except DidomiError:
            logger.debug("no metrics of deliveries", exc_info=True)
            return NO_DELIVERIES


class Watcher(Protocol):
    """A receiver of a run's steps and outcome; one that fails is warned about, and the run goes on.

    `step` must not wait for anybody; `ended` may, in a thread that is given up after WAIT_SECONDS.
    """

    @property
    def name(self) -> str:
        """Its name in warnings."""

    def step(self, text: str) -> None:
        """Another step begins; the first one does so once no other run is at work."""

    def ended(self, outcome: Outcome) -> None:
        """The run is over."""


def watch(
    job: Callable[[Callable[[str], None]], S],
    target: Target,
    report: Callable[[str], None],
    watchers: Sequence[Watcher],
    export_ids: Collection[str] = (),
) -> S:
    """Run a job, and pass its steps and its outcome to the watchers.

    Args:
        job: Runs; it is given a function to report each step to.
        target: Where it loads.
        report: Called with each step, before the watchers are.
        watchers: Receivers, in their order.
        export_ids: Only these exports are asked for; empty means all.

    Raises:
        DidomiError: See `didomi_source.job.run`.
    """
    started_at = time.time()

    def step(text: str) -> None:
        report(text)
        for watcher in watchers:
            _call(watcher.step, text)

    def end(summary: S | None, error: BaseException | None = None) -> None:
        outcome = Outcome(target, summary, error, started_at, time.time(), export_ids)
        if watchers:
            _ = outcome.exports, outcome.deliveries  # read by the run itself: the warehouse has no deadline
        _end(watchers, outcome)

    try:
        summary = job(step)
    except BaseException as error:
        end(None, error)
        raise
    end(summary)
    return summary


def _end(watchers: Sequence[Watcher], outcome: Outcome) -> None:
    """Pass the outcome to all watchers side by side, and give up those that are not done in time."""
    threads = [threading.Thread(target=_call, args=(watcher.ended, outcome), daemon=True) for watcher in watchers]
    deadline = time.monotonic() + WAIT_SECONDS
    for thread in threads:
        thread.start()
    for watcher, thread in zip(watchers, threads, strict=True):
        thread.join(max(0.0, deadline - time.monotonic()))
        if thread.is_alive():
            logger.warning("%s took longer than %g s; the run is not affected", watcher.name, WAIT_SECONDS)


def _call(function: Callable[[Any], None], argument: object) -> None:
    try:
        function(argument)
    except Exception as error:  # noqa: BLE001 - no watcher may harm a run
        logger.warning("%s", error)
