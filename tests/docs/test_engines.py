"""docs/engines.md claims what is run: versions of constraints.txt, of the Makefile and of the dbt package."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def claimed(engine: str, degree: str) -> set[str]:
    """The versions that the table of docs/engines.md has of an engine in a degree."""
    rows = re.findall(r"^\| (\S+) \| ([^|]+) \| ([^|]+) \|", (ROOT / "docs/engines.md").read_text(), re.MULTILINE)
    return {
        version
        for name, versions, how in rows
        if name == engine and how.startswith(degree)
        for version in re.split("[;,] ", versions)
    }


def pinned(package: str) -> str:
    (version,) = re.findall(rf"^{package}==(\S+)", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    return version


def test_engines_that_are_tested_are_those_that_are_run() -> None:
    """Every DuckDB with every dbt; the first pair is the one of constraints.txt."""
    (engines,) = re.findall(r"^ENGINES := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    pairs = [tuple(engine.split("+")) for engine in engines.split()]
    assert pairs[0] == (pinned("duckdb"), pinned("dbt-core"))
    assert {f"{duckdb} {dbt}" for duckdb in claimed("DuckDB", "tested") for dbt in claimed("dbt-core", "tested")} == {
        " ".join(pair) for pair in pairs
    }
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    assert workflow["jobs"]["engines"]["strategy"]["matrix"]["engine"] == engines.split()[1:]


def test_what_else_is_tested_is_what_is_pinned() -> None:
    assert claimed("dlt", "tested") == {pinned("dlt")}
    assert pinned("sqlglot") in claimed("sqlglot", "tested")


def test_every_python_of_the_matrix_is_in_the_table() -> None:
    """And in the classifiers of the package."""
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    assert claimed("Python", "") == {*workflow["jobs"]["pythons"]["strategy"]["matrix"]["python"]}
    assert claimed("Python", "") == {
        *re.findall(r'"Programming Language :: Python :: (3\.\d+)"', (ROOT / "pyproject.toml").read_text())
    }


def test_the_package_says_what_the_documents_say() -> None:
    """1.11 and 1.12 are tested, and dbt 2 may read it."""
    (least, bound) = yaml.safe_load((ROOT / "sql/dbt_project.yml").read_text())["require-dbt-version"]
    assert (least, bound) == (">=1.11.0", "<3.0.0")
    tested, text = sorted(claimed("dbt-core", "tested")), (ROOT / "sql/README.md").read_text()
    assert f"Tested with dbt-core {' and '.join(tested)}, prepared for\ndbt 2 and not run with it" in text
    assert claimed("dbt", "prepared") == {"2.x"}
