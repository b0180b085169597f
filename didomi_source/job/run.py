"""The job itself: load, read back what was loaded, build the models, write the outputs."""

from __future__ import annotations

import gc
import logging
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from didomi_source.errors import DestinationError, DidomiError, ModelsFailed, TableMissing
from didomi_source.schema import TABLES
from didomi_source.warehouse import dbt as models
from didomi_source.warehouse.credentials import describe
from didomi_source.warehouse.dbt import Dbt, Models
from didomi_source.warehouse.dbt_version import wait_for_dbt_2
from didomi_source.warehouse.duckdb import checkpoint, load_with_memory_limit
from didomi_source.warehouse.open import LOADER_FORMATS, open_for_loading
from didomi_source.warehouse.postgres import one_build_at_a_time
from didomi_source.warehouse.profiles import dbt_environment
from didomi_source.warehouse.read import Warehouse, connected, count_rows, refuse_foreign_tables, select
from didomi_source.warehouse.sqlstate import error_of
from didomi_source.warehouse.target import Target, prepare_environment

from .deliveries import RunDeliveries
from .lock import run_lock
from .options import Options
from .summary import SYNC_COLUMNS, Summary
from .verify import count_logs, unbuilt

if TYPE_CHECKING:
    import dlt

    from didomi_source.dlt_compat import NormalizeInfo
    from didomi_source.reading.packages import Reading
    from didomi_source.reading.plan import Request
    from didomi_source.settings import Settings

logger = logging.getLogger(__name__)

# Size of a load package: a larger one takes more memory, a smaller one more time.
PACKAGE_BYTES = 24 * 2**20
# Below so many rows, garbage collection takes longer than the load.
MANY_ROWS = 10_000

Report = Callable[[str], None]


class Output(NamedTuple):
    """A file to write once the models are built.

    Args:
        name: What it is, for messages: "the report".
        write: Writes it; raises a `DidomiError` when it cannot.
    """

    name: str
    write: Callable[[], object]


def run(
    target: Target = Target(),
    options: Options = Options(),
    outputs: Sequence[Output] = (),
    report: Report = logger.info,
    dbt: Dbt | None = None,
) -> Summary:
    """Load the logs, build the models, write the outputs.

    Args:
        target: Where to load; keys and credentials come from dlt's configuration.
        options: What to do.
        outputs: Files to write at the end.
        report: Called with each step as it begins.
        dbt: What builds the models; by default it is started here.

    Returns:
        What was loaded and built; its `exit_code` says whether that is everything.

    Raises:
        DidomiError: The run ended early; its `exit_code` says why. Complete packages of a long list are loaded.
    """
    from didomi_source.reading.plan import Request
    from didomi_source.settings import load_settings
    from didomi_source.source import new_run_id

    prepare_environment(target.destination)
    settings = load_settings(options.export_ids)
    with run_lock(target.working_dir), ExitStack() as stack:
        if not options.skip_models and dbt is None:
            dbt = stack.enter_context(models.started(target.working_dir))
        report("Opening the warehouse")
        with open_for_loading(target, report) as (pipeline, notes):
            where = describe(pipeline)
            request = Request(new_run_id(), options.full, options.created_from, options.created_to)
            deliveries = _deliveries(pipeline, request, options)
            environment: dict[str, str] = {}
            if dbt:
                variables = {**deliveries.model_vars, **options.model_vars, "didomi_schema": target.dataset}
                environment = dbt_environment(pipeline, target)
                dbt.order("build", environment, variables)
            loaded = _load_and_check(pipeline, settings, target, options, request, deliveries, report)
        built = _build(target, environment, dbt, report, loaded.logs) if dbt else None
        unwritten = _write(outputs, report)
    return Summary(
        run_id=request.run_id,
        destination=where,
        dataset=target.dataset,
        syncs=loaded.syncs,
        models=built,
        seconds=loaded.seconds,
        notes=[*notes, *loaded.notes, *deliveries.notes, *(built.warnings if built else ())],
        unwritten=unwritten,
        deliveries=deliveries.as_dict(),
        unread_deliveries=deliveries.failures,
        unknown=loaded.unknown,
    )


class _Loaded(NamedTuple):
    """What was loaded and is there.

    Args:
        syncs: The run's rows of `export_syncs`, with the names of the exports.
        unknown: The ids that were asked for and are no export's, with the reason.
        notes: What a reader of the summary should know.
        logs: The number of logs in the warehouse; 0 where no models are built.
        seconds: How long it took.
    """

    syncs: list[dict[str, Any]]
    unknown: Mapping[str, str]
    notes: list[str]
    logs: int
    seconds: float


def _load_and_check(
    pipeline: dlt.Pipeline,
    settings: Settings,
    target: Target,
    options: Options,
    request: Request,
    deliveries: RunDeliveries,
    report: Report,
) -> _Loaded:
    started = time.monotonic()
    report("Loading export logs")
    extracted, reading = _load(pipeline, settings, target, request, deliveries, report)
    with connected(pipeline) as warehouse:
        syncs = _check_loaded(warehouse, target.dataset, request.run_id, extracted, len(reading.exports))
        notes: list[str] = []
        if not settings.export_ids:
            notes = _unlisted(warehouse, target.dataset, settings.organization_id, reading, options)
        logs = 0 if options.skip_models else count_logs(warehouse, target.dataset)
    return _Loaded(syncs, reading.unknown, notes, logs, time.monotonic() - started)


def _deliveries(pipeline: dlt.Pipeline, request: Request, options: Options) -> RunDeliveries:
    try:
        return RunDeliveries(request.run_id, options.recount)
    except Exception as error:
        raise error_of(error, pipeline) from error


def _load(
    pipeline: dlt.Pipeline,
    settings: Settings,
    target: Target,
    request: Request,
    deliveries: RunDeliveries,
    report: Report,
) -> tuple[Counter[str], Reading]:
    """Load the logs and what was delivered; returns how many rows of each table were extracted, and what was read."""
    from didomi_source.reading.packages import Reading
    from didomi_source.source import didomi_source

    from .progress import Progress

    pipeline.collector = Progress(report)
    try:
        with closing(Reading(PACKAGE_BYTES, deliveries.columns)) as reading:
            source = didomi_source(**settings, request=request, reading=reading)
            pipeline.sync_destination()
            loader_format: Any = LOADER_FORMATS.get(target.destination)
            extract = partial(pipeline.extract, loader_file_format=loader_format)
            deliveries.extract(extract, source, reading)
            return _load_packages(pipeline, partial(extract, source), reading), reading
    except Exception as error:
        ours = error_of(error, pipeline)
        if isinstance(ours, DestinationError):
            with suppress(DestinationError):  # the first error says more
                refuse_foreign_tables(pipeline, target.dataset, TABLES)
        raise ours from error


def _load_packages(pipeline: dlt.Pipeline, extract: Callable[[], object], reading: Reading) -> Counter[str]:
    """Extract and load one package after the other; returns how many rows of each table were extracted."""
    extracted: Counter[str] = Counter()
    while True:
        extract()
        rows = _rows_of_ours(pipeline.normalize())
        extracted.update(rows)
        if sum(rows.values()) > MANY_ROWS:
            _give_memory_back()
            load_with_memory_limit(pipeline)
        else:
            pipeline.load()
        if reading.is_done:
            return extracted
        checkpoint(pipeline)


def _check_loaded(
    warehouse: Warehouse, dataset: str, run_id: str, extracted: Mapping[str, int], exports: int
) -> list[dict[str, Any]]:
    """Read back the run's rows and count them: dlt does not notice a lost file.

    Args:
        warehouse: Where they were loaded.
        dataset: Dataset of the raw tables.
        run_id: The run.
        extracted: The number of rows of each table that dlt extracted.
        exports: The number of exports that were read.

    Returns:
        The run's rows of `export_syncs`, with the names of the exports.

    Raises:
        DestinationError: Something did not arrive.
    """
    of_run = ("where run_id = %s", run_id)
    try:
        syncs = select(warehouse, dataset, "export_syncs", SYNC_COLUMNS, *of_run)
    except TableMissing:  # it comes with its first rows, and they did not arrive
        syncs = []
    # A log that changed while it was read was extracted twice. Of other tables one row at least has to arrive.
    claimed = {table: min(1, count) for table, count in extracted.items() if table != "export_logs"}
    claimed["export_deliveries"] = extracted.get("export_deliveries", 0)
    claimed["export_syncs"] = exports
    claimed["export_logs"] = sum(sync["logs_new"] + sync["logs_changed"] for sync in syncs)
    found = count_rows(warehouse, dataset, [table for table, rows in claimed.items() if rows], *of_run)
    for table, count in found.items():
        if (count or 0) < claimed[table]:
            raise DestinationError(
                f"only {count or 0} of {claimed[table]} rows of {table} arrived in the warehouse: run again; "
                "what is missing is read again"
            )
    names = {row["id"]: row["name"] for row in select(warehouse, dataset, "exports", ("id", "name"))}
    return [{"name": names.get(sync["export_id"]), **sync} for sync in sorted(syncs, key=itemgetter("export_id"))]


def _unlisted(
    warehouse: Warehouse, dataset: str, organization_id: str, reading: Reading, options: Options
) -> list[str]:
    """A note for each export of the organization that was listed once, is not listed now and is not retired."""
    from didomi_source.reading.exports import export_row

    retired = options.model_vars.get("didomi_retired_exports")  # the models say what is wrong with it
    known = {row["id"] for row in reading.exports}
    known |= {name for name in retired if isinstance(name, str)} if isinstance(retired, (list, tuple)) else set()
    columns = ("id", "name", "content_hash")
    rows = select(warehouse, dataset, "exports", columns, "where organization_id = %s", organization_id)
    gone = {
        row["id"]: f" ({row['name']})" if row["name"] else ""
        for row in rows
        if row["id"] not in known
        and row["content_hash"] != export_row({"id": row["id"]}, organization_id)["content_hash"]
    }
    advice = "if it is gone for good, retire it (docs/operations.md)"
    return [f"export {export_id}{name} is no longer listed by the API: {advice}" for export_id, name in gone.items()]


def _rows_of_ours(info: NormalizeInfo) -> dict[str, int]:
    """The number of rows of each table, without dlt's own."""
    return {table: count for table, count in info.row_counts.items() if not table.startswith("_dlt")}


def _give_memory_back() -> None:
    """Free the memory of extraction: loading needs as much again."""
    gc.collect()  # dlt's pipes keep the last batches in reference cycles
    if "pyarrow" in sys.modules:
        import pyarrow as pa

        pa.default_memory_pool().release_unused()


def _build(target: Target, environment: Mapping[str, str], dbt: Dbt, report: Report, logs: int) -> Models:
    """Build the models, and check that they are there; the logs are loaded even if they are not."""
    report("Building the models")
    started = time.monotonic()
    try:
        with one_build_at_a_time(target, report):
            wait_for_dbt_2(environment, report, target.wait_seconds)
            built = dbt.run()
        return built if built.failures else replace(built, failures=unbuilt(target, logs))
    except (ModelsFailed, DestinationError) as error:
        return Models({}, [str(error)], [], time.monotonic() - started)


def _write(outputs: Sequence[Output], report: Report) -> list[str]:
    """Write the outputs; returns a line for each that could not be written."""
    unwritten = []
    for output in outputs:
        report(f"Writing {output.name}")
        try:
            output.write()
        except DidomiError as error:
            # The logs are loaded all the same, and the summary reports them.
            unwritten.append(f"{output.name}: {error}")
    return unwritten
