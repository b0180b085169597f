"""Which of dlt's switches a run of the sources honours; any other is refused before anything is read or dropped.

    switch                       honoured                                refused
    refresh                      where dlt has nothing to drop           drop_sources, drop_resources, drop_data
    write_disposition            merge by delete-insert                  replace, append, skip, other strategies
    selected resources           exports; the tables of the logs          a part of the tables of the logs
    keys, table names, formats   those of the source                     any other
    steps after a resource       add_map, add_metrics                    those that can drop rows: filters, limits …
    schema_contract              evolve, freeze                          discard_row, discard_value
    pending packages             none                                    any: what they hold is not known yet

What a switch would empty or leave out cannot be read again: the states in which a log was seen, and when. So there is
no run that keeps some of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import dlt

from .dlt_compat import (
    Container,
    LoadPackageStateInjectableContext,
    MapItem,
    MetricsItem,
    SourceInjectableContext,
    load_package_state,
)
from .errors import ConfigurationError
from .schema import LOG_TABLES, TABLES

READ_AGAIN = (
    "To read every log again, pass `request=Request(full=True)` to the source; to begin anew, load into "
    "another dataset_name"
)
_HARMLESS_STEPS = (MapItem, MetricsItem)
_FORMATS_OF_FOLDERS = ("jsonl", "parquet")
_DUCKDB = ("duckdb", "motherduck", "ducklake")
_FORMATS_OF_DUCKDB = ("insert_values", "parquet")
_KEY_HINTS = ("primary_key", "merge_key", "dedup_sort", "hard_delete")


def refuse_switches(pipeline: dlt.Pipeline | None) -> None:
    """Refuse what the running extraction asks for and the source cannot do without loss.

    Args:
        pipeline: The active pipeline. Where none extracts, the source is iterated, and nothing can be lost.

    Raises:
        ConfigurationError: Names the switch, what it would do, and what to do instead.
    """
    is_extracting = all(
        context in Container() for context in (SourceInjectableContext, LoadPackageStateInjectableContext)
    )
    if pipeline is not None and is_extracting:
        for problem in _problems(pipeline, Container()[SourceInjectableContext].source):
            raise ConfigurationError(f"{problem}. Nothing was read or dropped")


def refuse_pending(pipeline: dlt.Pipeline | None) -> None:
    """Refuse to extract before an earlier extraction is loaded: what it holds would be read a second time.

    Args:
        pipeline: The pipeline that extracts.

    Raises:
        ConfigurationError: There are packages that are not loaded.
    """
    if pipeline is not None and pipeline.has_pending_data:
        raise ConfigurationError(
            "packages of an earlier extraction are not loaded yet, and the destination does not show what they hold: "
            "call `pipeline.normalize()` and `pipeline.load()` first"
        )


def _problems(pipeline: dlt.Pipeline, source: Any) -> Iterator[str]:
    yield from _refresh(load_package_state()["state"])
    selected = {name: resource for name, resource in source.resources.selected.items() if name in TABLES}
    missing = LOG_TABLES - selected.keys()
    if missing and missing != LOG_TABLES:
        yield (
            f"the tables of the logs are read together: select {', '.join(sorted(missing))} too, or `exports` alone; "
            "a table that nobody needs may lie unread"
        )
    if not missing and source.max_table_nesting != 0:
        yield (
            "max_table_nesting has to be 0, since a killed run doubles the rows of child tables: leave it out, and "
            "pass the source to `pipeline.run()`, not a list of its resources"
        )
    for name, resource in selected.items():
        table = resource.compute_table_schema()
        yield from _table(name, table)
        yield from _steps(name, resource)
        yield from _contract(name, source.schema.resolve_contract_settings_for_table(name, table))
        yield from _file_format(name, table.get("file_format"), source.schema.tables.get(name, {}), pipeline)


def _refresh(state: Mapping[str, Any]) -> Iterator[str]:
    emptied = [*state.get("dropped_tables", ()), *state.get("truncated_tables", ())]
    if emptied:
        names = ", ".join(sorted(table["name"] for table in emptied))
        yield (
            f"refresh={state.get('refresh')!r} would empty {names}, and with them what the API tells only "
            f"once: leave it out. {READ_AGAIN}"
        )


def _table(name: str, table: Mapping[str, Any]) -> Iterator[str]:
    disposition, strategy = table.get("write_disposition"), table.get("x-merge-strategy", "delete-insert")
    if disposition != "merge" or strategy != "delete-insert":
        given = strategy if disposition == "merge" else disposition
        yield (
            f"write_disposition {given!r} of {name} would lose or double rows: leave it out, the source merges by "
            f"delete-insert. {READ_AGAIN}"
        )
    if table["name"] != name:
        yield f"{name} is read back by its name, and so cannot be loaded as {table['name']}: leave table_name out"
    if table.get("table_format") not in (None, "native"):
        yield f"table_format {table['table_format']!r} of {name} does not merge as this source needs: leave it out"
    columns = table["columns"]
    is_as_declared = all(hints.items() <= columns.get(column, {}).items() for column, hints in TABLES[name].items())
    if not is_as_declared or _keys(columns) != _keys(TABLES[name]):
        yield (
            f"the columns of {name} are read back, and its keys decide which row replaces which: leave the hints on "
            "them out (columns, primary_key, merge_key)"
        )


def _keys(columns: Mapping[str, Any]) -> set[tuple[str, str]]:
    """The columns that decide which row replaces which, each with its hint."""
    return {(name, hint) for name, column in columns.items() for hint in _KEY_HINTS if column.get(hint)}


def _steps(name: str, resource: Any) -> Iterator[str]:
    pipe = resource._pipe  # noqa: SLF001 - dlt shows the steps of a resource nowhere else
    while pipe is not None:
        for step in pipe.steps:
            if step is not pipe.gen and not isinstance(step, _HARMLESS_STEPS):
                yield (
                    f"{type(step).__name__} on {name} may drop rows that would then be called loaded: take it off, and "
                    "select in the destination, or read less with export_ids or `request=Request(…, created_from=…)`"
                )
        pipe = pipe.parent


def _contract(name: str, contract: Mapping[str, str]) -> Iterator[str]:
    discarding = [f"{entity}={mode}" for entity, mode in contract.items() if mode.startswith("discard")]
    if discarding:
        yield (
            f"schema_contract {', '.join(discarding)} would drop rows or values of {name} without a word: "
            "choose `evolve` or `freeze`"
        )


def _file_format(name: str, given: str | None, held: Mapping[str, Any], pipeline: dlt.Pipeline) -> Iterator[str]:
    """Of a folder: DuckDB reads it back, in one format. Of DuckDB: a table without rows has to be loaded."""
    destination = pipeline.destination
    kind = "" if destination is None else destination.destination_type.rsplit(".", 1)[-1]
    if kind in _DUCKDB and given not in (None, *_FORMATS_OF_DUCKDB):
        yield f"{name} in {given} files cannot be loaded: choose loader_file_format {' or '.join(_FORMATS_OF_DUCKDB)}"
    if destination is None or kind != "filesystem":
        return
    usual = held.get("file_format") or destination.capabilities().preferred_loader_file_format
    chosen = given or usual
    if chosen not in _FORMATS_OF_FOLDERS:
        yield (
            f"{name} in {chosen} files cannot be read back, and so each run would load everything again: choose "
            f"loader_file_format {' or '.join(_FORMATS_OF_FOLDERS)}"
        )
    elif chosen != usual and held.get("x-normalizer", {}).get("seen-data"):
        yield (
            f"the folder of {name} holds {usual} files, and two formats cannot be read back together: leave "
            f"loader_file_format at {usual}, or load into another folder"
        )
