"""The package builds, unit tests and data tests included, under any of the settings that sql/README.md documents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.models import dbt, raw
from support.models.histories import AS_OF, history
from support.thorough import all_but

from .test_readme import VARIABLES

COMBINATIONS: dict[str, dict[str, Any]] = {
    "paris": {
        "didomi_timezone": "Europe/Paris",
        "didomi_late_factor": 2,
        "didomi_pending_grace_hours": 48,
        "didomi_unread_hours": 1,
        "didomi_delivery_grace_hours": 48,
        "didomi_delivery_retention_days": 0,
        "didomi_skip_weekdays": [6, 7],
        "didomi_as_of": "2028-03-31T12:00:00Z",
    },
    "auckland": {
        "didomi_timezone": "Pacific/Auckland",
        "didomi_as_of": "2028-03-31",
        "didomi_retired_exports": ["e", "s1-daily", "kept", "healthy", "it's none"],
        "didomi_error_kinds": {"quota": "money", "o": "has an o's"},
        "didomi_anomaly_deviations": 1,
        "didomi_anomaly_min_change_rate": 0.9,
        "didomi_anomaly_min_observations": 2,
        "didomi_late_factor": 1,
        "didomi_deliveries_comparable": True,
    },
    "los-angeles": {
        "didomi_timezone": "America/Los_Angeles",
        "didomi_anomaly_min_observations": 56,
        "didomi_skip_weekdays": [1, 2, 3, 4, 5, 6, 7],
        "didomi_delivery_retention_days": 30,
        "didomi_pending_grace_hours": 0,
        "didomi_error_kinds": [["o", "has an o's"], ["quota", "money"]],
    },
}
PLACES = {"didomi_schema": "landing", "didomi_database": "warehouse"}
IN_THE_PROJECT = {"paris": lambda given: given, "los-angeles": lambda given: {"didomi": given}}


def foreign(folder: Path, variables: dict[str, Any]) -> Path:
    """A project that installs the package from a folder and sets its variables."""
    project = folder / "acme"
    (project / "models").mkdir(parents=True)
    settings = {"name": "acme", "version": "1.0.0", "profile": "didomi", "vars": variables}
    (project / "dbt_project.yml").write_text(yaml.safe_dump(settings))
    (project / "packages.yml").write_text(yaml.safe_dump({"packages": [{"local": str(dbt.SQL)}]}))
    dbt.dbt("deps", folder=folder, project=project)
    return project


@pytest.mark.parametrize("name", all_but("auckland", COMBINATIONS))
def test_the_package_builds_under_the_settings_of_a_user(name: str, tmp_path: Path) -> None:
    """By the command of the README: given on the command line to the project itself, or set in a project that installs it."""
    given = {**COMBINATIONS[name], **PLACES}
    raw.write_duckdb(tmp_path / "warehouse.duckdb", history(1, AS_OF, days=60), schema="landing")
    command: dict[str, Any] = {"variables": given}
    if scoped := IN_THE_PROJECT.get(name):
        command = {"project": foreign(tmp_path, scoped(given))}
    output = dbt.dbt("build", "--select", "package:didomi", folder=tmp_path, **command)
    assert re.search(r"PASS=\d+ WARN=\d ERROR=0 SKIP=0 ", output)
    assert f" {len(list(unit_tests()))} unit tests" in output


def test_the_combinations_hold_every_variable_of_the_page() -> None:
    """None is left at its default in all of them."""
    assert {variable for given in COMBINATIONS.values() for variable in given} | PLACES.keys() == VARIABLES.keys()


# ------------------------------------------------------------------------------------ what a unit test fixes

MACRO = re.compile(
    r"{%-? macro (?:(?:default|duckdb|postgres|bigquery|snowflake)__)?(\w+)\(.*?{%-? endmacro", re.DOTALL
)
MACROS: dict[str, str] = {}
for file in sorted((dbt.SQL / "macros").glob("*.sql")):
    for found in MACRO.finditer(file.read_text()):
        MACROS[found[1]] = MACROS.get(found[1], "") + found[0]


def unit_tests() -> Iterator[dict[str, Any]]:
    for path in sorted((dbt.SQL / "models").rglob("*.yml")):
        yield from yaml.safe_load(path.read_text()).get("unit_tests", [])


def variables_of(sql: str) -> set[str]:
    """The variables that a text asks for, by itself and by the macros that it calls."""
    called: set[str] = set()
    while further := set(re.findall(r"didomi__\w+", sql)) & MACROS.keys() - called:
        called |= further
        sql += "".join(MACROS[name] for name in further)
    return set(re.findall(r"\('(didomi_[a-z]\w*)'", sql))


@pytest.mark.parametrize("test", [pytest.param(test, id=test["name"]) for test in unit_tests()])
def test_a_unit_test_fixes_every_variable_that_its_model_asks_for(test: dict[str, Any]) -> None:
    """Whatever a project sets then changes none of them; and dbt 2, where a unit test sees no other variables, can run it."""
    (model,) = (dbt.SQL / "models").rglob(f"{test['model']}.sql")
    assert test.get("overrides", {}).get("vars", {}).keys() == variables_of(model.read_text())
