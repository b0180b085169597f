"""dbt in a process that does not outlive the one that started it, however that one ends.

Run it with a pipe as standard input: `python -m didomi_source.warehouse.dbt_process FOLDER`. It imports dbt at once.
The first line is what to run: JSON with the `arguments` of dbt and its `environment`. For `build` it parses the
project, and waits for a second line. When the pipe is closed, this process ends.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import queue
import sys
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

RESULTS = "results.json"
"""The results of a build in the target folder, as far as the job reads them: as dbt's run_results.json has them."""

_BUILD = ["build", "--exclude-resource-type", "unit_test"]
_TRY_SECONDS = 3.0


def _obey(lines: queue.SimpleQueue[bytes]) -> None:
    """Pass on the lines of standard input, and end when it is closed, if only by the parent's death."""
    # not sys.stdin, whose lock the interpreter wants when it ends
    rest = b""
    while read := os.read(0, 2**16):
        *whole, rest = (rest + read).split(b"\n")
        for line in whole:
            lines.put(line)
    os._exit(1)


def _build(options: list[str], target: Path, lines: queue.SimpleQueue[bytes]) -> int:
    """Parse, wait until the warehouse is free, and build; returns dbt's exit code."""
    import dbt.cli.main

    runner: Any = getattr(dbt.cli.main, "dbtRunner", None)
    if runner is None or _is_dbt_2():  # which parses by itself, and fast
        lines.get()
        return _command([*_BUILD, *options])
    # Nobody reads megabytes of manifest and results, and debug events are dropped.
    options = ["--no-write-json", "--log-level-file", "info", *options]
    parsed = runner().invoke(["parse", *options])
    if not parsed.success:
        return _code(parsed)
    lines.get()
    built = runner(manifest=parsed.result).invoke([*_BUILD, *options])
    if built.result is not None:
        fields = [{"unique_id": r.node.unique_id, "status": str(r.status), "message": r.message} for r in built.result]
        (target / RESULTS).write_text(json.dumps({"results": fields}), "utf-8")
    return _code(built)


def _is_dbt_2() -> bool:
    return importlib.util.find_spec("dbt._core") is not None


def _try_for_longer() -> None:
    """Let each of dbt-duckdb's seven tries to open the file last, so that it meets the moments between two readers."""
    import duckdb

    from didomi_source.warehouse.duckdb import try_while_locked

    connect = duckdb.connect

    def connect_when_free(*arguments: Any, **options: Any) -> duckdb.DuckDBPyConnection:
        return try_while_locked(partial(connect, *arguments, **options), _TRY_SECONDS)

    duckdb.connect = connect_when_free


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
    """Import dbt, and obey."""
    from didomi_source.warehouse import dbt_speed

    target = Path(sys.argv[1])
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_obey, args=[lines], daemon=True).start()
    dbt_speed.tune(target)
    with suppress(Exception):  # what is wrong shows again, and is told, when it is run
        if not _is_dbt_2():
            importlib.import_module("dbt.cli.main")
    order = json.loads(lines.get())
    os.environ.update(order["environment"])
    os.chdir(target)
    if order["environment"].get("DIDOMI_TARGET") == "duckdb":
        _try_for_longer()
    command, *options = order["arguments"]
    sys.exit(_command([command, *options]) if command == "parse" else _build(options, target, lines))


if __name__ == "__main__":
    main()
