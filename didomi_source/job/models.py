"""Build the models with dbt, in a process of its own once the pipeline has let go of the warehouse."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from didomi_source.errors import ConfigurationError, ModelsFailed

from .summary import Models

_GOOD = {"success", "pass", "warn", "no-op"}

# The dbt processes at work: who ends this process ends them too.
running: set[subprocess.Popen[str]] = set()


def project_dir() -> Path:
    """The dbt project: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parent.parent
    for candidate in (package / "sql", package.parent / "sql"):
        if (candidate / "dbt_project.yml").exists():
            return candidate
    msg = f"the dbt project is missing from {package}: install didomi-source again"
    raise ConfigurationError(msg)


def build(working_dir: Path, environment: Mapping[str, str], variables: Mapping[str, Any]) -> Models:
    """Build all models and run their data tests.

    Args:
        working_dir: Where dbt keeps its artefacts and logs.
        environment: The variables of sql/profiles.yml; nothing of them is written to disk.
        variables: The models' variables.

    Returns:
        What was built, and what failed.

    Raises:
        ConfigurationError: dbt is not installed.
        ModelsFailed: dbt could not begin.
    """
    if importlib.util.find_spec("dbt") is None:
        msg = "dbt is not installed: pip install 'didomi-source[duckdb]' (or your destination), or use --skip-models"
        raise ConfigurationError(msg)
    target = working_dir.absolute() / "dbt"
    results = target / "run_results.json"
    results.unlink(missing_ok=True)
    started = time.monotonic()
    output = _dbt(["build", "--exclude-resource-type", "unit_test"], target, environment, variables)
    seconds = time.monotonic() - started
    if not results.exists():
        lines = [line for line in output.splitlines() if line.strip()]
        msg = f"dbt could not build the models: {' '.join(lines[-4:])[:600]}"
        raise ModelsFailed(msg)
    return _read(results, seconds)


def _dbt(command: list[str], target: Path, environment: Mapping[str, str], variables: Mapping[str, Any]) -> str:
    project = str(project_dir())
    arguments = [
        *(sys.executable, "-m", "dbt.cli.main", "--no-use-colors", "--log-level", "warn"),
        *("--log-path", str(target / "logs"), *command),
        *("--project-dir", project, "--profiles-dir", project, "--target-path", str(target)),
        *("--vars", json.dumps(dict(variables))),
    ]
    quiet = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1"}
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and project
        arguments,
        env={**os.environ, **quiet, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=target.parent,
    )
    running.add(process)
    try:
        return process.communicate()[0]
    finally:
        running.discard(process)


def _read(results: Path, seconds: float) -> Models:
    found = json.loads(results.read_text())["results"]
    counts = Counter(result["status"] for result in found)
    failures = [
        f"{_name(result['unique_id'])}: {_message(result)}"
        for result in found
        if result["status"] not in _GOOD | {"skipped"}
    ]
    return Models(dict(counts), failures, seconds)


def _name(unique_id: str) -> str:
    kind, _, name = unique_id.split(".")[:3]
    return f"{kind} {name}"


def _message(result: Mapping[str, Any]) -> str:
    return " ".join((result.get("message") or result["status"]).split())[:300]
