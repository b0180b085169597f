"""Every command, every query and every script of the README is run, and shows what the README says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from didomi_sandbox import generate, serve
from didomi_source.cli.demo import settings_of
from support.clone import checkout  # noqa: F401 - a fixture
from support.installing import lend_dependencies, offline
from support.readme import README, ROOT, build, rewritten

TEXT = README.read_text()
CONSOLE = [
    [line.removeprefix("$ ") for line in block.splitlines()]
    for block in re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL)
]


def shell(command, folder, **environment):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("COVERAGE", "VIRTUAL_ENV"))}
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_console_blocks_are_the_ones_tested_below():
    """A command that nobody runs here would rot."""
    assert [len(block) for block in CONSOLE] == [1, 2, 6]


@pytest.mark.timeout(600)
def test_a_new_user_gets_through_the_readme(checkout, tmp_path):  # noqa: F811
    """The README's commands work in its order, in a fresh checkout without a virtual environment."""
    python = {"PYTHON": sys.executable, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for command in CONSOLE[0] + CONSOLE[1]:
        out = shell(command, checkout, **python)
    assert "Success rates" in out
    assert (checkout / "didomi-demo" / "warehouse.duckdb").exists()
    environment, install, export, check, run, status = CONSOLE[2]
    assert export.startswith("export SOURCES__DIDOMI__API_KEY=...")
    with serve(generate(seed=1, days=30)) as sandbox:
        user = settings_of(sandbox, tmp_path / "warehouse.duckdb")
        user.pop("DESTINATION__DUCKDB__CREDENTIALS")
        shell(environment, tmp_path, **python)
        user["PATH"] = f"{tmp_path}/.venv/bin:{os.environ['PATH']}"
        address = f"file://localhost{checkout}"
        shell(install.replace("https://…", address), tmp_path, **user, **offline(tmp_path / "builder"))
        lend_dependencies(tmp_path / ".venv")
        assert "login: the API accepts the key" in shell(check, tmp_path, **user)
        assert "Models:" in shell(run, tmp_path, **user)
        assert "failing" in shell(status, tmp_path, **user)
    assert (tmp_path / "warehouse.duckdb").exists()


def test_the_queries_show_what_the_readme_says(tmp_path):
    """Each query of the README runs and its printed output is the real one."""
    assert rewritten(TEXT, build(tmp_path)) == TEXT


def test_the_pipeline_of_ones_own_runs(tmp_path):
    """The Python example loads the logs."""
    (script,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    with serve(generate(seed=1, days=30)) as sandbox:
        environment = settings_of(sandbox, tmp_path / "own.duckdb") | {
            "DLT_DATA_DIR": str(tmp_path / "dlt"),
            "RUNTIME__DLTHUB_TELEMETRY": "false",
        }
        (tmp_path / "own.py").write_text(script)
        shell(f"{sys.executable} own.py", tmp_path, **environment)
    count = "import duckdb; print(duckdb.connect('own.duckdb').sql('select count(*) from didomi_raw.export_logs').fetchall()[0][0])"
    assert int(shell(f'{sys.executable} -c "{count}"', tmp_path)) > 0


def test_links_lead_somewhere():
    """Every link to a file of the repository leads to one."""
    targets = re.findall(r"\]\((?!http)([^)#]+)\)", TEXT)
    assert [target for target in targets if not (ROOT / target).exists()] == []
