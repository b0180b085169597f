"""Didomi export logs for a warehouse: a dlt source, a job around it, and a command line.

Rooms, in the direction of the data:

    api         HTTP: login, pages, retries, rate limit
    reading     which logs are read, completely and cheaply, and how they become rows
    deliveries  the delivered files: listed, counted, archived
    source      the dlt source: what to import
    warehouse   everything that knows a database: open, read, lock, error messages, dbt
    job         what a schedule runs: load, verify, build the models
    health      how each export is, as the marts say it
    report      the page to read in the morning
    notify      who is notified of changes
    metrics     what a run reports to machines: pings, metrics, traces
    cli         the command `didomi`
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .deliveries.source import didomi_deliveries as didomi_deliveries
    from .reading.plan import Request as Request
    from .source import didomi_source as didomi_source

__all__ = ["Request", "didomi_deliveries", "didomi_source"]

_HOMES = {"didomi_source": ".source", "didomi_deliveries": ".deliveries.source", "Request": ".reading.plan"}


def __getattr__(name: str) -> Any:
    # dlt takes a second to import; `didomi --help` does not need it.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)
