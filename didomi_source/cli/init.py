"""`didomi init`: the files of a new folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .app import CODES, app, text
from .show import print_line
from .streams import results

_EXAMPLES = """
Examples:
  didomi init
  didomi init /srv/didomi
"""
_FILES = """
Files:
  .dlt/config.toml             settings, all of them commented
  .dlt/example.secrets.toml    copy it to .dlt/secrets.toml and fill it in
  .dlt/.gitignore              keeps secrets.toml out of git
"""


@app.command(epilog=text(_EXAMPLES, _FILES, CODES))
def init(
    folder: Annotated[Path, typer.Argument(help="Folder to write to; created if need be.", metavar="FOLDER")] = Path(),
) -> None:
    """Write commented settings into a new folder.

    And an example of the secrets. Overwrites nothing, and asks for no secret: those belong in a file or the
    environment, not on a command line.
    """
    from .scaffold import scaffold

    written = scaffold(folder)
    with results():
        for path in written:
            print_line(f"Wrote {path}")
        print_line(
            "Next: copy .dlt/example.secrets.toml to .dlt/secrets.toml, fill it in, set organization_id in "
            ".dlt/config.toml, and run `didomi check`."
        )
