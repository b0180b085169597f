"""The files that schedule the job, and what is asked of each."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import yaml
from dockerfile_parse import DockerfileParser

from didomi_sandbox import Sandbox

ROOT = Path(__file__).parents[3]
PIPELINES = ROOT / "pipelines"
DOCKERFILE = ROOT / "Dockerfile"
BIN = Path(sys.executable).parent


def ran(*command: str | Path, folder: Path = ROOT, environment: dict[str, str] | None = None) -> str:
    """Run a command that must end well; returns what it wrote."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def cron_line() -> tuple[str, str]:
    """When cron runs the job, and the command that it gives to the shell."""
    (line,) = [line for line in (PIPELINES / "crontab").read_text().splitlines() if not line.startswith("#")]
    *when, command = line.split(maxsplit=5)
    return " ".join(when), command


def job_template() -> dict:
    """What Kubernetes runs."""
    return yaml.safe_load((PIPELINES / "cronjob.yaml").read_text())["spec"]["jobTemplate"]["spec"]


def container() -> dict:
    """The one container of it."""
    (found,) = job_template()["template"]["spec"]["containers"]
    return found


def workflow() -> dict:
    """The one job of the GitHub workflow."""
    return yaml.safe_load((PIPELINES / "github-actions.yml").read_text())["jobs"]["run"]


def commands() -> dict[str, list[str]]:
    """What each schedule calls `didomi` with."""
    texts = {
        "crontab": cron_line()[1].partition(" >>")[0],
        "didomi.service": re.search(r"^ExecStart=(.*)$", (PIPELINES / "didomi.service").read_text(), re.MULTILINE)[1],
        "github-actions.yml": workflow()["steps"][-1]["run"],
        "airflow_dag.py": re.search(r'bash_command="(.*)"', (PIPELINES / "airflow_dag.py").read_text())[1],
    }
    found = {name: re.split(r"didomi\}? ", text)[-1].split() for name, text in texts.items()}
    return {**found, "cronjob.yaml": container()["args"]}


def steps() -> list[dict]:
    """What the Dockerfile says, one instruction each."""
    parser = DockerfileParser(fileobj=io.BytesIO(DOCKERFILE.read_bytes()))
    return [step for step in parser.structure if step["instruction"] != "COMMENT"]


def counts(database: Path) -> dict[str, int]:
    """How many logs and exports a warehouse has, before and after the models."""
    tables = ("didomi_raw.export_logs", "didomi_marts.didomi__export_runs", "didomi_marts.didomi__exports")
    with duckdb.connect(str(database), read_only=True) as connection:
        return {table: connection.execute(f"select count(*) from {table}").fetchone()[0] for table in tables}


def expected(api: Sandbox) -> dict[str, int]:
    """What `counts` finds after a run."""
    logs, exports = len(api.store.logs()), len(api.store.exports())
    return {
        "didomi_raw.export_logs": logs,
        "didomi_marts.didomi__export_runs": logs,
        "didomi_marts.didomi__exports": exports,
    }
