"""`didomi check`: whether everything that a run needs is in place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import typer

from didomi_source.errors import ConfigurationError, DidomiError

from .app import CODES, app, text
from .options import Dataset, Destination, ExportIds, Verbose, target_of
from .show import print_line, styled
from .streams import results

if TYPE_CHECKING:
    from didomi_source.deliveries.settings import DeliverySettings
    from didomi_source.schema import Row
    from didomi_source.warehouse.target import Target


@app.command(epilog=text("Examples:\n  didomi check\n  didomi check --destination snowflake", CODES))
def check(
    destination: Destination = "duckdb",
    dataset: Dataset = "didomi_raw",
    export_id: ExportIds = None,
    verbose: Verbose = 0,
) -> None:
    """Check that a run has everything it needs.

    Logs in, lists the exports that can be read, reads a delivered file where they are counted, connects to the
    destination, and finds dbt: one line each.
    """
    target = target_of(verbose, destination=destination, dataset=dataset)
    worst = 0
    with results():
        for finding in find(target, tuple(export_id or ())):
            print_line(styled(*_mark(finding)).append(styled(f"{finding.subject}: {finding.text}", "default")))
            worst = max(worst, finding.exit_code)
    raise typer.Exit(worst)


class Finding(NamedTuple):
    """The result of one check: whether it is good, and what to know or do. One with code 0 stops no run."""

    subject: str
    is_good: bool
    text: str
    exit_code: int = 0


def _mark(finding: Finding) -> tuple[str, str]:
    if finding.is_good:
        return "ok      ", "green"
    return ("failed  ", "red") if finding.exit_code else ("warning ", "yellow")


def find(target: Target, export_ids: Sequence[str] = ()) -> Iterator[Finding]:
    """Check the settings, the API, each export, the delivered files, the destination and the models.

    Yields:
        A finding for each, as soon as it is known; those that depend on a failed one are left out.
    """
    from didomi_source.warehouse.target import prepare_environment

    prepare_environment()
    yield from _check_api(target, export_ids)
    yield from _check_deliveries()
    yield from _check_destination(target)


def _check_api(target: Target, export_ids: Sequence[str]) -> Iterator[Finding]:
    from didomi_source.api.client import DidomiClient
    from didomi_source.reading.exports import is_bare
    from didomi_source.reading.unknown import UNKNOWN
    from didomi_source.settings import load_settings
    from didomi_source.source import list_exports

    try:
        settings = load_settings(export_ids)
    except DidomiError as error:
        yield _failed("settings", error)
        return
    yield Finding("settings", True, f"organization {settings.organization_id}, {settings.base_url}")
    with closing(DidomiClient(settings)) as client:
        try:
            client.authenticate()
            yield Finding("login", True, "the API accepts the key")
            exports = list_exports(client, settings)
        except DidomiError as error:
            yield _failed("exports" if client.is_authenticated else "login", error)
            return
        for export in exports:
            subject = f"export {export['id']}"
            try:
                logs, total = client.logs_page(export["id"], 0, 1, None)
            except DidomiError as error:
                yield _failed(subject, error)
                continue
            is_listed = not is_bare(export)
            if logs or is_listed or _is_loaded(target, export):
                yield Finding(subject, True, _known_of(export.get("name"), logs, total, is_listed=is_listed))
            else:
                yield _failed(subject, ConfigurationError(UNKNOWN))


def _known_of(name: str | None, logs: list[Any], total: int | None, *, is_listed: bool) -> str:
    size = "no log yet" if not logs else "logs" if total is None else f"{total:,} logs"
    return (f"{name}, " if name else "") + size + ("" if is_listed else ", and its configuration is not listed")


def _is_loaded(target: Target, export: Row) -> bool:
    from didomi_source.reading.destination import Destination
    from didomi_source.reading.unknown import is_loaded
    from didomi_source.warehouse.open import open_read_only

    with suppress(Exception), open_read_only(target) as pipeline:  # what is wrong with it is found afterwards
        return is_loaded(export, Destination(pipeline).state())
    return False


def _check_deliveries() -> Iterator[Finding]:
    """Send one LIST and one GET, if deliveries are read at all."""
    from didomi_source.deliveries.settings import delivery_settings
    from didomi_source.deliveries.source import refuse_missing_packages

    subject = "deliveries"
    try:
        settings = delivery_settings()
        if settings.bucket_url:
            refuse_missing_packages()
            yield Finding(subject, True, _newest_delivery(settings))
    except DidomiError as error:
        yield _failed(subject, error)


def _newest_delivery(settings: DeliverySettings) -> str:
    """Read the beginning of a file of the newest delivery that the first page of the listing shows."""
    from didomi_source.deliveries.access import open_source
    from didomi_source.deliveries.layout import DATA, partitions_of

    store = open_source(settings)
    payer = ", this account pays for requests" if settings.requester_pays else ""
    found = [partition for partition in partitions_of(next(store.pages(DATA), [])) if partition.files]
    if not found:
        return f"{store.url} can be listed, and nothing lies below data/: is it the folder that holds data/?{payer}"
    newest = max(found, key=lambda partition: partition.delivery_date)
    next(store.blocks(newest.files[0]), b"")
    return f"{store.url} can be read, {newest.export_id} of {newest.delivery_date} for one{payer}"


def _check_destination(target: Target) -> Iterator[Finding]:
    from didomi_source.schema import TABLES
    from didomi_source.warehouse.credentials import check_path, describe
    from didomi_source.warehouse.open import open_temporary
    from didomi_source.warehouse.postgres import check_rights
    from didomi_source.warehouse.profiles import dbt_environment
    from didomi_source.warehouse.read import check_connection, refuse_foreign_tables

    subject = "destination"
    try:
        with open_temporary(target) as pipeline:
            where = describe(pipeline)
            check_path(pipeline, target)
            check_connection(pipeline)
            check_rights(pipeline, target.schemas)
            refuse_foreign_tables(pipeline, target.dataset, TABLES)
            yield Finding(subject, True, f"{where}, dataset {target.dataset}")
            subject = "models"
            dbt_environment(pipeline, target)
            yield Finding(subject, True, f"dbt for {target.destination} is installed")
    except DidomiError as error:
        yield _failed(subject, error)


def _failed(subject: str, error: DidomiError) -> Finding:
    return Finding(subject, False, str(error), error.exit_code)
