#!/usr/bin/env bash
# A unit test that expects the rate 0.4167 passes on a model that says 0, in dbt and in SQLMesh: both cast what is expected.
#
# Versions: dbt-core 1.11.16, dbt-duckdb 1.11.1, duckdb 1.5.6, sqlmesh 0.236.4, Python 3.11.
# Guess: an expected value is compared as it is written, so that a test which expects 0.4167 fails on 0, one which expects
#   '007' on 7, and one which expects 23:30 on a date.
# Behaviour: dbt writes each expected value (of a dict or CSV) as a cast to the type that the model's column has, so that
#   the model's mistake is made in the expectation too: 0.4167 becomes 0, '007' 7, 2.675 2.68, and what a timestamp or
#   date cannot hold goes. With `format: sql` it compares as written, and fails. SQLMesh casts whole numbers only, and
#   cuts where dbt's database rounds: 0.9 passes as well.
# Cost: integer division, lost zeros, a rounding too early and an offset cut off are what such tests are written for.
#   They are green from the first day, and stay so when a column's type is changed to one that holds less.
# Output seen:
#   expected                         the model says       dbt   dbt, sql  SQLMesh
#   rate 0.4167                      0                    pass  fail      pass
#   rate 0.9                         0                    fail  fail      pass
#   rate 1                           0                    fail  fail      fail
#   site '007'                       7                    pass  fail      pass
#   price 2.675                      2.68                 pass  fail      fail
#   day '2026-11-01 23:30:00'        2026-11-01           pass  fail      fail
#   made '2026-11-01T23:30:00+02:00' 2026-11-01 23:30:00  pass  fail      fail
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv dbt
dbt/bin/pip install -qq dbt-core==1.11.16 dbt-duckdb==1.11.1 duckdb==1.5.6
python3 -m venv sqlmesh
sqlmesh/bin/pip install -qq sqlmesh==0.236.4 duckdb==1.5.6
export DO_NOT_TRACK=1

mkdir -p of_dbt/models of_sqlmesh/models of_sqlmesh/tests
cat > orders.sql <<'SQL'
select 1 as id, 5 as consented, 12 as shown, '007' as site, 2.675 as price, '2026-11-01T23:30:00+02:00' as made
SQL
cat > daily.sql <<'SQL'
select id, consented // shown as rate, cast(site as integer) as site, cast(price as decimal(9, 2)) as price,
    cast(made as date) as day, cast(made as timestamp) as made
SQL
printf 'name: shop\nversion: "1.0"\nprofile: shop\n' >of_dbt/dbt_project.yml
printf 'shop: {target: dev, outputs: {dev: {type: duckdb, path: shop.duckdb}}}\n' >of_dbt/profiles.yml
cp orders.sql of_dbt/models
(cat daily.sql && echo "from {{ ref('orders') }}") >of_dbt/models/daily.sql
cat > of_sqlmesh/config.yaml <<'YAML'
gateways: {local: {connection: {type: duckdb, database: shop.duckdb}}}
default_gateway: local
model_defaults: {dialect: duckdb, start: 2026-01-01}
disable_anonymized_analytics: true
YAML
(echo "MODEL (name shop.orders, kind FULL);" && cat orders.sql) >of_sqlmesh/models/orders.sql
(echo "MODEL (name shop.daily, kind FULL);" && cat daily.sql && echo "from shop.orders") >of_sqlmesh/models/daily.sql

GIVEN="[{id: 1, consented: 5, shown: 12, site: '007', price: 2.675, made: '2026-11-01T23:30:00+02:00'}]"
echo "unit_tests:" >of_dbt/models/tests.yml
number=0
while read -r column value; do
    number=$((number + 1))
    cat >> of_dbt/models/tests.yml <<YAML
  - name: t$number
    model: daily
    given: [{input: ref('orders'), rows: $GIVEN}]
    expect: {rows: [{id: 1, $column: $value}]}
  - name: t${number}_sql
    model: daily
    given: [{input: ref('orders'), rows: $GIVEN}]
    expect:
      format: sql
      rows: >-
        select * replace ($value as $column) from (select 1 as id, 0 as rate, 7 as site, cast(2.68 as decimal(9, 2)) as price,
        date '2026-11-01' as day, timestamp '2026-11-01 23:30:00' as made)
YAML
    cat >> of_sqlmesh/tests/test_daily.yaml <<YAML
t$number:
  model: shop.daily
  inputs: {shop.orders: {rows: $GIVEN}}
  outputs: {partial: true, query: {rows: [{id: 1, $column: $value}]}}
YAML
    echo "$column $value" >>expected.txt
done <<'TEXT'
rate 0.4167
rate 0.9
rate 1
site '007'
price 2.675
day '2026-11-01 23:30:00'
made '2026-11-01T23:30:00+02:00'
TEXT

dbt/bin/dbt --quiet run --project-dir of_dbt --profiles-dir of_dbt
dbt/bin/dbt --quiet test --project-dir of_dbt --profiles-dir of_dbt >dbt.txt 2>&1 || true
cd of_sqlmesh
../sqlmesh/bin/python - >../sqlmesh.txt 2>../sqlmesh-errors.txt <<'PYTHON'
import io

import sqlmesh

result = sqlmesh.Context(paths=".").test(stream=io.StringIO())
assert result.testsRun == 7 and not result.errors, result.errors
print(*(test.test_name for test, _ in result.failures), sep="\n")
PYTHON
cd ..

dbt/bin/python - <<'PYTHON'
import json
import pathlib

import duckdb

results = json.loads(pathlib.Path("of_dbt/target/run_results.json").read_text())["results"]
in_dbt = {result["unique_id"].split(".")[-1]: result["status"] for result in results}
assert set(in_dbt.values()) == {"pass", "fail"}, in_dbt
failed = pathlib.Path("sqlmesh.txt").read_text().split()
connection = duckdb.connect("shop.duckdb", read_only=True)


def line(number, expected):
    [(value,)] = connection.execute(f"select {expected.split()[0]}::text from daily").fetchall()
    name = f"t{number}"
    in_sqlmesh = "fail" if name in failed else "pass"
    return f"{expected:32} {value:20} {in_dbt[name]:5} {in_dbt[f'{name}_sql']:9} {in_sqlmesh}"


texts = pathlib.Path("expected.txt").read_text().splitlines()
seen = ["expected                         the model says       dbt   dbt, sql  SQLMesh"]
seen += [line(number, text) for number, text in enumerate(texts, 1)]
print(*seen, sep="\n")
assert seen == [
    "expected                         the model says       dbt   dbt, sql  SQLMesh",
    "rate 0.4167                      0                    pass  fail      pass",
    "rate 0.9                         0                    fail  fail      pass",
    "rate 1                           0                    fail  fail      fail",
    "site '007'                       7                    pass  fail      pass",
    "price 2.675                      2.68                 pass  fail      fail",
    "day '2026-11-01 23:30:00'        2026-11-01           pass  fail      fail",
    "made '2026-11-01T23:30:00+02:00' 2026-11-01 23:30:00  pass  fail      fail",
], "the behaviour changed"
PYTHON
