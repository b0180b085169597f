#!/usr/bin/env bash
# DuckDB rounds a time to coarser units, into the next day; since 2.0 epoch_ms does so too, for half of all times.
#
# Versions: duckdb 1.5.6 and 2.0.1, polars 2.1.0, Python 3.11.
# Guess: a time in seconds or milliseconds is the one that has begun, as date_trunc, date_diff, extract, Polars and
#   integer division have it; a function keeps its values over an upgrade.
# Behaviour: the casts to TIMESTAMP_S and TIMESTAMP_MS round half up in both releases: 31 October 23:59:59.5 becomes 1 November,
#   and so does what a Parquet file in milliseconds holds. epoch_ms cuts in 1.5.6 and rounds in 2.0.1, where it differs
#   for 50,000 of 100,000 times from epoch_us // 1000; the cast from nanoseconds to microseconds turned likewise.
# Cost: a run that ended in the last half second of a month counts for the next one in the coarser table. Keys and
#   watermarks made by epoch_ms differ after the upgrade in every second row: a merge by such a key inserts them again, and
#   a watermark is ahead of the row that it was taken from.
# Output seen:
#   duckdb 1.5.6
#     as timestamp_s: 2026-11-01 00:00:00
#     as timestamp_ms: 2026-11-01 00:00:00
#     date_trunc to seconds: 2026-10-31 23:59:59
#     date_trunc to milliseconds: 2026-10-31 23:59:59.999
#     epoch_ms and back: 2026-10-31 23:59:59.999
#     nanoseconds .9999996 as timestamp: 2026-10-31 23:59:59.999999
#     epoch_ms differs from epoch_us // 1000: 0 of 100000
#     polars as milliseconds: 2026-10-31 23:59:59.999000
#   duckdb 2.0.1
#     as timestamp_s: 2026-11-01 00:00:00
#     as timestamp_ms: 2026-11-01 00:00:00
#     date_trunc to seconds: 2026-10-31 23:59:59
#     date_trunc to milliseconds: 2026-10-31 23:59:59.999
#     epoch_ms and back: 2026-11-01 00:00:00
#     nanoseconds .9999996 as timestamp: 2026-11-01 00:00:00
#     epoch_ms differs from epoch_us // 1000: 50000 of 100000
#     polars as milliseconds: 2026-10-31 23:59:59.999000
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > program.py <<'PYTHON'
import datetime
import sys

import duckdb
import polars

connection = duckdb.connect()
TIME = "timestamp '2026-10-31 23:59:59.9996'"
QUERIES = {
    "as timestamp_s": f"select {TIME}::timestamp_s::text",
    "as timestamp_ms": f"select {TIME}::timestamp_ms::text",
    "date_trunc to seconds": f"select date_trunc('second', {TIME})::text",
    "date_trunc to milliseconds": f"select date_trunc('millisecond', {TIME})::text",
    "epoch_ms and back": f"select make_timestamp_ms(epoch_ms({TIME}))::text",
    "nanoseconds .9999996 as timestamp": "select timestamp_ns '2026-10-31 23:59:59.9999996'::timestamp::text",
    "epoch_ms differs from epoch_us // 1000": "select count(*) filter (epoch_ms(t) <> epoch_us(t) // 1000) || ' of ' || count(*)"
    " from (select timestamp '2026-11-01' + to_microseconds(i * 7919) as t from range(100000) as r(i))",
}


def answer(query):
    [(value,)] = connection.execute(query).fetchall()
    return value


time = polars.Series([datetime.datetime(2026, 10, 31, 23, 59, 59, 999600)])
seen = [f"{title}: {answer(query)}" for title, query in QUERIES.items()]
seen.append(f"polars as milliseconds: {time.cast(polars.Datetime('ms')).item()}")
print(f"duckdb {duckdb.__version__}", *seen, sep="\n  ")
epoch_ms, nanoseconds, differing = sys.argv[1:]
assert seen == [
    "as timestamp_s: 2026-11-01 00:00:00",
    "as timestamp_ms: 2026-11-01 00:00:00",
    "date_trunc to seconds: 2026-10-31 23:59:59",
    "date_trunc to milliseconds: 2026-10-31 23:59:59.999",
    f"epoch_ms and back: {epoch_ms}",
    f"nanoseconds .9999996 as timestamp: {nanoseconds}",
    f"epoch_ms differs from epoch_us // 1000: {differing} of 100000",
    "polars as milliseconds: 2026-10-31 23:59:59.999000",
], "the behaviour changed"
PYTHON

check() {
    python3 -m venv "$1"
    "$1/bin/pip" install -qq "duckdb==$1" polars==2.1.0
    "$1/bin/python" program.py "${@:2}"
}
check 1.5.6 "2026-10-31 23:59:59.999" "2026-10-31 23:59:59.999999" 0
check 2.0.1 "2026-11-01 00:00:00" "2026-11-01 00:00:00" 50000
