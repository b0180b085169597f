"""`didomi init`: the files of a new folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from didomi_source.errors import ConfigurationError

from .app import CODES, app, text
from .show import print_line
from .streams import results

_EXAMPLES = """
Examples:
  didomi init
  didomi init /srv/didomi
"""
_WRITTEN = """
Files:
  .dlt/config.toml             settings, all of them commented
  .dlt/example.secrets.toml    copy it to .dlt/secrets.toml and fill it in
  .dlt/.gitignore              keeps secrets.toml out of git
"""
_TEMPLATES = Path(__file__).parent / "templates"
# File of the folder → template; the example is for its owner alone, and so is a copy of it.
_FILES = {
    ".dlt/config.toml": ("config.toml", 0o644),
    ".dlt/example.secrets.toml": ("example.secrets.toml", 0o600),
    ".dlt/.gitignore": ("gitignore", 0o644),
}


@app.command(epilog=text(_EXAMPLES, _WRITTEN, CODES))
def init(
    folder: Annotated[Path, typer.Argument(help="Folder to write to; created if need be.", metavar="FOLDER")] = Path(),
) -> None:
    """Write commented settings into a new folder.

    And an example of the secrets. Overwrites nothing, and asks for no secret: those belong in a file or the
    environment, not on a command line.
    """
    written = scaffold(folder)
    with results():
        for path in written:
            print_line(f"Wrote {path}")
        print_line(
            "Next: copy .dlt/example.secrets.toml to .dlt/secrets.toml, fill it in, set organization_id in "
            ".dlt/config.toml, and run `didomi check`."
        )


def scaffold(folder: Path) -> list[Path]:
    """Write commented settings and an example of the secrets into a folder; it is made if need be.

    Returns:
        What was written.

    Raises:
        ConfigurationError: One of the files is there already, and nothing was written; or it cannot be written.
    """
    there = [name for name in _FILES if (folder / name).exists() or (folder / name).is_symlink()]
    if there:
        msg = f"there is {', '.join(str(folder / name) for name in there)} already: nothing was written"
        raise ConfigurationError(msg)
    written = []
    try:
        for name, (template, mode) in _FILES.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                path.chmod(mode)
                file.write((_TEMPLATES / template).read_text("utf-8"))
            written.append(path)
    except OSError as error:
        raise ConfigurationError(f"cannot write to {folder} ({error.strerror}): choose another folder") from None
    return written
