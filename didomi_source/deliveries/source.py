"""The delivered files of the exports as a dlt source: one row for each export, date and data kind."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import dlt

from didomi_source.configuration import ids_of
from didomi_source.dlt_compat import DltResource
from didomi_source.errors import ConfigurationError, DeliveryError
from didomi_source.read_back import active_pipeline
from didomi_source.schema import EXPORT_DELIVERIES, OF_DLT, WRITE_DISPOSITION
from didomi_source.switches import refuse_switches

from .known import TABLE, KnownDeliveries
from .outcome import DeliveryRequest
from .settings import SECTIONS, DeliverySettings, delivery_settings

if TYPE_CHECKING:
    from .planning import Planner


# Of the same name as the logs' source: one dlt schema holds all tables of a dataset.
@dlt.source(name="didomi", section="didomi", max_table_nesting=0)
def didomi_deliveries(
    export_ids: Sequence[str] | None = None, request: DeliveryRequest | None = None, **settings: Any
) -> DltResource:
    """List, count and, if wanted, archive the files that the exports delivered.

    A file that is wrong is part of its row. A bucket that cannot be listed or an archive that takes no copies fails
    nothing: it is noted in `request.outcome`, and what was read is loaded.

    Args:
        export_ids: The exports to read, as `didomi_source` takes them; without them all that have files.
        request: What this run asks for; its `outcome` says what the run learned.
        settings: Fields of `DeliverySettings`; what is not given is resolved by dlt from `sources.didomi.deliveries`.

    Returns:
        The resource `export_deliveries`; grain: export, date and data kind. docs/tables.md describes its rows.

    Raises:
        ConfigurationError: `bucket_url` is not set, a setting cannot be right, or a package is missing.
    """
    resolved = delivery_settings(**settings)
    if not resolved.bucket_url:
        name = "__".join([*SECTIONS, "bucket_url"]).upper()
        msg = f"there is no place to read deliveries from: set {name} to the folder that holds data/"
        raise ConfigurationError(msg)
    refuse_missing_packages()
    dlt.current.source_schema().remove_type_detection("iso_timestamp")
    asked = request or DeliveryRequest()
    if asked.export_ids is None:
        asked.export_ids = ids_of(export_ids or ()) or None

    def export_deliveries() -> Iterator[Any]:
        pipeline = active_pipeline()
        refuse_switches(pipeline)
        if TABLE not in dlt.current.source_schema().tables:  # so that it exists even when it never gets a row
            yield dlt.mark.materialize_table_schema()
        asked.prepare()
        planner = delivery_planner(resolved, asked, KnownDeliveries(pipeline))
        if planner is not None:
            from .reading import DeliveryReader

            yield from DeliveryReader(planner).rows(planner.plan())

    hints: Any = {**EXPORT_DELIVERIES, **OF_DLT}
    disposition: Any = WRITE_DISPOSITION
    return dlt.resource(export_deliveries, name=TABLE, columns=hints, write_disposition=disposition)


def refuse_missing_packages() -> None:
    """Refuse to begin what could not count a file.

    Raises:
        ConfigurationError: A package of the extra `deliveries` is missing.
    """
    try:
        from . import archive, reading  # noqa: F401 - they import the packages
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"counting needs {error.name}: pip install 'didomi-source[deliveries]'") from None


def delivery_planner(settings: DeliverySettings, request: DeliveryRequest, known: KnownDeliveries) -> Planner | None:
    """Open the store and the archive of one run.

    Returns:
        The planner; None, with the reason in the outcome, when the store cannot be opened.

    Raises:
        ConfigurationError: A package of the extra `deliveries` or the credentials are missing.
    """
    refuse_missing_packages()
    from .access import open_archive, open_source
    from .archive import Archive
    from .planning import Planner

    outcome = request.outcome
    for export_id in request.export_ids or ():
        outcome.of(export_id)
    try:
        store = open_source(settings)
    except DeliveryError as error:
        outcome.fail(str(error))
        return None
    archive = Archive(settings.archive_to, lambda: open_archive(settings)) if settings.archive_to else None
    request.run_id = request.run_id or f"{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
    return Planner(store, archive, known, settings, request)
