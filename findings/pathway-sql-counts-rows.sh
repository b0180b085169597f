#!/usr/bin/env bash
# Pathway: in `pw.sql` COUNT(DISTINCT user) counts rows, COUNT(consent) the unknown ones too, and null equals null.
#
# Versions: pathway 0.33.0 with sqlglot 10.6.1 (its extra `sql`), duckdb 1.5.6, polars 2.1.0, datafusion 55.0.0, Python 3.11.
# Guess: what `pw.sql` takes means what it means in SQL, and what it lacks raises, as DISTINCT, LIMIT, IN and COALESCE do.
# Behaviour: COUNT(...) is the number of rows, whatever is in its parentheses, `DISTINCT user` too (SUM(DISTINCT ...) raises).
#   Values are compared as Python does it: `consent <> TRUE` and `NOT country = 'de'` have the rows without a value, `= NULL` finds
#   them, a join (and a LEFT JOIN, an anti-join by it) matches null to null, MIN is null where one value is. The methods of tables
#   do the same, but there `count()` has no column, and `count_distinct` is another reducer; SQL has a meaning of its own. Nothing
#   is logged. The SQL of DuckDB, Polars and DataFusion has one answer to each of these.
# Cost: users are counted as events, "answered" as "shown", so that a consent rate is halved; an anti-join that should list the
#   countries without a name lists none of those that are unknown, and a join multiplies the unknown with the unknown.
# Output seen (five lines of a log of three users, and two names of countries, one of them of null):
#   Pathway         the others  query
#   5               3           COUNT(DISTINCT person) FROM log
#   5               3           COUNT(consent) FROM log
#   null            2.0         MIN(seconds) FROM log
#   ann bob cem     bob         person FROM log WHERE consent <> TRUE
#   bob cem cem     bob         person FROM log WHERE NOT country = 'de'
#   cem cem         -           person FROM log WHERE country = NULL
#   ann ann cem cem ann ann     person FROM log JOIN names ON log.country = names.country
#   bob             bob cem cem person FROM log LEFT JOIN names ON log.country = names.country WHERE names.name IS NULL
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq "pathway[sql]==0.33.0" duckdb==1.5.6 polars==2.1.0 datafusion==55.0.0

cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import logging

import datafusion
import duckdb
import pathway
import polars
import pyarrow

logging.disable(logging.ERROR)


class Log(pathway.Schema):
    person: str
    consent: bool | None
    seconds: float | None
    country: str | None


class Names(pathway.Schema):
    country: str | None
    name: str


LOG = [
    ("ann", True, 2.0, "de"),
    ("ann", None, None, "de"),
    ("bob", False, 3.0, "fr"),
    ("cem", None, 4.0, None),
    ("cem", True, 5.0, None),
]
NAMES = [("de", "Germany"), (None, "elsewhere")]
QUERIES = [
    "SELECT COUNT(DISTINCT person) AS x FROM log",
    "SELECT COUNT(consent) AS x FROM log",
    "SELECT MIN(seconds) AS x FROM log",
    "SELECT person AS x FROM log WHERE consent <> TRUE",
    "SELECT person AS x FROM log WHERE NOT country = 'de'",
    "SELECT person AS x FROM log WHERE country = NULL",
    "SELECT person AS x FROM log JOIN names ON log.country = names.country",
    "SELECT person AS x FROM log LEFT JOIN names ON log.country = names.country WHERE names.name IS NULL",
]
flow = {"log": pathway.debug.table_from_rows(Log, LOG), "names": pathway.debug.table_from_rows(Names, NAMES)}
arrow = {
    "log": pyarrow.table(dict(zip(["person", "consent", "seconds", "country"], zip(*LOG, strict=True), strict=True))),
    "names": pyarrow.table(dict(zip(["country", "name"], zip(*NAMES, strict=True), strict=True))),
}
fusion = datafusion.SessionContext()
duck = duckdb.connect()
for name, table in arrow.items():
    fusion.register_record_batches(name, [table.to_batches()])
    duck.register(name, table)
frames = polars.SQLContext({name: polars.from_arrow(table) for name, table in arrow.items()}, eager=True)


def by_pathway(query):
    frame = pathway.debug.table_to_pandas(pathway.sql(query, **flow), include_id=False)
    return [None if value != value else value for value in frame["x"]]


seen = ["Pathway         the others  query"]
for query in QUERIES:
    engines = [
        by_pathway(query),
        [value for (value,) in duck.execute(query).fetchall()],
        frames.execute(query)["x"].to_list(),
        fusion.sql(query).to_pydict()["x"],
    ]
    answers = [" ".join(sorted("null" if value is None else str(value) for value in found)) or "-" for found in engines]
    assert answers[1:] == answers[1:2] * 3, answers
    seen.append(f"{answers[0]:15} {answers[1]:11} {query.replace('SELECT ', '').replace(' AS x', '')}")
print(*seen, sep="\n")
assert seen == [
    "Pathway         the others  query",
    "5               3           COUNT(DISTINCT person) FROM log",
    "5               3           COUNT(consent) FROM log",
    "null            2.0         MIN(seconds) FROM log",
    "ann bob cem     bob         person FROM log WHERE consent <> TRUE",
    "bob cem cem     bob         person FROM log WHERE NOT country = 'de'",
    "cem cem         -           person FROM log WHERE country = NULL",
    "ann ann cem cem ann ann     person FROM log JOIN names ON log.country = names.country",
    "bob             bob cem cem person FROM log LEFT JOIN names ON log.country = names.country WHERE names.name IS NULL",
], "the behaviour changed"
PYTHON
