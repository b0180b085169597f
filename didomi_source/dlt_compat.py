"""The inner names of dlt that this package depends on, in one place: a new release of dlt may move them.

Import it where dlt is needed: that takes half a second.
"""

# ruff: noqa: PLC0414 - `as` exports a name to mypy
from __future__ import annotations

from dlt.common.configuration.container import Container as Container
from dlt.common.configuration.exceptions import ConfigurationException as ConfigurationException
from dlt.common.configuration.exceptions import (
    ConfigValueCannotBeCoercedException as ConfigValueCannotBeCoercedException,
)
from dlt.common.configuration.providers import ConfigProvider as ConfigProvider
from dlt.common.configuration.providers import EnvironProvider as EnvironProvider
from dlt.common.configuration.providers.toml import TomlProviderReadException as TomlProviderReadException
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext as PluggableRunContext
from dlt.common.destination.exceptions import DestinationUndefinedEntity as DestinationUndefinedEntity
from dlt.common.destination.exceptions import SqlClientNotAvailable as SqlClientNotAvailable
from dlt.common.exceptions import DltException as DltException
from dlt.common.exceptions import MissingDependencyException as MissingDependencyException
from dlt.common.normalizers.naming.exceptions import UnknownNamingModule as UnknownNamingModule
from dlt.common.normalizers.naming.snake_case import NamingConvention as NamingConvention
from dlt.common.pipeline import NormalizeInfo as NormalizeInfo
from dlt.common.pipeline import PipelineContext as PipelineContext
from dlt.common.runtime.telemetry import stop_telemetry as stop_telemetry
from dlt.common.storages.load_package import LoadPackageStateInjectableContext as LoadPackageStateInjectableContext
from dlt.common.storages.load_package import load_package_state as load_package_state
from dlt.destinations.adapters import bigquery_adapter as bigquery_adapter
from dlt.destinations.exceptions import DatabaseUndefinedRelation as DatabaseUndefinedRelation
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials as DuckDbCredentials
from dlt.destinations.sql_client import SqlClientBase as SqlClientBase
from dlt.extract import DltResource as DltResource
from dlt.extract import DltSource as DltSource
from dlt.extract.items_transform import MapItem as MapItem
from dlt.extract.items_transform import MetricsItem as MetricsItem
from dlt.extract.source import SourceInjectableContext as SourceInjectableContext
