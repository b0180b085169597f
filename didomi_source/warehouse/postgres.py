"""What PostgreSQL alone offers: the rights of a role, read from its catalogue, and advisory locks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from didomi_source.errors import DestinationError, ModelsFailed

from .credentials import location, name_of
from .errors import named_errors
from .open import open_temporary
from .target import Target

if TYPE_CHECKING:
    import dlt

BUILD_SECONDS = 900.0


def check_rights(pipeline: dlt.Pipeline, schemas: Sequence[str]) -> None:
    """Refuse a role that cannot create what a run creates.

    Args:
        pipeline: Whose warehouse it is; any but PostgreSQL passes.
        schemas: Those that a run writes to.

    Raises:
        DestinationError: The role lacks a right; or the database cannot be reached.
    """
    if name_of(pipeline) != "postgres":
        return
    query = """
        select
            name,
            to_regnamespace(name) is not null,
            case when to_regnamespace(name) is not null then has_schema_privilege(name, 'CREATE') end,
            has_database_privilege(current_database(), 'CREATE'),
            current_setting('default_transaction_read_only') = 'on'
        from unnest(%s) as name"""
    with named_errors(pipeline), pipeline.sql_client() as client:
        found = client.execute_sql(query, list(schemas)) or []
    lacking = [f"CREATE on schema {name}" for name, exists, may_create, *_ in found if exists and not may_create]
    if any(not exists and not may_create for _, exists, _, may_create, _ in found):
        lacking.append("CREATE on the database")
    if any(row[-1] for row in found):
        lacking.append("writing: default_transaction_read_only is on")
    if lacking:
        raise DestinationError(
            f"the user of {location(pipeline)} lacks a right that a run needs (docs/warehouses.md lists them): "
            f"{', '.join(lacking)}"
        )


@contextmanager
def one_build_at_a_time(target: Target, report: Callable[[str], None]) -> Iterator[None]:
    """Wait while another machine builds the same models: on PostgreSQL two builds at once fail at each other's tables.

    Raises:
        ModelsFailed: The other one did not end within BUILD_SECONDS.
    """
    if target.destination != "postgres":
        yield
        return
    with ExitStack() as stack:
        pipeline = stack.enter_context(open_temporary(target))
        with named_errors(pipeline):
            client: Any = pipeline.sql_client()
            stack.enter_context(client)
            client.native_connection.autocommit = False
            client.execute_sql("set local idle_in_transaction_session_timeout = 0")
            _lock(client, target, report)
        yield  # the server releases the lock with the connection, which ends the transaction


def _lock(client: Any, target: Target, report: Callable[[str], None]) -> None:
    deadline = time.monotonic() + BUILD_SECONDS
    # Two keys of 32 bits: one for this package, one for the schema. The lock is the transaction's: a pooler may give
    # each another connection to the server, and one that it keeps would keep the lock of a session.
    query = "select pg_try_advisory_xact_lock(hashtext('didomi'), hashtext(%s))"
    while not client.execute_sql(query, target.marts)[0][0]:
        if time.monotonic() >= deadline:
            msg = f"another machine has been building {target.marts} for {BUILD_SECONDS / 60:.0f} minutes: run again"
            raise ModelsFailed(msg)
        report("Waiting for another machine that builds the models")
        time.sleep(1)
