"""`didomi status --format nagios`: UNKNOWN with one line, whatever goes wrong; and no command waits for long."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from didomi_source.cli import status
from didomi_source.warehouse.target import Target
from support.marts import export


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--nope"], "No such option: --nope"),
        (["--max-age", "soon"], "Invalid value for '--max-age'"),
        (["--destination", "paper"], "unknown destination 'paper'"),
        ([], "there is no warehouse "),
    ],
)
def test_what_cannot_be_asked_is_unknown(folder, didomi, arguments, line):
    """Also where the command line is wrong: its exit code 2 would be CRITICAL."""
    for form in (["--format", "nagios"], ["--format=nagios"]):
        done = didomi("status", *form, *arguments)
        assert (done.code, done.err, len(done.out.splitlines())) == (3, "", 1)
        assert done.out.startswith(f"DIDOMI UNKNOWN - {line}")
    assert didomi("status", *arguments).code in {1, 2, 78}


def test_an_error_that_was_not_foreseen_is_unknown(made, didomi, monkeypatch):
    """It is named; other formats end as they always do."""
    made.finish()

    def fails(*_):
        raise ZeroDivisionError("by\nzero")

    monkeypatch.setattr("didomi_source.health.status.read_status", fails)
    done = didomi("status", "--format", "nagios")
    assert (done.code, done.out) == (
        3, "DIDOMI UNKNOWN - this should not happen (ZeroDivisionError: by zero); run with -vv to see where\n"
    )  # fmt: skip
    with pytest.raises(ZeroDivisionError):
        didomi("status")


def test_the_help_of_a_plugin_is_the_help(didomi):
    """Asked for, it is no error."""
    done = didomi("status", "--format", "nagios", "--help")
    assert (done.code, done.out.splitlines()[0].split()[0]) == (0, "Usage:")


@pytest.fixture
def locked(made):
    """A warehouse that another process holds; its process id."""
    made.export(export("a"))
    made.finish()
    code = "import duckdb, sys; c = duckdb.connect('warehouse.duckdb'); print(flush=True); sys.stdin.read()"
    holder = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    holder.stdout.readline()
    yield holder.pid
    holder.communicate()


def seconds(call, *arguments):
    started = time.monotonic()
    return call(*arguments), time.monotonic() - started


def test_a_locked_file_is_waited_for_as_long_as_is_asked(locked, didomi):
    """Each command that reads says who holds it, when the time is over."""
    for command in (["status"], ["report"], ["notify", "--dry-run"]):
        done, lasted = seconds(didomi, *command, "--wait", "0")
        assert (done.code, lasted < 5, f"process {locked}" in done.err) == (1, True, True)
    done, lasted = seconds(didomi, "status", "--wait", "1.5")
    assert (done.code, 1.5 < lasted < 8) == (1, True)
    assert done.err.count("Waiting for ") == 1


def test_a_monitor_is_answered_before_it_gives_up(locked, didomi):
    """check_nrpe waits 10 seconds; people wait for the end of a run."""
    done, lasted = seconds(didomi, "status", "--format", "nagios")
    assert (done.code, 5 < lasted < 9) == (3, True)
    assert f"process {locked}" in done.out
    assert (status.NAGIOS_WAIT_SECONDS, Target().wait_seconds) == (5, 60)
