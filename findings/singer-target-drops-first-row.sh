#!/usr/bin/env bash
# target-duckdb (Singer) loses the first row of a batch of texts, and the UTC offset of each date-time; exit code 0.
#
# Versions: target-duckdb 0.8.0 with duckdb 1.5.6 and 2.0.1, Python 3.11.
# Guess: as many rows arrive as RECORD messages with new keys were sent, or the target fails; "format": "date-time" is
#   RFC 3339, so that an offset is converted to UTC, as DuckDB's own cast does.
# Behaviour: a batch goes through a CSV file without a header, but COPY is left to guess whether there is one: where all
#   columns are texts or date-times, the first record is taken for it. A batch of one such record stores nothing. A column of
#   integers beside the texts saves the row. The offset of 23:30-05:00 is cut off, so that it is stored as 23:30Z is; '' becomes null.
# Cost: a stream with one record a day is empty for ever and each run is green; the state moves on, so the record is not
#   sent again. Instants five hours apart cannot be told apart.
# Output seen (both versions of duckdb):
#   1 record of texts: []
#   2 records of texts: ['b']
#   2 records with a number: ['a', 'b']
#   3 records, 00:00Z, 23:30Z, 23:30-05:00: ['2026-11-01 23:30:00', '2026-11-01 23:30:00']
#   '' and 'NULL': [None, 'NULL']
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > program.py <<'PYTHON'
import itertools
import json
import pathlib
import subprocess
import sys

import duckdb

TEXT = {"type": ["null", "string"]}
PROPERTIES = {
    "id": {"type": "string"},
    "note": TEXT,
    "finished_at": {**TEXT, "format": "date-time"},
    "number": {"type": ["null", "integer"]},
}
target = pathlib.Path(sys.executable).with_name("target-duckdb")
numbers = itertools.count()


def load(column, values):
    """Returns what is stored of records a, b, ... with these values."""
    database = f"{sys.prefix}/case{next(numbers)}.duckdb"
    pathlib.Path("config.json").write_text(json.dumps({"path": database, "default_target_schema": "main"}))
    schema = {"type": "object", "properties": {name: PROPERTIES[name] for name in ("id", *column)}}
    records = [{"id": key, **dict(zip(column, value))} for key, value in zip("abc", values)]
    messages = [
        {"type": "SCHEMA", "stream": "logs", "key_properties": ["id"], "schema": schema},
        *({"type": "RECORD", "stream": "logs", "record": record} for record in records),
    ]
    lines = "".join(json.dumps(message) + "\n" for message in messages)
    subprocess.run([target, "--config", "config.json"], input=lines, text=True, check=True, capture_output=True)
    with duckdb.connect(database, read_only=True) as connection:
        shown = ", ".join(f"{name}::varchar" for name in ("id", *column))
        return connection.execute(f"select {shown} from main.logs order by id").fetchall()


def keys(rows):
    return [row[0] for row in rows]


def first_values(rows):
    return [row[1] for row in rows]


instants = ["2026-11-01T00:00:00Z", "2026-11-01T23:30:00Z", "2026-11-01T23:30:00-05:00"]
times = load(["finished_at"], [(instant,) for instant in instants])
seen = [
    f"1 record of texts: {keys(load(['note'], [('x',)]))}",
    f"2 records of texts: {keys(load(['note'], [('x',), ('y',)]))}",
    f"2 records with a number: {keys(load(['number'], [(1,), (2,)]))}",
    f"3 records, 00:00Z, 23:30Z, 23:30-05:00: {first_values(times)}",
    f"'' and 'NULL': {first_values(load(['note', 'number'], [('', 1), ('NULL', 2)]))}",
]
print(f"duckdb {duckdb.__version__}", *seen, sep="\n  ")
assert seen == [
    "1 record of texts: []",
    "2 records of texts: ['b']",
    "2 records with a number: ['a', 'b']",
    "3 records, 00:00Z, 23:30Z, 23:30-05:00: ['2026-11-01 23:30:00', '2026-11-01 23:30:00']",
    "'' and 'NULL': [None, 'NULL']",
], "the behaviour changed"
PYTHON

for version in 1.5.6 2.0.1; do
    python3 -m venv "$version"
    "$version/bin/pip" install -qq target-duckdb==0.8.0 "duckdb==$version"
    "$version/bin/python" program.py
done
