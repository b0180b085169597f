"""local-bigquery, with three details of the REST API that dlt and dbt rely on. Runs in .venvs/local-bigquery.

python bigquery_server.py --host … --port … --grpc-port … --data-dir … --project …
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

from local_bigquery.catalog import tables
from local_bigquery.cli import main
from local_bigquery.jobs import load, query, runner
from local_bigquery.models import TableReference, TableSchema


def unpacking(original):
    """Unpack uploads (BigQuery knows gzip by its first bytes), and take the schema of the table that is there."""

    def run(cursor, config, upload):
        if upload and (data := Path(upload).read_bytes())[:2] == b"\x1f\x8b":
            Path(upload).write_bytes(gzip.decompress(data))
        reference = tables.reference(config.destinationTable)
        if not config.schema_ and not config.autodetect and tables.exists(*reference):
            config = config.replace(schema_=TableSchema(fields=tables.fields(tables.load(*reference))))
        return original(cursor, config, upload)

    return run


def naming_targets(original):
    """Say which table a CREATE TABLE AS made."""

    def execute(*args, **kwargs):
        statistics, changes, destination = original(*args, **kwargs)
        created = statistics.statementType == "CREATE_TABLE_AS_SELECT" and statistics.ddlTargetTable
        if destination is None and created:
            destination = TableReference(**statistics.ddlTargetTable.dump())
        return statistics, changes, destination

    return execute


def teach():
    original, load.run = load.run, unpacking(load.run)
    for kind, handler in list(runner.HANDLERS.items()):
        if handler is original:
            runner.HANDLERS[kind] = load.run
    query.execute = naming_targets(query.execute)


if __name__ == "__main__":
    teach()
    main(sys.argv[1:])
