"""Installing the package from a clone without a network: its dependencies come from the environment of the tests."""

from __future__ import annotations

import sysconfig
from pathlib import Path

_OURS = Path(sysconfig.get_path("purelib"))
_BUILD_TOOLS = ("hatchling", "packaging", "pathspec", "pluggy", "trove_classifiers")


def offline(folder: Path) -> dict[str, str]:
    """The environment in which pip builds with the tools of the tests, and installs no dependency."""
    folder.mkdir()
    for name in _BUILD_TOOLS:
        (folder / name).symlink_to(_OURS / name)
    # 0 switches pip's isolated build off
    return {"PYTHONPATH": str(folder), "PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_DEPS": "1"}


def lend_dependencies(venv: Path) -> None:
    """Let an environment into which pip installed the package alone import what that depends on.

    A path that is added like this has its own .pth files left alone: this checkout's among them.
    """
    (site,) = venv.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(str(_OURS))
