"""Didomi export logs for a warehouse: a dlt source, a job around it, and a command line.

The way data goes, one module each:

    client      the API's HTTP: login, pages, retries (with auth, rate_limit, transport)
    paging      how one list is read completely
    sync        what of an export's logs has to be read, and what of it is new
    known       what the destination holds already (with marks)
    schema      the tables, and how a log becomes a row (with rows, values, arrow)
    source      the dlt source: what to import
    deliveries  the delivered files: a second dlt source
    job         what a schedule runs: load, build the models, judge
    report      the page to read in the morning
    alerts      who is told that the health of an export has changed
    signals     what a run tells machines: pings, metrics, traces
    cli         the command `didomi`
    sandbox     a local Didomi API, for the demo and the tests
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .deliveries import didomi_deliveries as didomi_deliveries
    from .reading.plan import Request as Request
    from .source import didomi_source as didomi_source

__all__ = ["Request", "didomi_deliveries", "didomi_source"]


def __getattr__(name: str) -> Any:
    # dlt takes a second to import; `didomi --help` does not need it.
    if name == "didomi_source":
        from .source import didomi_source

        return didomi_source
    if name == "didomi_deliveries":
        from .deliveries import didomi_deliveries

        return didomi_deliveries
    if name == "Request":
        from .reading.plan import Request

        return Request
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
