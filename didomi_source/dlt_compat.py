"""The inner names of dlt that this package depends on, in one place: a new release of dlt may move them.

Each is imported when it is first asked for, since importing dlt takes a second.
"""

# ruff: noqa: PLC0414 - `as` exports a name to mypy
from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dlt.common.configuration.container import Container as Container
    from dlt.common.configuration.exceptions import ConfigurationException as ConfigurationException
    from dlt.common.configuration.exceptions import (
        ConfigValueCannotBeCoercedException as ConfigValueCannotBeCoercedException,
    )
    from dlt.common.configuration.providers import ConfigProvider as ConfigProvider
    from dlt.common.configuration.providers import EnvironProvider as EnvironProvider
    from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext as PluggableRunContext
    from dlt.common.destination.exceptions import DestinationUndefinedEntity as DestinationUndefinedEntity
    from dlt.common.destination.exceptions import SqlClientNotAvailable as SqlClientNotAvailable
    from dlt.common.exceptions import DltException as DltException
    from dlt.common.exceptions import MissingDependencyException as MissingDependencyException
    from dlt.common.normalizers.naming.exceptions import UnknownNamingModule as UnknownNamingModule
    from dlt.common.normalizers.naming.snake_case import NamingConvention as NamingConvention
    from dlt.common.pipeline import NormalizeInfo as NormalizeInfo
    from dlt.common.pipeline import PipelineContext as PipelineContext
    from dlt.common.runtime.collector import NullCollector as NullCollector
    from dlt.common.runtime.telemetry import stop_telemetry as stop_telemetry
    from dlt.common.storages.load_package import LoadPackageStateInjectableContext as LoadPackageStateInjectableContext
    from dlt.common.storages.load_package import load_package_state as load_package_state
    from dlt.destinations.adapters import bigquery_adapter as bigquery_adapter
    from dlt.destinations.exceptions import DatabaseUndefinedRelation as DatabaseUndefinedRelation
    from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials as DuckDbCredentials
    from dlt.destinations.sql_client import SqlClientBase as SqlClientBase
    from dlt.extract import DltResource as DltResource
    from dlt.extract.items_transform import MapItem as MapItem
    from dlt.extract.items_transform import MetricsItem as MetricsItem
    from dlt.extract.source import SourceInjectableContext as SourceInjectableContext

MODULES = {
    "Container": "dlt.common.configuration.container",
    "ConfigurationException": "dlt.common.configuration.exceptions",
    "ConfigValueCannotBeCoercedException": "dlt.common.configuration.exceptions",
    "ConfigProvider": "dlt.common.configuration.providers",
    "EnvironProvider": "dlt.common.configuration.providers",
    "PluggableRunContext": "dlt.common.configuration.specs.pluggable_run_context",
    "DestinationUndefinedEntity": "dlt.common.destination.exceptions",
    "SqlClientNotAvailable": "dlt.common.destination.exceptions",
    "DltException": "dlt.common.exceptions",
    "MissingDependencyException": "dlt.common.exceptions",
    "UnknownNamingModule": "dlt.common.normalizers.naming.exceptions",
    "NamingConvention": "dlt.common.normalizers.naming.snake_case",
    "NormalizeInfo": "dlt.common.pipeline",
    "PipelineContext": "dlt.common.pipeline",
    "NullCollector": "dlt.common.runtime.collector",
    "stop_telemetry": "dlt.common.runtime.telemetry",
    "LoadPackageStateInjectableContext": "dlt.common.storages.load_package",
    "load_package_state": "dlt.common.storages.load_package",
    "bigquery_adapter": "dlt.destinations.adapters",
    "DatabaseUndefinedRelation": "dlt.destinations.exceptions",
    "DuckDbCredentials": "dlt.destinations.impl.duckdb.configuration",
    "SqlClientBase": "dlt.destinations.sql_client",
    "DltResource": "dlt.extract",
    "MapItem": "dlt.extract.items_transform",
    "MetricsItem": "dlt.extract.items_transform",
    "SourceInjectableContext": "dlt.extract.source",
}
"""Name → the module of dlt that has it; the imports above are the same for type checkers."""


def __getattr__(name: str) -> Any:
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(MODULES[name]), name)


def run_context() -> PluggableRunContext:
    """Dlt's context of this process: its settings' providers, and what it started at import."""
    from dlt.common.configuration.container import Container
    from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

    return Container()[PluggableRunContext]
