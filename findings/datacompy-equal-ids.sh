#!/usr/bin/env bash
# datacompy says that two tables match whose 64-bit ids all differ, and reads 04/03/2025 as April in pandas, as March in Polars.
#
# Versions: datacompy 1.1.0, pandas 3.0.6, polars 1.33.1, numpy 2.4.6, duckdb 1.5.6, Python 3.11.
# Guess: with the tolerances at their default, 0, whole numbers and decimals are equal if they are equal, so that a shift of
#   ids by one is found; and the two backends of one comparison agree on one pair of tables.
# Behaviour: numbers of every type are cast to floats first. Above 2 to the 53rd the ids of neighbouring events are one float:
#   ids of the snowflake kind that are off by one match, and so do those in the wrong order, decimals of 20 digits, and
#   epochs in nanoseconds that differ by 100. The report counts no unequal row. As join column the same ids are told apart. A
#   date is compared with a text by parsing the text, month first by pandas, day first by Polars. Numbers in texts were
#   mended (its issue 121, of 2021); I found neither of these in its documentation.
# Cost: the comparison before a migration is switched over is what one trusts. It passes where each event points to the
#   next event's user, and tests of it with small ids are right. EXCEPT in DuckDB and `equals` of both libraries see it.
# Output seen (does datacompy find them equal, with pandas and with Polars; does the library's own `equals`):
#   ids off by one                      pandas True  polars True   own equals False False
#   ids of two events exchanged         pandas True  polars True   own equals False False
#   nanoseconds that differ by 100      pandas True  polars True   own equals False False
#   amounts that differ by a cent       pandas True  polars True   own equals False False
#   small ids off by one                pandas False polars False  own equals False False
#   ids off by one as join column       pandas False polars False
#   March 4, and the text 04/03/2025    pandas False polars True
#   April 3, and the text 04/03/2025    pandas True  polars False
#   duckdb, ids off by one: 3 rows of EXCEPT
#   report: Number of rows with all compared columns equal: 3, unequal: 0
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq datacompy==1.1.0 pandas==3.0.6 polars==1.33.1 numpy==2.4.6 duckdb==1.5.6 pyarrow==26.0.1

cd "$folder"
cat > program.py <<'PYTHON'
import logging
import re
from datetime import datetime
from decimal import Decimal

import datacompy
import duckdb
import pandas
import polars

logging.disable(logging.WARNING)
IDS = [1945678901234567900, 1945678901234567901, 1945678901234567902]
FRAMES = {"pandas": (pandas.DataFrame, datacompy.PandasCompare), "polars": (polars.DataFrame, datacompy.PolarsCompare)}


def compared(left, right, on="row"):
    return {
        name: compare(frame(left), frame(right), join_columns=on) for name, (frame, compare) in FRAMES.items()
    }


def table(values):
    return {"row": list(range(len(values))), "value": values}


def line(title, left, right, own=True):
    found = compared(table(left), table(right))
    text = f"{title:35} " + " ".join(f"{name} {result.matches()!s:5}" for name, result in found.items())
    if own:
        text += "  own equals " + " ".join(str(frame(table(left)).equals(frame(table(right)))) for frame, _ in FRAMES.values())
    return text.rstrip()


off = [number + 1 for number in IDS]
seen = [
    line("ids off by one", IDS, off),
    line("ids of two events exchanged", IDS, [IDS[1], IDS[0], IDS[2]]),
    line("nanoseconds that differ by 100", [1_780_000_000_000_000_000], [1_780_000_000_000_000_100]),
    line("amounts that differ by a cent", [Decimal("123456789012345678.01")], [Decimal("123456789012345678.02")]),
    line("small ids off by one", [1, 2, 3], [2, 3, 4]),
]
as_key = compared({"id": IDS, "row": [1, 2, 3]}, {"id": off, "row": [1, 2, 3]}, on="id")
seen.append(
    f"{'ids off by one as join column':35} " + " ".join(f"{name} {result.matches()}" for name, result in as_key.items())
)
for name, month, day in (("March 4", 3, 4), ("April 3", 4, 3)):
    seen.append(line(f"{name}, and the text 04/03/2025", [datetime(2025, month, day)], ["04/03/2025"], own=False))
first, second = polars.DataFrame(table(IDS)), polars.DataFrame(table(off))
seen.append(f"duckdb, ids off by one: {len(duckdb.sql('FROM first EXCEPT FROM second').fetchall())} rows of EXCEPT")
report = compared(table(IDS), table(off))["polars"].report()
equal = re.search(r"Number of rows with all compared columns equal: *(\d+)", report)[1]
unequal = re.search(r"Number of rows with some compared columns unequal: *(\d+)", report)[1]
seen.append(f"report: Number of rows with all compared columns equal: {equal}, unequal: {unequal}")
print(*seen, sep="\n")
PYTHON
venv/bin/python program.py 2>log.txt | tee seen.txt || { tail -n 20 log.txt; exit 1; }
diff seen.txt - <<'TEXT' || { echo "the behaviour changed"; exit 1; }
ids off by one                      pandas True  polars True   own equals False False
ids of two events exchanged         pandas True  polars True   own equals False False
nanoseconds that differ by 100      pandas True  polars True   own equals False False
amounts that differ by a cent       pandas True  polars True   own equals False False
small ids off by one                pandas False polars False  own equals False False
ids off by one as join column       pandas False polars False
March 4, and the text 04/03/2025    pandas False polars True
April 3, and the text 04/03/2025    pandas True  polars False
duckdb, ids off by one: 3 rows of EXCEPT
report: Number of rows with all compared columns equal: 3, unequal: 0
TEXT
