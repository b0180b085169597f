"""What the tests of faults have counted, printed at the end of a session."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

# The last three have to be 0.
COUNTS = ("faults tried", "schedules run", "kill points", "rows lost", "rows doubled", "secrets found")

Counted = Callable[[str, int], None]


@pytest.fixture
def counted(request: pytest.FixtureRequest) -> Counted:
    """Adds to one of the counts; count before you assert, so that a failure shows in the sum."""

    def count(name: str, number: int) -> None:
        assert name in COUNTS
        request.node.user_properties.append((name, number))

    return count


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    # Properties travel with the reports, also from the processes of xdist.
    reports = (report for reports in terminalreporter.stats.values() for report in reports)
    sums: Counter[str] = Counter()
    for report in reports:
        if getattr(report, "when", None) == "call":
            for name, number in report.user_properties:
                if name in COUNTS:
                    sums[name] += number
    if sums:
        terminalreporter.section("faults")
        for name in COUNTS:
            terminalreporter.write_line(f"{sums[name]:>7,} {name}")
