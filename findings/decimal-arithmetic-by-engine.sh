#!/usr/bin/env bash
# Price times rate, in DECIMAL so that nothing is rounded: Polars rounds each product, and averages differ by engine.
#
# Versions: polars 2.1.0, duckdb 1.5.6, pyarrow 26.0.1, datafusion 55.0.0, Python 3.11.
# Guess: a product of decimals has the scales added, as the SQL standard, DuckDB, Arrow and DataFusion have it; the
#   average of a DECIMAL(10,2) is the same to the cent wherever it is taken.
# Behaviour: Polars gives the product the larger of the two scales and rounds every row to it: 0.01 * 0.40 is 0.00. The
#   mean of 1.00 and 1.01 is 1.005 in Polars and DuckDB (floats), 1.005000 in DataFusion, 1.01 in pyarrow (rounded to the
#   column's scale); Polars' sum / len is 1.00. The mean of 2.00, 2.01, 2.01 ends with 6 in DataFusion: it cuts.
# Cost: a million records at 0.01 each with a share of 0.40 are billed 0 in place of 4,000, in the type that
#   was chosen to be exact. A test that compares averages of two engines fails, or passes, by the half cent.
# Output seen:
#   1,000,000 * 0.01 * 0.40: duckdb 4000.0000, pyarrow 4000.0000, datafusion 4000.0000, polars 0.00
#   mean of 1.00, 1.01: duckdb 1.005, pyarrow 1.01, datafusion 1.005000, polars 1.005, polars sum / len 1.00
#   mean of 2.00, 2.01, 2.01: pyarrow 2.01, datafusion 2.006666, polars 2.006667
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq polars==2.1.0 duckdb==1.5.6 pyarrow==26.0.1 datafusion==55.0.0

cd "$folder"
venv/bin/python - <<'PYTHON'
from decimal import Decimal

import datafusion
import duckdb
import polars
import pyarrow
import pyarrow.compute

MONEY = pyarrow.decimal128(10, 2)


def money(*values):
    return pyarrow.array([Decimal(value) for value in values], MONEY)


def by_datafusion(table, expression):
    context = datafusion.SessionContext()
    context.from_arrow(table, name="t")
    return context.sql(f"select {expression} as result from t").to_pylist()[0]["result"]


rows = 1_000_000
records = pyarrow.table({"price": money("0.01").take([0] * rows), "share": money("0.40").take([0] * rows)})
totals = {
    "duckdb": duckdb.sql("select sum(price * share) from records").fetchall()[0][0],
    "pyarrow": pyarrow.compute.sum(pyarrow.compute.multiply(records["price"], records["share"])).as_py(),
    "datafusion": by_datafusion(records, "sum(price * share)"),
    "polars": polars.from_arrow(records).select((polars.col("price") * polars.col("share")).sum()).item(),
}
two, three = pyarrow.table({"v": money("1.00", "1.01")}), pyarrow.table({"v": money("2.00", "2.01", "2.01")})
half = {
    "duckdb": duckdb.sql("select avg(v) from two").fetchall()[0][0],
    "pyarrow": pyarrow.compute.mean(two["v"]).as_py(),
    "datafusion": by_datafusion(two, "avg(v)"),
    "polars": polars.from_arrow(two)["v"].mean(),
    "polars sum / len": polars.from_arrow(two).select(polars.sum("v") / polars.len()).item(),
}
thirds = {
    "pyarrow": pyarrow.compute.mean(three["v"]).as_py(),
    "datafusion": by_datafusion(three, "avg(v)"),
    "polars": round(polars.from_arrow(three)["v"].mean(), 6),
}


def line(title, results):
    return f"{title}: " + ", ".join(f"{engine} {result}" for engine, result in results.items())


seen = [
    line("1,000,000 * 0.01 * 0.40", totals),
    line("mean of 1.00, 1.01", half),
    line("mean of 2.00, 2.01, 2.01", thirds),
]
print(*seen, sep="\n")
assert seen == [
    "1,000,000 * 0.01 * 0.40: duckdb 4000.0000, pyarrow 4000.0000, datafusion 4000.0000, polars 0.00",
    "mean of 1.00, 1.01: duckdb 1.005, pyarrow 1.01, datafusion 1.005000, polars 1.005, polars sum / len 1.00",
    "mean of 2.00, 2.01, 2.01: pyarrow 2.01, datafusion 2.006666, polars 2.006667",
], "the behaviour changed"
PYTHON
