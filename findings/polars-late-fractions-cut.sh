#!/usr/bin/env bash
# Polars from rows: the first fraction after 100 whole numbers loses its fraction, where a late text raises.
#
# Versions: polars 2.1.0, pyarrow 26.0.1, pandas 3.1.1, duckdb 1.5.6, Python 3.11.
# Guess: the types come from the first 100 rows (documented), and a later value that does not fit raises, as a text does
#   ("could not append value ... make sure that all rows have the same schema") and as strict=True, the default,
#   promises; so does Polars for the same numbers as columns, as NDJSON and as CSV.
# Behaviour: in pl.DataFrame(records), from_dicts, json_normalize, read_json and read_database of a cursor a late float or
#   Decimal is cut to the whole number before it, a late number after booleans is False, and a late date after numbers is
#   the number of its days. No warning; infer_schema_length=None keeps the values. It is the same in a
#   nested record. SQLite has no types of results, so each cursor over 100 rows of it is such a case. Arrow, pandas and
#   DuckDB keep 2.5. Not documented; issue 21329 of Polars tells of 1.5 in 2025 and is open. Versions of 2022 raised.
# Cost: prices and durations of an API whose first page has whole ones are too small from then on: 50 times 9.99 after 100
#   times 10 are summed up to 1450.
# Output seen:
#   DataFrame        2.5 -> 2         Decimal -> 2         True,2 -> False       date -> 20454    text raises
#   from_dicts       2.5 -> 2         Decimal -> 2         True,2 -> False       date -> 20454    text raises
#   json_normalize   2.5 -> 2         Decimal -> 2         True,2 -> False       date -> 20454    text raises
#   read_database    2.5 -> 2         Decimal -> 2         True,2 -> False       date -> 20454    text raises
#   columns          2.5 raises       Decimal raises       True,2 raises         date raises      text raises
#   read_json 2, of a nested record 2, read_ndjson raises, read_csv raises, infer_schema_length=None 2.5
#   sum 1450, arrow 1499.5, pandas 1499.5, duckdb 1499.5
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq polars==2.1.0 pyarrow==26.0.1 pandas==3.1.1 duckdb==1.5.6

cd "$folder"
venv/bin/python - <<'PYTHON'
import io
import json
import sqlite3
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas
import polars
import pyarrow


def records(values):
    return [{"v": value} for value in values]


def database(values):
    class Cursor:  # what a DB-API driver whose columns have no types gives
        description = [("v", *[None] * 6)]

        def execute(self, *_):
            return self

        def fetchall(self):
            return [(value,) for value in values]

        def close(self):
            pass

    return polars.read_database("SELECT v FROM t", connection=Cursor())


READERS = {
    "DataFrame": lambda values: polars.DataFrame(records(values)),
    "from_dicts": lambda values: polars.from_dicts(records(values)),
    "json_normalize": lambda values: polars.json_normalize(records(values)),
    "read_database": database,
    "columns": lambda values: polars.DataFrame({"v": values}),
}
LATE = {
    "2.5": [1] * 100 + [2.5],
    "Decimal": [1] * 100 + [Decimal("2.5")],
    "True,2": [True] * 100 + [2],
    "date": [1] * 100 + [date(2026, 1, 1)],
    "text": [1] * 100 + ["n/a"],
}


def last(read, values):
    try:
        return f"-> {read(values)['v'][-1]}"
    except (polars.exceptions.ComputeError, TypeError):
        return "raises"


seen = []
for name, read in READERS.items():
    parts = [f"{label} {last(read, values)}" for label, values in LATE.items()]
    seen.append(f"{name:16} {parts[0]:16} {parts[1]:20} {parts[2]:21} {parts[3]:16} {parts[4]}")

floats = LATE["2.5"]
lines = "\n".join(json.dumps(record) for record in records(floats))
others = [
    f"read_json {last(lambda values: polars.read_json(io.StringIO(json.dumps(records(values)))), floats)}",
    f"of a nested record {polars.DataFrame(records(records(floats)))['v'][-1]['v']}",
    f"read_ndjson {last(lambda _: polars.read_ndjson(io.StringIO(lines)), floats)}",
    f"read_csv {last(lambda _: polars.read_csv(io.StringIO('v' + chr(10) + chr(10).join(map(str, floats)))), floats)}",
    f"infer_schema_length=None {polars.DataFrame(records(floats), infer_schema_length=None)['v'][-1]}",
]
seen.append(", ".join(others).replace("-> ", ""))

prices = records([10] * 100 + [9.99] * 50)
Path("prices.json").write_text(json.dumps(prices))
with sqlite3.connect(":memory:") as connection:  # a real cursor too, where the numbers have lost their type
    connection.execute("CREATE TABLE prices (v NUMERIC)")
    connection.executemany("INSERT INTO prices VALUES (:v)", prices)
    of_sqlite = polars.read_database("SELECT v FROM prices", connection)["v"].sum()
sums = {
    "sum": polars.DataFrame(prices)["v"].sum(),
    "arrow": round(sum(pyarrow.Table.from_pylist(prices)["v"].to_pylist()), 2),
    "pandas": round(float(pandas.DataFrame(prices)["v"].sum()), 2),
    "duckdb": round(duckdb.sql("SELECT sum(v) FROM read_json('prices.json')").fetchone()[0], 2),
}
assert sums["sum"] == of_sqlite, "the behaviour changed"
seen.append(", ".join(f"{name} {value}" for name, value in sums.items()))
print(*seen, sep="\n")
assert seen == [
    "DataFrame        2.5 -> 2         Decimal -> 2         True,2 -> False       date -> 20454    text raises",
    "from_dicts       2.5 -> 2         Decimal -> 2         True,2 -> False       date -> 20454    text raises",
    "json_normalize   2.5 -> 2         Decimal -> 2         True,2 -> False       date -> 20454    text raises",
    "read_database    2.5 -> 2         Decimal -> 2         True,2 -> False       date -> 20454    text raises",
    "columns          2.5 raises       Decimal raises       True,2 raises         date raises      text raises",
    "read_json 2, of a nested record 2, read_ndjson raises, read_csv raises, infer_schema_length=None 2.5",
    "sum 1450, arrow 1499.5, pandas 1499.5, duckdb 1499.5",
], "the behaviour changed"
PYTHON
