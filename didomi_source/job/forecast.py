"""What a run would ask of the API, told beforehand: one page of each export is read, and nothing is written."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from didomi_source.errors import DidomiError

from . import warehouse
from .options import Options, load_settings, prepare_environment
from .pipeline import reading, scratch

if TYPE_CHECKING:
    from didomi_source.client import DidomiClient
    from didomi_source.known import Known, KnownExport
    from didomi_source.settings import Settings
    from didomi_source.sync import Plan


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
    """What a run would take, with its login and the list of exports."""

    exports: list[ExportForecast]
    requests: int
    seconds: float

    @property
    def failures(self) -> list[str]:
        """The exports that cannot be read, with why."""
        return [f"export {export.export_id}: {export.error}" for export in self.exports if export.error]

    def as_dict(self) -> dict[str, Any]:
        """For machines; stable keys."""
        return asdict(self)


def forecast(options: Options, report: Callable[[str], None]) -> Forecast:
    """Tell how many requests and seconds a run would take, if `$sort` is honoured; three times as many if not.

    Args:
        options: What the run would be asked to do.
        report: Told each step.

    Raises:
        DidomiError: What a run would raise.
    """
    from didomi_source.client import DidomiClient
    from didomi_source.source import list_exports

    prepare_environment()
    settings = load_settings(options.export_ids)
    report("Looking at what the warehouse holds")
    known = _known(options)
    report("Asking the API for a page of each export")
    with closing(DidomiClient(settings)) as client:
        started = time.monotonic()
        client.authenticate()
        exports = list_exports(client, settings)
        before = client.requests_sent  # the login, and the lists of exports
        found = [
            _export(client, settings, options, export["id"], export.get("name"), known.export(export["id"]))
            for export in exports
        ]
        requests = before + sum(export.requests for export in found)
        pace = (time.monotonic() - started) / client.requests_sent
        return Forecast(found, requests, round(max(client.seconds_for(requests), requests * pace), 1))


def _known(options: Options) -> Known:
    from didomi_source.known import Destination, Known

    with scratch(options) as pipeline:
        path = warehouse.duckdb_path(pipeline)
    if path is not None and not path.exists():
        return Known()
    with reading(options) as pipeline:
        return Destination(pipeline).known()


def _export(
    client: DidomiClient, settings: Settings, options: Options, export_id: str, name: str | None, known: KnownExport
) -> ExportForecast:
    from didomi_source.paging import REFUSES_SORT, Direction
    from didomi_source.sync import Request, plan

    request = Request("forecast", options.full, options.created_from, options.created_to)
    chosen = plan(known, settings, request, datetime.now(timezone.utc))
    try:
        try:
            items, total = client.logs_page(export_id, 0, settings.page_size, Direction.DESCENDING)
        except REFUSES_SORT:
            items, total = client.logs_page(export_id, 0, settings.page_size, None)
    except DidomiError as error:
        return ExportForecast(export_id, name, chosen.mode, chosen.reason, None, 1, str(error))
    requests = _requests(total, len(items), _wanted(chosen, known, total))
    return ExportForecast(export_id, name, chosen.mode, chosen.reason, total, requests)


def _wanted(chosen: Plan, known: KnownExport, total: int | None) -> int | None:
    """How many logs an incremental read goes through: those known since the watermark, and the new ones."""
    if chosen.mode != "incremental" or chosen.until is None:
        return None
    since = sum(log.created_at is not None and log.created_at >= chosen.until for log in known.logs.values())
    return since + max(0, (total or 0) - (known.complete_total or 0))


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
