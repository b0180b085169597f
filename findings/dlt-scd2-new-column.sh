#!/usr/bin/env bash
# dlt's scd2: a key that the API adds, null in every record, ends the life of every row; a missing one does it again.
#
# Versions: dlt 1.31.0, duckdb 1.5.6, Python 3.11.
# Guess: a version ends when a value of the table changes; a null in a column that is not there yet is no change, and a
#   load of no rows ends all rows or raises.
# Behaviour: the hash of a version is taken from the record, not from the row: {"id": 1, "status": "active"} and the same
#   with "note": null differ, so that all rows are retired and inserted anew, while `note` is not even a column of the
#   table. When the key is absent again, the same happens. So does 1 to 1.0, which is one number in the column.
#   The order of the keys does not count. A load without rows retires nothing.
# Cost: one deployment of the API doubles the dimension, and "changed this week" counts every export. A client
#   that leaves out null keys on some days does it on each of them. An emptied source stays active for ever.
# Output seen:
#   same again: 2 versions, 2 active
#   keys in another order: 2 versions, 2 active
#   "note": null added: 4 versions, 2 active, columns id, status
#   "note" absent again: 6 versions, 2 active, columns id, status
#   rate 1, then 1.0: 2 versions, 1 active, rates 1.0, 1.0
#   no rows: 2 versions, 2 active
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq dlt==1.31.0 duckdb==1.5.6

cd "$folder"
export RUNTIME__DLTHUB_TELEMETRY=false RUNTIME__LOG_LEVEL=CRITICAL
venv/bin/python - <<'PYTHON'
import itertools
import pathlib

import dlt
import duckdb

FIRST = [{"id": 1, "status": "active"}, {"id": 2, "status": "paused"}]
numbers = itertools.count()


def load(*loads, columns=None):
    """Returns the columns and the rows of the dimension after these loads."""
    name = f"case{next(numbers)}"
    pipeline = dlt.pipeline(
        name,
        pipelines_dir=str(pathlib.Path("pipelines").absolute()),
        destination=dlt.destinations.duckdb(f"{name}.duckdb"),
        dataset_name="raw",
    )
    strategy = {"disposition": "merge", "strategy": "scd2"}
    for records in loads:
        pipeline.run(dlt.resource([records], name="exports", write_disposition=strategy, columns=columns))
    with duckdb.connect(f"{name}.duckdb", read_only=True) as connection:
        result = connection.execute("select * exclude (_dlt_id, _dlt_load_id) from raw.exports order by id, _dlt_valid_from")
        names = [column[0] for column in result.description]
        return [dict(zip(names, row)) for row in result.fetchall()]


def counted(rows):
    return f"{len(rows)} versions, {sum(row['_dlt_valid_to'] is None for row in rows)} active"


def named(rows):
    return "columns " + ", ".join(name for name in rows[0] if not name.startswith("_dlt"))


turned = [dict(reversed(record.items())) for record in FIRST]
with_note = [{**record, "note": None} for record in FIRST]
added = load(FIRST, with_note)
absent = load(FIRST, with_note, FIRST)
rates = load([{"id": 1, "rate": 1}], [{"id": 1, "rate": 1.0}], columns={"rate": {"data_type": "double"}})
seen = [
    f"same again: {counted(load(FIRST, FIRST))}",
    f"keys in another order: {counted(load(FIRST, turned))}",
    f'"note": null added: {counted(added)}, {named(added)}',
    f'"note" absent again: {counted(absent)}, {named(absent)}',
    f"rate 1, then 1.0: {counted(rates)}, rates {', '.join(str(row['rate']) for row in rates)}",
    f"no rows: {counted(load(FIRST, []))}",
]
print(*seen, sep="\n")
assert seen == [
    "same again: 2 versions, 2 active",
    "keys in another order: 2 versions, 2 active",
    '"note": null added: 4 versions, 2 active, columns id, status',
    '"note" absent again: 6 versions, 2 active, columns id, status',
    "rate 1, then 1.0: 2 versions, 1 active, rates 1.0, 1.0",
    "no rows: 2 versions, 2 active",
], "the behaviour changed"
PYTHON
