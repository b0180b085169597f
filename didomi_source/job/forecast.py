"""The requests and seconds that a run would take, from one page of each export; nothing is written."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from didomi_source.errors import DidomiError, NotFound
from didomi_source.warehouse.target import Target, prepare_environment

from .deliveries import DeliveryForecast, forecast_deliveries, open_existing
from .options import Options

if TYPE_CHECKING:
    from didomi_source.api.client import DidomiClient
    from didomi_source.reading.plan import Plan
    from didomi_source.schema import Row
    from didomi_source.settings import Settings


@dataclass(frozen=True)
class ExportForecast:
    """What reading one export would take."""

    export_id: str
    name: str | None
    mode: str
    reason: str
    api_total: int | None
    requests: int
    error: str | None = None


@dataclass(frozen=True)
class Forecast:
    """What a run would take, with its login and the list of exports; of the API, and of the delivered files."""

    exports: list[ExportForecast]
    requests: int
    seconds: float
    deliveries: DeliveryForecast | None = None

    @property
    def failures(self) -> list[str]:
        """The exports that cannot be read, with why."""
        lines = [f"export {export.export_id}: {export.error}" for export in self.exports if export.error]
        if self.deliveries is not None and self.deliveries.error:
            lines.append(f"deliveries: {self.deliveries.error}")
        return lines

    def as_dict(self) -> dict[str, Any]:
        """For machines; stable keys."""
        return {name: value for name, value in asdict(self).items() if name != "deliveries" or value is not None}


def forecast(target: Target, options: Options, report: Callable[[str], None]) -> Forecast:
    """Estimate the requests and seconds of a run, if the API honours `$sort`; three times as many if it does not.

    Raises:
        DidomiError: What a run would raise.
    """
    from didomi_source.api.client import DidomiClient
    from didomi_source.settings import load_settings
    from didomi_source.source import list_exports

    prepare_environment()
    settings = load_settings(options.export_ids)
    report("Looking at what the warehouse holds")
    outlook_of = _outlooks(settings, target, options)
    report("Asking the API for a page of each export")
    with closing(DidomiClient(settings)) as client:
        started = time.monotonic()
        client.authenticate()
        exports = list_exports(client, settings)
        before = client.requests_sent  # the login, and the lists of exports
        found = [_export(client, settings, export, outlook_of(export)) for export in exports]
        requests = before + sum(export.requests for export in found)
        pace = (time.monotonic() - started) / client.requests_sent
        seconds = round(max(client.seconds_for(requests), requests * pace), 1)
    return Forecast(found, requests, seconds, forecast_deliveries(target, options, [e.export_id for e in found]))


class _Outlook(NamedTuple):
    """How an export would be read.

    Args:
        plan: The mode, and why.
        again: How many known logs an incremental read repeats.
        total: The last total.
        is_loaded: Whether the warehouse holds a log or a configuration of it.
    """

    plan: Plan
    again: int = 0
    total: int = 0
    is_loaded: bool = False

    def wanted(self, total: int | None) -> int | None:
        """The number of logs to read, given the current total; None for all."""
        return self.again + max(0, (total or 0) - self.total) if self.plan.mode == "incremental" else None


def _outlooks(settings: Settings, target: Target, options: Options) -> Callable[[Row], _Outlook]:
    """A function of an export that returns how it would be read, from the destination's state."""
    from didomi_source.reading.destination import Destination, DestinationState, KnownExport
    from didomi_source.reading.plan import Request, plan
    from didomi_source.reading.unknown import is_loaded

    request = Request("forecast", options.full, options.created_from, options.created_to)
    now = datetime.now(timezone.utc)
    state = DestinationState()
    found: dict[str, _Outlook] = {}
    with open_existing(target) as pipeline:
        if pipeline is not None:
            destination = Destination(pipeline)
            state = destination.state()
            for export_id, known in state.exports.items():
                chosen = plan(known, settings, request, now)
                again = destination.count(export_id, chosen.until) if chosen.until else 0
                found[export_id] = _Outlook(chosen, again, known.complete_total or 0)
    new = _Outlook(plan(KnownExport(), settings, request, now))
    return lambda export: found.get(export["id"], new)._replace(is_loaded=is_loaded(export, state))


def _export(client: DidomiClient, settings: Settings, export: Row, outlook: _Outlook) -> ExportForecast:
    from didomi_source.api.client import Direction
    from didomi_source.reading.exports import is_bare
    from didomi_source.reading.pages import REFUSES_SORT
    from didomi_source.reading.unknown import UNKNOWN

    def told(total: int | None, requests: int, error: str | None = None) -> ExportForecast:
        return ExportForecast(export["id"], export.get("name"), chosen.mode, chosen.reason, total, requests, error)

    chosen = outlook.plan
    try:
        try:
            items, total = client.logs_page(export["id"], 0, settings.page_size, Direction.DESCENDING)
        except REFUSES_SORT:
            items, total = client.logs_page(export["id"], 0, settings.page_size, None)
    except DidomiError as error:
        is_unknown = isinstance(error, NotFound) and is_bare(export) and not outlook.is_loaded
        return told(None, 1, UNKNOWN if is_unknown else str(error))
    if not items and is_bare(export) and not outlook.is_loaded:
        return told(total, 1, UNKNOWN)
    return told(total, _requests(total, len(items), outlook.wanted(total)))


def _requests(total: int | None, page_length: int, wanted: int | None = None) -> int:
    """How many requests reading a sorted list takes.

    Args:
        total: The length of the list; None when the server does not say, then it is taken for one page.
        page_length: How many items the first page held.
        wanted: How many of the newest are to be read; None for all.
    """
    # The first page, and one more: what comes after it, or the other end.
    if total is None or total <= page_length or (wanted is not None and wanted < page_length):
        return 2
    further = (total if wanted is None else min(wanted + 1, total)) - page_length
    # Pages overlap by an item; a read to the end shows that nothing follows.
    return 2 + -(-further // max(page_length - 1, 1)) + (wanted is None or wanted >= total)
