"""sql/README.md tells every model, column and variable, and what it tells is so."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import yaml

from support.models import dbt, oracle

sys.path.insert(0, str(Path(__file__).parents[1] / "docs"))
import models_page

PAGE = models_page.PAGE.read_text()
VARIABLES = dict(re.findall(r"^\| `(didomi_\w+)` \| (.+?) \|", PAGE, re.MULTILINE))


def test_the_tables_are_those_of_the_yaml() -> None:
    """`python tests/docs/models_page.py` has been run since a YAML file changed, and no model lacks one."""
    assert models_page.rewritten(PAGE) == PAGE
    told = set(re.findall(r"^### `(\w+)`$", PAGE, re.MULTILINE))
    assert told == {path.stem for path in (dbt.SQL / "models").rglob("*.sql")}


def test_every_model_says_its_grain_and_its_columns_and_has_a_contract() -> None:
    """A description begins with the grain; each column is described and typed, and dbt enforces it."""
    for layer in models_page.LAYERS:
        for model in models_page.models(layer):
            assert model["description"].startswith("One row per "), model["name"]
            assert model["config"]["contract"] == {"enforced": True}, model["name"]
            for column in model["columns"]:
                # YAML would cut an unquoted one at a comma.
                assert column["description"].strip()[-1] in ".…", (model["name"], column)
                assert column["data_type"], (model["name"], column)


def test_variables_are_used_documented_and_declared_alike() -> None:
    """What the SQL asks for is what the page explains; the defaults are those of dbt_project.yml."""
    files = [
        path for kind in ("*.sql", "*.yml") for path in dbt.SQL.rglob(kind) if "integration_tests" not in path.parts
    ]
    used = set(re.findall(r"\('(didomi_[a-z]\w*)'", "".join(path.read_text() for path in files)))
    assert used == VARIABLES.keys()
    without_default = {
        "didomi_as_of": "the start of the build",
        "didomi_database": "the target's",
        "didomi_delivery_retention_days": "by type",
    }
    elsewhere = {"didomi_error_kinds": "[dbt_project.yml](dbt_project.yml)"}
    words = {"didomi_schema", "didomi_timezone"}
    told = {
        name: default.strip("`") if name in words else ast.literal_eval(default.strip("`"))
        for name, default in VARIABLES.items()
        if name not in without_default | elsewhere
    }
    declared = oracle.default_variables()
    kinds = declared.pop("didomi_error_kinds")
    assert told == declared
    assert {**without_default, **elsewhere}.items() <= VARIABLES.items()
    (told_kinds,) = re.findall(r"^The kinds by default are (.*?);", PAGE, re.MULTILINE)
    assert re.findall(r"`(\w+)`", told_kinds) == [kind for _, kind in kinds]


def test_metrics_of_the_page_are_declared() -> None:
    """Each metric that the page names exists, and each for itself is named."""
    declared = {
        metric["name"]: metric["type"] for model in models_page.models("marts") for metric in model.get("metrics", [])
    }
    (section,) = re.findall(r"\n## Metrics\n(.*?)\n## ", PAGE, re.DOTALL)
    parts = {"didomi_runs_completed", "didomi_runs_settled"}  # of the success rate
    named = set(re.findall(r"`(didomi_\w+)`", section))
    assert named == declared.keys() - parts


def test_links_of_the_page_lead_somewhere() -> None:
    """To a heading of the page, to a file beside it, or to a page of dbt's."""
    headings = {
        re.sub(r"[^\w -]", "", line).strip().lower().replace(" ", "-") for line in PAGE.splitlines() if line[:1] == "#"
    }
    for link in re.findall(r"\]\(([^)]+)\)", PAGE):
        if link.startswith("#"):
            assert link[1:] in headings, link
        elif not link.startswith(("https://docs.getdbt.com/", "https://github.com/dbt-labs/")):
            assert (dbt.SQL / link).exists(), link


def test_the_report_s_exposure_names_what_the_report_reads() -> None:
    """Whoever changes a mart sees who reads it."""
    exposures = yaml.safe_load((dbt.SQL / "models" / "marts" / "_didomi__exposures.yml").read_text())["exposures"]
    exposed = {exposure["name"]: set(re.findall(r"didomi__\w+", str(exposure["depends_on"]))) for exposure in exposures}
    package = dbt.SQL.parent / "didomi_source"
    files = [*(package / "report").glob("*.py"), *(package / "health").glob("*.py")]
    assert exposed["didomi_report"] == set(re.findall(r"didomi__\w+", "".join(path.read_text() for path in files)))
    assert set().union(*exposed.values()) == set(dbt.MARTS)
