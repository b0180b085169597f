"""A process that has everything imported and forks `didomi` runs: each takes one second instead of four.

It reads one JSON object a line: {"arguments", "folder", "environment", "out", "err", "kill_at"} starts a run and is
answered with its process id; {"wait": pid} is answered with how it ended.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import sys
import tempfile
from pathlib import Path

# All that a run imports on its way.
IMPORTED = (
    "dlt",
    "duckdb",
    "pyarrow.parquet",
    "rich.table",
    "didomi_source.source",
    "didomi_source.job",
    "didomi_source.cli.check",
    "didomi_source.cli.demo",
    "didomi_sandbox",
    "dlt.destinations.impl.duckdb.duck",
    "dlt.normalize",
    "dlt.load",
    "dlt.common.libs.pyarrow",
    "dlt.sources.helpers.requests",
    "numpy.ma",
    "numpy.random",
    "pandas",
    "pyarrow.compute",
    "pyarrow.pandas_compat",
)


def install(kill_at):
    """Have this process killed where `module:name.of.function when nth` says, e.g. `os:replace after 3`.

    `lose <table>` has a table's file deleted instead.
    """
    if kill_at.startswith("lose "):
        _lose(kill_at.removeprefix("lose "))
        return
    where, when, nth = kill_at.split()
    module, _, path = where.partition(":")
    *owners, name = path.split(".")
    owner = importlib.import_module(module)
    for part in owners:
        owner = getattr(owner, part)
    function = getattr(owner, name)
    left = int(nth)

    def wrapper(*args, **kwargs):
        nonlocal left
        left -= 1
        if left == 0 and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*args, **kwargs)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, wrapper)


def _lose(table):
    """Have a table's file deleted before it is loaded."""
    from dlt.load.load import Load

    load = Load.run

    def run(self, pool):
        for file in Path().rglob(f".didomi/**/new_jobs/{table}.*"):
            file.unlink()
        return load(self, pool)

    Load.run = run


def become(request):
    """Be `didomi` in the forked process."""
    os.setsid()
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    for stream, number in ((os.devnull, 0), (request["out"], 1), (request["err"], 2)):
        os.dup2(os.open(stream, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), number)
    sys.stdin = os.fdopen(0)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8")
    sys.stderr = os.fdopen(2, "w", 1, encoding="utf-8")
    sys.argv = ["didomi", *request["arguments"]]
    if os.environ.pop("SMALL_PACKAGES", ""):
        importlib.import_module("didomi_source.reading.rows").BATCH_ROWS = 1
        importlib.import_module("didomi_source.job.load").PACKAGE_BYTES = 1
    if request["kill_at"]:
        install(request["kill_at"])
    from didomi_source.cli import main

    code = 0
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    sys.stdout.flush()
    os._exit(code)


def warm_up():
    """Run dlt once, so that no run pays for what it makes only the first time."""
    import dlt

    with tempfile.TemporaryDirectory() as folder:
        database = dlt.destinations.duckdb(f"{folder}/warm.duckdb")
        pipeline = dlt.pipeline("warm", destination=database, dataset_name="warm_up", pipelines_dir=folder)
        pipeline.run([{"id": 1, "value": {"a": 1.5}}], table_name="rows", loader_file_format="parquet")
        pipeline.deactivate()
    gc.collect()
    gc.freeze()


def serve():
    for name in IMPORTED:
        importlib.import_module(name)
    warm_up()
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            answer = os.waitstatus_to_exitcode(os.waitpid(request["wait"], 0)[1])
        elif (answer := os.fork()) == 0:
            try:
                become(request)
            except BaseException as error:  # noqa: BLE001 - nothing may come back into this loop
                os.write(2, repr(error).encode())
            os._exit(99)
        print(answer, flush=True)


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[1])
    serve()
