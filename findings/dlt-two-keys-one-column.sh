#!/usr/bin/env bash
# dlt: two keys of one record that normalize to one name share a column; the last value wins, null included.
#
# Versions: dlt 1.31.0, duckdb 1.5.6, sqlglot 30.21.0, Python 3.11.
# Guess: a collision of names raises, or the second one gets a suffix; at the least there is a warning.
# Behaviour: {"userId": 1, "user_id": 2} loads as user_id = 2; {"a": {"b": 1}, "a__b": 2} as a__b = 1; with
#   "userId": 3 and "user_id": null the order of the keys decides whether 3 or null is loaded. Nothing is
#   logged at the level WARNING.
# Cost: APIs in the middle of a renaming send both spellings, the new one null at first. The column empties
#   with the release that sends the null second, and no run fails.
# Output seen:
#   {"userId": 1, "user_id": 2}     [{'user_id': 2}]
#   {"a": {"b": 1}, "a__b": 2}      [{'a__b': 1}]
#   {"user_id": null, "userId": 3}  [{'user_id': 3}]
#   {"userId": 3, "user_id": null}  [{'user_id': None}]
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq dlt==1.31.0 duckdb==1.5.6 sqlglot==30.21.0

cd "$folder"
export RUNTIME__DLTHUB_TELEMETRY=false RUNTIME__LOG_LEVEL=WARNING
venv/bin/python - <<'PYTHON'
import json
import pathlib

import dlt
import duckdb

RECORDS = {
    '{"userId": 1, "user_id": 2}': "user_id",
    '{"a": {"b": 1}, "a__b": 2}': "a__b",
    '{"user_id": null, "userId": 3}': "user_id",
    '{"userId": 3, "user_id": null}': "user_id",
}


def load(number, record, column):
    database = f"case{number}.duckdb"
    pipeline = dlt.pipeline(
        f"case{number}",
        pipelines_dir=str(pathlib.Path("pipelines").absolute()),
        destination=dlt.destinations.duckdb(database),
        dataset_name="raw",
    )
    hint = {column: {"data_type": "bigint"}}  # a column that was never set is not created otherwise
    pipeline.run([json.loads(record)], table_name="t", columns=hint)
    with duckdb.connect(database, read_only=True) as connection:
        result = connection.execute("select columns(c -> not starts_with(c, '_dlt')) from raw.t")
        return [{name[0]: value for name, value in zip(result.description, row)} for row in result.fetchall()]


seen = {record: load(number, record, column) for number, (record, column) in enumerate(RECORDS.items())}
for record, rows in seen.items():
    print(f"{record:31} {rows}")
assert list(seen.values()) == [
    [{"user_id": 2}],
    [{"a__b": 1}],
    [{"user_id": 3}],
    [{"user_id": None}],
], "the behaviour changed"
PYTHON
