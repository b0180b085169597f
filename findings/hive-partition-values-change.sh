#!/usr/bin/env bash
# Text keys of partition folders come back as numbers, booleans or nothing, by the reader and by their neighbours.
#
# Versions: duckdb 1.5.6, polars 2.1.0, pyarrow 26.0.1, Python 3.11.
# Guess: a text column that was written as partitions is read back as those texts; if types are guessed, then whatever does
#   not survive the guess stays text.
# Behaviour: DuckDB writes the folders, without the key in the files, as Spark and pyarrow do. Polars reads '007' as 7, '1e3'
#   and '1000' as one float, the versions '1.10' and '1.1' as one float, 'true' as a boolean, 'NaN' as no number.
#   pyarrow reads '007' as 7 and leaves the others. DuckDB keeps all of these, and reads its own texts 'null' and 'NULL'
#   as null. One more folder decides: beside 'x1', '007' is a text everywhere.
# Cost: an organization or a version joins with nothing, or two of them are added up as one; a read of one month has
#   another schema than a read of the year. The files themselves are right, and hold no key to compare with.
# Output seen:
#   ['007', '042']: polars [7, 42], pyarrow [7, 42], duckdb ['007', '042']
#   ['007', 'x1']: polars ['007', 'x1'], pyarrow ['007', 'x1'], duckdb ['007', 'x1']
#   ['1e3', '1000']: polars [1000.0, 1000.0], pyarrow ['1e3', '1000'], duckdb ['1e3', '1000']
#   ['1.10', '1.1']: polars [1.1, 1.1], pyarrow ['1.10', '1.1'], duckdb ['1.10', '1.1']
#   ['NaN', '1']: polars [nan, 1.0], pyarrow ['NaN', '1'], duckdb ['NaN', '1']
#   ['true', 'false']: polars [True, False], pyarrow ['true', 'false'], duckdb ['true', 'false']
#   ['null', 'NULL', 'x']: polars ['null', 'NULL', 'x'], pyarrow ['null', 'NULL', 'x'], duckdb [None, None, 'x']
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq polars==2.1.0 duckdb==1.5.6 pyarrow==26.0.1

cd "$folder"
venv/bin/python - <<'PYTHON'
import duckdb
import polars
import pyarrow.dataset

CASES = [
    ["007", "042"],
    ["007", "x1"],
    ["1e3", "1000"],
    ["1.10", "1.1"],
    ["NaN", "1"],
    ["true", "false"],
    ["null", "NULL", "x"],
]


def written(number, keys):
    duckdb.execute("create or replace table logs (id integer, key varchar)")
    duckdb.executemany("insert into logs values (?, ?)", list(enumerate(keys)))
    duckdb.execute(f"copy logs to 'case{number}' (format parquet, partition_by (key))")
    return f"case{number}"


def by_polars(folder):
    return polars.read_parquet(f"{folder}/", hive_partitioning=True).sort("id")["key"].to_list()


def by_pyarrow(folder):
    return pyarrow.dataset.dataset(folder, partitioning="hive").to_table().sort_by("id")["key"].to_pylist()


def by_duckdb(folder):
    query = f"select key from read_parquet('{folder}/**/*.parquet', hive_partitioning = true) order by id"
    return [key for (key,) in duckdb.sql(query).fetchall()]


seen = []
for number, keys in enumerate(CASES):
    folder = written(number, keys)
    seen.append(f"{keys}: polars {by_polars(folder)}, pyarrow {by_pyarrow(folder)}, duckdb {by_duckdb(folder)}")
print(*seen, sep="\n")
assert seen == [
    "['007', '042']: polars [7, 42], pyarrow [7, 42], duckdb ['007', '042']",
    "['007', 'x1']: polars ['007', 'x1'], pyarrow ['007', 'x1'], duckdb ['007', 'x1']",
    "['1e3', '1000']: polars [1000.0, 1000.0], pyarrow ['1e3', '1000'], duckdb ['1e3', '1000']",
    "['1.10', '1.1']: polars [1.1, 1.1], pyarrow ['1.10', '1.1'], duckdb ['1.10', '1.1']",
    "['NaN', '1']: polars [nan, 1.0], pyarrow ['NaN', '1'], duckdb ['NaN', '1']",
    "['true', 'false']: polars [True, False], pyarrow ['true', 'false'], duckdb ['true', 'false']",
    "['null', 'NULL', 'x']: polars ['null', 'NULL', 'x'], pyarrow ['null', 'NULL', 'x'], duckdb [None, None, 'x']",
], "the behaviour changed"
PYTHON
