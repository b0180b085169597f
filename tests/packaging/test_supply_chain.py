"""What the code imports is declared, what is declared is imported, and what is declared is pinned."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "didomi_source"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
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
    known = packages_distributions()
    outside = modules - set(sys.stdlib_module_names) - {"didomi_source"}
    found = set()
    for module in outside:
        names = {name.lower().replace("_", "-") for name in known[module]}
        found |= names & declared or names
    return found


def files_of(folder):
    return sorted((PACKAGE / folder).rglob("*.py"))


# The extra that each folder with dependencies of its own comes with.
EXTRAS = {"sandbox": "sandbox", "report": "report", "alerts": "notify", "signals": "otel"}
BASE = [f for f in sorted(PACKAGE.rglob("*.py")) if f.relative_to(PACKAGE).parts[0] not in (*EXTRAS, "sql")]


def test_the_base_imports_only_what_it_declares():
    """The connector, the job and the command line need the base install and, for DuckDB, its extra."""
    assert imported(BASE, declared("duckdb")) - declared("duckdb") == set()


@pytest.mark.parametrize("folder", EXTRAS)
def test_an_extra_imports_only_what_it_declares(folder):
    """The folder of an extra needs the base and that extra."""
    named = declared(EXTRAS[folder])
    assert imported(files_of(folder), named) - named == set()


def test_nothing_is_declared_for_nothing():
    """Each dependency of the base and of the extras with code of their own is imported, or listed with its reason."""
    named = declared("duckdb", *EXTRAS.values())
    used = imported(sorted(PACKAGE.rglob("*.py")), named)
    assert named - used - NOT_IMPORTED.keys() == set()


def test_constraints_pin_every_declared_dependency():
    """constraints.txt names one version for each, and no index."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    everything = {name_of(r) for r in PROJECT["dependencies"]}
    for requirements in PROJECT["optional-dependencies"].values():
        everything |= {name_of(r) for r in requirements}
    pinned = {name_of(line) for line in lines if "==" in line}
    assert everything - pinned - {"didomi-source"} == set()
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+( ; .+)?", line)] == []
