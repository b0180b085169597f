#!/usr/bin/env bash
# delta-rs casts what is appended to the table's types, without a word, where PyIceberg refuses.
#
# Versions: deltalake 1.6.6, pyiceberg 0.12.0, pyarrow 26.0.1, sqlalchemy 2.1.9, Python 3.11.
# Guess: appending a double to a long column, or seconds to a timestamp column, raises a schema mismatch, since
#   `schema_mode` was not given and the library raises for a missing column.
# Behaviour: 2.7 becomes 2 (DuckDB's cast of it is 3), epoch seconds become microseconds of 1970, "no" becomes false,
#   2 becomes true, 0.125 becomes 0.13, a text with an offset becomes the day in UTC, a number becomes text. An empty
#   string in a partition column comes back as null, as the protocol has it. A decimal of another scale does raise.
# Cost: the source switches from milliseconds to seconds, or a count becomes an average: each load stays green and
#   the rows since then say 1970 or have lost their fractions for good.
# Output seen:
#   double 2.7 in a long column: 2; pyiceberg ValueError
#   epoch seconds in a timestamp column: 1970-01-01 00:29:53+00:00; pyiceberg ValueError
#   text "no" in a boolean column: False; pyiceberg ValueError
#   2 in a boolean column: True; pyiceberg ValueError
#   text "2026-11-01T23:30:00-05:00" in a date column: 2026-11-02; pyiceberg ValueError
#   long 7 in a text column: '7'; pyiceberg ValueError
#   empty text in a partition column: None
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq deltalake==1.6.6 "pyiceberg[pyarrow,sql-sqlite]==0.12.0" pyarrow==26.0.1 sqlalchemy==2.1.9

cd "$folder"
venv/bin/python - <<'PYTHON'
import contextlib
import io
import pathlib

import deltalake
import pyarrow
from pyiceberg.catalog.sql import SqlCatalog

here = pathlib.Path.cwd()
catalog = SqlCatalog("local", uri=f"sqlite:///{here}/catalog.db", warehouse=f"file://{here}/warehouse")
catalog.create_namespace("raw")
CASES = {
    "double 2.7 in a long column": (pyarrow.int64(), 2.7),
    "epoch seconds in a timestamp column": (pyarrow.timestamp("us", "UTC"), 1793000000),
    'text "no" in a boolean column': (pyarrow.bool_(), "no"),
    "2 in a boolean column": (pyarrow.bool_(), 2),
    'text "2026-11-01T23:30:00-05:00" in a date column': (pyarrow.date32(), "2026-11-01T23:30:00-05:00"),
    "long 7 in a text column": (pyarrow.string(), 7),
}


def by_delta(number, kind, value):
    path = f"delta{number}"
    deltalake.write_deltalake(path, pyarrow.table({"v": pyarrow.array([None], kind)}))
    deltalake.write_deltalake(path, pyarrow.table({"v": [value]}), mode="append")
    [stored] = [row for row in deltalake.DeltaTable(path).to_pyarrow_table()["v"].to_pylist() if row is not None]
    return stored


def by_iceberg(number, kind, value):
    table = catalog.create_table(f"raw.t{number}", pyarrow.schema([("v", kind)]))
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it also prints a table of the fields
            table.append(pyarrow.table({"v": [value]}))
    except ValueError as error:
        return type(error).__name__
    return "no error"


seen = []
for number, (title, (kind, value)) in enumerate(CASES.items()):
    stored = by_delta(number, kind, value)
    shown = repr(stored) if isinstance(stored, str) else str(stored)
    seen.append(f"{title}: {shown}; pyiceberg {by_iceberg(number, kind, value)}")
partitioned = pyarrow.table({"country": [""], "n": [1]})
deltalake.write_deltalake("partitioned", partitioned, partition_by=["country"])
[empty] = deltalake.DeltaTable("partitioned").to_pyarrow_table()["country"].to_pylist()
seen.append(f"empty text in a partition column: {empty}")
print(*seen, sep="\n")
assert seen == [
    "double 2.7 in a long column: 2; pyiceberg ValueError",
    "epoch seconds in a timestamp column: 1970-01-01 00:29:53+00:00; pyiceberg ValueError",
    'text "no" in a boolean column: False; pyiceberg ValueError',
    "2 in a boolean column: True; pyiceberg ValueError",
    'text "2026-11-01T23:30:00-05:00" in a date column: 2026-11-02; pyiceberg ValueError',
    "long 7 in a text column: '7'; pyiceberg ValueError",
    "empty text in a partition column: None",
], "the behaviour changed"
PYTHON
