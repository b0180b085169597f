#!/usr/bin/env bash
# SQLFluff's fix, with its default rules, makes JSON paths of DuckDB miss their keys, quoted ones too, and renames columns.
#
# Versions: sqlfluff 4.5.0, shandy-sqlfmt 0.32.0, duckdb 1.5.6, Python 3.11.
# Guess: a linter's fixes change the look of a query, not its answer; at least what is in quotes stays as it is.
# Behaviour: DuckDB does not tell the case of column names apart, but `logs.data.userId` of a JSON column is a path to a
#   key, and keys differ by case; a key that is not there is null. Rule CP02 brings the unquoted names of a file to the
#   case of the first one, and so asks for userid. Its documentation advises quotes where case matters; but in the
#   dialect duckdb rule RF06 removes quotes as needless, and the next pass of CP02 does the rest. Names of result columns
#   are lowered as well, and one that then equals its key is removed. Exit code 0, and lint is content from then on.
#   With the dialect postgres, the quotes stay. sqlfmt lowers unquoted keys and leaves quoted ones.
# Cost: a commit of "style fixes": columns are null from the next run on, and whoever reads the export by the names
#   createdAt and Status finds neither. The arrow, data ->> 'Status', is safe.
# Output seen:
#   before              ['id', 'user_key', 'createdAt', 'Status'] [(1, '"u1"', '"2026-11-29"', 'active')]
#   sqlfluff, duckdb    ['id', 'user_key', 'createdat', 'status'] [(1, None, None, 'active')]
#   sqlfluff, postgres  ['id', 'user_key', 'createdAt', 'Status'] [(1, None, '"2026-11-29"', 'active')]
#   sqlfmt              ['id', 'user_key', 'createdAt', 'Status'] [(1, None, '"2026-11-29"', 'active')]
#   exit codes of the dialect duckdb: fix 0, lint 0
#   select / logs.id, / logs.data.userid as user_key, / logs.data.createdat, / logs.data ->> 'Status' as status / from logs
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq sqlfluff==4.5.0 shandy-sqlfmt==0.32.0 duckdb==1.5.6

cd "$folder"
cat > before.sql <<'SQL'
select
    logs.id,
    logs.data.userId as user_key,
    logs.data."createdAt" as "createdAt",
    logs.data ->> 'Status' as "Status"
from logs
SQL
cp before.sql duckdb.sql
cp before.sql postgres.sql
cp before.sql sqlfmt.sql
fix=0
lint=0
venv/bin/sqlfluff fix --dialect duckdb duckdb.sql >fix.txt || fix=$?
venv/bin/sqlfluff lint --dialect duckdb duckdb.sql >lint.txt || lint=$?
venv/bin/sqlfluff fix --dialect postgres postgres.sql >fix.txt || true # PostgreSQL has no such paths: it reports RF01
venv/bin/sqlfmt --quiet sqlfmt.sql

cat > program.py <<'PYTHON'
import pathlib
import sys

import duckdb

duckdb.execute("create table logs (id integer, data json)")
duckdb.execute("""insert into logs values (1, '{"userId": "u1", "createdAt": "2026-11-29", "Status": "active"}')""")


def answer(path):
    result = duckdb.sql(pathlib.Path(path).read_text(encoding="utf-8"))
    return f"{result.columns} {result.fetchall()}"


QUERIES = {
    "before": "before.sql",
    "sqlfluff, duckdb": "duckdb.sql",
    "sqlfluff, postgres": "postgres.sql",
    "sqlfmt": "sqlfmt.sql",
}
seen = [f"{name:19} {answer(path)}" for name, path in QUERIES.items()]
seen.append(f"exit codes of the dialect duckdb: fix {sys.argv[1]}, lint {sys.argv[2]}")
lines = pathlib.Path("duckdb.sql").read_text(encoding="utf-8").splitlines()
seen.append(" / ".join(line.strip() for line in lines))
print(*seen, sep="\n")
assert seen == [
    "before              ['id', 'user_key', 'createdAt', 'Status'] [(1, '\"u1\"', '\"2026-11-29\"', 'active')]",
    "sqlfluff, duckdb    ['id', 'user_key', 'createdat', 'status'] [(1, None, None, 'active')]",
    "sqlfluff, postgres  ['id', 'user_key', 'createdAt', 'Status'] [(1, None, '\"2026-11-29\"', 'active')]",
    "sqlfmt              ['id', 'user_key', 'createdAt', 'Status'] [(1, None, '\"2026-11-29\"', 'active')]",
    "exit codes of the dialect duckdb: fix 0, lint 0",
    "select / logs.id, / logs.data.userid as user_key, / logs.data.createdat, "
    "/ logs.data ->> 'Status' as status / from logs",
], "the behaviour changed"
PYTHON
venv/bin/python program.py "$fix" "$lint"
