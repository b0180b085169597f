#!/usr/bin/env bash
# SQL of Polars and Daft: `consent IS NOT TRUE` leaves out the rows without a consent.
#
# Versions: polars 2.1.0, daft 0.6.14, duckdb 1.5.6, datafusion 55.0.0, sqlglot 30.30.0, Python 3.11.
# Guess: IS NOT TRUE exists for one reason, to keep the rows of null, and so it does wherever it is parsed.
# Behaviour: Polars and Daft read it as NOT (consent = TRUE), which is null where the consent is: WHERE drops the row, and
#   in the select list the answer is null, which IS NOT TRUE never is. Nothing warns. Polars does the same for IS NOT
#   FALSE, both do it for NOT (consent IS TRUE); IS DISTINCT FROM is right in Polars. DuckDB, DataFusion, SQLite and
#   sqlglot's own executor keep the rows. I found it in no documentation and no issue.
# Cost: a job that deletes, masks or leaves out the people who did not consent passes over all who never answered, and
#   the two halves of a table, IS TRUE and IS NOT TRUE, do not add up to it.
# Output seen:
#                  duckdb      datafusion  sqlite      sqlglot     polars      daft
#   IS NOT TRUE    2 3 5 6     2 3 5 6     2 3 5 6     2 3 5 6     2 6         2 6
#   NOT IS TRUE    2 3 5 6     2 3 5 6     2 3 5 6     2 3 5 6     2 6         2 6
#   in the list    F T T F T T F T T F T T F T T F T T F T T F T T F T - F - T F T - F - T
#   IS NOT FALSE   1 3 4 5     1 3 4 5     1 3 4 5     1 3 4 5     1 4         -
#   IS DISTINCT    2 3 5 6     2 3 5 6     2 3 5 6     -           2 3 5 6     -
#   people 6, with consent 2, not with consent: duckdb 4, polars 2, daft 2
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq polars==2.1.0 daft==0.6.14 duckdb==1.5.6 datafusion==55.0.0 pyarrow==26.0.1 \
    sqlglot==30.30.0

cd "$folder"
cat > program.py <<'PYTHON'
import json
import os
import sqlite3
import sys

import duckdb
import pyarrow

ROWS = [(1, True), (2, False), (3, None), (4, True), (5, None), (6, False)]
ARROW = pyarrow.table({"id": [row[0] for row in ROWS], "consent": [row[1] for row in ROWS]})


def by_duckdb(query):
    with duckdb.connect() as connection:
        return connection.register("people", ARROW).sql(query).fetchall()


def by_datafusion(query):
    import datafusion

    context = datafusion.SessionContext()
    context.from_arrow(ARROW, "people")
    return [tuple(row.values()) for batch in context.sql(query).collect() for row in batch.to_pylist()]


def by_sqlite(query):
    with sqlite3.connect(":memory:") as connection:
        connection.execute("CREATE TABLE people (id, consent)")
        connection.executemany("INSERT INTO people VALUES (?, ?)", ROWS)
        return connection.execute(query).fetchall()


def by_sqlglot(query):
    import sqlglot.executor

    return sqlglot.executor.execute(query, tables={"people": ARROW.to_pylist()}, dialect="duckdb").rows


def by_polars(query):
    import polars

    return polars.SQLContext(people=polars.from_arrow(ARROW), eager=True).execute(query).rows()


def by_daft(query):
    import daft

    return list(zip(*daft.sql(query, people=daft.from_arrow(ARROW)).to_pydict().values(), strict=True))


CASES = {
    "IS NOT TRUE": "SELECT id FROM people WHERE consent IS NOT TRUE ORDER BY id",
    "NOT IS TRUE": "SELECT id FROM people WHERE NOT (consent IS TRUE) ORDER BY id",
    "in the list": "SELECT id, consent IS NOT TRUE AS flag FROM people ORDER BY id",
    "IS NOT FALSE": "SELECT id FROM people WHERE consent IS NOT FALSE ORDER BY id",
    "IS DISTINCT": "SELECT id FROM people WHERE consent IS DISTINCT FROM TRUE ORDER BY id",
}
LEFT_OUT = {"sqlglot": ["IS DISTINCT"], "daft": ["IS NOT FALSE", "IS DISTINCT"]}  # not supported there


def shown(value):
    if value is None:
        return "-"
    return "FT"[value] if isinstance(value, bool) else str(value)


name = sys.argv[1]
run = globals()[f"by_{name}"]
answers = {}
for label, query in CASES.items():
    rows = [] if label in LEFT_OUT.get(name, ()) else run(query)
    # SQLite has no booleans: 0 and 1 stand for them.
    values = [{0: False, 1: True}[row[1]] if (name, label) == ("sqlite", "in the list") else row[-1] for row in rows]
    answers[label] = " ".join(map(shown, values)) or "-"
answers["with"] = run("SELECT count(*) AS n FROM people WHERE consent IS TRUE")[0][0]
answers["without"] = run("SELECT count(*) AS n FROM people WHERE consent IS NOT TRUE")[0][0]
print(json.dumps(answers))
sys.stdout.flush()
os._exit(0)  # the threads of Daft sometimes do not survive the end of the interpreter
PYTHON
# A process for each engine, as two of them in one process may not agree on their native libraries.
for name in duckdb datafusion sqlite sqlglot polars daft; do
    venv/bin/python program.py "$name" > "$name.json" 2> "$name.err" || { cat "$name.err" >&2; exit 1; }
done
python3 - <<'PYTHON'
import json
from pathlib import Path

NAMES = ["duckdb", "datafusion", "sqlite", "sqlglot", "polars", "daft"]
answers = {name: json.loads(Path(f"{name}.json").read_text()) for name in NAMES}
seen = [" " * 15 + "".join(f"{name:12}" for name in NAMES).rstrip()]
for label in ("IS NOT TRUE", "NOT IS TRUE", "in the list", "IS NOT FALSE", "IS DISTINCT"):
    seen.append(f"{label:15}" + "".join(f"{answers[name][label]:12}" for name in NAMES).rstrip())
assert {answer["with"] for answer in answers.values()} == {2}, "the behaviour changed"
counts = ", ".join(f"{name} {answers[name]['without']}" for name in ("duckdb", "polars", "daft"))
seen.append(f"people 6, with consent 2, not with consent: {counts}")
print(*seen, sep="\n")
assert seen == [
    "               duckdb      datafusion  sqlite      sqlglot     polars      daft",
    "IS NOT TRUE    2 3 5 6     2 3 5 6     2 3 5 6     2 3 5 6     2 6         2 6",
    "NOT IS TRUE    2 3 5 6     2 3 5 6     2 3 5 6     2 3 5 6     2 6         2 6",
    "in the list    F T T F T T F T T F T T F T T F T T F T T F T T F T - F - T F T - F - T",
    "IS NOT FALSE   1 3 4 5     1 3 4 5     1 3 4 5     1 3 4 5     1 4         -",
    "IS DISTINCT    2 3 5 6     2 3 5 6     2 3 5 6     -           2 3 5 6     -",
    "people 6, with consent 2, not with consent: duckdb 4, polars 2, daft 2",
], "the behaviour changed"
PYTHON
