"""The repository as a new user has it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from support.readme import ROOT, VERSION


@pytest.fixture(scope="session")
def checkout(tmp_path_factory) -> Path:
    """A clone of what git would hand out, what is not committed yet included."""
    folder = tmp_path_factory.mktemp("checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    who = ["-c", "user.name=Test", "-c", "user.email=test@localhost"]
    for command in (
        ["init", "--quiet"],
        ["add", "--all"],
        [*who, "commit", "--quiet", "--message", "All of it"],
        ["tag", f"v{VERSION}"],
    ):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder
