#!/usr/bin/env bash
# A database table read in partitions, for speed, comes without the rows that have no value in the partition column.
#
# Versions: connectorx 0.4.6, polars 2.1.0, dask 2026.8.0, daft 0.6.14, pandas 3.1.1, pyarrow 26.0.1, sqlalchemy 2.1.9,
#   sqlglot 30.30.0, Python 3.11; the database is SQLite.
# Guess: the partitions together are the table, as Spark's are: its first partition takes the rows without a value along.
# Behaviour: all four ask for the least and greatest value of the column and read each range in between with
#   `column >= low and column < high`. NULL is in none of the ranges, and no query asks for it; nothing warns.
#   ConnectorX does so with one partition as well, Daft from two on. Dask has no unpartitioned read: its partition column
#   is the index that read_sql_table demands.
# Cost: a run that becomes faster on the same table loses rows, here a quarter of them: whoever has no account, no
#   organization, or no end of the contract yet. A primary key as the column is safe.
# Output seen:
#   the table            100 rows, 5050 in all
#   connectorx           100 rows, 5050 in all
#   connectorx, 1 part    75 rows, 3775 in all
#   connectorx, 4 parts   75 rows, 3775 in all
#   polars               100 rows, 5050 in all
#   polars, 4 parts       75 rows, 3775 in all
#   daft                 100 rows, 5050 in all
#   daft, 1 part         100 rows, 5050 in all
#   daft, 4 parts         75 rows, 3775 in all
#   dask, by account      75 rows, 3775 in all
#   dask, by id          100 rows, 5050 in all
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq connectorx==0.4.6 polars==2.1.0 "dask[dataframe]==2026.8.0" daft==0.6.14 pandas==3.1.1 \
    pyarrow==26.0.1 sqlalchemy==2.1.9 sqlglot==30.30.0

cd "$folder"
export DO_NOT_TRACK=true DAFT_ANALYTICS_ENABLED=0 DAFT_PROGRESS_BAR=0
cat > program.py <<'PYTHON'
import pathlib
import sqlite3

import connectorx
import daft
import dask
import dask.dataframe
import polars

QUERY = "select id, account, amount from events"
path = pathlib.Path("events.db").absolute()
connection = sqlite3.connect(path)
connection.execute("create table events (id integer primary key, account integer, amount integer)")
rows = [(number, None if number % 4 == 3 else number, number) for number in range(1, 101)]
connection.executemany("insert into events values (?, ?, ?)", rows)
connection.commit()
dask.config.set(scheduler="synchronous")


def by_connectorx(**partitions):
    return connectorx.read_sql(f"sqlite://{path}", QUERY, return_type="arrow", **partitions)["amount"].to_pylist()


def by_polars(**partitions):
    return polars.read_database_uri(QUERY, f"sqlite://{path}", engine="connectorx", **partitions)["amount"].to_list()


def by_daft(**partitions):
    return daft.read_sql(QUERY, f"sqlite:///{path}", **partitions).to_pydict()["amount"]


def by_dask(column):
    frame = dask.dataframe.read_sql_table("events", f"sqlite:///{path}", index_col=column, npartitions=4)
    return frame["amount"].compute().tolist()


def partitioned(number):
    return {"partition_on": "account", "partition_num": number}


amounts = {
    "the table": [amount for (amount,) in connection.execute("select amount from events")],
    "connectorx": by_connectorx(),
    "connectorx, 1 part": by_connectorx(**partitioned(1)),
    "connectorx, 4 parts": by_connectorx(**partitioned(4)),
    "polars": by_polars(),
    "polars, 4 parts": by_polars(**partitioned(4)),
    "daft": by_daft(),
    "daft, 1 part": by_daft(partition_col="account", num_partitions=1),
    "daft, 4 parts": by_daft(partition_col="account", num_partitions=4),
    "dask, by account": by_dask("account"),
    "dask, by id": by_dask("id"),
}
seen = [f"{name:20} {len(values):3} rows, {sum(values)} in all" for name, values in amounts.items()]
print(*seen, sep="\n")
assert seen == [
    "the table            100 rows, 5050 in all",
    "connectorx           100 rows, 5050 in all",
    "connectorx, 1 part    75 rows, 3775 in all",
    "connectorx, 4 parts   75 rows, 3775 in all",
    "polars               100 rows, 5050 in all",
    "polars, 4 parts       75 rows, 3775 in all",
    "daft                 100 rows, 5050 in all",
    "daft, 1 part         100 rows, 5050 in all",
    "daft, 4 parts         75 rows, 3775 in all",
    "dask, by account      75 rows, 3775 in all",
    "dask, by id          100 rows, 5050 in all",
], "the behaviour changed"
PYTHON
venv/bin/python program.py
