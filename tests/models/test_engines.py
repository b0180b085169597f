"""What the macros say is the same in dbt 1.11, 1.12 and 2: dbt 2 was read and tried in parts (docs), so its ways are stood in for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
import pytest
import pytz
import yaml

from support.models import dbt

LIST = [["quota", "money"], ["o", "has an o's"]]


class CompilerError(Exception):
    """What `exceptions.raise_compiler_error` raises."""


class Returned(Exception):
    """What dbt's `return()` does: the value leaves the macro as it is."""


def refuse(message: str) -> None:
    raise CompilerError(message)


def checked(message: str, function: Any, *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except (KeyError, AttributeError):
        raise CompilerError(message) from None


def give_back(value: Any) -> None:
    raise Returned(value)


def macro(file: str, name: str, version: str, variables: Mapping[str, Any], *arguments: str) -> str:
    """A macro with its arguments, rendered with what dbt of a version has in its context."""
    environment = jinja2.Environment(extensions=["jinja2.ext.do"], undefined=jinja2.StrictUndefined)
    is_two = version >= "2"
    pytz_of_it = {"timezone": pytz.timezone, "utc": pytz.utc}
    context: dict[str, Any] = {
        "var": lambda name, default=None: variables.get(name, default),
        "dbt_version": version,
        "exceptions": {"raise_compiler_error": refuse},
        "try_or_compiler_error": checked,
        "return": give_back,
        "modules": {
            "re": re,
            "datetime": {"datetime": AwkwardDatetime if is_two else datetime},
            "pytz": pytz_of_it if is_two else {**pytz_of_it, "all_timezones": pytz.all_timezones},
        },
        "adapter": {"dispatch": lambda name, package: lambda *arguments: f"{name}({', '.join(arguments)})"},
        "didomi__type_timestamp": lambda: "timestamp",
    }
    module = environment.from_string((dbt.SQL / "macros" / file).read_text(), globals=context).module
    try:
        return str(getattr(module, name)(*arguments))
    except Returned as returned:
        return str(returned.args[0])


class AwkwardDatetime(datetime):
    """As dbt 2 has it: seconds are asked for, and `%f` has nine digits."""

    @classmethod
    def fromisoformat(cls, text: str) -> AwkwardDatetime:
        if not re.match(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d:\d\d|$)", text):
            raise ValueError(text)
        return super().fromisoformat(text)

    def strftime(self, form: str) -> str:
        return super().strftime(form) + "000"


def test_pairs_are_the_kinds_of_errors_everywhere() -> None:
    assert [
        macro("errors.sql", "didomi__error_kinds", version, {"didomi_error_kinds": LIST}) for version in VERSIONS
    ] == [str(LIST)] * len(VERSIONS)


VERSIONS = ("1.11.16", "1.12.6", "2.0.8")


def test_a_mapping_of_kinds_keeps_its_order_or_is_refused() -> None:
    """dbt 1 takes it as written; dbt 2 has sorted it by then, and says what to write."""
    mapping = {"didomi_error_kinds": dict(LIST)}
    for version in VERSIONS[:2]:
        assert macro("errors.sql", "didomi__error_kinds", version, mapping) == str([tuple(pair) for pair in LIST])
    with pytest.raises(CompilerError, match="write a list of pairs"):
        macro("errors.sql", "didomi__error_kinds", "2.0.8", mapping)


@pytest.mark.parametrize(
    "kinds", ["quota", 5, ["quota"], [["quota"]], [["a", "b", "c"]], [["a", 5]], [{"a": "b"}], None]
)
@pytest.mark.parametrize("version", VERSIONS)
def test_kinds_that_are_no_pairs_are_refused(kinds: Any, version: str) -> None:
    with pytest.raises(CompilerError, match="didomi_error_kinds is .*write a list of pairs"):
        macro("errors.sql", "didomi__error_kinds", version, {"didomi_error_kinds": kinds})


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("2026-11-23", "2026-11-23 00:00:00.000000"),
        ("2026-11-23T06:00", "2026-11-23 06:00:00.000000"),
        ("2026-11-23T06:00Z", "2026-11-23 06:00:00.000000"),
        ("2026-11-23 06:00+02:00", "2026-11-23 04:00:00.000000"),
        ("2026-11-23T06:00-02:00", "2026-11-23 08:00:00.000000"),
        ("2026-11-23 06:00:30", "2026-11-23 06:00:30.000000"),
        ("2026-11-23T06:00:30.123456Z", "2026-11-23 06:00:30.123456"),
        ("2026-11-23T06:00:30.123+01:00", "2026-11-23 05:00:30.123000"),
    ],
)
def test_the_as_of_time_is_one_literal_everywhere(version: str, given: str, written: str) -> None:
    """Seconds may lack, and there are six digits behind them."""
    literal = macro("time.sql", "didomi__as_of", version, {"didomi_as_of": given})
    assert literal.strip() == f"cast('{written}' as timestamp)"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_time_zone_is_a_name_that_every_warehouse_knows(version: str) -> None:
    """As the database of zones spells it."""
    for zone in ("UTC", "Europe/Paris", "America/Argentina/Buenos_Aires", "Etc/GMT+3"):
        told = macro("time.sql", "didomi__local_date", version, {"didomi_timezone": zone}, "x")
        assert told.strip() == f"didomi__local_date(x, {zone})"
    for zone in ("europe/paris", "Europe/Pari", "", "UTC+2", 5):
        with pytest.raises(CompilerError, match=re.escape(f"didomi_timezone is '{zone}': write a name")):
            macro("time.sql", "didomi__local_date", version, {"didomi_timezone": zone}, "x")


@pytest.mark.thorough
def test_a_mapping_and_pairs_give_the_same_sql(tmp_path: Path) -> None:
    """In dbt itself: a project that has set its kinds as a mapping keeps what it has."""
    compiled = []
    for kinds in (dict(LIST), LIST):
        dbt.dbt(
            *("compile", "--no-introspect", "--no-populate-cache", "--select", "didomi__export_runs"),
            folder=tmp_path,
            variables={"didomi_error_kinds": kinds, "didomi_as_of": "2026-11-23T06:00"},
        )
        (path,) = (tmp_path / "target" / "compiled" / "didomi" / "models").rglob("didomi__export_runs.sql")
        compiled.append(path.read_text())
    assert compiled[0] == compiled[1]
    assert "then 'has an o''s'" in compiled[0]
    assert "'2026-11-23 06:00:00.000000'" in compiled[0]


def test_a_profile_holds_no_text_of_none() -> None:
    """dbt 1 leaves out what is none, dbt 2 what is empty; all ten keys of a key file are texts that are not empty there."""
    outputs = yaml.safe_load((dbt.SQL / "profiles.yml").read_text())["didomi"]["outputs"]
    rendered = {
        version: {name: values(output, version) for name, output in outputs.items()} for version in ("1.11.16", "2.0.8")
    }
    assert rendered["2.0.8"]["snowflake"]["role"] == ""
    assert rendered["1.11.16"]["snowflake"]["role"] == "None"
    assert [
        (name, key) for name, output in rendered["2.0.8"].items() for key, value in output.items() if value == "None"
    ] == []
    key_file = values(outputs["bigquery"]["keyfile_json"], "2.0.8")
    assert key_file.keys() == {
        *("type", "project_id", "private_key_id", "private_key", "client_email", "client_id"),
        *("auth_uri", "token_uri", "auth_provider_x509_cert_url", "client_x509_cert_url"),
    }
    assert (key_file["private_key_id"], key_file["client_id"]) == ("none", "none")
    former = values(outputs["bigquery"]["keyfile_json"], "1.11.16")
    assert (former["private_key_id"], former["client_id"]) == ("", "")


def values(output: Mapping[str, Any], version: str) -> dict[str, str]:
    """The texts of an output, rendered in an empty environment."""
    environment = jinja2.Environment()
    environment.filters.update(as_native=lambda value: value, as_number=lambda value: value)
    context: dict[str, Any] = {"env_var": lambda name, default="": default, "dbt_version": version}
    return {
        key: environment.from_string(text, globals=context).render()
        for key, text in output.items()
        if isinstance(text, str)
    }


def test_nothing_is_written_that_dbt_2_does_not_know() -> None:
    """No list of time zones, no mapping of a variable, and semantic models that dbt 1.12 does not look for elsewhere."""
    files = [
        *(dbt.SQL / "macros").glob("*.sql"),
        *(dbt.SQL / "models").rglob("*.*"),
        *(dbt.SQL / "tests").glob("*.sql"),
    ]
    text = "".join(path.read_text() for path in files)
    assert "all_timezones" not in text
    assert not re.search(r"var\([^)]*\)\.", text)
    settings = yaml.safe_load((dbt.SQL / "dbt_project.yml").read_text())
    assert [name for name, value in settings["vars"].items() if isinstance(value, dict)] == []
    enabled = re.findall(r"semantic_model:\n(?: *#.*\n)? *enabled: (.*)", text)
    assert len(enabled) == text.count("semantic_model:") == 4
    assert set(enabled) == {"\"{{ project_name == 'didomi' or dbt_version >= '2' }}\""}


@pytest.mark.parametrize("version", VERSIONS)
def test_numbers_are_refused_by_the_name_of_the_variable(version: str) -> None:
    """A warehouse would complain of the SQL that they become, or compare with something else."""
    for given in (0, 26, 1.25, "48", "0.5"):
        assert macro("variables.sql", "didomi__number", version, {"didomi_x": given}, "didomi_x").strip() == str(given)
    for given in ("soon", "", None, -1, True, [26], "1 or 1 = 1", float("nan"), float("inf")):
        with pytest.raises(CompilerError, match=re.escape(f"didomi_x is {given}: write a number, 0 or more")):
            macro("variables.sql", "didomi__number", version, {"didomi_x": given}, "didomi_x")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_text_is_not_true(version: str) -> None:
    """As Jinja has it: `--vars` and environment variables bring texts."""
    for given, meant in ((True, "True"), (False, "False"), ("true", "True"), ("False", "False")):
        assert macro("variables.sql", "didomi__is_set", version, {"didomi_x": given}, "didomi_x").strip() == meant
    for given in ("yes", 1, None, []):
        with pytest.raises(CompilerError, match=re.escape(f"didomi_x is {given}: write true or false")):
            macro("variables.sql", "didomi__is_set", version, {"didomi_x": given}, "didomi_x")
