"""`didomi completion`: what is typed, completed by the shell."""

from __future__ import annotations

import os
from enum import Enum
from typing import Annotated

import typer

from .app import app, text

COMPLETE = "_DIDOMI_COMPLETE"
"""The variable in which a shell's script asks for completions."""


class Shell(str, Enum):
    """A shell that can complete."""

    bash = "bash"
    zsh = "zsh"
    fish = "fish"


_EXAMPLES = """
Examples:
  didomi completion bash > ~/.local/share/bash-completion/completions/didomi
  didomi completion zsh > ~/.zfunc/_didomi      # a folder of your $fpath
  didomi completion fish > ~/.config/fish/completions/didomi.fish
"""


@app.command(epilog=text(_EXAMPLES))
def completion(shell: Annotated[Shell, typer.Argument(help="For which shell.", metavar="SHELL")]) -> None:
    """Print a script that lets a shell complete what is typed."""
    os.environ[COMPLETE] = f"source_{shell.value}"
    try:
        _with_completion()(prog_name="didomi")
    finally:
        del os.environ[COMPLETE]


def register_shells() -> None:
    """Have Typer know the shells that it can answer: it registers them for applications with its own options."""
    typer.main.get_command(_with_completion())


def _with_completion() -> typer.Typer:
    """An application that has Typer's completion; the script depends on the program's name alone."""
    other = typer.Typer(add_completion=True)
    other.command()(lambda: None)
    return other
