"""Every command explains itself, at once, and is the one that the README describes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from didomi_source.cli import app
from didomi_source.warehouse.target import DESTINATIONS, Target
from support.harness import Job, clean_environment
from support.shell import DIDOMI, ROOT, didomi

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
README = (ROOT / "README.md").read_text()
TABLE = dict(re.findall(r"^\| `didomi (\w+)` \| (.*) \|$", README, re.MULTILINE))


def test_the_documented_commands_are_those_that_exist() -> None:
    """In the README's table, in the help, and in the program."""
    shown = subprocess.run([DIDOMI, "--help"], capture_output=True, text=True, check=True).stdout
    listed = re.findall(r"^  (\w+)  ", shown.partition("Commands:")[2], re.MULTILINE)
    assert sorted(TABLE) == sorted(listed) == sorted(COMMANDS)


@pytest.mark.parametrize("name", sorted(TABLE))
def test_the_documented_options_exist(name: str) -> None:
    """Those that the README names for a command are target of it."""
    target = {option for parameter in COMMANDS[name].params for option in parameter.opts}
    assert set(re.findall(r"`(--[\w-]+)", TABLE[name])) - target == set()


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_explains_itself(job: Job, name: str) -> None:
    """On stdout, alone, in 80 columns, with each of its target."""
    done = job.didomi(name, "--help", COLUMNS="80")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"Usage: didomi {name} [OPTIONS]")
    assert max(map(len, done.out.splitlines())) <= 80
    for parameter in COMMANDS[name].params:
        if parameter.param_type_name == "option":
            assert parameter.opts[0] in done.out
    assert done.out == job.didomi(name, "-h", COLUMNS="80").out


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in {"init", "completion", "demo", "sandbox"}])
def test_the_help_names_every_destination(name: str) -> None:
    """Those that the program accepts, in the help and in what a shell completes."""
    (option,) = (parameter for parameter in COMMANDS[name].params if parameter.name == "destination")
    assert option.help == f"The warehouse: {', '.join(DESTINATIONS)}."
    assert [item.value for item in option.shell_complete(None, "")] == list(DESTINATIONS)


@pytest.mark.parametrize(
    ("name", "usage"),
    [("init", "Usage: didomi init [OPTIONS] [FOLDER]"), ("completion", "Usage: didomi completion [OPTIONS] {SHELL}")],
)
def test_an_argument_is_named_once(job: Job, name: str, usage: str) -> None:
    """In the first line of the help."""
    assert job.didomi(name, "--help").out.splitlines()[0] == usage


def test_a_copy_has_exit_codes_of_its_own(job: Job) -> None:
    """They say what became of the copy, and nothing of exports or models."""
    codes = job.didomi("copy", "--help").out.partition("Exit codes:")[2]
    assert re.findall(r"^    (\d+)  ", codes, re.MULTILINE) == ["0", "1", "2", "75", "78"]
    assert "every row of every raw table" in codes
    assert "export" not in codes


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"], ["run", "--nope"]])
def test_help_and_usage_do_not_import_dlt(arguments: list[str]) -> None:
    """Nor anything else that takes time."""
    code = f"""
import sys
sys.argv = ["didomi", *{arguments!r}]
from didomi_source.cli import main
try:
    main()
finally:
    print(sorted({{"dlt", "duckdb", "pyarrow", "requests", "starlette", "rich.table"}} & sys.modules.keys()), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.stderr.splitlines()[-1] == "[]"


def test_a_command_imports_nothing_of_other_packages_extras() -> None:
    """dlt and pyarrow would, where numpy, pandas or SQLAlchemy are installed for something else."""
    code = """
import sys
from didomi_source.cli import interpreter
interpreter.tune()
import dlt.destinations, pyarrow.compute
print(dlt.destinations.postgres("postgresql://me:p%40ss@db:5433/logs").configuration(
    dlt.destinations.postgres().spec()._bind_dataset_name("raw")).credentials.password)
print(sorted({"numpy", "pandas", "sqlalchemy"} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines() == ["p@ss", "[]"]


def test_the_version_is_the_one_installed(tmp_path: Path) -> None:
    """As pip would name it."""
    done = didomi("--version", folder=tmp_path, environment=clean_environment(tmp_path))
    assert done.code == 0
    assert re.fullmatch(r"didomi-source \d+\.\d+\.\d+\n", done.out)


def test_the_defaults_of_the_commands_are_those_of_the_job() -> None:
    """Command line and library do the same unless told otherwise."""
    defaults = {parameter.name: parameter.default for parameter in COMMANDS["run"].params}
    target = Target()
    assert (defaults["destination"], defaults["dataset"], defaults["working_dir"]) == (
        target.destination, target.dataset, target.working_dir
    )  # fmt: skip
