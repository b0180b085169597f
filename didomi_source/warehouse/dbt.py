"""Build the models with dbt, in a process of its own that is ready when the pipeline has closed the warehouse."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from didomi_source.errors import ConfigurationError, ModelsFailed

from .dbt_process import RESULTS
from .dbt_version import is_dbt_2

_BUILT = {"success", "reused"}  # reused: dbt 2 found that nothing had changed
_GOOD = _BUILT | {"pass", "no-op", "skipped"}
# dbt needs none of them: the API's credentials, which it could write down, and settings of another dbt project, with
# which it would build something else (DBT_EMPTY), somewhere else (DBT_TARGET) or nothing (DBT_RESOURCE_TYPES).
_WITHHELD = ("SOURCES__", "DBT_")
_OURS = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1", "PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8"}


@dataclass(frozen=True)
class Models:
    """What dbt built: nodes by result, a line for each that failed or warned, and the time it took."""

    counts: dict[str, int]
    failures: list[str]
    warnings: list[str]
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """For machines; stable keys."""
        return {**vars(self), "seconds": round(self.seconds, 3)}


def project_dir() -> Path:
    """The dbt project: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parent.parent
    for candidate in (package / "sql", package.parent / "sql"):
        if (candidate / "dbt_project.yml").exists():
            return candidate
    raise ConfigurationError(f"the dbt project is missing from {package}: install didomi-source again")


def model_names() -> set[str]:
    """The names of all models of the project."""
    return {path.stem for path in (project_dir() / "models").rglob("*.sql")}


def variable_names() -> set[str]:
    """The names of the variables that the models ask for."""
    files = (path for folder in ("models", "macros") for path in (project_dir() / folder).rglob("*.*"))
    return {name for path in files for name in re.findall(r"\('(didomi_[a-z]\w*)'", path.read_text("utf-8"))}


def write_manifest(folder: Path) -> Path:
    """Parse the project, and write dbt's manifest of it.

    Args:
        folder: Where dbt keeps its artefacts and logs; created if need be.

    Returns:
        The path of the manifest.

    Raises:
        ModelsFailed: dbt could not parse the project.
    """
    with _started(folder.absolute()) as dbt:
        dbt.order("parse", {}, {})
        code, output = dbt.ended()
    if code != 0:
        raise ModelsFailed(f"dbt could not parse the models: {_end(code, output)}")
    return folder.absolute() / "manifest.json"


class Dbt:
    """A process that imports dbt at once, parses the project when it is ordered, and builds when the warehouse is free.

    Args:
        process: The process, with pipes as standard input and output.
        target: Where dbt keeps its artefacts and logs.
    """

    def __init__(self, process: subprocess.Popen[str], target: Path) -> None:
        self._process, self._target = process, target

    def order(self, command: str, environment: Mapping[str, str], variables: Mapping[str, Any]) -> None:
        """Have the project parsed: for `build`, which then waits for `run`, or for `parse`.

        Args:
            command: The command of dbt.
            environment: The variables of sql/profiles.yml; none of them is written to disk.
            variables: The models' variables.

        Raises:
            ConfigurationError: Another dbt is installed than the one that is to run.
        """
        is_dbt_2()  # never run unasked
        self._target.mkdir(mode=0o700, parents=True, exist_ok=True)
        for results in _results(self._target):
            results.unlink(missing_ok=True)
        project = str(project_dir())
        arguments = [
            *(command, "--no-use-colors", "--log-level", "warn", "--log-path", str(self._target / "logs")),
            *("--project-dir", project, "--profiles-dir", project, "--target-path", str(self._target)),
            *("--vars", json.dumps(dict(variables))),
        ]
        self._tell(json.dumps({"arguments": arguments, "environment": dict(environment)}))

    def run(self) -> Models:
        """Build all models and run their data tests.

        Returns:
            What was built, and what failed: every model that dbt did not build is named.

        Raises:
            ModelsFailed: dbt could not begin, or did not come to its end.
        """
        started = time.monotonic()
        self._tell("")
        code, output = self.ended()
        results = next((path for path in _results(self._target) if path.exists()), None)
        if results is None:
            raise ModelsFailed(f"dbt could not build the models: {_end(code, output)}")
        built = _read(results, time.monotonic() - started)
        if code != 0 and not built.failures:
            raise ModelsFailed(f"dbt failed: {_end(code, output)}")
        return built

    def ended(self) -> tuple[int, str]:
        """Its exit code and what it printed, once it has ended."""
        output = _pipe(self._process.stdout).read()
        return self._process.wait(), output

    def _tell(self, line: str) -> None:
        with suppress(BrokenPipeError):  # it ended already, and `ended` says why
            _pipe(self._process.stdin).write(f"{line}\n")
            _pipe(self._process.stdin).flush()


def started(working_dir: Path) -> AbstractContextManager[Dbt]:
    """Start dbt, which ends with the block; artefacts and logs are in the working directory."""
    return _started(working_dir.absolute() / "dbt")


@contextmanager
def _started(target: Path) -> Iterator[Dbt]:
    try:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and project
            [sys.executable, "-m", "didomi_source.warehouse.dbt_process", str(target)],
            env={**_inherited(os.environ), **_OURS},
            stdin=subprocess.PIPE,  # it ends when this is closed
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            cwd=project_dir(),  # `-m` imports from there first
        )
    except OSError as error:
        msg = f"dbt cannot be started ({error.strerror}): end other processes, or run without models (--skip-models)"
        raise ModelsFailed(msg) from error
    with process:
        try:
            yield Dbt(process, target)
        finally:
            with suppress(BrokenPipeError):
                _pipe(process.stdin).close()  # it ends now, if it has not yet


def _results(target: Path) -> list[Path]:
    """Where results are: what our process wrote, or else what dbt's command line did."""
    return [target / RESULTS, target / "run_results.json"]


def _pipe(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        raise TypeError
    return stream


def _inherited(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith(_WITHHELD)}


def _end(code: int, output: str) -> str:
    """How dbt ended, and the last lines that it printed."""
    how = f"it was ended by signal {-code}" if code < 0 else f"it ended with {code}"
    lines = [" ".join(line.split()) for line in output.splitlines() if line.strip()]
    return f"{how}: {' '.join(lines[-6:])[:600]}" if lines else how


def _read(results: Path, seconds: float) -> Models:
    found = json.loads(results.read_text("utf-8"))["results"]
    lines = [(result["status"], f"{_name(result['unique_id'])}: {_message(result)}") for result in found]
    failures = [line for status, line in lines if status not in _GOOD | {"warn"}]
    return Models(
        counts=dict(Counter(status for status, _ in lines)),
        failures=failures or [f"model {name}: dbt did not build it" for name in _not_built(found)],
        warnings=[line for status, line in lines if status == "warn"],
        seconds=seconds,
    )


def _not_built(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """The models without a result, or with one that says something else than built."""
    built = {result["unique_id"].split(".")[-1] for result in results if result["status"] in _BUILT}
    return sorted(model_names() - built)


def _name(unique_id: str) -> str:
    kind, _, name = unique_id.split(".")[:3]
    return f"{kind} {name}"


def _message(result: Mapping[str, Any]) -> str:
    return " ".join((result.get("message") or result["status"]).split())[:300]
