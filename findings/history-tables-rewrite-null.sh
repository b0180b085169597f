#!/usr/bin/env bash
# History tables and null: SQLMesh's closed version of "no consent" says yes in hindsight; a key with a null doubles, in dbt too.
#
# Versions: sqlmesh 0.236.4, dbt-core 1.11.16, dbt-duckdb 1.11.1, duckdb 1.5.6, Python 3.11.
# Guess: a slowly changing dimension closes a version and writes the next, it does not touch the values of the closed one; a
#   key of two columns may have a null in one of them, as GROUP BY and DISTINCT may.
# Behaviour: SQLMesh fills what is null in a version from the row that closes it, in all its kinds, so that ann, who had no
#   consent until the second night, has said yes since 1970, and both versions are the same. Known (its issues 5332 and 5757,
#   open; the documentation does not say so). dbt keeps null. With (user, country) as key and no country, both insert bob again
#   on each run, changed or not, and leave his old versions current.
# Cost: "had she consented when we wrote to her" is what the history is kept for, and the only answer it gives is yes. The
#   current rows are right, which is what is looked at. A join to the current versions counts bob once for each night.
# Output seen (after each of three nights; ann's consent is null, yes, yes, bob's no, yes, yes; * is current):
#   sqlmesh BY_TIME user            1: ann - *          2: ann yes, ann yes *     3: ann yes, ann yes *
#   sqlmesh BY_COLUMN user          1: ann - *          2: ann yes, ann yes *     3: ann yes, ann yes *
#   dbt check user                  1: ann - *          2: ann -, ann yes *       3: ann -, ann yes *
#   sqlmesh BY_COLUMN user, country 1: bob no *         2: bob no *, bob yes *    3: bob no *, bob yes *, bob yes *
#   dbt check user, country         1: bob no *         2: bob no *, bob yes *    3: bob no *, bob yes *, bob yes *
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/sqlmesh"
"$folder/sqlmesh/bin/pip" install -qq sqlmesh==0.236.4 duckdb==1.5.6
python3 -m venv "$folder/dbt"
"$folder/dbt/bin/pip" install -qq dbt-core==1.11.16 dbt-duckdb==1.11.1 duckdb==1.5.6

cd "$folder"
export SQLMESH__DISABLE_ANONYMIZED_ANALYTICS=true DBT_SEND_ANONYMOUS_USAGE_STATS=false
mkdir -p mesh/models build/models build/snapshots
cat > mesh/config.yaml <<YAML
gateways:
  duck:
    connection: {type: duckdb, database: $folder/mesh.duckdb}
    state_connection: {type: duckdb, database: $folder/state.duckdb}
default_gateway: duck
model_defaults: {dialect: duckdb, start: '2025-01-01'}
YAML
model() {
    echo "MODEL (name history.$1, kind $2, columns ($3)); SELECT $4 FROM raw.consents" > "mesh/models/$1.sql"
}
model by_time "SCD_TYPE_2_BY_TIME (unique_key person)" "person TEXT, consent TEXT, updated_at TIMESTAMP" \
    "person, consent, updated_at"
model by_column "SCD_TYPE_2_BY_COLUMN (unique_key person, columns [consent])" "person TEXT, consent TEXT" "person, consent"
model by_two "SCD_TYPE_2_BY_COLUMN (unique_key (person, country), columns [consent])" \
    "person TEXT, country TEXT, consent TEXT" "person, country, consent"
cat > build/dbt_project.yml <<'YAML'
name: build
version: '1.0'
profile: build
YAML
cat > build/profiles.yml <<YAML
build: {target: duck, outputs: {duck: {type: duckdb, path: $folder/dbt.duckdb, threads: 1}}}
YAML
cat > build/models/sources.yml <<'YAML'
sources: [{name: raw, schema: raw, tables: [{name: consents}]}]
YAML
cat > build/snapshots/snapshots.yml <<'YAML'
snapshots:
  - name: by_one
    relation: source('raw', 'consents')
    config: {unique_key: person, strategy: check, check_cols: [consent]}
  - name: by_two
    relation: source('raw', 'consents')
    config: {unique_key: [person, country], strategy: check, check_cols: [consent]}
YAML

cat > night.py <<'PYTHON'
import sys

import duckdb

NIGHTS = [{"ann": None, "bob": "no"}, {"ann": "yes", "bob": "yes"}, {"ann": "yes", "bob": "yes"}]


def load(database, night):
    rows = []
    for person, consent in NIGHTS[night].items():
        changed = min(earlier for earlier in range(night + 1) if NIGHTS[earlier][person] == consent)
        rows.append([person, "de" if person == "ann" else None, consent, f"2025-01-0{changed + 1} 10:00"])
    with duckdb.connect(database) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS raw")
        columns = "person TEXT, country TEXT, consent TEXT, updated_at TIMESTAMP"
        connection.execute(f"CREATE OR REPLACE TABLE raw.consents ({columns})")
        connection.executemany("INSERT INTO raw.consents VALUES (?, ?, ?, ?)", rows)


def versions(database, table, person, end):
    query = f"SELECT person, coalesce(consent, '-'), {end} IS NULL FROM {table} WHERE person = '{person}' ORDER BY ALL"
    if person == "ann":
        query = query.replace("BY ALL", f"BY {end} NULLS LAST")
    with duckdb.connect(database) as connection:
        rows = connection.sql(query).fetchall()
    return ", ".join(f"{name} {consent}{' *' if current else ''}" for name, consent, current in rows)


if __name__ == "__main__":
    load(sys.argv[1], int(sys.argv[2]))
PYTHON
cat > nights.py <<'PYTHON'
import contextlib
import io
import subprocess

from night import load, versions
from sqlmesh import Context

TABLES = {
    "sqlmesh BY_TIME user": ("mesh.duckdb", "history.by_time", "ann", "valid_to"),
    "sqlmesh BY_COLUMN user": ("mesh.duckdb", "history.by_column", "ann", "valid_to"),
    "dbt check user": ("dbt.duckdb", "main.by_one", "ann", "dbt_valid_to"),
    "sqlmesh BY_COLUMN user, country": ("mesh.duckdb", "history.by_two", "bob", "valid_to"),
    "dbt check user, country": ("dbt.duckdb", "main.by_two", "bob", "dbt_valid_to"),
}
found = {title: [] for title in TABLES}
for night in range(3):
    load("mesh.duckdb", night)
    load("dbt.duckdb", night)
    with contextlib.redirect_stdout(io.StringIO()):
        context = Context(paths=["mesh"])
        time = f"2025-01-0{night + 2} 00:00:00"
        if night == 0:
            context.plan(auto_apply=True, no_prompts=True, execution_time=time)
        else:
            assert not context.run(execution_time=time, ignore_cron=True).is_failure
        context.close()
    snapshot = ["../dbt/bin/dbt", "snapshot", "--quiet"]
    done = subprocess.run(snapshot, cwd="build", capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    for title, place in TABLES.items():
        found[title].append(f"{night + 1}: {versions(*place)}")
for title, (first, second, third) in found.items():
    print(f"{title:31} {first:19} {second:25} {third}")
PYTHON
sqlmesh/bin/python nights.py 2>log.txt | tee seen.txt || { tail -n 20 log.txt; exit 1; }
diff seen.txt - <<'TEXT' || { echo "the behaviour changed"; exit 1; }
sqlmesh BY_TIME user            1: ann - *          2: ann yes, ann yes *     3: ann yes, ann yes *
sqlmesh BY_COLUMN user          1: ann - *          2: ann yes, ann yes *     3: ann yes, ann yes *
dbt check user                  1: ann - *          2: ann -, ann yes *       3: ann -, ann yes *
sqlmesh BY_COLUMN user, country 1: bob no *         2: bob no *, bob yes *    3: bob no *, bob yes *, bob yes *
dbt check user, country         1: bob no *         2: bob no *, bob yes *    3: bob no *, bob yes *, bob yes *
TEXT
