#!/usr/bin/env bash
# DuckDB's SQL through sqlglot to ClickHouse: it runs, and the answers differ; minutes become the month's name.
#
# Versions: sqlglot 30.30.0, duckdb 1.5.6, chdb 4.4.0 (ClickHouse 26.9 in a wheel; the environment takes 1 GB), Python 3.11.
# Guess: what sqlglot cannot express it warns of or leaves to fail. Its Nullable(...) casts show that it knows how
#   ClickHouse differs about nulls.
# Behaviour: all of these run without a warning. strftime's %M stays %M, which is the month's name there; log(100) is
#   the natural logarithm; a cast rounds in DuckDB and cuts in ClickHouse, and 300 as a tinyint wraps to 44 in place of the
#   error; a left join gives 0 for the missing side, so that `is null` finds no row, and max of no rows is 1970.
# Cost: the anti-join is how a model looks for logs without a delivery: it is empty on ClickHouse, the alarm never comes.
#   count(d.log_id) counts every log as delivered.
# Output seen:
#   logs without a delivery: duckdb 2, clickhouse 0
#   logs with a delivery: duckdb 1, clickhouse 3
#   last day of no logs: duckdb None, clickhouse 1970-01-01
#   hour and minute: duckdb 10:05, clickhouse 10:November
#   log(100): duckdb 2.0, clickhouse 4.605170185988092
#   1.7 as integer: duckdb 2, clickhouse 1
#   300 as tinyint: duckdb ConversionException, clickhouse 44
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq sqlglot==30.30.0 duckdb==1.5.6 chdb==4.4.0

cd "$folder"
venv/bin/python - <<'PYTHON'
import json

import chdb.session
import duckdb
import sqlglot

DUCKDB_TABLES = [
    "create table logs (id integer not null, day date not null)",
    "create table deliveries (log_id integer not null)",
]
CLICKHOUSE_TABLES = [
    "create table logs (id Int32, day Date) engine = Memory",
    "create table deliveries (log_id Int32) engine = Memory",
]
ROWS = [
    "insert into logs values (1, '2026-11-01'), (2, '2026-11-02'), (3, '2026-11-03')",
    "insert into deliveries values (1)",
]
JOIN = "from logs l left join deliveries d on l.id = d.log_id"
QUERIES = {
    "logs without a delivery": f"select count(*) as v {JOIN} where d.log_id is null",
    "logs with a delivery": f"select count(d.log_id) as v {JOIN}",
    "last day of no logs": "select max(day) as v from logs where id > 9",
    "hour and minute": "select strftime(timestamp '2026-11-01 10:05:00', '%H:%M') as v",
    "log(100)": "select log(100) as v",
    "1.7 as integer": "select cast(1.7 as integer) as v",
    "300 as tinyint": "select cast(300 as tinyint) as v",
}
duck = duckdb.connect()
house = chdb.session.Session()
house.query("create database raw")
house.query("use raw")
for statement in [*DUCKDB_TABLES, *ROWS]:
    duck.execute(statement)
for statement in [*CLICKHOUSE_TABLES, *ROWS]:
    house.query(statement)


def by_duckdb(query):
    try:
        [(value,)] = duck.execute(query).fetchall()
    except duckdb.ConversionException as error:
        return type(error).__name__
    return value


def by_clickhouse(query):
    unsupported = sqlglot.ErrorLevel.RAISE
    [translated] = sqlglot.transpile(query, read="duckdb", write="clickhouse", unsupported_level=unsupported)
    return json.loads(house.query(translated, "JSONEachRow").data())["v"]


seen = [f"{title}: duckdb {by_duckdb(query)}, clickhouse {by_clickhouse(query)}" for title, query in QUERIES.items()]
print(*seen, sep="\n")
assert seen == [
    "logs without a delivery: duckdb 2, clickhouse 0",
    "logs with a delivery: duckdb 1, clickhouse 3",
    "last day of no logs: duckdb None, clickhouse 1970-01-01",
    "hour and minute: duckdb 10:05, clickhouse 10:November",
    "log(100): duckdb 2.0, clickhouse 4.605170185988092",
    "1.7 as integer: duckdb 2, clickhouse 1",
    "300 as tinyint: duckdb ConversionException, clickhouse 44",
], "the behaviour changed"
PYTHON
