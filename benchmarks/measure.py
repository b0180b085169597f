"""What a command costs: the operating system's count of its CPU seconds, and the memory of all its processes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]
ENVIRONMENTS = ROOT / ".venvs"
INTERVAL_SECONDS = 0.05
# As for a user, whose installed packages are compiled.
_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


class Failed(Exception):
    """A command ended badly; says how."""


@dataclass(frozen=True)
class Cost:
    """What a command took, together with all processes that it started and waited for; and the largest of them."""

    cpu_seconds: float
    wall_seconds: float
    peak_megabytes: float
    largest_megabytes: float


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Cost:
    """Run a command in a folder, and measure it.

    Raises:
        Failed: It did not end with 0.
    """
    with tempfile.TemporaryFile() as output:
        started = time.monotonic()
        process = subprocess.Popen(
            command, cwd=folder, env={**_ENVIRONMENT, **environment}, stdout=output, stderr=subprocess.STDOUT
        )
        memory = _Memory(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        memory.stop()
        if process.returncode != 0:
            output.seek(0)
            raise Failed(f"exit code {process.returncode}: {reason(output.read().decode(errors='replace'))}")
    return Cost(usage.ru_utime + usage.ru_stime, wall, memory.peak / 2**20, memory.largest / 2**20)


class _Memory:
    """Watches the memory of a process and its children; pages that several share count once (PSS)."""

    def __init__(self, pid: int) -> None:
        self.peak = self.largest = 0
        self._process = psutil.Process(pid)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(INTERVAL_SECONDS):
            try:
                family = [self._process, *self._process.children(recursive=True)]
            except psutil.NoSuchProcess:
                return
            sizes = [_bytes_of(process) for process in family]
            self.peak = max(self.peak, sum(sizes))
            self.largest = max(self.largest, *sizes)


def _bytes_of(process: psutil.Process) -> int:
    try:
        memory = process.memory_full_info()
    except psutil.Error:
        return 0
    return getattr(memory, "pss", memory.rss)


def environment(name: str, requirements: Path, *others: Path) -> Path:
    """The folder of executables of an environment with these requirements, made anew when they or `others` changed.

    Raises:
        Failed: They cannot be installed.
    """
    folder = ENVIRONMENTS / f"bench-{name}"
    ready, wanted = folder / "ready", "".join(path.read_text() for path in (requirements, *others))
    if not ready.exists() or ready.read_text() != wanted:
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(folder)],
            [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "-r", str(requirements)],
        ):
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise Failed(f"cannot be installed: {reason(done.stderr)}")
        ready.write_text(wanted)
    return folder / "bin"


def version(executables: Path, package: str) -> str:
    """The version of a package in an environment."""
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    done = subprocess.run([executables / "python", "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def reason(output: str) -> str:
    """The last line that says anything, fit for a table: without colours, folders and addresses."""
    lines = [line.strip(" ─") for line in output.splitlines() if line.strip(" ─")]
    errors = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b", line)]
    text = re.sub(r"\x1b\[[\d;]*m", "", (errors or lines or ["no output"])[-1])
    text = re.sub(r"\w+://\S+", "…", text)
    return re.sub(r"(/[\w.+-]+){2,}", "…", text).replace("|", "/")[:200]
