#!/usr/bin/env bash
# Polars sums an INTEGER column of a Parquet file to a wrong number; the mean beside it is right.
#
# Versions: polars 2.1.0, duckdb 1.5.6, pyarrow 26.0.1, pandas 3.1.1, numpy 2.4.6, Python 3.11.
# Guess: a sum widens its type or raises, as DuckDB's, Arrow's and pandas' do; Polars widens 8 and 16 bits.
# Behaviour: DuckDB writes its INTEGER as 32 bits; Polars' sum keeps 32 bits and wraps around without an error: in
#   select, in group_by, in a lazy scan of the file, and in its own SQL. The running total wraps as well.
# Cost: byte counts of three deliveries of 2 GB add up to 1.7 GB in place of 6; four add up to -589,934,592. With
#   another mix of sizes the total is plausible and nobody notices, since mean, min and max are right.
# Output seen:
#   duckdb             6000000000
#   pyarrow            6000000000
#   pandas             6000000000
#   polars             1705032704
#   polars group_by    1705032704
#   polars lazy scan   1705032704
#   polars sql         1705032704
#   polars cum_sum     [2000000000, -294967296, 1705032704]
#   polars mean * 3    6000000000.0
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq polars==2.1.0 duckdb==1.5.6 pyarrow==26.0.1 pandas==3.1.1 numpy==2.4.6

cd "$folder"
venv/bin/python - <<'PYTHON'
import duckdb
import pandas
import polars
import pyarrow.compute
import pyarrow.parquet

duckdb.sql("copy (select 2000000000 as bytes from range(3)) to 'deliveries.parquet'")
frame = polars.read_parquet("deliveries.parquet")
seen = {
    "duckdb": duckdb.sql("select sum(bytes) from 'deliveries.parquet'").fetchall()[0][0],
    "pyarrow": pyarrow.compute.sum(pyarrow.parquet.read_table("deliveries.parquet")["bytes"]).as_py(),
    "pandas": int(pandas.read_parquet("deliveries.parquet")["bytes"].sum()),
    "polars": frame["bytes"].sum(),
    "polars group_by": frame.group_by(polars.lit("day")).agg(polars.sum("bytes"))["bytes"].item(),
    "polars lazy scan": polars.scan_parquet("deliveries.parquet").select(polars.sum("bytes")).collect().item(),
    "polars sql": frame.sql("select sum(bytes) from self").item(),
    "polars cum_sum": frame["bytes"].cum_sum().to_list(),
    "polars mean * 3": frame["bytes"].mean() * 3,
}
for library, total in seen.items():
    print(f"{library:18} {total}")
assert seen == {
    "duckdb": 6_000_000_000,
    "pyarrow": 6_000_000_000,
    "pandas": 6_000_000_000,
    "polars": 1_705_032_704,
    "polars group_by": 1_705_032_704,
    "polars lazy scan": 1_705_032_704,
    "polars sql": 1_705_032_704,
    "polars cum_sum": [2_000_000_000, -294_967_296, 1_705_032_704],
    "polars mean * 3": 6_000_000_000.0,
}, "the behaviour changed"
PYTHON
