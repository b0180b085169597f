"""Where the time goes, as py-spy sees it: tables of functions, and a flame graph."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import measure
from measure import Failed
from ours import LOAD, didomi, settings
from server import serve

FOLDER = Path(__file__).parent
ROWS = 12
RATE = 100
TOO_THIN = re.compile(r'<g><title>[^<]*</title><rect [^>]*width="0\.[0-4]\d*%"[^>]*/><text [^>]*></text></g>')
LOGS_OF_STATUS = 1_000

Stacks = list[tuple[list[str], int]]


def profile(logs: int, graph: Path) -> list[str]:
    """The section with the profiles of a load and of start-up; the flame graph of the load goes into a file of its own."""
    try:
        spy = measure.environment("profile", FOLDER / "profile.txt") / "py-spy"
        with serve(logs) as server:
            with _folder() as folder:
                load = stacks_of(spy, didomi(*LOAD), folder, settings(server, folder))
            with _folder() as folder:
                _flame_graph(spy, folder, settings(server, folder), graph)
        with serve(LOGS_OF_STATUS) as server, _folder() as folder:
            given = settings(server, folder)
            measure.run(didomi("run"), folder, given)
            start = stacks_of(spy, didomi("status"), folder, given)
    except Failed as error:
        return ["## Profile", "", f"None: {error}", ""]
    return [
        "## Profile",
        "",
        f"By py-spy, {RATE} samples a second of all threads that are busy.",
        f"The load as a [flame graph]({graph.name}), without what took less than half a percent.",
        "",
        f"### The load of {logs:,} logs: a function itself",
        "",
        *table(_itself(load), load),
        f"### The load of {logs:,} logs: a function of ours with all that it calls",
        "",
        *table(_with_callees(load, "didomi_source/"), load),
        "### `didomi status`: importing a package, with all that it imports",
        "",
        *table(imports_in(start), start),
    ]


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="didomi-bench-") as name:
        yield Path(name)


def _record(spy: Path, command: Sequence[str], folder: Path, environment: Mapping[str, str], *options: str) -> None:
    arguments = [spy, "record", "--rate", str(RATE), "--nolineno", *options, "--", *command]
    done = subprocess.run(
        arguments, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise Failed(f"py-spy ended with {done.returncode}: {measure.reason(done.stderr)}")


def stacks_of(spy: Path, command: Sequence[str], folder: Path, environment: Mapping[str, str], *options: str) -> Stacks:
    """The stacks of a command, each with the number of samples that had it."""
    _record(spy, command, folder, environment, *options, "--format", "raw", "--output", "stacks.txt")
    lines = (folder / "stacks.txt").read_text().splitlines()
    found = [line.rpartition(" ") for line in lines]
    # A thread that begins or ends has no stack.
    return [(stack.split(";"), int(count)) for stack, _, count in found if stack]


def _flame_graph(spy: Path, folder: Path, environment: Mapping[str, str], graph: Path) -> None:
    _record(spy, didomi(*LOAD), folder, environment, "--output", "load.svg")
    text = re.sub(r">[^<>]*py-spy record[^<>]*<", ">didomi run --skip-models<", (folder / "load.svg").read_text())
    graph.write_text(TOO_THIN.sub("", text))


def _itself(stacks: Stacks) -> Counter[str]:
    found: Counter[str] = Counter()
    for frames, count in stacks:
        found[frames[-1]] += count
    return found


def _with_callees(stacks: Stacks, place: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for frames, count in stacks:
        for frame in {f for f in frames if f"({place}" in f and not f.startswith("<module>")}:
            found[frame] += count
    return found


def imports_in(stacks: Stacks) -> Counter[str]:
    """Samples below the code of a package's modules, by package."""
    found: Counter[str] = Counter()
    for frames, count in stacks:
        for package in {m[1] for frame in frames if (m := re.match(r"<module> \((\w+)/", frame))}:
            found[package] += count
    return found


def packages_in(stacks: Stacks) -> Counter[str]:
    """Samples by the package whose code was running itself."""
    found: Counter[str] = Counter()
    for frames, count in stacks:
        where = re.search(r"\((.*?)(?::\d+)?\)$", frames[-1])
        found[where[1].partition("/")[0] if where else "no Python code"] += count
    return found


def table(found: Counter[str], stacks: Stacks) -> list[str]:
    """The largest shares."""
    total = sum(count for _, count in stacks)
    rows = [f"| {count / total:.1%} | `{name}` |" for name, count in found.most_common(ROWS)]
    return ["| share | where |", "|---:|---|", *rows, ""]
