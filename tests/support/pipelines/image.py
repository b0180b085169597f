"""A Dockerfile followed without an engine: this machine is the base image, and each stage a layer over it.

Layers are overlays, mounted in a namespace of each command, so that nothing outside of a temporary folder is written. Needs root
on Linux.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pathspec

from support.pipelines.schedules import ROOT, steps

PYTHON = Path(sys.base_prefix) / "bin"
# What the base image would have of its own: a Python that everybody may run.
PREPARE = f"chmod a+x {' '.join(str(folder) for folder in PYTHON.parents if folder != Path('/'))}"
MOUNT = """
set -eu
mount -t overlay overlay -o lowerdir=/,upperdir={layer}/upper,workdir={layer}/work {layer}/root
mount --rbind /dev {layer}/root/dev
mount -t proc proc {layer}/root/proc
"""


class Stage:
    """One stage: its layer, and what its instructions set.

    Args:
        folder: Where the layer is made.
        arguments: What `--build-arg` would give.
        stages: The stages before, by name.
    """

    def __init__(self, folder: Path, arguments: dict[str, str], stages: dict[str, Stage]) -> None:
        self.layer, self._arguments, self._stages = folder, arguments, stages
        self.environment = {"PATH": f"{PYTHON}:/usr/local/bin:/usr/bin:/bin:/usr/sbin"}
        self.workdir, self.user = "/", "0"
        self.lists: dict[str, list[str]] = {}
        for name in ("upper", "work", "root"):
            (folder / name).mkdir(parents=True)
        self.inside(PREPARE)

    def follow(self, instruction: str, value: str) -> None:
        """Do what an instruction says.

        Raises:
            AttributeError: It is one that is not followed here.
        """
        getattr(self, f"_{instruction.lower()}")(value)

    def inside(self, command: str, before: str = "", **environment: str) -> subprocess.CompletedProcess:
        """Run a command in the container, as its user; `before` is run outside, where its root is mounted."""
        user = f"{self.user}:{self.user}"
        enter = shlex.join(
            ["chroot", f"--userspec={user}", f"{self.layer}/root", "sh", "-c", f"cd {self.workdir} && {command}"]
        )
        passed = {k: v for k, v in os.environ.items() if k.startswith(("PIP_", "SSL_", "REQUESTS_"))}
        return subprocess.run(
            ["unshare", "--mount", "sh", "-c", MOUNT.format(layer=self.layer) + before + "\n" + enter],
            env={**passed, **self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def _must(self, command: str, before: str = "", **environment: str) -> None:
        done = self.inside(command, before, **environment)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"

    def _run(self, value: str) -> None:
        self._must(value, **self._arguments)

    def _copy(self, value: str) -> None:
        source = re.match(r"--from=(\w+) ", value)
        *names, target = value.removeprefix(source[0] if source else "").split()
        into = f"{self.layer}/root{target if target.startswith('/') else f'{self.workdir}/{target}'}"
        if source:
            found = [f"{self._stages[source[1]].layer}/upper{name}" for name in names]
        else:
            found = [f"{context(self.layer)}/{name}" for name in names]
        # A folder's contents are copied, a file is.
        sources = " ".join(f"{name}/." if Path(name).is_dir() else name for name in found)
        folder = into if any(Path(name).is_dir() for name in found) else str(Path(into, "."))
        self._must("true", f"mkdir -p {folder} && cp -a {sources} {folder}/")

    def _arg(self, value: str) -> None:
        name, _, default = value.partition("=")
        self._arguments.setdefault(name, default)

    def _env(self, value: str) -> None:
        for name, given in (pair.split("=", 1) for pair in shlex.split(value)):
            self.environment[name] = given.replace("$PATH", self.environment["PATH"])

    def _workdir(self, value: str) -> None:
        self.workdir = value
        self._must("true", f"mkdir -p {self.layer}/root{value}")

    def _user(self, value: str) -> None:
        self.user = value

    def _volume(self, value: str) -> None:
        self.lists["VOLUME"] = value.split()

    def _entrypoint(self, value: str) -> None:
        self.lists["ENTRYPOINT"] = json.loads(value)

    def _cmd(self, value: str) -> None:
        self.lists["CMD"] = json.loads(value)

    def _healthcheck(self, value: str) -> None:
        self.lists["HEALTHCHECK"] = json.loads(value.partition(" CMD ")[2])


def context(folder: Path) -> Path:
    """What the engine would be sent: the files of the project that .dockerignore lets through."""
    copy = folder / "context"
    if not copy.exists():
        ignored = pathspec.PathSpec.from_lines("gitwildmatch", (ROOT / ".dockerignore").read_text().splitlines())
        listed = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        for name in listed.stdout.splitlines():
            if not ignored.match_file(name) and (ROOT / name).is_file():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                (copy / name).write_bytes((ROOT / name).read_bytes())
    return copy


def build(folder: Path, **arguments: str) -> Stage:
    """Follow the Dockerfile to its end.

    Args:
        folder: Where the layers are made.
        arguments: What `--build-arg` would give.

    Returns:
        The last stage: the image.
    """
    stages: dict[str, Stage] = {}
    for step in steps():
        if step["instruction"] == "FROM":
            name = step["value"].partition(" AS ")[2] or "image"
            stages[name] = stage = Stage(folder / name, dict(arguments), dict(stages))
        else:
            stage.follow(step["instruction"], step["value"])
    return stage
