#!/usr/bin/env bash
# The same three rows, the same DuckDB query: whether the NaN row is found depends on who wrote the Parquet file.
#
# Versions: duckdb 1.5.6, pyarrow 26.0.1, polars 2.1.0, deltalake 1.6.6, Python 3.11.
# Guess: `v > 5` gives the same rows from a table and from a file of these rows; statistics only make it faster.
# Behaviour: the rows are 1.0, NaN, null. DuckDB holds NaN greater than every number and returns it from its table and
#   from a file that it wrote itself (without statistics, because of the NaN). pyarrow, Polars and deltalake write the
#   statistics min = max = 1.0, which leave NaN out; DuckDB and Delta skip the file and return nothing. pyarrow's own
#   `v != 1` finds the NaN in memory and not in its file, unless another number in the row group differs from 1.
#   Polars reads it everywhere. A Delta delete by `v > 5` deletes nothing.
# Cost: a quality check that looks for `rate > 1` or `rate <> 1` is red on the table and green on the lake, and the clean-up
#   removes none of the rows that it was written for. One more value in the row group changes the answer.
# Output seen:
#   duckdb v > 5: table [2], written by duckdb [2], by pyarrow [], by polars [], by deltalake []
#   polars v > 5: written by duckdb [2], by pyarrow [2], by polars [2], by deltalake [2]
#   pyarrow v != 1: in memory [2], in its file [], in its file beside 2.0 [2, 4]
#   delta delete v > 5: 0 deleted
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq duckdb==1.5.6 pyarrow==26.0.1 polars==2.1.0 deltalake==1.6.6

cd "$folder"
venv/bin/python - <<'PYTHON'
import glob

import deltalake
import duckdb
import polars
import pyarrow
import pyarrow.compute
import pyarrow.parquet

rows = pyarrow.table({"id": [1, 2, 3], "v": [1.0, float("nan"), None]})
longer = pyarrow.table({"id": [1, 2, 3, 4], "v": [1.0, float("nan"), None, 2.0]})
duckdb.sql("create table rows_in_duckdb as from rows")
duckdb.sql("copy rows_in_duckdb to 'duckdb.parquet'")
pyarrow.parquet.write_table(rows, "pyarrow.parquet")
pyarrow.parquet.write_table(longer, "longer.parquet")
polars.from_arrow(rows).write_parquet("polars.parquet")
deltalake.write_deltalake("delta", rows)
[in_delta] = glob.glob("delta/*.parquet")
files = {
    "written by duckdb": "duckdb.parquet",
    "by pyarrow": "pyarrow.parquet",
    "by polars": "polars.parquet",
    "by deltalake": in_delta,
}
other_than_one = pyarrow.compute.field("v") != 1


def by_duckdb(source):
    return [number for (number,) in duckdb.sql(f"select id from {source} where v > 5 order by id").fetchall()]


def by_polars(path):
    return polars.scan_parquet(path).filter(polars.col("v") > 5).collect()["id"].to_list()


def by_pyarrow(path):
    return pyarrow.parquet.read_table(path, filters=other_than_one)["id"].to_pylist()


def line(title, results):
    return f"{title}: " + ", ".join(f"{where} {found}" for where, found in results.items())


in_duckdb = {"table": by_duckdb("rows_in_duckdb")} | {name: by_duckdb(f"'{path}'") for name, path in files.items()}
in_pyarrow = {
    "in memory": rows.filter(other_than_one)["id"].to_pylist(),
    "in its file": by_pyarrow("pyarrow.parquet"),
    "in its file beside 2.0": by_pyarrow("longer.parquet"),
}
deleted = deltalake.DeltaTable("delta").delete("v > 5")["num_deleted_rows"]
seen = [
    line("duckdb v > 5", in_duckdb),
    line("polars v > 5", {name: by_polars(path) for name, path in files.items()}),
    line("pyarrow v != 1", in_pyarrow),
    f"delta delete v > 5: {deleted} deleted",
]
print(*seen, sep="\n")
assert seen == [
    "duckdb v > 5: table [2], written by duckdb [2], by pyarrow [], by polars [], by deltalake []",
    "polars v > 5: written by duckdb [2], by pyarrow [2], by polars [2], by deltalake [2]",
    "pyarrow v != 1: in memory [2], in its file [], in its file beside 2.0 [2, 4]",
    "delta delete v > 5: 0 deleted",
], "the behaviour changed"
PYTHON
