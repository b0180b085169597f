"""Didomi export logs as a dlt source.

    discovered ──► exports
         │
         └──► readings ──► export_logs · export_log_history · export_syncs · export_log_quarantine

`discovered` finds the exports, `readings` reads their logs side by side (sync.py says how), and each table
takes its rows from there. What a run has to read is decided by what the destination holds (known.py).
"""

from __future__ import annotations

import logging
import math
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone
from typing import Any, cast

import dlt
from dlt.common.configuration.container import Container
from dlt.common.pipeline import PipelineContext
from dlt.destinations.adapters import bigquery_adapter
from dlt.extract import DltResource

from . import values
from .api.client import DidomiClient, Direction
from .errors import ApiError, AuthenticationError, ConfigurationError, Forbidden, NotFound
from .reading.arrow import ArrowBuffer, is_taken_by
from .reading.exports import export_row, is_bare, is_export
from .reading.fields import ExtraColumns
from .reading.known import Destination, Known
from .reading.logs import HistoryRow, LogRow, Rows, as_dict
from .reading.pages import Entry, Page
from .reading.paging import ListReader, Sort
from .reading.sync import Batch, ExportSync, Request, plan
from .schema import BIGQUERY_LAYOUT, EXPORT_LOGS, OF_DLT, TABLES, WRITE_DISPOSITION, Columns, Row
from .settings import DEFAULT_BASE_URL, DEFAULT_PAGE_SIZE, Settings, environment_name

logger = logging.getLogger(__name__)


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
    trust_env: bool = False,  # noqa: FBT001 - dlt fills the arguments by name
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
    dlt.current.source_schema().remove_type_detection("iso_timestamp")  # the first value must not make later ones wrong
    return _Run(settings, request or Request(new_run_id())).resources()


def new_run_id() -> str:
    """A name for a run: its time and a few random digits."""
    return f"{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


class _Run:
    """One run of the source, and the resources that share what it learns.

    Args:
        settings: The connector's settings.
        request: What the run asks for.
    """

    def __init__(self, settings: Settings, request: Request) -> None:
        self._settings = settings
        self._request = request
        self._client = DidomiClient(settings)
        self._destination = Destination(None)
        self._known = Known()
        self._extra = ExtraColumns({})
        self._versions: dict[str, dict[str, int]] = {}
        self._takes_arrow = False
        self._exports: list[Row] = []
        self._readings: dict[str, Iterator[Batch]] = {}
        self._package_bytes = 0
        self._buffers: defaultdict[str, ArrowBuffer] = defaultdict(ArrowBuffer)

    def resources(self) -> list[DltResource]:
        """The tables, and what feeds them."""

        @dlt.resource(selected=False)
        def discovered() -> Iterator[Row]:
            """Each export to read; one row per export."""
            yield from self._discover()

        @dlt.transformer(data_from=discovered, selected=False, parallelized=True)
        def readings(export: Row) -> Iterator[Batch]:
            """What reading the logs of an export brings, in batches."""
            yield from self._read(export)

        return [
            self._table("exports", discovered, lambda export: [self._export_rows(export)]),
            self._table(
                "export_logs", readings, lambda batch: self._packed("export_logs", self._log_rows(batch), batch)
            ),
            self._table(
                "export_log_history",
                readings,
                lambda batch: self._packed("export_log_history", self._history_rows(batch), batch),
            ),
            self._table("export_log_quarantine", readings, lambda batch: [batch.export_log_quarantine]),
            self._table("export_syncs", readings, lambda batch: [batch.export_syncs]),
        ]

    def _table(self, name: str, data_from: DltResource, items_of: Callable[[Any], list[Any]]) -> DltResource:
        def items(item: Any) -> Iterator[Any]:
            found = items_of(item)  # all of it now: dlt turns to other batches at each `yield`
            if name not in dlt.current.source_schema().tables:  # so that it exists even when it never gets a row
                yield dlt.mark.materialize_table_schema()
            yield from found

        return laid_out(dlt.transformer(items, data_from=data_from, name=name), name, TABLES[name])

    def _packed(self, name: str, rows: Rows[LogRow] | Rows[HistoryRow], batch: Batch) -> list[Any]:
        """The rows of a batch as dlt's items: Arrow tables where the destination takes them, else dicts."""
        types = {**_types(TABLES[name]), **(self._extra.types if name == "export_logs" else {})}
        # dlt would take a further column of JSON for text.
        as_arrow = self._takes_arrow and "json" not in self._extra.types.values()
        items: list[Any] = self._buffers[name].take(rows if as_arrow else None, types, batch.closes)
        return items if as_arrow else [*items, list(map(as_dict, rows))]

    # In the pipeline's thread, before anything is read.
    def _discover(self) -> Iterator[Row]:
        if not self._request.unfinished:
            self._begin()
        exports = [row for row in self._exports if row["id"] in self._readings]
        self._request.unfinished.clear()
        self._package_bytes = 0
        self._buffers.clear()
        yield from exports

    def _begin(self) -> None:
        self._client.authenticate()
        self._exports = list_exports(self._client, self._settings)
        self._destination = Destination(_active_pipeline())
        self._takes_arrow = is_taken_by(_active_pipeline())
        self._extra = ExtraColumns(_loaded_columns())
        self._known = self._destination.known()
        self._known.reading = {row["id"] for row in self._exports}
        since = {export_id: self._reads_since(export_id) for export_id in self._known.reading}
        self._destination.read_marks(self._known, since, self._settings.page_size)
        self._readings = {
            name: ExportSync(self._client, self._settings, self._request, name, self._known, self._extra).batches()
            for name in self._known.reading
        }

    def _reads_since(self, export_id: str) -> datetime | None:
        """Back to when an export will be read, if all goes as last time; None: all of it."""
        export = self._known.export(export_id)
        chosen = plan(export, self._settings, self._request, datetime.now(timezone.utc))
        return chosen.until if export.sort == Sort.HONOURED.value else None

    # In a thread of its own for each export.
    def _read(self, export: Row) -> Iterator[Batch]:
        yield Batch()
        sent = 1
        batches = self._readings.pop(export["id"])
        while self._package_bytes < (self._request.package_bytes or math.inf):
            batch = next(batches, None)
            if batch is None:
                break
            self._package_bytes += batch.size  # two threads may lose one: it need not be exact
            yield batch
            sent += 1
        else:
            self._readings[export["id"]] = batches
            self._request.unfinished.add(export["id"])
        yield Batch(closes=sent + 1)

    # In the pipeline's thread.
    def _export_rows(self, export: Row) -> list[Row]:
        loaded = self._known.export_hashes.get(export["id"])
        if loaded == export["content_hash"] or (loaded and is_bare(export)):
            return []
        self._known.export_hashes[export["id"]] = export["content_hash"]
        return [{**export, "run_id": self._request.run_id, "extracted_at": datetime.now(timezone.utc)}]

    def _log_rows(self, batch: Batch) -> Rows[LogRow]:
        if not batch.missing_since:
            return batch.export_logs
        return Rows(LogRow, [*batch.export_logs, *self._marked(batch.missing_since)])

    def _marked(self, missing_since: dict[str, datetime | None]) -> list[LogRow]:
        """Whole rows of logs that are known, with a new `missing_at_source_since`."""
        further = [name for name in _loaded_columns() if name not in EXPORT_LOGS]
        rows = self._destination.logs(list(missing_since), [*EXPORT_LOGS, *further])
        marked = []
        for row in rows:
            own: Row = {name: row.get(name) for name in EXPORT_LOGS}
            if isinstance(own["raw_log"], dict):  # as some destinations give it back
                own["raw_log"] = values.canonical(own["raw_log"])
            own |= {"run_id": self._request.run_id, "missing_at_source_since": missing_since[row["id"]]}
            marked.append(LogRow(**own, further={name: row[name] for name in further if name in row}))
        return marked

    def _history_rows(self, batch: Batch) -> Rows[HistoryRow]:
        """History rows with their sequence; states that the destination has seen already are left out."""
        rows = batch.export_log_history
        if None not in rows["sequence"]:
            return rows
        unknown = {row.log_id for row in rows if row.sequence is None} - self._versions.keys()
        found = self._destination.versions(sorted(unknown))
        self._versions.update({log_id: found.get(log_id, {}) for log_id in unknown})
        fresh = Rows(HistoryRow)
        for row in rows:
            if row.sequence is not None:
                fresh.append(row)
                continue
            seen = self._versions[row.log_id]
            if row.version_id not in seen:
                seen[row.version_id] = max(seen.values(), default=0) + 1
                fresh.append(row._replace(sequence=seen[row.version_id]))
        return fresh


def laid_out(resource: DltResource, name: str, columns: Columns) -> DltResource:
    """A resource with the columns, the disposition and the layout of one of the tables."""
    hints: Any = {**columns, **OF_DLT}
    disposition: Any = WRITE_DISPOSITION
    resource.apply_hints(columns=hints, write_disposition=disposition)
    return bigquery_adapter(resource, **BIGQUERY_LAYOUT[name]) if name in BIGQUERY_LAYOUT else resource


def _types(columns: Columns) -> dict[str, str]:
    return {name: column["data_type"] for name, column in columns.items()}


def _loaded_columns() -> dict[str, str]:
    """Columns of `export_logs` from earlier runs, with their types."""
    table = dlt.current.source_schema().tables.get("export_logs")
    columns = table["columns"] if table else {}
    return {name: column.get("data_type") or "text" for name, column in columns.items() if name[:4] != "_dlt"}


def _active_pipeline() -> dlt.Pipeline | None:
    context = Container()[PipelineContext]
    return cast("dlt.Pipeline", context.pipeline()) if context.is_active() else None


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
        return Page([_entry(item) for item in items], total)

    reader = ListReader(fetch, settings.page_size)
    entries = {entry.name: entry.item for page in reader.read() for entry in page if entry.is_readable}
    return [export_row(item, settings.organization_id) for item in entries.values()]


def _entry(item: Any) -> Entry:
    readable = is_export(item)
    name = str(item["id"]) if readable else values.digest(values.canonical(item))
    return Entry(name, None, is_readable=readable, item=item)
