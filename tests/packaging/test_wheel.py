"""What is published works far from the checkout: the wheel carries all that `didomi` needs."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Files that a wheel has without anybody's doing.
METADATA = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}


def run(*command, folder, **environment):
    """Run a program that sees nothing of this checkout."""
    configuring = (
        "PYTHONPATH",
        "SOURCES__",
        "DESTINATION__",
        "DIDOMI_",
        "RUNTIME__",
        "LOAD__",
        "DLT_",
        "VIRTUAL_ENV",
        "COVERAGE",
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith(configuring)}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The source distribution, and the wheel that is built from it."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, folder=folder)
    (sdist,) = folder.glob("*.tar.gz")
    (wheel,) = folder.glob("*.whl")
    return sdist, wheel


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """A virtual environment that has the wheel, and the dependencies from the one in which the tests run."""
    venv = tmp_path_factory.mktemp("venv")
    run(sys.executable, "-m", "venv", "--without-pip", venv, folder=venv)
    python = venv / "bin" / "python"
    run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        built[1],
        folder=venv,
    )
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", folder=venv).strip())
    # A path that is added like this has its own .pth files left alone: this checkout's among them.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    assert (
        Path(
            run(python, "-c", "import didomi_source; print(didomi_source.__file__)", folder=venv).strip()
        ).parent.parent
        == site
    )
    return venv / "bin"


def in_git(*folders):
    """The files of folders that git knows or would add."""
    listed = run("git", "ls-files", "-co", "--exclude-standard", *folders, folder=ROOT).splitlines()
    return {name for name in listed if (ROOT / name).is_file()}


def test_the_wheel_holds_the_package_and_the_dbt_project(built):
    """Each file of the two, and nothing else: no test, no pipeline, nothing that was generated."""
    with zipfile.ZipFile(built[1]) as wheel:
        names = {name for name in wheel.namelist() if not name.endswith("/")}
    (info,) = {name.split("/")[0] for name in names if ".dist-info/" in name}
    sql = {f"didomi_source/{name}" for name in in_git("sql")}
    assert names == in_git("didomi_source", "didomi_sandbox") | sql | {f"{info}/{name}" for name in METADATA}
    assert {"didomi_source/py.typed", "didomi_source/sql/dbt_project.yml"} <= names


def test_the_source_distribution_is_complete(built):
    """The package, the dbt project, and what says what they are; not the tests, which need the whole repository."""
    with tarfile.open(built[0]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames() if sdist.getmember(name).isfile()}
    documents = {"README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml", ".gitignore", "PKG-INFO"}
    assert names == in_git("didomi_source", "didomi_sandbox", "sql") | documents


@pytest.mark.timeout(600)
def test_the_installed_demo_runs_in_an_empty_folder(installed, tmp_path):
    """Far from any checkout the whole job runs, and leaves only what it says."""
    home = {"HOME": str(tmp_path / "home"), "DLT_DATA_DIR": str(tmp_path / "home" / "dlt")}
    folder = tmp_path / "empty"
    folder.mkdir()
    out = run(installed / "didomi", "demo", "--days", "30", folder=folder, **home)
    assert "Success rates, last 28 days" in out
    assert "tests passed" in out
    assert [path.name for path in folder.iterdir()] == ["didomi-demo"]
    steps = out.partition("Look further\n")[2]
    assert [line.split()[-1] for line in steps.split("\n  ")[1:5]] == ["didomi-demo", "status", "deliveries", "report"]
    told = run("bash", "-ec", steps, folder=folder, **home)
    assert told.startswith("Export ")
    assert "log_id" in told  # a column of the models, which the last step prints
    assert (folder / "didomi-demo" / "report.html").exists()
