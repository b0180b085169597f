"""Setting it up, and finding out how it is set up."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from didomi_source.cli import init
from support.harness import clean_environment
from support.shell import didomi as run

ROOT = Path(__file__).parents[2]
SECRET = "hunter2-hunter2"


def test_init_writes_settings_and_an_example(folder, didomi):
    """All commented; the example, and a copy of it, are for their owner alone; git is kept from the secrets."""
    done = didomi("init", "new")
    assert done.code == 0
    assert sorted(str(p) for p in Path("new").rglob("*") if p.is_file()) == [
        "new/.dlt/.gitignore",
        "new/.dlt/config.toml",
        "new/.dlt/example.secrets.toml",
    ]
    assert Path("new/.dlt/.gitignore").read_text() == "secrets.toml\n"
    old = os.umask(0o022)
    try:
        subprocess.run(["cp", "example.secrets.toml", "secrets.toml"], cwd="new/.dlt", check=True)
    finally:
        os.umask(old)
    assert {
        stat.S_IMODE(Path("new/.dlt", name).stat().st_mode) for name in ("example.secrets.toml", "secrets.toml")
    } == {0o600}


@pytest.mark.parametrize("name", init._FILES)
def test_init_overwrites_nothing(folder, didomi, name):
    """One file that is there, a dangling link too, and nothing is written."""
    Path(name).parent.mkdir(parents=True)
    Path(name).symlink_to("nowhere")
    done = didomi("init")
    assert (done.code, done.out) == (78, "")
    assert done.err == f"didomi: there is {name} already: nothing was written\n"
    assert [str(p) for p in Path().rglob("*")] == [".dlt", name]


def test_init_says_where_it_cannot_write(folder, didomi):
    """A file in the way."""
    Path("taken").touch()
    assert didomi("init", "taken").err == "didomi: cannot write to taken (Not a directory): choose another folder\n"


def test_the_repository_has_the_files_that_init_writes():
    """So that a checkout and a new folder say the same."""
    for name in ("config.toml", "example.secrets.toml"):
        assert (ROOT / ".dlt" / name).read_text() == (init._TEMPLATES / name).read_text()


def doctor(folder, *arguments, **environment):
    """`didomi doctor` in a process of its own, which reads the files of the folder; by name, what it shows."""
    done = subprocess.run(
        [sys.executable, "-c", "from didomi_source.cli import main; main()", "doctor", *arguments],
        cwd=folder,
        env={**clean_environment(folder), "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert SECRET not in done.stdout
    return {line[:36].strip(): line[37:] for line in done.stdout.splitlines()}


def test_doctor_shows_where_settings_come_from_and_no_secret(folder):
    """Environment first, then the files; what is missing or misspelt is told; nothing is written."""
    Path(".dlt").mkdir()
    Path(".dlt/config.toml").write_text("[sources.didomi]\npage_size = 50\nexport_id = 'x'\nlookback_days = 3\n")
    Path(".dlt/secrets.toml").write_text(
        f"[sources.didomi]\napi_secret = '{SECRET}'\n[notify]\nurls = ['{SECRET}']\n"
        "[destination.postgres]\ncredentials = ''\n"
    )
    shown = doctor(
        folder, SOURCES__DIDOMI__API_KEY=SECRET, SOURCES__DIDOMI__PAGE_SIZE="60", DIDOMI_DATASET="other_raw",
        SOURCES__DIDOMI__BASE_URL=f"https://me:{SECRET}@api.example/v1", SOURCES__DIDOMI__TIMEOUT="5",
    )  # fmt: skip
    assert {name.removeprefix("sources.didomi."): shown[name] for name in shown if name.startswith("sources")} == {
        "api_key": "set, not shown  (environment)",
        "api_secret": "set, not shown  (./.dlt/secrets.toml)",
        "organization_id": "missing",
        "export_ids": "all  (default)",
        "base_url": "api.example/v1  (environment)",
        "page_size": "60  (environment)",
        "lookback_days": "3  (./.dlt/config.toml)",
        "full_read_every_days": "7.0  (default)",
        "retry_seconds": "300.0  (default)",
        "answer_seconds": "30.0  (default)",
        "max_answer_bytes": "67108864  (default)",
        "trust_env": "False  (default)",
        "export_id": "not a setting: is it misspelt?  (./.dlt/config.toml)",
        "timeout": "not a setting: is it misspelt?  (environment)",
    }
    assert shown["notify.urls"] == "set, not shown  (./.dlt/secrets.toml)"
    assert shown["DIDOMI_DATASET"] == "other_raw  (environment)"
    assert shown["warehouse"] == f"duckdb {folder}/warehouse.duckdb  (dataset other_raw)"
    assert sorted(p.name for p in folder.iterdir()) == [".dlt"]
    assert "credentials of destination postgres are missing" in doctor(folder, "-d", "postgres")["warehouse"]


@pytest.mark.parametrize("command", ["run", "check", "status", "notify", "report", "run --dry-run"])
def test_a_broken_settings_file_ends_with_78(folder, command):
    """In one line on stderr, whatever was asked for."""
    Path(".dlt").mkdir()
    Path(".dlt/secrets.toml").write_text(f"[sources.didomi]\napi_key = {SECRET}\n")
    done = subprocess.run(
        [sys.executable, "-c", "from didomi_source.cli import main; main()", *command.split()],
        cwd=folder,
        env={**clean_environment(folder), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    told = (
        'didomi: settings file .dlt/secrets.toml, line 2: is not TOML: write it like name = "value", with the quotes\n'
    )
    assert (done.returncode, done.stdout, done.stderr) == (78, "", told)


def test_doctor_survives_a_broken_settings_file(folder):
    """It names file and line, and goes on with the environment."""
    Path(".dlt").mkdir()
    Path(".dlt/config.toml").write_text("[sources.didomi]\npage_size = \u201c50\u201d\n")
    Path(".dlt/secrets.toml").write_text(f"[sources.didomi]\napi_key = '{SECRET}'\n")
    shown = doctor(folder, SOURCES__DIDOMI__ORGANIZATION_ID="acme")
    problem = 'settings file .dlt/config.toml, line 2: has typographic quotes: write straight ones, like name = "value"'
    assert shown["problem"] == shown["warehouse"] == problem
    assert shown["sources.didomi.organization_id"] == "acme  (environment)"
    assert shown["sources.didomi.api_key"] == "missing"
    assert "not installed" not in shown["dlt"]


def test_settings_that_this_user_cannot_read_are_reported(folder):
    """Of the current folder, by each command: dlt would go on without them. A home that cannot be read has none."""
    environment = {**clean_environment(folder), "HOME": str(folder / "home")}
    for name in (".dlt", "home"):
        (folder / name).mkdir(mode=0)
    message = "the settings in .dlt cannot be read: check the rights of this folder"
    assert run("check", folder=folder, environment=environment).err == f"didomi: {message}\n"
    assert run("status", folder=folder, environment=environment).err == f"didomi: {message}\n"
    shown = run("doctor", folder=folder, environment=environment)
    assert (shown.code, shown.err, shown.out.count(message)) == (0, "", 2)
    (folder / ".dlt").chmod(0o700)
    assert "there is no warehouse" in run("status", folder=folder, environment=environment).err


NO_WAREHOUSE = "no permission to write {}/warehouse.duckdb: change its rights or name another file"
NO_RUN = "cannot write to {}/.didomi (Permission denied): run in another folder, or choose one with --working-dir"


@pytest.mark.parametrize(
    ("command", "message"), [("status", NO_WAREHOUSE), ("deliveries", NO_WAREHOUSE), ("run", NO_RUN)]
)
def test_a_folder_that_this_user_cannot_enter_is_reported(folder, command, message):
    """As with `sudo -u didomi` in somebody else's: there are neither settings nor a warehouse."""
    closed = folder / "closed"
    closed.mkdir(mode=0)
    credentials = {f"SOURCES__DIDOMI__{name}": "x" for name in ("API_KEY", "API_SECRET", "ORGANIZATION_ID")}
    done = run(command, folder=closed, environment=clean_environment(folder) | credentials)
    assert (done.code, done.out, done.err) == (1, "", f"didomi: {message.format(closed)}\n")


def test_doctor_survives_settings_of_another_shape(folder):
    """A list of tables, or a value, where a table is expected."""
    Path(".dlt").mkdir()
    for text in ("[[sources.didomi]]\napi_key = 'a'\n", "sources = 'a'\n"):
        Path(".dlt/secrets.toml").write_text(text)
        assert doctor(folder)["sources.didomi.api_key"] == "missing"


COMPLETED = [("didomi st", "status"), ("didomi status --for", "--format"), ("didomi status --format na", "nagios"),
             ("didomi run --destination sn", "snowflake")]  # fmt: skip


@pytest.mark.parametrize(("line", "completed"), COMPLETED)
def test_bash_completes_commands_options_and_values(tmp_path, line, completed):
    """The printed script, in a real bash."""
    program = tmp_path / "didomi"
    program.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'from didomi_source.cli import main; main()' \"$@\"\n")
    program.chmod(0o755)
    words = line.split()
    script = (
        'eval "$(didomi completion bash)"\n'
        f'COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; COMP_LINE="{line}"; COMP_POINT={len(line)}\n'
        '_didomi_completion didomi\nprintf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "-c", script],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.split(), done.stderr) == ([completed], "")


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_a_script_of_theirs(didomi, shell):
    """That asks `didomi` for completions."""
    done = didomi("completion", shell)
    assert done.code == 0
    assert f"_DIDOMI_COMPLETE=complete_{shell}" in done.out
