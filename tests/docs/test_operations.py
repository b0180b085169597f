"""Every command of docs/operations.md is run, in its order, in one folder, and ends as the page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from didomi_sandbox import generate, serve
from didomi_source.cli.demo import access_to
from support.clone import checkout  # noqa: F401 - a fixture
from support.installing import lend_dependencies, offline
from support.readme import ROOT, VERSION
from support.thorough import all_but

PAGE = ROOT / "docs" / "operations.md"
TEXT = PAGE.read_text()
COMMANDS = [
    line.removeprefix("$ ")
    for block in re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL)
    for line in block.splitlines()
]
# What a line of requirements.txt may be, and where the page has each.
REQUIREMENTS = re.findall(r"^\| .* \| `(didomi-source\[.*)` \|$", TEXT, re.MULTILINE)
INSTALLABLE = [line for line in REQUIREMENTS if "==" not in line]  # before it is published
(WHEEL,) = [line for line in INSTALLABLE if ".whl" in line]


@pytest.mark.timeout(600)
@pytest.mark.thorough
def test_the_page_is_gone_through(tmp_path, checkout):  # noqa: F811
    """From an empty folder to an empty folder."""
    folder = tmp_path / "didomi"
    folder.mkdir()
    (sql,) = re.findall(r"```sql\n(.*?)```", TEXT, re.DOTALL)
    with serve(generate(seed=7, days=60)) as sandbox:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("COV", "DESTINATION__", "DIDOMI_"))}
        path = f"{folder}/.venv/bin:{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = {
            **clean,
            **access_to(sandbox),
            "PATH": path,
            "DLT_DATA_DIR": str(tmp_path / "dlt"),
            **offline(tmp_path / "builder"),
        }
        for command in COMMANDS:
            if command.startswith("rm "):
                _what_is_dropped_is_all(folder / "warehouse.duckdb", sql)
            wanted = re.search(r"# exit (\d+)$", command)
            done = subprocess.run(
                ["bash", "-c", command.replace("https://…", f"file://localhost{checkout}")], cwd=folder, env=environment, capture_output=True, text=True, timeout=280, check=False,
            )  # fmt: skip
            assert done.returncode == (int(wanted[1]) if wanted else 0), f"{command}\n{done.stdout}\n{done.stderr}"
            if command == "pip install -r requirements.txt":
                lend_dependencies(folder / ".venv")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("requirement", all_but(WHEEL, INSTALLABLE))
def test_each_way_to_install_it_works(tmp_path, checkout, requirement):  # noqa: F811
    """From a clone, a tag of it, a checkout and a wheel; the version that is not published yet has to wait."""
    assert len(REQUIREMENTS) == 5
    venv = tmp_path / ".venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    environment = {**os.environ, **offline(tmp_path / "builder")}
    if ".whl" in requirement:
        subprocess.run([venv / "bin/pip", "wheel", "--quiet", checkout], env=environment, check=True, cwd=tmp_path)
    places = {"https://…": f"file://localhost{checkout}", "/srv/checkout": str(checkout), "/srv/": f"{tmp_path}/"}
    for written, place in places.items():
        requirement = requirement.replace(written, place)  # noqa: PLW2901
    subprocess.run([venv / "bin/pip", "install", "--quiet", requirement], env=environment, check=True, cwd=tmp_path)
    lend_dependencies(venv)
    shown = subprocess.run([venv / "bin/didomi", "--version"], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert shown.stdout == f"didomi-source {VERSION}\n"


def test_cron_finds_both_commands(tmp_path):
    """With cron's own search path; the second one is called also when the first fails."""
    ((_, line),) = re.findall(r"^((?:[\d*]+ +){5})(.*didomi notify)$", TEXT, re.MULTILINE)
    stub = tmp_path / ".venv/bin/didomi"
    stub.parent.mkdir(parents=True)
    stub.write_text("#!/bin/sh\necho $*\nexit 1\n")
    stub.chmod(0o755)
    command = line.replace("/srv/didomi", str(tmp_path))
    done = subprocess.run(
        ["sh", "-c", command], env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("run --report report.html\nnotify\n", "")


def _what_is_dropped_is_all(database, sql):
    """The statements of the page leave nothing behind."""
    with duckdb.connect(str(database)) as connection:
        made = "select distinct schema_name from duckdb_tables() union select schema_name from duckdb_views() where not internal"
        before = connection.execute(made).fetchall()
        connection.execute(sql)
        assert (len(before) > 3, connection.execute(made).fetchall()) == (True, [])


def test_commands_of_the_text_exist():
    """Those in the tables and sentences, with their options."""
    import typer.main

    from didomi_source.cli import app

    group = typer.main.get_command(app)
    mentioned = re.findall(r"`didomi ([a-z]+)((?: [^`]*)?)`", TEXT)
    assert len(mentioned) > 10
    for name, rest in mentioned:
        options = {option for parameter in group.commands[name].params for option in parameter.opts} | {"--help"}
        assert set(re.findall(r"--[a-z-]+", rest)) <= options, (name, rest)


def test_every_exit_code_is_on_the_page():
    """Those that errors, usage and signals end with."""
    from didomi_source import errors

    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.DidomiError)]
    codes = {0, 2, 130, 143} | {kind.exit_code for kind in kinds}
    (table,) = re.findall(r"## What to do for each exit code\n(.*?)\n##", TEXT, re.DOTALL)
    told = {int(code) for row in re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE) for code in row.split(",")}
    assert told == codes


def test_the_costs_follow_from_the_credits():
    """Each price of Snowflake is the arithmetic that the page gives."""
    rows = re.findall(r"^\| (30|730) \| (.*?) \| (.*?) \| (.*?) \|$", TEXT, re.MULTILINE)
    assert [runs for runs, *_ in rows] == ["30", "730"]
    for runs, *cells in rows:
        for seconds, cell in zip((30, 60, 120), cells, strict=True):
            used = int(runs) * (seconds + 60) / 3600
            assert abs(float(cell.split()[0]) - used) < 0.06
            low, high = (float(n) for n in re.findall(r"\$([\d.]+)", cell))
            assert (abs(low - 2 * used), abs(high - 4 * used)) < (0.6, 0.6)


def test_links_lead_somewhere():
    """Every link to a file of the repository leads to one."""
    targets = re.findall(r"\]\((?!http)([^)#]+)\)", TEXT)
    assert [target for target in targets if not (PAGE.parent / target).exists()] == []
