"""Didomi export logs as a dlt source.

    discovered ──► exports
         │
         └──► readings ──► export_logs · export_log_history · export_syncs · export_log_quarantine

`discovered` finds the exports, `readings` reads their logs side by side (sync.py says how), and each table
takes its rows from there. What a run has to read is decided by what the destination holds (known.py).
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import dlt
from dlt.common.configuration.container import Container
from dlt.common.pipeline import PipelineContext
from dlt.extract import DltResource

from .client import DidomiClient
from .errors import ApiError, AuthenticationError, ConfigurationError, Forbidden, NotFound
from .known import Destination, KnownExport
from .paging import Direction, Entry, ListReader, Page
from .schema import EXPORT_LOGS, TABLES, WRITE_DISPOSITION, ExtraColumns, Row, export_row, is_export
from .settings import DEFAULT_BASE_URL, DEFAULT_PAGE_SIZE, Settings, environment_name
from .sync import Batch, ExportSync, Request

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Discovered:
    """An export to read, and what is known of it."""

    row: Row
    known: KnownExport
    is_changed: bool  # its configuration


@dlt.source(name="didomi", section="didomi", max_table_nesting=0)
def didomi_source(
    api_key: str = dlt.secrets.value,
    api_secret: str = dlt.secrets.value,
    organization_id: str = dlt.config.value,
    export_ids: Sequence[str] | None = None,
    base_url: str = DEFAULT_BASE_URL,
    page_size: int = DEFAULT_PAGE_SIZE,
    lookback_days: float = 2.0,
    full_read_every_days: float = 7.0,
    retry_seconds: float = 300.0,
    answer_seconds: float = 30.0,
    max_answer_bytes: int = 64 * 1024 * 1024,
    trust_env: bool = False,  # noqa: FBT001, FBT002 - dlt fills the arguments by name
    request: Request | None = None,
) -> list[DltResource]:
    """Load the export logs of an organization.

    An export that cannot be read does not fail the others: it is logged as an error, and its row of
    `export_syncs` has `is_complete` false and the reason in `error`. Check that table after a run, or
    use `didomi_source.job.run`, which does.

    Args:
        api_key: Key of a private API key of the organization.
        api_secret: Its secret.
        organization_id: The organization.
        export_ids: The exports to read; without them all that the API lists.
        base_url: Root of the API, with its version.
        page_size: Logs asked for in one request; the API wants fewer than 100.
        lookback_days: How far behind the newest known log an incremental read goes on, in days.
        full_read_every_days: After how many days the whole list of an export is read again.
        retry_seconds: How long one request may be tried again before it counts as failed.
        answer_seconds: How long one complete answer may take.
        max_answer_bytes: How large one answer may be, unpacked.
        trust_env: Whether proxies and certificates of the environment are used.
        request: What this run asks for, beyond bringing everything up to date.

    Returns:
        The resources `exports`, `export_logs`, `export_log_history`, `export_syncs` and
        `export_log_quarantine`; docs/tables.md describes their rows.

    Raises:
        ConfigurationError: A setting cannot be right, the API refuses the key, or there is no export.
        ApiError: The API cannot be reached, or the exports cannot be listed.
    """
    settings = Settings(
        api_key=api_key,
        api_secret=api_secret,
        organization_id=organization_id,
        export_ids=tuple(export_ids or ()),
        base_url=base_url,
        page_size=page_size,
        lookback_days=lookback_days,
        full_read_every_days=full_read_every_days,
        retry_seconds=retry_seconds,
        answer_seconds=answer_seconds,
        max_answer_bytes=max_answer_bytes,
        trust_env=trust_env,
    )
    return _resources(settings, request or Request(new_run_id()))


def new_run_id() -> str:
    """A name for a run: its time and a few random digits."""
    return f"{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def _resources(settings: Settings, request: Request) -> list[DltResource]:
    client = DidomiClient(settings)
    destination = Destination(None)
    quarantined: set[str] = set()
    extra = ExtraColumns({})

    @dlt.resource(selected=False)
    def discovered() -> Iterator[_Discovered]:
        """Each export to read; one row per export."""
        nonlocal destination, quarantined, extra
        client.authenticate()
        exports = list_exports(client, settings)
        destination, extra = Destination(_active_pipeline()), ExtraColumns(_loaded_columns())
        known = destination.known()
        quarantined = known.quarantined
        for row in exports:
            is_changed = known.export_hashes.get(row["id"]) != row["content_hash"]
            yield _Discovered(row, known.export(row["id"]), is_changed)

    @dlt.transformer(data_from=discovered, selected=False, parallelized=True)
    def readings(export: _Discovered) -> Iterator[Batch]:
        """What reading the logs of an export brings, in batches."""
        sync = ExportSync(client, settings, request, export.row["id"], export.known, quarantined, extra)
        yield Batch()
        yield from sync.batches()

    @_table("exports", discovered)
    def exports(export: _Discovered) -> Iterator[Any]:
        """The export configurations, without their credentials; one row per export."""
        yield from _new_tables("exports")
        if export.is_changed:
            yield {**export.row, "run_id": request.run_id, "extracted_at": datetime.now(timezone.utc)}

    @_table("export_logs", readings)
    def export_logs(batch: Batch) -> Iterator[Any]:
        """The logs; one row per log."""
        yield from _new_tables("export_logs")
        yield batch.export_logs
        yield _marked(destination, batch.missing_since, request)

    versions: dict[str, dict[str, int]] = {}

    @_table("export_log_history", readings)
    def export_log_history(batch: Batch) -> Iterator[Any]:
        """What the logs said over time; one row per log and distinct state."""
        yield from _new_tables("export_log_history")
        yield _numbered(destination, batch.export_log_history, versions)

    @_table("export_log_quarantine", readings)
    def export_log_quarantine(batch: Batch) -> Iterator[Any]:
        """What could not be loaded; one row per item."""
        yield from _new_tables("export_log_quarantine")
        yield batch.export_log_quarantine

    @_table("export_syncs", readings)
    def export_syncs(batch: Batch) -> Iterator[Any]:
        """What was read; one row per export and run."""
        yield from _new_tables("export_syncs")
        yield batch.export_syncs

    return [exports, export_logs, export_log_history, export_log_quarantine, export_syncs]


def _table(name: str, data_from: DltResource) -> Any:
    return dlt.transformer(
        data_from=data_from, name=name, columns=TABLES[name], write_disposition=WRITE_DISPOSITION
    )


def _new_tables(name: str) -> Iterator[Any]:
    """Make a table exist even when it never gets a row."""
    if name not in dlt.current.source_schema().tables:
        yield dlt.mark.materialize_table_schema()


def _loaded_columns() -> dict[str, str]:
    """Columns of `export_logs` from earlier runs, with their types."""
    table = dlt.current.source_schema().tables.get("export_logs")
    columns = table["columns"] if table else {}
    return {
        name: column.get("data_type", "text") for name, column in columns.items() if name[:4] != "_dlt"
    }


def _active_pipeline() -> dlt.Pipeline | None:
    context = Container()[PipelineContext]
    return context.pipeline() if context.is_active() else None  # type: ignore[return-value]


def _marked(
    destination: Destination, missing_since: dict[str, datetime | None], request: Request
) -> list[Row]:
    """Whole rows of logs that are known, with a new `missing_at_source_since`."""
    if not missing_since:
        return []
    columns = list(dict.fromkeys([*EXPORT_LOGS, *_loaded_columns()]))
    return [
        {**row, "run_id": request.run_id, "missing_at_source_since": missing_since[row["id"]]}
        for row in destination.logs(list(missing_since), columns)
    ]


def _numbered(
    destination: Destination, rows: list[Row], versions: dict[str, dict[str, int]]
) -> list[Row]:
    """History rows with their sequence; states that the destination has seen already are left out."""
    unknown = {row["log_id"] for row in rows if row["sequence"] is None} - versions.keys()
    if unknown:
        versions |= {log_id: {} for log_id in unknown} | destination.versions(sorted(unknown))
    fresh = []
    for row in rows:
        if row["sequence"] is None:
            seen = versions[row["log_id"]]
            if row["version_id"] in seen:
                continue
            seen[row["version_id"]] = row["sequence"] = max(seen.values(), default=0) + 1
        fresh.append(row)
    return fresh


# -- which exports -------------------------------------------------------------------------------


def list_exports(client: DidomiClient, settings: Settings) -> list[Row]:
    """Find the exports to read, as rows of `exports` without the run's columns.

    Returns:
        The exports named in the settings; without names all that the API lists.

    Raises:
        ConfigurationError: None are named, and the API lists none or refuses to.
        ApiError: The API cannot be reached.
    """
    try:
        listed = {row["id"]: row for row in _listed(client, settings)}
    except (Forbidden, NotFound) as error:
        if not settings.export_ids:
            msg = (
                f"the exports cannot be listed: name them in {environment_name('export_ids')}, "
                f'e.g. \'["id1", "id2"]\' ({error})'
            )
            raise ConfigurationError(msg) from None
        listed = {}
    except AuthenticationError:
        raise
    except ApiError as error:
        if not settings.export_ids:
            raise
        logger.warning("the configurations of the exports cannot be read: %s", error)
        listed = {}
    if settings.export_ids:
        unlisted = (export_row({"id": i}, settings.organization_id) for i in settings.export_ids)
        return [listed.get(row["id"], row) for row in unlisted]
    if not listed:
        msg = (
            f"organization {settings.organization_id} has no export that this API key can see: check "
            f"{environment_name('organization_id')}, or name exports in {environment_name('export_ids')}"
        )
        raise ConfigurationError(msg)
    return list(listed.values())


def _listed(client: DidomiClient, settings: Settings) -> list[Row]:
    def fetch(skip: int, limit: int, direction: Direction | None) -> Page:
        items, total = client.integrations_page(skip, limit, direction)
        return Page([_entry(item, number) for number, item in enumerate(items, skip)], total)

    reader = ListReader(fetch, settings.page_size)
    entries = {entry.name: entry.item for page in reader.read() for entry in page if entry.is_readable}
    return [export_row(item, settings.organization_id) for item in entries.values()]


def _entry(item: Any, number: int) -> Entry:
    readable = is_export(item)
    return Entry(str(item["id"]) if readable else f"?{number}", None, is_readable=readable, item=item)
