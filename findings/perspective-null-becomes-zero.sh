#!/usr/bin/env bash
# Perspective, the pivot table for browsers and notebooks: null becomes 0 in JSON whose first decimal comes late.
#
# Versions: perspective-python 5.6.1, pyarrow 26.0.1, polars 2.1.0, Python 3.11.
# Guess: null stays null, whatever the type of the column; the order of the records changes nothing; JSON, CSV and Arrow
#   of the same rows are the same table.
# Behaviour: the first value of a JSON column makes its type. At the first decimal, or the first integer beyond 32 bits,
#   the column so far is copied into one of floats, value by value but without the marks of what is null: the
#   integers' memory holds 0 there. JSON records, JSON columns and NDJSON do so; CSV, Arrow, Polars and a table with a
#   given schema do not. The same rule of the first value: after a float the text 'n/a' is 0 as well, after a date a time
#   loses its hours.
# Cost: unanswered becomes zero. The mean of 2, nothing, 3 and 2.5 is 1.875 in place of 2.5, and 2.5 again if the records
#   come in another order.
# Output seen:
#   records            [2.0, 0.0, 3.0, 2.5] mean 1.875
#   columns            [2.0, 0.0, 3.0, 2.5] mean 1.875
#   ndjson             [2.0, 0.0, 3.0, 2.5] mean 1.875
#   records, reversed  [2.5, 3.0, None, 2.0] mean 2.5
#   csv                [2.0, None, 3.0, 2.5] mean 2.5
#   arrow              [2.0, None, 3.0, 2.5] mean 2.5
#   polars             [2.0, None, 3.0, 2.5] mean 2.5
#   schema             [2.0, None, 3.0, 2.5] mean 2.5
#   [3, None, 3000000000] -> [3.0, 0.0, 3000000000.0]
#   [1.5, 'n/a', 2] -> [1.5, 0.0, 2.0]
#   ['2026-11-29', '2026-11-29T10:00:00Z'] -> date
#   ['2026-11-29T10:00:00Z', '2026-11-29'] -> datetime
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq perspective-python==5.6.1 pyarrow==26.0.1 polars==2.1.0

cd "$folder"
cat > program.py <<'PYTHON'
import json

import perspective
import polars
import pyarrow

RECORDS = [
    {"id": 1, "hours": 2, "all": "all"},
    {"id": 2, "hours": None, "all": "all"},
    {"id": 3, "hours": 3, "all": "all"},
    {"id": 4, "hours": 2.5, "all": "all"},
]
COLUMNS = {name: [record[name] for record in RECORDS] for name in RECORDS[0]}
ARROW = pyarrow.table({**COLUMNS, "hours": pyarrow.array([2, None, 3, 2.5], pyarrow.float64())})
NDJSON = "\n".join(json.dumps(record) for record in RECORDS)
CSV = "id,hours,all\n1,2,all\n2,,all\n3,3,all\n4,2.5,all\n"
SCHEMA = {"id": "integer", "hours": "float", "all": "string"}
client = perspective.Server().new_local_client()


def filled():
    table = client.table(SCHEMA)
    table.update(RECORDS)
    return table


def shown(table):
    hours = table.view(columns=["hours"]).to_columns()["hours"]
    means = table.view(group_by=["all"], columns=["hours"], aggregates={"hours": "avg"}).to_columns()["hours"]
    return f"{hours} mean {means[0]}"


TABLES = {
    "records": client.table(RECORDS),
    "columns": client.table(COLUMNS),
    "ndjson": client.table(NDJSON, format="ndjson"),
    "records, reversed": client.table(RECORDS[::-1]),
    "csv": client.table(CSV),
    "arrow": client.table(ARROW),
    "polars": client.table(polars.from_arrow(ARROW)),
    "schema": filled(),
}
seen = [f"{name:18} {shown(table)}" for name, table in TABLES.items()]
for values in ([3, None, 3_000_000_000], [1.5, "n/a", 2]):
    table = client.table([{"value": value} for value in values])
    seen.append(f"{values} -> {table.view().to_columns()['value']}")
for values in (["2026-11-29", "2026-11-29T10:00:00Z"], ["2026-11-29T10:00:00Z", "2026-11-29"]):
    table = client.table([{"value": value} for value in values])
    seen.append(f"{values} -> {table.schema()['value']}")
print(*seen, sep="\n")
assert seen == [
    "records            [2.0, 0.0, 3.0, 2.5] mean 1.875",
    "columns            [2.0, 0.0, 3.0, 2.5] mean 1.875",
    "ndjson             [2.0, 0.0, 3.0, 2.5] mean 1.875",
    "records, reversed  [2.5, 3.0, None, 2.0] mean 2.5",
    "csv                [2.0, None, 3.0, 2.5] mean 2.5",
    "arrow              [2.0, None, 3.0, 2.5] mean 2.5",
    "polars             [2.0, None, 3.0, 2.5] mean 2.5",
    "schema             [2.0, None, 3.0, 2.5] mean 2.5",
    "[3, None, 3000000000] -> [3.0, 0.0, 3000000000.0]",
    "[1.5, 'n/a', 2] -> [1.5, 0.0, 2.0]",
    "['2026-11-29', '2026-11-29T10:00:00Z'] -> date",
    "['2026-11-29T10:00:00Z', '2026-11-29'] -> datetime",
], "the behaviour changed"
PYTHON
venv/bin/python program.py
