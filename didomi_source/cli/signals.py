"""End on SIGTERM and SIGINT."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress


def obey_signals() -> None:
    """End immediately with 143 or 130 on SIGTERM or SIGINT, wherever the program is.

    A kill at any point loses nothing (docs/reliability.md), so there is nothing to wait for; dlt would
    drain its pools first. A thread waits for the signals, since dlt replaces handlers while it loads.
    """
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)

    def wait() -> None:
        received = signal.sigwait(signals)
        # On a terminal: erase the spinner's line, and show the cursor again.
        before = "\r\x1b[K\x1b[?25h" if os.isatty(2) else ""
        with suppress(OSError):
            os.write(2, f"{before}didomi: ended by {signal.Signals(received).name}\n".encode())
        os._exit(128 + received)

    threading.Thread(target=wait, daemon=True).start()
