"""Commands for setting it up, and for finding out how it is set up."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from .app import app, text

COMPLETE = "_DIDOMI_COMPLETE"


class Shell(str, Enum):
    """A shell that can complete."""

    bash = "bash"
    zsh = "zsh"
    fish = "fish"


_COMPLETION_EXAMPLES = """
Examples:
  didomi completion bash > ~/.local/share/bash-completion/completions/didomi
  didomi completion zsh > ~/.zfunc/_didomi      # a folder of your $fpath
  didomi completion fish > ~/.config/fish/completions/didomi.fish
"""


@app.command(epilog=text(_COMPLETION_EXAMPLES))
def completion(shell: Annotated[Shell, typer.Argument(help="For which shell.", metavar="bash|zsh|fish")]) -> None:
    """Print a script that lets a shell complete commands, options and values."""
    from typer._completion_shared import get_completion_script

    print(get_completion_script(prog_name="didomi", complete_var=COMPLETE, shell=shell.value))


def prepare_completion() -> None:
    """Let Typer answer a shell that completes; it would only do so beside options of its own."""
    from typer._completion_classes import completion_init

    completion_init()
