"""dbt in a process that does not outlive the one that started it, however that one ends.

Run it with a pipe as standard input that nobody writes to: `python -m didomi_source.warehouse.dbt_process build …`.
"""

from __future__ import annotations

import os
import threading


def _end_with_parent() -> None:
    """Wait until the other end of standard input is closed: by the parent, or by its death."""
    os.read(0, 1)  # not sys.stdin, whose lock the interpreter wants when it ends
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from dbt.cli.main import cli

    cli()
