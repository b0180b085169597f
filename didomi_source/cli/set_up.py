"""Commands for setting it up, and for finding out how it is set up."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from .app import CODES, app, text
from .options import Dataset, Destination, Verbose, WorkingDir, target_of

COMPLETE = "_DIDOMI_COMPLETE"


_INIT_EXAMPLES = """
Examples:
  didomi init
  didomi init /srv/didomi
"""
_INIT_FILES = """
Files:
  .dlt/config.toml             settings, all of them commented
  .dlt/example.secrets.toml    copy it to .dlt/secrets.toml and fill it in
  .dlt/.gitignore              keeps secrets.toml out of git
"""


@app.command(epilog=text(_INIT_EXAMPLES, _INIT_FILES, CODES))
def init(
    folder: Annotated[Path, typer.Argument(help="Where to; it is made if need be.", metavar="[FOLDER]")] = Path(),
) -> None:
    """Write commented settings into a folder, to begin with.

    And an example of the secrets. Overwrites nothing, and asks for no secret: those belong into a file or the
    environment, not into a command line.
    """
    from . import console
    from .scaffold import scaffold

    written = scaffold(folder)
    with console.results():
        for path in written:
            console.print_line(f"Wrote {path}")
        console.print_line(
            "Next: copy .dlt/example.secrets.toml to .dlt/secrets.toml, fill it in, and run `didomi check`."
        )


@app.command(epilog=text("Examples:\n  didomi doctor\n  didomi doctor --destination bigquery", CODES))
def doctor(
    destination: Destination = "duckdb",
    dataset: Dataset = "didomi_raw",
    working_dir: WorkingDir = Path(".didomi"),
    verbose: Verbose = 0,
) -> None:
    """Show versions, paths and settings, and where from.

    For finding out why it does not do what it should, and for bug reports: secrets are not shown. Asks nobody on the
    network; `didomi check` does.
    """
    target = target_of(verbose, destination=destination, dataset=dataset, working_dir=working_dir)
    from . import console
    from .doctor import facts

    with console.results():
        console.print_facts(list(facts(target)))


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
    """Print a script that lets a shell complete what is typed."""
    from typer._completion_shared import get_completion_script

    print(get_completion_script(prog_name="didomi", complete_var=COMPLETE, shell=shell.value))


def prepare_completion() -> None:
    """Let Typer answer a shell that completes; it would only do so beside options of its own."""
    from typer._completion_classes import completion_init

    completion_init()
