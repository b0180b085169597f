"""Whatever happens at the source, in whatever order: no log is lost, doubled or misread by a run that ends well.

Hypothesis composes schedules of new logs at either end, settlements, purges, re-sorts, faults and runs; `World` plays
them against the truth. Most go through the real client over HTTP and the real sync into memory, some through the whole
job into DuckDB. A schedule that fails is shrunk and printed: write it down in `FOUND`.

    make nightly        1,000 schedules, and new ones each time; the seed is printed
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from didomi_sandbox import ORDERS, Sandbox
from support.counts import Counted
from support.faults.lab import Lab, misbehaving, store_of
from support.faults.schedules import FAULTS, MOVES, InDuckdb, InMemory, Move, Run, Schedule, Switch, World

pytestmark = pytest.mark.timeout(4 * 3600)  # all of it at night
IS_NIGHTLY = os.environ.get("FAULTS") == "nightly"
UNHURRIED = settings(
    deadline=None,
    derandomize=not IS_NIGHTLY,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
_folders = itertools.count()

picks = st.integers(0, 9999)
moves = st.builds(Move, st.sampled_from(MOVES), picks)
moves_meanwhile = st.builds(Move, st.sampled_from(MOVES), picks, st.integers(1, 12))
struck = st.tuples(st.sampled_from(FAULTS) | st.just("refusal_404"), st.integers(1, 9))
faults = st.lists(struck, max_size=2).map(tuple)
runs = st.builds(
    Run, st.sampled_from((False, False, False, True)), st.lists(moves_meanwhile, max_size=6).map(tuple), faults
)
# Where reads are incremental; without a total nothing but the order tells what was overlooked.
sorting = st.builds(
    Switch, st.just("honoured"), envelope=st.sampled_from(("full", "data_alone")), page_cap=st.sampled_from((100, 4))
)
switches = sorting | st.builds(
    Switch,
    st.sampled_from(("honoured", "first_field", "ignored", "rejected")),
    st.sampled_from(ORDERS),
    st.sampled_from(("stable", "shuffled")),
    st.sampled_from(("full", "full", "data_alone", "data_alone", "data_alone_unpaged")),
    st.sampled_from(("present", "present", "present", "created_only", "absent")),
    st.sampled_from((100, 100, 5, 3)),
)
# A fair share of runs among what happens, and now and then another server.
steps = st.one_of(moves, moves, runs, runs, switches)
anything = st.builds(
    Schedule, st.integers(0, 40), st.integers(3, 10), switches, st.lists(steps, min_size=3, max_size=12).map(tuple)
)
long_and_sorted = st.builds(
    Schedule,
    st.integers(25, 50),
    st.integers(3, 8),
    sorting,
    st.lists(moves | runs, min_size=5, max_size=12).map(tuple),
)
schedules = anything | long_and_sorted

# Short ones that a mistake was seen to fail; what Hypothesis finds joins them.
BY_ORDER = Switch(envelope="data_alone")
FOUND = (
    # a run that broke off below the newest logs, taken for a complete one
    Schedule(
        40,
        5,
        BY_ORDER,
        (Move("settle"), Run(), *(Move("burst", n) for n in range(3)), Run(faults=(("refusal_404", 4),)), Run()),
    ),
    # a list of nothing but what is no log
    Schedule(0, 3, Switch(), (Move("odd"), Run(), Move("new"), Run())),
    # logs that go from the top while the list is read, with nothing but the order to tell
    Schedule(40, 5, BY_ORDER, (Run(moves=tuple(Move("purge_newest", 4, at) for at in (4, 5, 6))),)),
    # a list that is purged to its last log between the first page and the second, with nothing but the order to tell
    Schedule(2, 7, BY_ORDER, (Run(moves=(Move("purge", 1, 2), Move("purge", 2, 2))),)),
    # two equal items at the end of a list, which then has more positions than names
    Schedule(3, 3, Switch(), (Run(moves=(Move("odd", 0, 1), Move("odd", 0, 1), Move("burst", 0, 2))),)),
    Schedule(3, 3, Switch(), (Move("odd", 1), Move("odd", 1), Run(moves=(Move("odd", 0, 3),)))),
    # a second log between the first two requests, of a server that sends the whole list each time
    Schedule(1, 3, Switch(envelope="data_alone_unpaged"), (Run(moves=(Move("new", 0, 2),)),)),
    # two empty answers in a row, with nothing else to tell that the list is not empty
    Schedule(25, 3, BY_ORDER, (Run(faults=(("empty_page", 1), ("empty_page", 2))),)),
    # a false empty answer behind a page that shows nothing new, since logs went from the top
    Schedule(29, 3, BY_ORDER, (Run(moves=(Move("purge_newest", 0, 7),), faults=(("empty_page", 9),)),)),
    # three logs of one time that change places on the border of two pages
    Schedule(
        37,
        3,
        Switch(),
        (
            *[Move("new")] * 6,
            Switch("ignored", "updated", "shuffled", "data_alone"),
            Run(moves=(Move("new_same_time", 0, 1), Move("new_same_time", 0, 1), Move("settle", 0, 1))),
        ),
    ),
)


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with misbehaving(store_of([])) as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request is tried again at once."""
    monkeypatch.setattr("tenacity.nap.time", SimpleNamespace(sleep=lambda _: None))


def judge(world: World, counted: Counted) -> None:
    counted("schedules run", 1)
    counted("rows lost", len(world.lost))
    counted("rows doubled", len(world.doubled))
    assert world.findings == []


def with_examples(test):
    for schedule in FOUND:
        test = example(schedule)(test)
    return test


@with_examples
@settings(UNHURRIED, max_examples=1_000 if IS_NIGHTLY else 100)
@given(schedule=schedules)
def test_no_schedule_loses_doubles_or_misreads_a_log(server: Sandbox, counted: Counted, schedule: Schedule) -> None:
    """After each run that ends well, the table is what the source was; after one that does not, nothing is worse."""
    judge(World(schedule, server, InMemory()).play(), counted)


@settings(UNHURRIED, max_examples=100 if IS_NIGHTLY else 3)
@given(schedule=schedules)
@pytest.mark.thorough
def test_no_schedule_of_whole_jobs_does(
    server: Sandbox,
    counted: Counted,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    schedule: Schedule,
) -> None:
    """The same through the whole job without the models, into a DuckDB file."""
    folder = tmp_path / str(next(_folders))
    folder.mkdir()
    judge(World(schedule, server, InDuckdb(Lab(folder, monkeypatch, caplog))).play(), counted)
