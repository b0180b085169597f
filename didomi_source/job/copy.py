"""Copy the raw tables into another warehouse: the next run there continues where the last one here ended."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from didomi_source.errors import ConfigurationError, DestinationError, TableMissing
from didomi_source.warehouse.credentials import describe
from didomi_source.warehouse.errors import named_errors
from didomi_source.warehouse.open import LOADER_FORMATS, open_for_loading, open_read_only
from didomi_source.warehouse.read import select
from didomi_source.warehouse.target import Target, prepare_environment

from .lock import run_lock

if TYPE_CHECKING:
    import dlt

    Columns = dict[str, dict[str, Any]]

_CHUNK = 5_000


def copy(source: Target, to: str, report: Callable[[str], None]) -> dict[str, int]:
    """Copy every raw table, whole, with its columns and its keys.

    Rows are merged by their keys, so that an interrupted copy can be repeated.

    Args:
        source: Where the tables are, and where the working directory is.
        to: The destination to copy them to; its dataset has the same name.
        report: Called with each step.

    Returns:
        Table → its number of rows, the same in both.

    Raises:
        ConfigurationError: Both are the same destination, or one is not configured.
        DestinationError: One cannot be used, the target contains other runs already, or rows did not arrive.
    """
    if to == source.destination:
        raise ConfigurationError(f"cannot copy from {to} to {to}: use the tools of the warehouse")
    prepare_environment()
    target = replace(source, destination=to)
    with run_lock(source.working_dir), open_read_only(source) as old:
        report(f"Reading {describe(old)}")
        tables = _tables(old)
        with open_for_loading(target, report) as (new, _):
            _refuse_other_runs(old, new, source.dataset)
            report(f"Copying to {describe(new)}")
            with named_errors(new, with_cause=True):
                new.run(_source(old, tables), loader_file_format=LOADER_FORMATS.get(to))  # type: ignore[arg-type]
            return _counted(old, new, source.dataset, tables)


def _tables(old: dlt.Pipeline) -> dict[str, Columns]:
    """The existing raw tables, each with its columns in their order, without dlt's own."""
    from didomi_source.schema import TABLES

    with named_errors(old, with_cause=True):
        old.sync_destination()
    known: Any = old.default_schema.tables if old.default_schema_name else {}
    found: dict[str, Columns] = {
        name: {column: dict(hints) for column, hints in known[name]["columns"].items() if not column.startswith("_dlt")}
        for name in TABLES
        if name in known
    }
    if not found:
        msg = f"{describe(old)} holds no dataset {old.dataset_name} of didomi: name another with --dataset"
        raise DestinationError(msg)
    return found


def _source(old: dlt.Pipeline, tables: dict[str, Columns]) -> Any:
    """The tables as a dlt source of the runs' name, so that both have the same schema."""
    import dlt

    from didomi_source.source import with_table_hints

    def resources() -> Iterator[Any]:
        dlt.current.source_schema().remove_type_detection("iso_timestamp")
        for name, columns in tables.items():
            yield with_table_hints(dlt.resource(_rows(old, name, columns), name=name), name, columns)

    return dlt.source(resources, name="didomi", section="didomi", max_table_nesting=0)()


def _rows(old: dlt.Pipeline, table: str, columns: Columns) -> Iterator[Any]:
    import dlt

    names = list(columns)
    kinds = [columns[name].get("data_type") for name in names]
    with old.sql_client() as client:
        quoted = ", ".join(map(client.escape_column_name, names))  # a field may be called `select`
        query = f"select {quoted} from {client.make_qualified_table_name(table)}"  # noqa: S608 - quoted
        with client.execute_query(query) as cursor:
            yield dlt.mark.materialize_table_schema()  # of a table without rows, too
            while chunk := cursor.fetchmany(_CHUNK):
                yield [
                    {n: _value(v, k) for n, v, k in zip(names, row, kinds, strict=True) if v is not None}
                    for row in chunk
                ]


def _value(value: Any, kind: str | None) -> Any:
    """Convert a value from the adapter's type to the one that the source has."""
    if kind == "json" and isinstance(value, str):
        return json.loads(value)
    return int(value) if kind == "bigint" and isinstance(value, Decimal) else value


def _refuse_other_runs(old: dlt.Pipeline, new: dlt.Pipeline, dataset: str) -> None:
    """Refuse a target with runs of its own: older rows would replace theirs."""
    there = _ids(new, dataset)
    if there - _ids(old, dataset):
        where = describe(new)
        msg = f"{where} has runs of its own in {dataset}, which a copy would undo: copy into an empty dataset"
        raise DestinationError(msg)


def _ids(pipeline: dlt.Pipeline, dataset: str) -> set[str]:
    try:
        rows = select(pipeline, dataset, "export_syncs", ["sync_id"])
    except TableMissing:
        return set()
    return {row["sync_id"] for row in rows}


def _counted(old: dlt.Pipeline, new: dlt.Pipeline, dataset: str, tables: dict[str, Columns]) -> dict[str, int]:
    counts = {}
    for table in tables:
        expected, found = (int(select(p, dataset, table, ["count(*)"])[0]["count(*)"]) for p in (old, new))
        if found != expected:
            raise DestinationError(f"only {found} of {expected} rows of {table} arrived in {describe(new)}: copy again")
        counts[table] = found
    return counts
