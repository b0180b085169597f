"""What a user sees of a warehouse: on a terminal of 80 columns, in a pipe, as JSON; whatever the names hold."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from didomi_sandbox import Behaviour, Fault, Sandbox, Store, plain_store, serve
from didomi_source.cli.demo import access_to
from support.harness import Forker, Job, clean_environment
from support.shell import didomi, on_terminal
from support.warehouse import EXPORT

# Colours of its own, a window title, a line of ours that is none, Rich's markup, an emoji's name.
HOSTILE = "\x1b[31mEU\x1b]0;title\x07\r\nok   [bold]x[/bold] :smile: \u202eabc"
SHOWN = r"\x1b[31mEU\x1b]0;title\x07\x0d ok   [bold]x[/bold] :smile: \x202eabc"
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")
COLOURS = re.compile(r"\x1b\[[0-9;]*3[0-7]")
HEADER = ["Export", "Health", "Last success, UTC", "Streak", "7 days", "28 days"]


def hostile_store() -> Store:
    """Two exports: one with an ordinary name that delivers, one whose name and errors are hostile."""
    store = plain_store(10)
    store.add_export(id="export-2", name=HOSTILE)
    for day in range(3):
        store.add_log(
            "export-2",
            status="failed",
            result=f"AccessDenied {HOSTILE}",
            created_at=f"2025-10-0{day + 1}T09:00:00.000Z",
        )
    return store


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with serve(hostile_store(), Behaviour(rate_limit=(10_000, 1))) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def built(server: Sandbox, forker: Forker, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A warehouse with its models."""
    folder = tmp_path_factory.mktemp("built") / "job"
    folder.mkdir()
    job = Job(folder, forker, server)
    done = job.didomi("run", "--json")
    assert done.code == 0, done
    assert json.loads(done.out)["models"]["failures"] == []
    return job


def environment(job: Job, **more: str) -> dict[str, str]:
    return {**job.environment, **clean_environment(job.folder), **access_to(job.sandbox), **more}


@contextmanager
def misbehaving(server: Sandbox, **changed: Any) -> Iterator[None]:
    """The server behaves otherwise inside."""
    before = server.behaviour, server.faults
    server.faults = changed.pop("faults", ())
    server.behaviour = Behaviour(rate_limit=(10_000, 1), **changed)
    try:
        yield
    finally:
        server.behaviour, server.faults = before


# -- status --------------------------------------------------------------------------------------


def test_status_prints_a_line_per_export(built: Job) -> None:
    """The worst first, and under them why; in a pipe each line is whole and without colours."""
    done = built.didomi("status")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert re.split(r" {2,}", lines[0]) == HEADER
    rows = [re.split(r" {2,}", line) for line in lines[2 : lines.index("")]]
    assert [row[-5:] for row in rows] == [
        ["failing", "never", "3 failed", "–", "–"], ["late", "2025-10-09 08:53", "10 ok", "–", "–"]
    ]  # fmt: skip
    assert (rows[1][0], lines[2].startswith(SHOWN)) == (EXPORT, True)
    reasons = lines[lines.index("") + 1 :]
    assert any(line.startswith(f"{SHOWN}: ") for line in reasons)


def test_status_as_json_has_the_columns_of_the_mart(built: Job) -> None:
    """One object per export, the same as in the warehouse, and nothing else on stdout."""
    done = built.didomi("status", "--format", "json")
    assert (done.code, done.err) == (0, "")
    found = {status["export_id"]: status for status in json.loads(done.out)["exports"]}
    with duckdb.connect(str(built.path), read_only=True) as connection:
        names = [name for name in found[EXPORT] if name != "problem"]  # the command's own judgement
        rows = connection.execute(f"select {', '.join(names)} from didomi_marts.didomi__exports").fetchall()
    plain = {
        row[0]: {n: v.isoformat() if hasattr(v, "isoformat") else v for n, v in zip(names, row, strict=True)}
        for row in rows
    }
    times = {name for name in names if name.endswith("_at")}
    for export_id, status in found.items():
        assert {n: v for n, v in status.items() if n not in {*times, "problem"}} == {
            n: v for n, v in plain[export_id].items() if n not in times
        }
        for name in times:
            assert (status[name] is None) == (plain[export_id][name] is None)
            assert status[name] is None or status[name].endswith("+00:00")
    assert found["export-2"]["name"] == HOSTILE
    assert found["export-2"]["last_error_message"].startswith("AccessDenied")


def test_status_reads_the_marts_alone(built: Job, new_job: Any, server: Sandbox) -> None:
    """Without the raw tables it says the same: that they are all it needs."""
    job = new_job("marts-only")
    job.path.write_bytes(built.path.read_bytes())
    with duckdb.connect(str(job.path)) as connection:
        connection.execute("drop schema didomi_raw cascade")
    assert job.didomi("status").out == built.didomi("status").out


@pytest.mark.parametrize("prepare", ["nothing", "raw tables only"])
def test_status_before_the_models_are_built(job: Job, prepare: str) -> None:
    """It says what to do first."""
    if prepare == "nothing":
        message = f"there is no warehouse {job.path} yet: run `didomi run` first"
    else:
        job.run()
        message = "there is no table didomi_marts.didomi__exports with all its columns yet: run `didomi run` first"
    done = job.didomi("status")
    assert (done.code, done.out, done.err) == (1, "", f"didomi: {message}\n")
    assert prepare != "nothing" or not job.path.exists()


# -- whatever the names hold ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["status"],
        ["status", "--format", "json"],
        ["check"],
        ["run", "--skip-models"],
        ["run", "--skip-models", "--json"],
    ],
    ids=" ".join,
)
def test_no_control_character_reaches_the_terminal(built: Job, server: Sandbox, arguments: list[str]) -> None:
    """Names and errors from outside are shown as they are, their control characters as escapes."""
    with misbehaving(server, forbidden_exports=frozenset({"export-2"} if arguments[0] == "run" else ())):
        done = built.didomi(*arguments)
    assert CONTROL.findall(done.out + done.err) == []
    assert SHOWN in done.out or json.loads(done.out)


def test_an_error_of_the_api_cannot_forge_a_line(built: Job, server: Sandbox) -> None:
    """What the API says of itself is one line, too, in the log and in the summary."""
    with misbehaving(server, forbidden_exports=frozenset({"export-2"})):
        done = built.didomi("run", "--skip-models", "-v")
    assert done.code == 1
    assert CONTROL.findall(done.out + done.err) == []
    assert not [line for line in done.err.splitlines() if line.startswith("ok")]


# -- a terminal ----------------------------------------------------------------------------------


def test_a_terminal_of_80_columns_shows_everything(built: Job) -> None:
    """Names may go on in the next line, numbers never do; nothing is cut, and NO_COLOR takes the colours alone."""
    shown = on_terminal("status", folder=built.folder, environment=environment(built))
    assert shown.code == 0
    table = shown.plain[: shown.plain.index("")]
    assert max(map(len, table)) <= 80
    assert [title for title in HEADER if title not in table[0]] == []
    names = [line[: table[0].index("Health")].strip() for line in table[2:]]
    assert "".join(names).replace(" ", "").startswith(SHOWN.replace(" ", ""))
    assert COLOURS.findall(shown.text) != []
    plain = on_terminal("status", folder=built.folder, environment=environment(built, NO_COLOR="1"))
    assert (plain.plain, COLOURS.findall(plain.text)) == (shown.plain, [])


def test_a_run_on_a_terminal_shows_its_step_and_leaves_the_summary(built: Job) -> None:
    """The spinner is gone in the end, and the cursor is back."""
    shown = on_terminal("run", "--skip-models", folder=built.folder, environment=environment(built))
    assert shown.code == 0
    assert "Loading export logs …" in shown.text
    assert shown.text.rindex("\x1b[?25h") > shown.text.rindex("\x1b[?25l")
    lines = [line for line in shown.plain if line]
    assert lines[0].startswith("Export ")
    assert lines[-1].startswith("Loaded into duckdb ")
    assert "…" not in "\n".join(lines)


def test_ctrl_c_on_a_terminal(built: Job, server: Sandbox) -> None:
    """Ends at once with 130, one line, and the cursor back."""
    with misbehaving(server, faults=[Fault("hang")]):
        shown = on_terminal(
            "run",
            "--skip-models",
            folder=built.folder,
            environment=environment(built),
            press=("Loading export logs", b"\x03"),
        )
    assert shown.code == 130
    assert "didomi: ended by SIGINT" in shown.plain
    assert shown.text.rindex("\x1b[?25h") > shown.text.rindex("\x1b[?25l")
    assert "Traceback" not in shown.text


# -- pipes and files -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shell", "code", "out", "err"),
    [
        ("{} | head -1", 0, "Export ", ""),
        ("{} | true", 0, "", ""),
        ("{} > /dev/full", 1, "", "didomi: the results cannot be printed (No space left on device)\n"),
        ("LC_ALL=C {}", 0, "Export ", ""),
    ],
)
def test_results_go_wherever_they_are_sent(built: Job, shell: str, code: int, out: str, err: str) -> None:
    """A reader that has seen enough is no failure; a full disk is one."""
    done = didomi("status", folder=built.folder, environment=environment(built), shell=shell)
    assert (done.code, done.out[: len(out)], done.err) == (code, out, err)


def test_a_pipe_is_not_wrapped(built: Job, tmp_path: Path) -> None:
    """Each line is whole, so that grep and awk find it."""
    done = didomi(
        "run", "--skip-models", folder=built.folder, environment=environment(built), shell="{} | grep export-1"
    )
    assert done.code == 0
    assert done.out.split() == [EXPORT, "full", "11", "0", "0", "0"]
