"""The job itself: finish what was left, load, check what was loaded, build the models."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from didomi_source.errors import DestinationError, DidomiError

from . import models, warehouse
from .lock import run_lock
from .options import Options, load_settings, prepare_environment
from .summary import SYNC_COLUMNS, Models, Summary

if TYPE_CHECKING:
    import dlt

    from didomi_source.settings import Settings

logger = logging.getLogger(__name__)

Report = Callable[[str], None]


def run(options: Options, report: Report = logger.info) -> Summary:
    """Load the logs, build the models, and tell what came of it.

    Args:
        options: What to do; keys and credentials come from dlt's configuration.
        report: Told each step as it begins.

    Returns:
        What came of it; `exit_code` judges it.

    Raises:
        DidomiError: Nothing could be loaded; its `exit_code` says of which kind it is.
    """
    prepare_environment()
    settings = load_settings(options.export_ids)
    with run_lock(options.working_dir):
        report("Opening the warehouse")
        pipeline = warehouse.open_pipeline(options)
        where = warehouse.describe(pipeline)
        environment = {} if options.skip_models else warehouse.dbt_environment(pipeline, options)
        warehouse.wait_until_writable(pipeline)
        notes = _finish_pending(pipeline, report)
        started = time.monotonic()
        report("Loading export logs")
        run_id = _load(pipeline, settings, options)
        syncs = _check_loaded(pipeline, options, run_id)
        seconds = time.monotonic() - started
        warehouse.close(pipeline)
        built = _build(options, environment, report)
    return Summary(run_id, where, options.dataset, syncs, built, seconds, notes)


def _finish_pending(pipeline: dlt.Pipeline, report: Report) -> list[str]:
    """Load what a killed run left behind; dlt's own `run` would do only that and return."""
    if not pipeline.has_pending_data:
        return []
    report("Finishing what an interrupted run left")
    try:
        pipeline.run()
    except Exception as error:
        failure = _unwrap(error)
        if not isinstance(failure, Exception) or _is_passing(failure):
            raise _translate(error) from error
        # Nothing is lost: what the destination does not hold is read again.
        pipeline.abort_packages()
        return [f"an interrupted run could not be finished ({type(failure).__name__}); it was read again"]
    return ["an interrupted run was finished first"]


def _load(pipeline: dlt.Pipeline, settings: Settings, options: Options) -> str:
    from didomi_source.source import didomi_source, new_run_id
    from didomi_source.sync import Request

    request = Request(new_run_id(), options.full, options.created_from, options.created_to)
    source = didomi_source(**settings.as_arguments(), request=request)
    try:
        pipeline.run(source, loader_file_format=warehouse.LOADER_FORMATS.get(options.destination))  # type: ignore[arg-type]
    except Exception as error:
        raise _translate(error) from error
    return request.run_id


def _check_loaded(pipeline: dlt.Pipeline, options: Options, run_id: str) -> list[dict[str, Any]]:
    """Read back what the run claims, and count whether it is there."""
    syncs = warehouse.select(
        pipeline, options.dataset, "export_syncs", SYNC_COLUMNS, "where run_id = %s order by export_id", run_id
    )
    trace = pipeline.last_trace
    info = trace.last_normalize_info if trace else None
    expected = info.row_counts.get("export_syncs", 0) if info else 0
    (found,) = warehouse.select(pipeline, options.dataset, "export_logs", ["count(*)"], "where run_id = %s", run_id)
    claimed = sum(sync["logs_new"] + sync["logs_changed"] for sync in syncs)
    if not syncs or len(syncs) < expected or found["count(*)"] < claimed:
        msg = (
            f"{found['count(*)']} of {claimed} logs and {len(syncs)} of {expected} exports arrived in the "
            "warehouse: run again; what is missing is read again"
        )
        raise DestinationError(msg)
    return syncs


def _build(options: Options, environment: dict[str, str], report: Report) -> Models | None:
    if options.skip_models:
        return None
    report("Building the models")
    variables = {"didomi_schema": options.dataset, **options.model_vars}
    return models.build(options.working_dir, environment, variables)


def _unwrap(error: BaseException) -> BaseException:
    """The error behind dlt's wrappers: ours if there is one, else the innermost."""
    seen: list[BaseException] = [error]
    while (inner := seen[-1].__cause__ or seen[-1].__context__) is not None and inner not in seen:
        seen.append(inner)
    return next((e for e in seen if isinstance(e, DidomiError)), seen[-1])


def _is_passing(error: BaseException) -> bool:
    from dlt.common.exceptions import TransientException

    return isinstance(error, (TransientException, OSError))


def _translate(error: Exception) -> DidomiError:
    found = _unwrap(error)
    if isinstance(found, DidomiError):
        return found
    step = getattr(error, "step", "run")
    msg = f"the {step} step failed: {warehouse.explain(found)}"  # type: ignore[arg-type]
    return DestinationError(msg)
