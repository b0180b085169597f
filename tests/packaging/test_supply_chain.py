"""What the code imports is declared, what is declared is imported, and what is declared is pinned."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
OURS = ("didomi_source", "didomi_sandbox")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
DISTRIBUTIONS = packages_distributions()
# Declared for what they do without being imported here.
NOT_IMPORTED = {
    "sqlglot": "a bound on what dlt brings",
    "dbt-core": "runs as a process of its own",
    "dbt-duckdb": "runs as a process of its own",
    "vl-convert-python": "Altair renders with it",
}


def name_of(requirement):
    return re.match(r"[\w.-]+", requirement)[0].lower().replace("_", "-")


def declared(*extras):
    found = {name_of(r) for r in PROJECT["dependencies"]}
    for extra in extras:
        found |= {name_of(r) for r in PROJECT["optional-dependencies"][extra]}
    return found


def imported(files, declared=frozenset()):
    """Distributions of the modules that files import, at the top or inside functions.

    Several distributions may share a module (`dbt`): then the declared one counts.
    """
    modules = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                modules.add(node.module.split(".")[0])
    outside = modules - set(sys.stdlib_module_names) - set(OURS)
    found = set()
    for module in outside:
        names = {name.lower().replace("_", "-") for name in DISTRIBUTIONS[module]}
        found |= names & declared or names
    return found


def files_of(folder):
    return sorted((ROOT / folder).rglob("*.py"))


# The extra that each folder with dependencies of its own comes with.
EXTRAS = {
    "didomi_sandbox": "sandbox",
    "didomi_source/deliveries": "deliveries",
    "didomi_source/report": "report",
    "didomi_source/notify": "notify",
    "didomi_source/metrics": "otel",
}
ALL = [file for package in OURS for file in files_of(package)]
BASE = [file for file in ALL if not any(file.is_relative_to(ROOT / folder) for folder in EXTRAS)]


def test_the_base_imports_only_what_it_declares():
    """The connector, the job and the command line need the base install and, for DuckDB, its extra."""
    assert imported(BASE, declared("duckdb")) - declared("duckdb") == set()


@pytest.mark.parametrize("folder", EXTRAS)
def test_an_extra_imports_only_what_it_declares(folder):
    """The folder of an extra needs the base and that extra."""
    assert files_of(folder)
    named = declared(EXTRAS[folder])
    assert imported(files_of(folder), named) - named == set()


def test_nothing_is_declared_for_nothing():
    """Each dependency of the base and of the extras with code of their own is imported, or listed with its reason."""
    named = declared("duckdb", *EXTRAS.values())
    used = imported(ALL, named)
    assert named - used - NOT_IMPORTED.keys() == set()


def test_constraints_pin_every_declared_dependency():
    """constraints.txt names one version for each, and no index."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    everything = {name_of(r) for r in PROJECT["dependencies"]}
    for requirements in [*PROJECT["optional-dependencies"].values(), *PYPROJECT["dependency-groups"].values()]:
        everything |= {name_of(r) for r in requirements}
    pinned = {name_of(line) for line in lines if "==" in line}
    assert everything - pinned - {"didomi-source"} == set()
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+( ; .+)?", line)] == []


def test_there_is_one_version():
    """The package, both dbt projects, the newest part of the changelog, and what the documents install."""
    version = PROJECT["version"]
    named = {
        "sql/dbt_project.yml": r"^version: (.+)$",
        "sql/integration_tests/dbt_project.yml": r"^version: (.+)$",
        "CHANGELOG.md": r"\A[^#]*# Changelog[^#]*## (\S+) \(\d{4}-\d\d-\d\d\)$",
        "docs/operations.md": r"didomi-source\[[a-z,]+\](?:==| @ \S+@v)([\d.]+)",
    }
    for name, pattern in named.items():
        found = re.findall(pattern, (ROOT / name).read_text(), re.MULTILINE)
        assert (name, set(found)) == (name, {version})


def test_each_python_that_is_tested_is_a_classifier():
    """The matrix of the workflow, the classifiers and the oldest Python agree."""
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    tested = workflow["jobs"]["pythons"]["strategy"]["matrix"]["python"]
    prefix = "Programming Language :: Python :: 3."
    assert [f"3.{c.removeprefix(prefix)}" for c in PROJECT["classifiers"] if c.startswith(prefix)] == tested
    assert PROJECT["requires-python"] == f">={tested[0]}"
