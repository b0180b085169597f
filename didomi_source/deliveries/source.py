"""The delivered files of the exports as a dlt source: one row for each export, date and data kind."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from typing import Any, cast

import dlt
from dlt.common.configuration.container import Container
from dlt.common.pipeline import PipelineContext
from dlt.extract import DltResource

from didomi_source.errors import ConfigurationError, DeliveryError
from didomi_source.schema import EXPORT_DELIVERIES, OF_DLT, WRITE_DISPOSITION, Row

from .known import TABLE, KnownDeliveries
from .outcome import DeliveryOutcome
from .settings import SECTIONS, DeliverySettings, delivery_settings


@dataclass
class DeliveryRequest:
    """What a run asks for, and what it learns.

    Args:
        run_id: The run's name; without one a new name.
        recount: Days whose files are read again, although they are known.
        outcome: Filled while the source is extracted.
    """

    run_id: str = ""
    recount: Collection[date] = ()
    outcome: DeliveryOutcome = field(default_factory=DeliveryOutcome)


@dlt.source(name="didomi_deliveries", section="didomi", max_table_nesting=0)
def didomi_deliveries(
    export_ids: Collection[str] | None = None, request: DeliveryRequest | None = None, **settings: Any
) -> DltResource:
    """List, count and, if wanted, archive the files that the exports delivered.

    A file that is wrong is part of its row. A bucket that cannot be listed or an archive that takes no copies fails
    nothing: it is noted in `request.outcome`, and what was read is loaded.

    Args:
        export_ids: The exports to read, looked at when the extraction begins; without them all that have files.
        request: What this run asks for; its `outcome` says what the run learned.
        settings: Fields of `DeliverySettings`; what is not given is resolved by dlt from `sources.didomi.deliveries`.

    Returns:
        The resource `export_deliveries`; grain: export, date and data kind. docs/tables.md describes its rows.

    Raises:
        ConfigurationError: `bucket_url` is not set, or a setting cannot be right.
    """
    resolved = delivery_settings(**settings)
    if not resolved.bucket_url:
        name = "__".join([*SECTIONS, "bucket_url"]).upper()
        msg = f"there is no place to read deliveries from: set {name} to the folder that holds data/"
        raise ConfigurationError(msg)
    asked = request or DeliveryRequest()

    def export_deliveries() -> Iterator[Any]:
        if TABLE not in dlt.current.source_schema().tables:  # so that it exists even when it never gets a row
            yield dlt.mark.materialize_table_schema()
        yield from delivery_rows(resolved, export_ids, asked, _active_pipeline())

    hints: Any = {**EXPORT_DELIVERIES, **OF_DLT}
    disposition: Any = WRITE_DISPOSITION
    return dlt.resource(export_deliveries, name=TABLE, columns=hints, write_disposition=disposition)


def delivery_rows(
    settings: DeliverySettings,
    export_ids: Collection[str] | None,
    request: DeliveryRequest,
    pipeline: dlt.Pipeline | None,
) -> Iterator[Row]:
    """Read what is new, against what the pipeline's destination holds.

    Args:
        settings: The resolved settings.
        export_ids: The exports to read; None for all.
        request: What this run asks for, and where to note what it learns.
        pipeline: The pipeline; None: nothing is known.

    Yields:
        Rows of `export_deliveries`.

    Raises:
        ConfigurationError: A package of the extra `deliveries` or the credentials are missing.
    """
    reader = _reader(settings, export_ids, request, pipeline)
    if reader is not None:
        yield from reader.rows(reader.plan(export_ids))


def _reader(
    settings: DeliverySettings, export_ids: Collection[str] | None, request: DeliveryRequest, pipeline: Any
) -> Any:
    from .access import open_archive, open_source

    try:
        from .archive import Archive
        from .reading import DeliveryReader
    except ModuleNotFoundError as error:
        msg = f"counting needs {error.name}: pip install 'didomi-source[deliveries]'"
        raise ConfigurationError(msg) from None
    outcome = request.outcome
    for export_id in export_ids or ():
        outcome.of(export_id)
    try:
        store = open_source(settings)
    except DeliveryError as error:
        outcome.fail(str(error))
        return None
    archive = Archive(settings.archive_to, lambda: open_archive(settings)) if settings.archive_to else None
    run_id = request.run_id or f"{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
    return DeliveryReader(store, archive, KnownDeliveries(pipeline), settings, run_id, request.recount, outcome)


def _active_pipeline() -> dlt.Pipeline | None:
    context = Container()[PipelineContext]
    return cast("dlt.Pipeline", context.pipeline()) if context.is_active() else None
