"""`didomi doctor`: versions, paths, and every setting with its origin; secrets are not shown."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from didomi_source.configuration import SECTION, environment_name, providers
from didomi_source.errors import ConfigurationError, DidomiError

from .app import CODES, app, text
from .options import Dataset, Destination, Verbose, WorkingDir, target_of
from .show import print_line, print_title
from .streams import results

if TYPE_CHECKING:
    from didomi_source.dlt_compat import ConfigProvider
    from didomi_source.warehouse.target import Target

_PACKAGES = {
    "the job": ("didomi-source", "dlt", "dbt-core"),
    "duckdb": ("duckdb", "dbt-duckdb"),
    "postgres": ("psycopg2-binary", "dbt-postgres"),
    "bigquery": ("google-cloud-bigquery", "dbt-bigquery"),
    "snowflake": ("snowflake-connector-python", "dbt-snowflake"),
    "report": ("altair", "vl-convert-python"),
    "notify": ("apprise",),
    "deliveries": ("isal", "obstore", "boto3"),
    "otel": ("opentelemetry-sdk",),
}
_SECRET = {"api_key", "api_secret"}
_DELIVERIES = "deliveries"  # the section below `sources.didomi`
_OTHER = ("notify.urls", "notify.ping_url", "runtime.dlthub_telemetry", "destination.duckdb.storage_version")
_VARIABLES = (
    "DIDOMI_DESTINATION",
    "DIDOMI_DATASET",
    "DIDOMI_WORKING_DIR",
    "DIDOMI_VARS",
    "DIDOMI_DBT",
    "DIDOMI_MAX_AGE",
    "DIDOMI_MIN_RATE",
    "DIDOMI_LOG_FORMAT",
)


class Fact(NamedTuple):
    """One thing about the set-up."""

    group: str
    name: str
    value: str
    origin: str = ""


@app.command(epilog=text("Examples:\n  didomi doctor\n  didomi doctor --destination bigquery", CODES))
def doctor(
    destination: Destination = "duckdb",
    dataset: Dataset = "didomi_raw",
    working_dir: WorkingDir = Path(".didomi"),
    verbose: Verbose = 0,
) -> None:
    """Print versions, paths and settings, and their origin.

    For finding the cause of a fault, and for bug reports: secrets are not shown. Sends nothing over the network;
    `didomi check` does. A settings file that cannot be read is reported, and the environment shown.
    """
    target = target_of(verbose, destination=destination, dataset=dataset, working_dir=working_dir)
    found = list(facts(target))
    with results():
        for group in dict.fromkeys(fact.group for fact in found):
            print_title(group.capitalize())
            for fact in found:
                if fact.group == group:
                    print_line(f"{fact.name:<36} {fact.value}" + (f"  ({fact.origin})" if fact.origin else ""))


def facts(target: Target) -> Iterator[Fact]:
    """Collect everything; sends nothing over the network, and opens no warehouse."""
    yield from _versions()
    asked, problem = _asked()  # before this package's defaults are set, which would look like the user's
    if problem:
        yield Fact("settings", "problem", problem)
    yield from _settings(asked)
    yield from _paths(target)


def _asked() -> tuple[Sequence[ConfigProvider], str]:
    """What dlt asks for settings, in its order; the environment alone, and why, where the rest cannot be used."""
    try:
        return providers(), ""
    except ConfigurationError as error:
        from didomi_source.dlt_compat import EnvironProvider

        return [EnvironProvider()], str(error)


def _versions() -> Iterator[Fact]:
    import importlib.metadata
    import platform

    yield Fact("versions", "python", platform.python_version(), platform.platform(terse=True))
    for needed_by, packages in _PACKAGES.items():
        for package in packages:
            try:
                yield Fact("versions", package, importlib.metadata.version(package), needed_by)
            except importlib.metadata.PackageNotFoundError:
                yield Fact("versions", package, "not installed", needed_by)


def _paths(target: Target) -> Iterator[Fact]:
    from didomi_source.warehouse.credentials import describe
    from didomi_source.warehouse.dbt import project_dir
    from didomi_source.warehouse.open import open_temporary
    from didomi_source.warehouse.target import prepare_environment

    yield Fact("paths", "working directory", str(target.working_dir.absolute()))
    for name in (".dlt/config.toml", ".dlt/secrets.toml"):
        path = Path(name).absolute()
        yield Fact("paths", name, str(path), "" if os.path.isfile(path) else "not there")  # noqa: PTH113 - Path.is_file raises where the folder cannot be read
    try:
        yield Fact("paths", "dbt project", str(project_dir()))
        prepare_environment()
        with open_temporary(target) as pipeline:
            yield Fact("paths", "warehouse", describe(pipeline), f"dataset {target.dataset}")
    except DidomiError as error:
        yield Fact("paths", "warehouse", str(error))


def _settings(asked: Sequence[ConfigProvider]) -> Iterator[Fact]:
    from didomi_source.settings import Settings

    defaults = dict(Settings())
    for name, default in defaults.items():
        value, origin = _found(asked, f"{SECTION}.{name}")
        if value in (None, "") and default is None:
            yield Fact("settings", f"{SECTION}.{name}", "missing", origin)
        elif value is None:
            yield Fact("settings", f"{SECTION}.{name}", "all" if default == () else str(default), "default")
        else:
            yield Fact("settings", f"{SECTION}.{name}", _shown(name, value), origin)
    yield from _of_deliveries_and_unknown(asked, defaults)
    for name in _OTHER:
        value, origin = _found(asked, name)
        if value is not None:
            yield Fact("settings", name, "set, not shown" if name.startswith("notify") else str(value), origin)
    for name in _VARIABLES:
        if name in os.environ:
            yield Fact("settings", name, os.environ[name], "environment")


def _shown(name: str, value: Any) -> str:
    if name in _SECRET:
        return "set, not shown"
    return str(value).rpartition("@")[2]  # an address may hold a password


def _of_deliveries_and_unknown(asked: Sequence[ConfigProvider], known: Mapping[str, Any]) -> Iterator[Fact]:
    """The settings of deliveries that are given, and those that nobody reads: most are misspelt."""
    from didomi_source.deliveries.settings import DeliverySettings

    of_deliveries = {f"{_DELIVERIES}.{name}" for name in DeliverySettings()}
    for name, origin in sorted(_given(asked).items()):
        setting = f"{SECTION}.{name}"
        parent = ".".join(name.split(".")[:2])  # credentials are several settings
        if parent in of_deliveries and parent.endswith("credentials"):
            yield Fact("settings", setting, "set, not shown", origin)
        elif name in of_deliveries:
            value, origin = _found(asked, setting)  # noqa: PLW2901 - the one that holds
            yield Fact("settings", setting, _shown(name, value), origin)
        elif name not in known:
            yield Fact("settings", setting, "not a setting: is it misspelt?", origin)


def _given(asked: Sequence[ConfigProvider]) -> dict[str, str]:
    """The names below `sources.didomi` in the environment and the files, and where each is."""
    prefix = environment_name("")
    given = {
        name.removeprefix(prefix).lower().replace("__", "."): "environment"
        for name in os.environ
        if name.startswith(prefix)
    }
    for provider, section in _sections(asked):
        given |= dict.fromkeys(section, provider)
    return given


def _sections(asked: Sequence[ConfigProvider]) -> Iterator[tuple[str, list[str]]]:
    """The names under [sources.didomi] and [sources.didomi.deliveries] of each file."""
    import tomlkit

    for provider in asked:
        for location in provider.present_locations:
            found: Any = tomlkit.parse(Path(location).read_text("utf-8"))
            for part in SECTION.split("."):
                found = _table(found).get(part)
            below = _table(found)
            deliveries = below.get(_DELIVERIES)
            names = [name for name in below if name != _DELIVERIES or not isinstance(deliveries, dict)]
            yield location, names + [f"{_DELIVERIES}.{name}" for name in _table(deliveries)]


def _table(found: Any) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}


def _found(asked: Sequence[ConfigProvider], name: str) -> tuple[Any, str]:
    """The value that holds, as it is written, and where it is from."""
    *sections, key = name.split(".")
    for provider in asked:
        value, _ = provider.get_value(key, str, None, *sections)
        if value is not None:
            locations = ", ".join(provider.present_locations)
            return value, locations or "environment"
    return None, ""
