#!/usr/bin/env bash
# DuckDB's read_json reads one text column with two date orders: day first where it can, month first elsewhere.
#
# Versions: duckdb 1.5.6 and 2.0.1, Python 3.11.
# Guess: dates that are not ISO stay text; if a format is guessed, then one format for the whole column, as read_csv does.
# Behaviour: 01-02-2026 becomes 1 February and, in the next line of the same file, 03-14-2026 becomes 14 March.
#   read_csv reads the same two values as 2 January and 14 March in 1.5.6, and as text in 2.0.1. A column with both 14-02-2026 and 03-14-2026 stays
#   text, and so does 01/02/2026. Version numbers such as 1-2-3 become the date 2001-02-03; upper-case
#   UUIDs come back in lower case, so md5 keys of them no longer match the source's.
# Cost: an export in American order is right for the days after the 12th and swaps day and month for the others: no
#   error, no null, every value a plausible date, and a third of the history in wrong months.
# Output seen (both versions, but for csv in 2.0.1):
#   json 01-02-2026, 03-14-2026: 2026-02-01, 2026-03-14
#   csv  01-02-2026, 03-14-2026: 2026-01-02, 2026-03-14
#   json 14-02-2026, 03-14-2026: 14-02-2026, 03-14-2026
#   json 1-2-3: 2001-02-03
#   json 3F2504E0-4F89-11D3-9A0C-0305E82C3301: 3f2504e0-4f89-11d3-9a0c-0305e82c3301
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > program.py <<'PYTHON'
import json
import sys
from pathlib import Path

import duckdb


def read(kind, *values):
    if kind == "json":
        Path("values.json").write_text("".join(json.dumps({"v": value}) + "\n" for value in values))
    else:
        Path("values.csv").write_text("v\n" + "".join(value + "\n" for value in values))
    rows = duckdb.sql(f"select v::varchar from read_{kind}('values.{kind}')").fetchall()
    return f"{kind:4} {', '.join(values)}: {', '.join(value for (value,) in rows)}"


seen = [
    read("json", "01-02-2026", "03-14-2026"),
    read("csv", "01-02-2026", "03-14-2026"),
    read("json", "14-02-2026", "03-14-2026"),
    read("json", "1-2-3"),
    read("json", "3F2504E0-4F89-11D3-9A0C-0305E82C3301"),
]
print(f"duckdb {duckdb.__version__}", *seen, sep="\n  ")
assert seen == [
    "json 01-02-2026, 03-14-2026: 2026-02-01, 2026-03-14",
    "csv  01-02-2026, 03-14-2026: " + sys.argv[1],
    "json 14-02-2026, 03-14-2026: 14-02-2026, 03-14-2026",
    "json 1-2-3: 2001-02-03",
    "json 3F2504E0-4F89-11D3-9A0C-0305E82C3301: 3f2504e0-4f89-11d3-9a0c-0305e82c3301",
], "the behaviour changed"
PYTHON

check() {
    python3 -m venv "$1"
    "$1/bin/pip" install -qq "duckdb==$1"
    "$1/bin/python" program.py "$2"
}
check 1.5.6 "2026-01-02, 2026-03-14"
check 2.0.1 "01-02-2026, 03-14-2026"
