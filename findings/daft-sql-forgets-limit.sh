#!/usr/bin/env bash
# SQL of Daft: ORDER BY, LIMIT and OFFSET after a UNION are read and forgotten, and ORDER BY beside a window with an order.
#
# Versions: daft 0.6.14, duckdb 1.5.6, polars 2.1.0, datafusion 55.0.0, pyarrow 26.0.1, Python 3.11.
# Guess: what its SQL does not know it refuses, as Daft does with EXCEPT and IS DISTINCT FROM ("Unsupported SQL").
# Behaviour: after UNION ALL, UNION and INTERSECT the ORDER BY, LIMIT and OFFSET have no effect, in a WITH too. Beside a
#   window function with an order of its own ORDER BY has none either, as the rows are sorted before the window sorts
#   them again, but LIMIT has: the two largest are the two smallest here. No warning. Around a subquery all works:
#   SELECT * FROM (...) ORDER BY ... LIMIT ... . And a month is added as JavaScript does it: January 31 and a month is
#   March 3, February 29 and a year March 1. The others agree. I found it in no documentation and no issue.
# Cost: a page of the newest events of two tables is all of both, in any order; a report of the top rows, with their rank
#   or share beside them, has others; a consent or contract of a month that begins on the 31st runs into the third month.
# Output seen:
#                                   daft               the others
#   union all, order, limit         8 rows             7 4
#   union all, order, offset        8 rows             1 1
#   union, order, limit             4 rows             7 4
#   intersect, order, limit         4 rows             7 4
#   with, limit, then count         8                  2
#   union all in a subquery         7 7                7 7
#   window, order, limit            1 2                7 4
#   window in a subquery            7 4                7 4
#   no window, order, limit         7 4                7 4
#   2026-01-31 + 1 month            2026-03-03         2026-02-28
#   2026-03-31 + 1 month            2026-05-01         2026-04-30
#   2024-02-29 + 1 year             2025-03-01         2025-02-28
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq daft==0.6.14 duckdb==1.5.6 polars==2.1.0 datafusion==55.0.0 pyarrow==26.0.1

cd "$folder"
cat > program.py <<'PYTHON'
import json
import os
import sys
from datetime import date

import pyarrow

ARROW = pyarrow.table(
    {
        "amount": [4, 1, 7, 2],
        "day": [date(2026, 1, 31), date(2026, 3, 31), date(2024, 2, 29), date(2026, 6, 15)],
    }
)
WINDOW = "SELECT amount, rank() OVER (ORDER BY amount) AS place FROM t"
CASES = {
    "union all, order, limit": "SELECT amount FROM t UNION ALL SELECT 0 AS amount FROM t ORDER BY amount DESC LIMIT 2",
    "union all, order, offset": "SELECT amount FROM t UNION ALL SELECT amount FROM t ORDER BY amount DESC LIMIT 2 OFFSET 6",
    "union, order, limit": "SELECT amount FROM t UNION SELECT amount FROM t ORDER BY amount DESC LIMIT 2",
    "intersect, order, limit": "SELECT amount FROM t INTERSECT SELECT amount FROM t ORDER BY amount DESC LIMIT 2",
    "with, limit, then count": """WITH newest AS (SELECT amount FROM t UNION ALL SELECT amount FROM t LIMIT 2)
        SELECT count(*) AS n FROM newest""",
    "union all in a subquery": """SELECT amount FROM (SELECT amount FROM t UNION ALL SELECT amount FROM t) AS both_
        ORDER BY amount DESC LIMIT 2""",
    "window, order, limit": f"{WINDOW} ORDER BY amount DESC LIMIT 2",
    "window in a subquery": f"SELECT amount FROM ({WINDOW}) AS inner_ ORDER BY amount DESC LIMIT 2",
    "no window, order, limit": "SELECT amount, day FROM t ORDER BY amount DESC LIMIT 2",
    "2026-01-31 + 1 month": "SELECT day + INTERVAL '1 month' AS d FROM t WHERE amount = 4",
    "2026-03-31 + 1 month": "SELECT day + INTERVAL '1 month' AS d FROM t WHERE amount = 1",
    "2024-02-29 + 1 year": "SELECT day + INTERVAL '1 year' AS d FROM t WHERE amount = 7",
}


def by_daft(query):
    import daft

    return next(iter(daft.sql(query, t=daft.from_arrow(ARROW)).to_pydict().values()))


def by_duckdb(query):
    import duckdb

    with duckdb.connect() as connection:
        return [row[0] for row in connection.register("t", ARROW).sql(query).fetchall()]


def by_polars(query):
    import polars

    return polars.SQLContext(t=polars.from_arrow(ARROW), eager=True).execute(query).to_series().to_list()


def by_datafusion(query):
    import datafusion

    context = datafusion.SessionContext()
    context.from_arrow(ARROW, "t")
    return [next(iter(row.values())) for batch in context.sql(query).collect() for row in batch.to_pylist()]


name = sys.argv[1]
run = globals()[f"by_{name}"]
answers = {}
for label, query in CASES.items():
    values = [str(value)[:10] for value in run(query)]
    answers[label] = " ".join(values) if len(values) <= 2 else f"{len(values)} rows"
print(json.dumps(answers))
sys.stdout.flush()
os._exit(0)  # the threads of Daft sometimes do not survive the end of the interpreter
PYTHON
for name in daft duckdb polars datafusion; do
    venv/bin/python program.py "$name" > "$name.json" 2> "$name.err" || { cat "$name.err" >&2; exit 1; }
done
python3 - <<'PYTHON'
import json
from pathlib import Path

daft, *others = (json.loads(Path(f"{name}.json").read_text()) for name in ("daft", "duckdb", "polars", "datafusion"))
seen = [f"{'':32}{'daft':19}the others"]
for label, answer in daft.items():
    seen.append(f"{label:32}{answer:19}{' or '.join(sorted({other[label] for other in others}))}")
print(*seen, sep="\n")
assert seen == [
    "                                daft               the others",
    "union all, order, limit         8 rows             7 4",
    "union all, order, offset        8 rows             1 1",
    "union, order, limit             4 rows             7 4",
    "intersect, order, limit         4 rows             7 4",
    "with, limit, then count         8                  2",
    "union all in a subquery         7 7                7 7",
    "window, order, limit            1 2                7 4",
    "window in a subquery            7 4                7 4",
    "no window, order, limit         7 4                7 4",
    "2026-01-31 + 1 month            2026-03-03         2026-02-28",
    "2026-03-31 + 1 month            2026-05-01         2026-04-30",
    "2024-02-29 + 1 year             2025-03-01         2025-02-28",
], "the behaviour changed"
PYTHON
