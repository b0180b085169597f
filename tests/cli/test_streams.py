"""Whatever the standard streams are, what was loaded counts; a monitor gets one line and its code."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from didomi_sandbox import Behaviour, Sandbox, plain_store, serve
from didomi_source.cli.demo import access_to
from support.harness import Forker, Job, Result, clean_environment
from support.shell import didomi

NAME = "Café 東京"
CODE = 'import sys; sys.stdout.buffer.write(sys.stdin.buffer.read().decode("latin-1").encode())'
TO_UTF_8 = f"{{}} | {sys.executable} -c '{CODE}'"


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    """One export, whose name neither ASCII nor Latin-1 has."""
    store = plain_store(3)
    store.add_export(id="export-2", name=NAME)
    with serve(store, Behaviour(rate_limit=(10_000, 1))) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def built(server: Sandbox, forker: Forker, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A warehouse with its models."""
    folder = tmp_path_factory.mktemp("built") / "job"
    folder.mkdir()
    job = Job(folder, forker, server)
    assert job.didomi("run").code == 0
    return job


def run_with(built: Job, *arguments: str, shell: str = "{}", **more: str) -> Result:
    environment = {**built.environment, **clean_environment(built.folder), **access_to(built.sandbox), **more}
    return didomi(*arguments, folder=built.folder, environment=environment, shell=shell)


@pytest.mark.parametrize(("encoding", "name"), [("ascii", r"Caf\xe9 \u6771\u4eac"), ("latin-1", r"Café \u6771\u4eac")])
def test_a_stream_that_lacks_a_letter_escapes_it(built: Job, encoding: str, name: str) -> None:
    """Tables, findings and errors are printed, and the exit code is that of the command."""
    for arguments in (["run"], ["check"], ["status"]):
        done = run_with(built, *arguments, shell=TO_UTF_8, PYTHONIOENCODING=encoding)
        assert (done.code, name in done.out) == (0, True), done
    done = run_with(built, "status", "--format", "nagios", "--max-age", "100000", PYTHONIOENCODING=encoding)
    assert (done.code, done.out.startswith("DIDOMI "), len(done.out.splitlines())) == (2, True, 1), done


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-", "2>/dev/full", "2> >(true)"])
def test_a_closed_stream_fails_no_run(built: Job, closed: str) -> None:
    """Nor one that is full or without a reader. What it would have been told is lost; the warehouse is not written to by a `print`."""
    done = run_with(built, "run", "--skip-models", "--full", shell=f"{{}} {closed}")
    assert done.code == 0, done
    assert ("Loaded into" in done.out) == (">&-" not in closed.replace("2>&-", ""))
    assert built.sql("select count(*) from export_logs") == [(3,)]


def test_errors_that_cannot_be_printed_keep_their_exit_code(built: Job) -> None:
    """A full disk is where stderr ends often."""
    assert run_with(built, "copy", "--to", "duckdb", shell="{} 2>/dev/full").code == 78


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_help_and_version_that_cannot_be_printed_say_so(built: Job, option: str) -> None:
    """Click prints them, and the disk is full."""
    done = run_with(built, option, shell="{} >/dev/full")
    assert (done.code, done.err) == (
        1,
        "didomi: there is no room for what is printed or kept (No space left on device): make room\n",
    )


def test_a_folder_that_was_deleted_is_named(built: Job) -> None:
    """dlt and dbt would each fail in its own way."""
    for command in (["run"], ["status"], ["demo"], ["doctor"], ["init"]):
        done = run_with(built, *command, shell='mkdir gone; cd gone; rmdir "$PWD"; {}')
        assert (done.code, done.out) == (78, "")
        assert done.err == "didomi: the current folder does not exist any more: change to another one\n"


@pytest.mark.parametrize("shell", ["{} >&-", "{} >/dev/full"])
def test_a_monitor_that_cannot_be_told_gets_unknown(built: Job, shell: str) -> None:
    """Its code alone is left, and 1 would be a warning."""
    assert run_with(built, "status", "--format", "nagios", shell=shell).code == 3
