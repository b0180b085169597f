"""What the machine does to a run: each gets one line that says what to do, the right exit code, and loses nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from didomi_sandbox import Behaviour
from support.warehouse import EXPORT

DOUBLE_RUNS = 20 if os.environ.get("FAULTS") else 4
HOLD = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a file system")


@contextmanager
def small_disk(folder: Path, megabytes: int):
    """Put a small file system of its own under a folder."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def held(path: Path):
    """Have another program hold a DuckDB file."""
    program = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert program.stdout.readline() == "held\n"
        yield program
    finally:
        program.communicate()


def fill(folder: Path) -> None:
    """Leave no room on the file system of a folder."""
    with (folder / "filling").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 20))
        except OSError:
            return


def line(done) -> str:
    """The one line that tells what went wrong."""
    (found,) = [text for text in done.err.splitlines() if text.startswith("didomi: ")]
    assert done.err.endswith(f"{found}\n")
    return found


# -- the disk ------------------------------------------------------------------------------------


@needs_root
def test_a_full_disk_is_said_before_anything_is_read(job, api):
    """There is less room than any run needs: nothing is asked of the API."""
    with small_disk(job.folder, 20):
        done = job.didomi("run", "--skip-models")
    assert done.code == 1
    assert line(done).startswith(f"didomi: the disk of {job.path} is full (")
    assert line(done).endswith("MB free): make room and run again")
    assert api.requests == []


@needs_root
@pytest.mark.parametrize("asked", [1, 2])
def test_a_disk_that_fills_up_meanwhile_loses_nothing(job, api, asked):
    """The run says so; with room again, the next one brings everything."""
    with small_disk(job.folder, 64):
        job.run()
        for number in range(3):
            api.store.add_log(EXPORT, id=f"new-{number}")
        before = job.raw_logs()
        api.behaviour = Behaviour(
            rate_limit=(10_000, 1), on_request=lambda _store, number: fill(job.folder) if number == asked else None
        )
        api.reset()
        done = job.didomi("run", "--skip-models")
        (job.folder / "filling").unlink()
        assert done.code == 1
        assert line(done).endswith("is full: make room and run again")
        assert before.items() <= job.raw_logs().items()
        api.behaviour = Behaviour(rate_limit=(10_000, 1))
        job.run()
        assert job.raw_logs() == {log["id"]: log for log in api.store.logs()}


@needs_root
def test_a_read_only_folder_is_said(job):
    """Where the working directory cannot be, and where the warehouse cannot be."""
    elsewhere = job.folder.parent / "elsewhere"
    with small_disk(job.folder, 64):
        job.run()
        before = job.raw_logs()
        subprocess.run(["mount", "-o", "remount,ro", str(job.folder)], check=True)
        here = job.didomi("run", "--skip-models")
        there = job.didomi("run", "--skip-models", "--working-dir", str(elsewhere))
        subprocess.run(["mount", "-o", "remount,rw", str(job.folder)], check=True)
        assert here.code == 1
        assert line(here).startswith(f"didomi: cannot write to {job.working_dir} (Read-only file system): ")
        assert line(here).endswith("run in another folder, or choose one with --working-dir")
        assert (there.code, line(there)) == (
            1, f"didomi: {job.path} is on a read-only file system: name another file"
        )  # fmt: skip
        assert job.raw_logs() == before


# -- the working directory -----------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"\x00\xff garbage", b"{}"])
def test_a_corrupt_working_directory_costs_nothing(job, api, content):
    """Whatever every file in it holds: what waits there is read again."""
    job.run()
    api.store.add_log(EXPORT, id="new")
    killed = job.didomi("run", "--skip-models", kill_at="dlt.load.load:Load.run before 1")
    assert killed.code == -9
    for file in [path for path in job.working_dir.rglob("*") if path.is_file()]:
        file.write_bytes(content)
    api.store.add_log(EXPORT, id="newer")
    assert job.run()["ok"] is True
    assert job.raw_logs() == {log["id"]: log for log in api.store.logs()}
    assert job.run()["notes"] == []


def test_files_where_folders_should_be_cost_nothing(job, api):
    """So does a folder that somebody made a file."""
    job.run()
    shutil.rmtree(job.working_dir / "pipelines")
    (job.working_dir / "pipelines").write_text("not a folder")
    done = job.didomi("run", "--skip-models")
    assert done.code == 1
    assert str(job.working_dir / "pipelines") in line(done)
    shutil.rmtree(job.working_dir)
    api.store.add_log(EXPORT, id="new")
    job.run()
    assert job.raw_logs() == {log["id"]: log for log in api.store.logs()}


def test_a_file_in_the_place_of_the_working_directory_is_said(job):
    """It is not ours to remove."""
    job.working_dir.write_text("precious")
    done = job.didomi("run", "--skip-models")
    assert (done.code, job.working_dir.read_text()) == (1, "precious")
    assert line(done).startswith(f"didomi: cannot write to {job.working_dir} (")


# -- others --------------------------------------------------------------------------------------


def test_a_file_that_another_program_holds_is_waited_for(job, api):
    """The run says so while it waits, and goes on when the file is free."""
    job.run()
    api.store.add_log(EXPORT, id="new")
    with held(job.path):
        run = job.start("run", "--skip-models").until(f"Waiting for {job.path}, which another program holds")
    assert run.wait().code == 0
    assert job.raw_logs() == {log["id"]: log for log in api.store.logs()}


def test_the_program_that_holds_the_file_is_named(job):
    """By its path and its process, so that it can be found."""
    job.run()
    with held(job.path) as program:
        done = job.didomi("check")
    assert done.code == 1
    assert f"{job.path} is held by another program (" in done.out
    assert f", process {program.pid}): close it there, or let it read a copy (didomi run --publish)" in done.out


def test_of_two_runs_at_once_one_wins_and_the_other_ends_at_once(job, api):
    """The second exits with 75 and says where the first is at work; no row is lost or doubled."""
    for number in range(DOUBLE_RUNS):
        api.store.add_log(EXPORT, id=f"new-{number}")
        runs = [job.start("run", "--skip-models") for _ in range(2)]
        ended = [run.wait() for run in runs]
        assert sorted(done.code for done in ended) == [0, 75]
        (second,) = [done for done in ended if done.code == 75]
        assert line(second) == (f"didomi: another run is at work in {job.working_dir}: wait for it to end, or stop it")
        assert job.raw_logs() == {log["id"]: log for log in api.store.logs()}


def test_the_second_run_does_not_wait(job, api):
    """It is told at once, however long the first one takes."""
    api.behaviour = Behaviour(rate_limit=(10_000, 1), latency=0.5)
    first = job.start("run", "--skip-models").until("Loading export logs")
    begun = time.monotonic()
    assert job.didomi("run", "--skip-models").code == 75
    assert time.monotonic() - begun < 5
    assert first.wait().code == 0


@pytest.mark.thorough
def test_two_working_directories_and_one_file_lose_and_double_nothing(job, api, counted):
    """The lock is then the file's own: whoever comes second waits or fails, and the next run has everything."""
    job.run()
    for number in range(DOUBLE_RUNS):
        api.store.add_log(EXPORT, id=f"new-{number}", status="pending")
        if number:
            api.store.settle(f"new-{number - 1}", users=number)
        runs = [job.start("run", "--skip-models", "--working-dir", folder) for folder in ("a", "b")]
        ended = [run.wait() for run in runs]
        assert 0 in [done.code for done in ended], ended
        loaded = job.raw_logs()  # which refuses two rows of one id
        counted("rows lost", len({log["id"] for log in api.store.logs()} - loaded.keys()))
        assert loaded == {log["id"]: log for log in api.store.logs()}
    states = job.sql("select log_id, list(sequence order by sequence) from export_log_history group by 1")
    assert [s for s in states if s[1] != list(range(1, len(s[1]) + 1))] == []
    assert len(states) == len(loaded)
