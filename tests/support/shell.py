"""`didomi` as a program of its own: with streams, or on a terminal."""

from __future__ import annotations

import ctypes
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from support.harness import DIDOMI, Result

ROOT = Path(__file__).parents[2]
_DROP_CAPABILITY = 24  # prctl(2)
_IGNORES_MODES = (1, 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH


def didomi(*arguments: str, folder: Path, environment: Mapping[str, str], shell: str = "{}") -> Result:
    """Run `didomi` to its end.

    Args:
        arguments: Its arguments.
        folder: Where.
        environment: All of its environment.
        shell: What a shell does with it, e.g. `{} | head -1`.
    """
    command = shell.format(" ".join([str(DIDOMI), *arguments]))
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=folder,
        env=program_environment(environment),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        stdin=subprocess.DEVNULL,
        preexec_fn=_obey_modes,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def program_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for a program that is to import this checkout."""
    return {**environment, "PYTHONPATH": str(ROOT)}


def _obey_modes() -> None:
    # Root may write into a read-only folder; a user may not, and neither shall this.
    for capability in _IGNORES_MODES:
        ctypes.CDLL(None).prctl(_DROP_CAPABILITY, capability)


class Shown(NamedTuple):
    """What a terminal got, and how it ended."""

    code: int
    text: str

    @property
    def plain(self) -> list[str]:
        """The lines without colours and cursor movements; what was erased is gone."""
        text = re.sub(r"[^\n]*\n[^\n]*\x1b\[1A\x1b\[2K", "", self.text.replace("\r\n", "\n"))
        text = re.sub(r"[^\n]*\x1b\[2?K", "", text)
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "").splitlines()


def on_terminal(
    *arguments: str,
    folder: Path,
    environment: Mapping[str, str],
    columns: int = 80,
    press: tuple[str, bytes] | None = None,
) -> Shown:
    """Run `didomi` on a terminal of its own.

    Args:
        arguments: Its arguments.
        folder: Where.
        environment: All of its environment.
        columns: How wide the terminal is.
        press: Keys to press once a text was shown.
    """
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    given = {**program_environment(environment), "TERM": "xterm-256color"}
    with subprocess.Popen(
        # A program that makes the terminal its own, so that Ctrl-C reaches it.
        [sys.executable, "-c", _TAKE_TERMINAL, str(DIDOMI), *arguments],
        cwd=folder, env=given, stdin=its, stdout=its, stderr=its, start_new_session=True,
    ) as process:  # fmt: skip
        os.close(its)
        shown = b""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    shown += os.read(ours, 65_536)
                except OSError:  # the other end is closed
                    break
            if press is not None and press[0].encode() in shown:
                os.write(ours, press[1])
                press = None
        code = process.wait(10)
    os.close(ours)
    return Shown(code, shown.decode())


_TAKE_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
