#!/usr/bin/env bash
# A key that the first records lack: Arrow, Polars and DataFusion drop its column, pandas keeps it.
#
# Versions: pyarrow 26.0.1, polars 2.1.0, datafusion 55.0.0, pandas 3.1.1, numpy 2.4.6, Python 3.11.
# Guess: a table made from a list of records, or from an NDJSON file, has the union of the keys;
#   a value that does not fit the inferred type raises.
# Behaviour: 2,000 records are {id, bytes}; the last one has `error` too, and a fraction in `bytes`.
#   pyarrow.Table.from_pylist takes the names from the first record alone (yet nested structs get the union),
#   polars.DataFrame, from_dicts, read_ndjson and scan_ndjson from the first 100 records, DataFusion's read_json
#   from the first 1,000. The column `error` is absent, without a warning. pandas and pyarrow.json keep it.
#   polars.DataFrame also cuts the late 1.5 to 1 in a column that began with integers, in its default strict mode.
# Cost: APIs add `error` to failed jobs only, and the newest thousand jobs have not failed. The failure count
#   is then 0 for ever, with every load green; and sizes lose their fractions from record 101 on.
# Output seen:
#   from_pylist           ['id', 'bytes'] last bytes 1.5
#   from_pylist, nested   {'users': 1, 'error': 'AccessDenied'}
#   polars.DataFrame      ['id', 'bytes'] last bytes 1
#   polars.from_dicts     ['id', 'bytes'] last bytes 1
#   polars.read_ndjson    ['id', 'bytes']
#   polars.scan_ndjson    ['id', 'bytes']
#   datafusion.read_json  ['id', 'bytes']
#   pyarrow.json          ['id', 'bytes', 'error']
#   pandas.DataFrame      ['id', 'bytes', 'error'] last bytes 1.5
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq pyarrow==26.0.1 polars==2.1.0 datafusion==55.0.0 pandas==3.1.1 numpy==2.4.6

cd "$folder"
venv/bin/python - <<'PYTHON'
import json
from pathlib import Path

import datafusion
import pandas
import polars
import pyarrow
import pyarrow.json

ordinary = [{"id": number, "bytes": 1} for number in range(1999)]
records = [*ordinary, {"id": 1999, "bytes": 1.5, "error": "AccessDenied"}]
nested = [{"m": {"users": 1}}, {"m": {"users": 1, "error": "AccessDenied"}}]
# The file differs in the key only: a late fraction makes polars.read_ndjson raise.
lines = [*ordinary, {"id": 1999, "bytes": 1, "error": "AccessDenied"}]
Path("records.json").write_text("".join(json.dumps(line) + "\n" for line in lines))


def names_and_last(names, column):
    return f"{list(names)} last bytes {list(column)[-1]}"


arrow = pyarrow.Table.from_pylist(records)
frame = polars.DataFrame(records)
dicts = polars.from_dicts(records)
table = pandas.DataFrame(records)
seen = {
    "from_pylist": names_and_last(arrow.column_names, arrow["bytes"].to_pylist()),
    "from_pylist, nested": str(pyarrow.Table.from_pylist(nested)["m"].to_pylist()[-1]),
    "polars.DataFrame": names_and_last(frame.columns, frame["bytes"]),
    "polars.from_dicts": names_and_last(dicts.columns, dicts["bytes"]),
    "polars.read_ndjson": str(polars.read_ndjson("records.json").columns),
    "polars.scan_ndjson": str(polars.scan_ndjson("records.json").collect().columns),
    "datafusion.read_json": str(datafusion.SessionContext().read_json("records.json").schema().names),
    "pyarrow.json": str(pyarrow.json.read_json("records.json").column_names),
    "pandas.DataFrame": names_and_last(table.columns, table["bytes"]),
}
for reader, result in seen.items():
    print(f"{reader:21} {result}")
assert seen == {
    "from_pylist": "['id', 'bytes'] last bytes 1.5",
    "from_pylist, nested": "{'users': 1, 'error': 'AccessDenied'}",
    "polars.DataFrame": "['id', 'bytes'] last bytes 1",
    "polars.from_dicts": "['id', 'bytes'] last bytes 1",
    "polars.read_ndjson": "['id', 'bytes']",
    "polars.scan_ndjson": "['id', 'bytes']",
    "datafusion.read_json": "['id', 'bytes']",
    "pyarrow.json": "['id', 'bytes', 'error']",
    "pandas.DataFrame": "['id', 'bytes', 'error'] last bytes 1.5",
}, "the behaviour changed"
PYTHON
