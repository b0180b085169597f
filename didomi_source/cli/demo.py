"""`didomi demo`: the whole job against the sandbox."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from didomi_source.errors import ConfigurationError, DestinationError

from .app import CODES, app, end, text
from .options import Days, Seed, Verbose, set_up_log

if TYPE_CHECKING:
    from collections.abc import Callable

    from didomi_sandbox import Sandbox, Store
    from didomi_source.health.deliveries import DeliveryStatus
    from didomi_source.job.summary import Summary

RATES = """select
    coalesce(name, export_id) as export, runs_completed_28d, runs_failed_28d, success_rate_28d
from didomi_marts.didomi__exports
order by success_rate_28d nulls last, export"""

_RUNS = "from didomi_marts.didomi__export_runs"

VOLUMES = """select
    coalesce(exports.name, export_id) as export, days.run_date, days.users, days.expected_users,
    days.users / nullif(days.expected_users, 0) - 1 as difference
from didomi_marts.didomi__daily_user_volume as days
join didomi_marts.didomi__exports as exports using (export_id)
where days.users is not null
qualify row_number() over (partition by export_id order by days.run_date desc) = 1
order by export"""

Rows = list[tuple[Any, ...]]
_DELIVERIES = "SOURCES__DIDOMI__DELIVERIES__"


@app.command(epilog=text("Examples:\n  didomi demo\n  didomi demo --folder /tmp/try --seed 3 --days 400", CODES))
def demo(
    folder: Annotated[Path, typer.Option("--folder", help="Where to put the demo.", metavar="FOLDER")] = Path(
        "didomi-demo"
    ),
    seed: Seed = 7,
    days: Days = 200,
    verbose: Verbose = 0,
) -> None:
    """Run the whole job against a made-up API and bucket.

    Needs no account and no network.
    """
    set_up_log(verbose)
    from .show import print_summary
    from .steps import Steps
    from .streams import results

    with Steps() as steps:
        summary, rates, volumes, wrong = run_demo(folder, steps.report, seed=seed, days=days)
    with results():
        print_summary(summary)
        if summary.exit_code == 0:
            print_demo(rates, volumes, wrong, next_steps(folder))
    end(summary.failures)


def run_demo(
    folder: Path, report: Callable[[str], None], *, seed: int, days: int
) -> tuple[Summary, Rows, Rows, list[DeliveryStatus]]:
    """Serve made-up exports, write what they delivered, and load both into `warehouse.duckdb` in a folder.

    Args:
        folder: The folder of the warehouse and the bucket; it may exist.
        report: Called with each step as it starts.
        seed: The seed of the history.
        days: Its days.

    Returns:
        The summary of the run; each export's success rate with its runs; each export's latest users with the expected
        ones; the wrong deliveries.

    Raises:
        DidomiError: A step failed.
    """
    from didomi_source.health.deliveries import read_deliveries
    from didomi_source.job.run import run
    from didomi_source.warehouse.dbt import started
    from didomi_source.warehouse.duckdb import DUCKDB_FILE
    from didomi_source.warehouse.target import Target

    module, database, bucket = sandbox_module(), folder.absolute() / DUCKDB_FILE, folder.absolute() / "bucket"
    target = Target(working_dir=folder / ".didomi")
    with started(target.working_dir) as dbt:  # which imports itself while the history is made up
        store = module.generate(seed=seed, days=days)
        report("Writing the files that the exports delivered")
        write_bucket(store, bucket, "--folder")
        report("Starting a local Didomi API")
        with module.serve(store) as api, _environment(settings_of(api, database) | _of_this_bucket_alone(bucket)):
            summary = run(target, report=report, dbt=dbt)
            if summary.exit_code:
                return summary, [], [], []
            wrong = [delivery for delivery in read_deliveries(target) if delivery.is_wrong]
    return summary, _query(database, RATES), _query(database, VOLUMES), wrong


def print_demo(rates: Rows, volumes: Rows, wrong: Sequence[DeliveryStatus], steps: Sequence[str]) -> None:
    """Print what the marts say after a demo, and what to try next."""
    from didomi_source.health.words import percent

    from .deliveries import print_deliveries
    from .show import print_line, print_table, print_title

    print_title("Success rates, last 28 days")
    print_table(
        ["Export", ">Completed", ">Failed", ">Success rate"],
        [[export, f"{good or 0:,}", f"{failed or 0:,}", percent(rate)] for export, good, failed, rate in rates],
    )
    print_title("Users, latest delivery")
    print_table(
        ["Export", "Delivered", ">Users", ">Expected", ">Difference"],
        [
            [export, str(day), f"{users:,}", "-" if expected is None else f"{expected:,.0f}", percent(difference, "+")]
            for export, day, users, expected, difference in volumes
        ],
    )
    print_title("Deliveries that are not as claimed, last 7 days")
    print_deliveries(wrong)
    print_title("Look further")
    for step in steps:
        print_line(f"  {step}")


def next_steps(folder: Path) -> list[str]:
    """Commands to continue with."""
    from didomi_source.warehouse.duckdb import DUCKDB_FILE

    query = f"import duckdb; duckdb.connect('{DUCKDB_FILE}', read_only=True).sql('{_RUNS}').show()"
    # The bare name is found only while the virtual environment is active.
    didomi = "didomi" if shutil.which("didomi") else shlex.quote(str(Path(sys.argv[0]).absolute()))
    return [
        f"cd {shlex.quote(str(folder))}",
        f"{didomi} status",
        f"{didomi} deliveries",
        f"{didomi} report",
        f'{shlex.quote(sys.executable)} -c "{query}"',
    ]


def settings_of(sandbox: Sandbox, database: Path) -> dict[str, str]:
    """The environment that points the connector at a sandbox and a DuckDB file."""
    return {
        **access_to(sandbox),
        "SOURCES__DIDOMI__EXPORT_IDS": "[]",  # overrides a configured list
        "DESTINATION__DUCKDB__CREDENTIALS": f"duckdb:///{database.absolute()}",
    }


def access_to_bucket(bucket: Path) -> dict[str, str]:
    """The environment that points the connector at a folder as if it were Didomi's bucket on S3."""
    return {f"{_DELIVERIES}BUCKET_URL": str(bucket), f"{_DELIVERIES}RETENTION_DAYS": "7"}


def _of_this_bucket_alone(bucket: Path) -> dict[str, str]:
    """The same, and no archive that is configured for another bucket."""
    return {**access_to_bucket(bucket), f"{_DELIVERIES}ARCHIVE_TO": ""}


def write_bucket(store: Store, folder: Path, option: str) -> None:
    """Write what the exports of a sandbox delivered in the last seven days.

    Args:
        store: The sandbox's logs.
        folder: The root of the bucket; it is made.
        option: The option that names another place.

    Raises:
        DestinationError: It cannot be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        sandbox_module().write_deliveries(store, folder)
    except OSError as error:
        msg = f"cannot write to {folder} ({error.strerror}): choose another place with {option}"
        raise DestinationError(msg) from None


def access_to(sandbox: Sandbox) -> dict[str, str]:
    """The environment that points the connector at a sandbox."""
    return {
        "SOURCES__DIDOMI__API_KEY": sandbox.api_key,
        "SOURCES__DIDOMI__API_SECRET": sandbox.api_secret,
        "SOURCES__DIDOMI__ORGANIZATION_ID": sandbox.organization_id,
        "SOURCES__DIDOMI__BASE_URL": sandbox.base_url,
    }


def sandbox_module() -> Any:
    """The sandbox, if it is installed.

    Raises:
        ConfigurationError: It is not.
    """
    try:
        import didomi_sandbox as sandbox
    except ImportError:
        raise ConfigurationError("the sandbox is not installed: pip install 'didomi-source[demo]'") from None
    return sandbox


def _environment(values: Mapping[str, str]) -> AbstractContextManager[object]:
    from unittest.mock import patch

    from didomi_source.warehouse.open import NAME

    # Settings of the pipeline alone, which dlt looks for first, would lead to the real API and warehouse.
    return patch.dict(os.environ, {**values, **{f"{NAME.upper()}__{name}": value for name, value in values.items()}})


def _query(database: Path, query: str) -> Rows:
    import duckdb

    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute(query).fetchall()
