"""dbt in a process that does not outlive the one that started it, however that one ends.

Run it with a pipe as standard input: `python -m didomi_source.warehouse.dbt_process build …`. It imports dbt and parses
the project at once, and builds it when a byte arrives. When the pipe is closed, this process ends.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from didomi_source.warehouse import dbt_speed

RESULTS = "results.json"
"""The results of a build in the target folder, as far as the job reads them: as dbt's run_results.json has them."""

_BUILD = ["build", "--exclude-resource-type", "unit_test"]


def _obey(is_free: threading.Event) -> None:
    """Let the build begin when a byte arrives, and end when standard input is closed, if only by the parent's death."""
    # not sys.stdin, whose lock the interpreter wants when it ends
    while os.read(0, 1):
        is_free.set()
    os._exit(1)


def _build(options: list[str], target: Path, is_free: threading.Event) -> int:
    """Parse, wait until the warehouse is free, and build; returns dbt's exit code."""
    import dbt.cli.main

    runner: Any = getattr(dbt.cli.main, "dbtRunner", None)
    if runner is None or importlib.util.find_spec("dbt._core"):  # dbt 2 parses by itself, and fast
        is_free.wait()
        return _command([*_BUILD, *options])
    # Nobody reads megabytes of manifest and results, and debug events are dropped.
    options = ["--no-write-json", "--log-level-file", "info", *options]
    parsed = runner().invoke(["parse", *options])
    if not parsed.success:
        return _code(parsed)
    is_free.wait()
    built = runner(manifest=parsed.result).invoke([*_BUILD, *options])
    if built.result is not None:
        fields = [{"unique_id": r.node.unique_id, "status": str(r.status), "message": r.message} for r in built.result]
        (target / RESULTS).write_text(json.dumps({"results": fields}), "utf-8")
    return _code(built)


def _command(arguments: list[str]) -> int:
    """Run dbt's command line; returns its exit code."""
    from dbt.cli.main import cli

    sys.argv = ["dbt", *arguments]  # that of dbt 2 takes no arguments
    try:
        cli()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


def _code(done: Any) -> int:
    """The exit code that dbt's command line would have ended with; it prints all errors but those of usage itself."""
    if type(done.exception).__name__ == "DbtUsageException":
        os.write(1, f"{done.exception}\n".encode())
    return 2 if done.exception else int(not done.success)


def main() -> None:
    """Run `parse` or `build` with the options that follow; both have --target-path."""
    command, *options = sys.argv[1:]
    is_free = threading.Event()
    threading.Thread(target=_obey, args=[is_free], daemon=True).start()
    target = Path(options[options.index("--target-path") + 1])
    dbt_speed.tune(target)
    sys.exit(_command([command, *options]) if command == "parse" else _build(options, target, is_free))


if __name__ == "__main__":
    main()
