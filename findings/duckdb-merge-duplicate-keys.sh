#!/usr/bin/env bash
# Two versions of one row in a batch: DuckDB's MERGE keeps the last in 1.5 and the first in 2.0, and never raises.
#
# Versions: duckdb 1.5.6 and 2.0.1, deltalake 1.6.6, pyarrow 26.0.1, Python 3.11.
# Guess: MERGE raises, as the SQL standard wants it and Delta Lake does here; ON CONFLICT raises as PostgreSQL's does
#   ("cannot affect row a second time"). At least a release keeps what the one before it did.
# Behaviour: the batch holds ('a', 'pending') and then ('a', 'failed'). In 1.5.6, MERGE INTO and UPDATE ... FROM leave
#   'failed', whereas INSERT ... ON CONFLICT DO UPDATE and INSERT OR REPLACE leave 'pending'. In 2.0.1 all four leave
#   'pending'. MERGE and UPDATE count two rows changed, the others one. A new key arrives twice by MERGE where the table
#   has no primary key.
# Cost: pages that overlap bring a log twice, pending and then failed. With 1.5 the newer one wins, by luck of the
#   statement; the upgrade makes each such failure pending for ever, and every count of rows stays what it was.
# Output seen:
#   duckdb 1.5.6: merge into failed (2 rows), update from failed (2 rows), on conflict pending (1 rows), insert or replace pending (1 rows), delta merge DeltaError
#   duckdb 2.0.1: merge into pending (2 rows), update from pending (2 rows), on conflict pending (1 rows), insert or replace pending (1 rows), delta merge DeltaError
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > program.py <<'PYTHON'
import sys

import deltalake
import duckdb
import pyarrow

batch = pyarrow.table({"id": ["a", "a"], "status": ["pending", "failed"]})
STATEMENTS = {
    "merge into": "merge into logs using batch on logs.id = batch.id"
    " when matched then update set status = batch.status"
    " when not matched then insert values (batch.id, batch.status)",
    "update from": "update logs set status = batch.status from batch where logs.id = batch.id",
    "on conflict": "insert into logs from batch on conflict do update set status = excluded.status",
    "insert or replace": "insert or replace into logs from batch",
}


def run(statement):
    connection = duckdb.connect()
    connection.register("batch", batch)
    connection.execute("create table logs (id varchar primary key, status varchar)")
    connection.execute("insert into logs values ('a', 'new')")
    [(counted,)] = connection.execute(statement).fetchall()
    [(status,)] = connection.execute("select status from logs").fetchall()
    return f"{status} ({counted} rows)"


def merge_in_delta():
    deltalake.write_deltalake("logs", pyarrow.table({"id": ["a"], "status": ["new"]}), mode="overwrite")
    merge = deltalake.DeltaTable("logs").merge(batch, "logs.id = batch.id", source_alias="batch", target_alias="logs")
    try:
        merge.when_matched_update_all().execute()
    except deltalake.exceptions.DeltaError as error:
        return type(error).__name__
    return "no error"


results = {title: run(statement) for title, statement in STATEMENTS.items()} | {"delta merge": merge_in_delta()}
seen = ", ".join(f"{title} {result}" for title, result in results.items())
print(f"duckdb {duckdb.__version__}: {seen}")
kept = sys.argv[1]
assert seen == (
    f"merge into {kept} (2 rows), update from {kept} (2 rows), on conflict pending (1 rows), "
    "insert or replace pending (1 rows), delta merge DeltaError"
), "the behaviour changed"

connection = duckdb.connect()
connection.register("batch", batch)
connection.execute("create table logs (id varchar, status varchar)")
connection.execute(STATEMENTS["merge into"])
assert connection.execute("select count(*) from logs").fetchall() == [(2,)], "the behaviour changed"
PYTHON

check() {
    python3 -m venv "$1"
    "$1/bin/pip" install -qq "duckdb==$1" deltalake==1.6.6 pyarrow==26.0.1
    "$1/bin/python" program.py "$2"
}
check 1.5.6 failed
check 2.0.1 pending
