"""The job itself: load, build the models, write the outputs."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import NamedTuple

from didomi_source.errors import DestinationError, DidomiError, ModelsFailed
from didomi_source.warehouse import dbt as models
from didomi_source.warehouse.credentials import describe
from didomi_source.warehouse.dbt import Dbt, Models
from didomi_source.warehouse.dbt_version import wait_for_dbt_2
from didomi_source.warehouse.errors import named_errors
from didomi_source.warehouse.open import open_for_loading
from didomi_source.warehouse.postgres import one_build_at_a_time
from didomi_source.warehouse.profiles import dbt_environment
from didomi_source.warehouse.target import Target, prepare_environment

from .deliveries import RunDeliveries
from .load import Load, Report
from .lock import run_lock
from .options import Options
from .summary import Summary
from .verify import unbuilt

logger = logging.getLogger(__name__)


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
            with named_errors(pipeline, with_cause=True):
                deliveries = RunDeliveries(request.run_id, options.recount)
            environment: dict[str, str] = {}
            if dbt:
                variables = {**deliveries.model_vars, **options.model_vars, "didomi_schema": target.dataset}
                environment = dbt_environment(pipeline, target)
                dbt.order("build", environment, variables)
            loaded = Load(pipeline, settings, target, options, request, deliveries, report).run()
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
