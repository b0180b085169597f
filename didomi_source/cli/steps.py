"""The current step of a run: a spinner on a terminal, plain lines elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .log import is_json, print_step
from .show import new_console, styled

if TYPE_CHECKING:
    from rich.status import Status


class Steps:
    """Shows the current step on stderr, until the `with` block ends."""

    def __init__(self) -> None:
        self._console = new_console(stderr=True)
        self._status: Status | None = None
        self._last = ""

    def report(self, step: str) -> None:
        """Show the next step; the same one again changes nothing."""
        if step == self._last:
            return
        self._last = step
        if is_json() or not self._console.is_terminal:
            print_step(step)
        elif self._status is None:
            self._status = self._console.status(styled(f"{step} …"))
            self._status.start()
        else:
            self._status.update(styled(f"{step} …"))

    def __enter__(self) -> Steps:
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()
