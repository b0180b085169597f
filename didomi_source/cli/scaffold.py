"""The files that a new folder begins with."""

from __future__ import annotations

from pathlib import Path

from didomi_source.errors import ConfigurationError

_TEMPLATES = Path(__file__).parent / "templates"
# File of the folder → template; the example is for its owner alone, and so is a copy of it.
_FILES = {
    ".dlt/config.toml": ("config.toml", 0o644),
    ".dlt/example.secrets.toml": ("example.secrets.toml", 0o600),
    ".dlt/.gitignore": ("gitignore", 0o644),
}


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
