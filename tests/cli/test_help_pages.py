"""The help of each command is as good as a manual page, and there at once."""

from __future__ import annotations

import inspect
import os
import re
import resource
import shlex
import subprocess
import sys

import pytest
import typer.main

from didomi_source.cli import app

GROUP = typer.main.get_command(app)
COMMANDS = sorted(GROUP.commands)
LOADING = {"run", "backfill", "copy", "deliveries", "notify"}


def help_of(command, didomi):
    done = didomi(command, "--help")
    assert done.code == 0
    return done.out


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_tells_what_it_does_how_it_is_called_and_how_it_ends(didomi, command):
    """With examples; nothing is wider than a terminal of 100 columns; each option has its words."""
    shown = help_of(command, didomi)
    assert re.search(r"^  Examples:\n    didomi ", shown, re.MULTILINE)
    assert max(map(len, shown.splitlines())) <= 110
    if command != "completion":
        assert "  Exit codes:\n    0   " in shown
        assert ("    75  " in shown) == (command in LOADING)
    for option in GROUP.commands[command].params:
        assert option.help, option.name


@pytest.mark.parametrize("command", COMMANDS)
def test_every_example_of_the_help_can_be_typed(didomi, command):
    """The command and all its options exist."""
    examples = re.findall(r"^    (didomi [^#\n]+)", help_of(command, didomi), re.MULTILINE)
    assert examples
    for example in examples:
        for part in re.split(r"[;>]", example)[: example.count(";") + 1]:
            name, *arguments = shlex.split(part)[1:]
            found = GROUP.commands[name].make_context(name, arguments)
            assert found.params is not None


def test_every_command_is_in_the_list_with_one_line(didomi):
    """In the order in which a user meets them."""
    shown = didomi("--help").out
    listed = shown[shown.index("Commands:") :].split("\n\n")[0]
    names = re.findall(r"^  (\w+) +\w+", listed, re.MULTILINE)
    assert names == ["run", "backfill", "copy", "check", "status", "deliveries", "report", "notify", "init", "doctor", "completion", "demo", "sandbox"]  # fmt: skip
    assert "..." not in listed


def seconds(code, *arguments):
    """CPU seconds of a program in a process of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COV")}
    subprocess.run([sys.executable, "-c", code, *arguments], env=environment, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_the_help_is_there_at_once():
    """Within four times what Typer's import takes, on however busy a machine: dlt's alone takes ten times as long."""
    ours = "from didomi_source.cli import main; main()"
    calls = [("import typer",), (ours, "--help"), (ours, "run", "--help")]
    least = [min(times) for times in zip(*[[seconds(*call) for call in calls] for _ in range(5)], strict=True)]
    assert max(least[1:]) < 4 * least[0]


def test_commands_import_what_they_need_when_they_need_it():
    """A module of the command line says in its functions what takes time to import."""
    from didomi_source import cli

    for module in (module for module in vars(cli).values() if inspect.ismodule(module)):
        top = "\n".join(line for line in inspect.getsource(module).splitlines() if re.match(r"(from|import) ", line))
        heavy = r"didomi_source\.(api|job|health|metrics|notify|report|source)|didomi_source\.warehouse\.(?!target)|dlt|rich"
        assert not re.search(heavy, top) or module.__name__ in {"didomi_source.cli.demo", "didomi_source.cli.sandbox"}
