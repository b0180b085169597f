"""The job itself: finish what was left, load, check what was loaded, build the models."""

from __future__ import annotations

import gc
import logging
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from didomi_source.errors import DestinationError, DidomiError, ModelsFailed, TableMissing
from didomi_source.warehouse import databases as warehouse
from didomi_source.warehouse import dbt as models
from didomi_source.warehouse import publish
from didomi_source.warehouse.errors import translate
from didomi_source.warehouse.pipelines import LOADER_FORMATS, opened
from didomi_source.warehouse.profiles import dbt_environment

from .lock import run_lock
from .options import Options, load_settings, prepare_environment
from .summary import SYNC_COLUMNS, Models, Summary

if TYPE_CHECKING:
    import dlt
    from dlt.common.pipeline import NormalizeInfo

    from didomi_source.settings import Settings

logger = logging.getLogger(__name__)

# What is loaded at once: more takes more memory, less more time.
PACKAGE_BYTES = 24 * 2**20
# A load of so few is over sooner than memory is looked through.
MANY_ROWS = 10_000

Report = Callable[[str], None]


def run(options: Options, report: Report = logger.info) -> Summary:
    """Load the logs, build the models, and tell what came of it.

    Args:
        options: What to do; keys and credentials come from dlt's configuration.
        report: Told each step as it begins.

    Returns:
        What came of it; `exit_code` judges it.

    Raises:
        DidomiError: The run broke off; its `exit_code` says why. Of a long list the packages before are loaded.
    """
    prepare_environment(options.destination)
    settings = load_settings(options.export_ids)
    publish.check(options)
    with run_lock(options.working_dir):
        report("Opening the warehouse")
        with opened(options, report) as (pipeline, notes):
            where = warehouse.describe(pipeline)
            environment = {} if options.skip_models else dbt_environment(pipeline, options)
            started = time.monotonic()
            report("Loading export logs")
            run_id, extracted = _load(pipeline, settings, options, report)
            syncs = _check_loaded(pipeline, options.dataset, run_id, extracted)
            seconds = time.monotonic() - started
        built = None if options.skip_models else _build(options, environment, report)
        unwritten = _hand_out(options, report)
    unheard_of = [s["export_id"] for s in syncs if s["is_complete"] and s["name"] is None and not s["logs_known"]]
    notes += [f"export {export_id} has neither a configuration nor a log: check its id" for export_id in unheard_of]
    notes += built.warnings if built else []
    return Summary(run_id, where, options.dataset, syncs, built, seconds, notes, unwritten)


def _load(pipeline: dlt.Pipeline, settings: Settings, options: Options, report: Report) -> tuple[str, Counter[str]]:
    from didomi_source.reading.sync import Request
    from didomi_source.source import didomi_source, new_run_id

    from .progress import Progress

    request = Request(new_run_id(), options.full, options.created_from, options.created_to, PACKAGE_BYTES)
    source = didomi_source(**settings.as_arguments(), request=request)
    pipeline.collector = Progress(report)
    extracted: Counter[str] = Counter()
    try:
        pipeline.sync_destination()
        while True:
            pipeline.extract(source, loader_file_format=LOADER_FORMATS.get(options.destination))  # type: ignore[arg-type]
            rows = _rows_of_ours(pipeline.normalize())
            extracted.update(rows)
            if sum(rows.values()) > MANY_ROWS:
                _give_memory_back()
                warehouse.load_in_little_memory(pipeline)
            else:
                pipeline.load()
            if not request.unfinished:
                break
            warehouse.tidy(pipeline)
    except Exception as error:
        raise translate(error, warehouse.place(pipeline)) from error
    return request.run_id, extracted


def _check_loaded(
    pipeline: dlt.Pipeline, dataset: str, run_id: str, extracted: Mapping[str, int]
) -> list[dict[str, Any]]:
    """Read back what the run claims, and count whether it is there; dlt does not miss a lost file.

    Returns:
        The run's rows of `export_syncs`, with the names of the exports.

    Raises:
        DestinationError: Something did not arrive.
    """

    def select(table: str, columns: tuple[str, ...]) -> list[dict[str, Any]]:
        try:
            return warehouse.select(pipeline, dataset, table, columns, "where run_id = %s", run_id)
        except TableMissing:  # it comes with its first rows, and they did not arrive
            return []

    syncs = sorted(select("export_syncs", SYNC_COLUMNS), key=itemgetter("export_id"))
    # A log that changed while it was read was extracted twice; the other tables get each row once, or keep one of two.
    claimed = {table: min(1, count) for table, count in extracted.items() if table != "export_logs"}
    claimed["export_syncs"] = extracted.get("export_syncs", 1)
    claimed["export_logs"] = sum(sync["logs_new"] + sync["logs_changed"] for sync in syncs)
    for table, rows in claimed.items():
        found = sum(row["count(*)"] for row in select(table, ("count(*)",)))
        if found < rows:
            msg = (
                f"only {found} of {rows} rows of {table} arrived in the warehouse: run again; "
                "what is missing is read again"
            )
            raise DestinationError(msg)
    names = {row["id"]: row["name"] for row in warehouse.select(pipeline, dataset, "exports", ("id", "name"))}
    return [{"name": names.get(sync["export_id"]), **sync} for sync in syncs]


def _rows_of_ours(info: NormalizeInfo) -> dict[str, int]:
    """How many rows there are for each table of ours."""
    return {table: count for table, count in info.row_counts.items() if not table.startswith("_dlt")}


def _give_memory_back() -> None:
    """Free what reading took: the warehouse needs as much again to load it."""
    gc.collect()  # dlt's pipes hold the last batches in circles
    if "pyarrow" in sys.modules:
        import pyarrow as pa

        pa.default_memory_pool().release_unused()


def _build(options: Options, environment: Mapping[str, str], report: Report) -> Models:
    report("Building the models")
    started = time.monotonic()
    variables = {"didomi_schema": options.dataset, **options.model_vars}
    try:
        return models.build(options.working_dir, environment, variables)
    except ModelsFailed as error:
        # The logs are loaded all the same, and the summary tells of them.
        return Models({}, [str(error)], [], time.monotonic() - started)


def _hand_out(options: Options, report: Report) -> list[str]:
    """Write the files that were asked for; returns a line for each that could not be."""
    from didomi_source.report import write_report

    unwritten = []
    for what, write, target in (
        ("the copy for readers", publish.publish, options.publish_to),
        ("the report", write_report, options.report_to),
    ):
        if target is None:
            continue
        report(f"Writing {what}")
        try:
            write(options, target)
        except DidomiError as error:
            # The logs are loaded all the same, and the summary tells of them.
            unwritten.append(f"{what}: {error}")
    return unwritten
