"""The progress of a long load."""

from __future__ import annotations

import time
from collections.abc import Callable

from didomi_source.dlt_compat import NullCollector

SECONDS_BETWEEN = 5.0


class Progress(NullCollector):
    """Counts the logs that dlt extracts, and reports the number every SECONDS_BETWEEN.

    Args:
        report: Called with the number, in a sentence.
    """

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._reported_at = time.monotonic()
        self._logs = 0
        self._is_extracting = False

    def update(
        self,
        name: str,
        inc: int = 1,
        total: int | None = None,  # noqa: ARG002 - dlt's signature
        inc_total: int | None = None,  # noqa: ARG002
        message: str | None = None,  # noqa: ARG002
        label: str | None = None,  # noqa: ARG002
    ) -> None:
        """Count the rows of `export_logs`."""
        if self._is_extracting and name == "export_logs":
            self._logs += inc
            if time.monotonic() - self._reported_at >= SECONDS_BETWEEN:
                self._reported_at = time.monotonic()
                self._report(f"Loading export logs: {self._logs:,} read")

    def _start(self, step: str) -> None:
        self._is_extracting = step.startswith("Extract")
