#!/usr/bin/env bash
# ibis: one expression, run on DuckDB and on Polars, counts users otherwise, and finds the missing deliveries or none.
#
# Versions: ibis-framework 12.0.0, duckdb 1.5.6, polars 2.1.0, Python 3.11.
# Guess: an expression has one meaning and each backend is made to give it, or refuses; only the order of rows and the last
#   digit may differ.
# Behaviour: nunique() counts null as a value on Polars and not on DuckDB. An anti-filter, ~id.isin(other column), finds
#   nothing on DuckDB when the other column has a null, SQL's rule, and the missing ones on Polars. fill_null replaces NaN on
#   Polars too. % of a negative is -1 or 2, a cast of 1.5 is 2 or 1, of 2.5 3 or 2; max() of a column with NaN
#   is NaN or the number. replace("", "x") leaves the text or prefixes it. Nothing warns.
# Cost: models are tested on the local backend and run on the other one: the count of users is one higher per group with
#   an unknown user, and the check for logs without a delivery is red here and green there, on the same rows.
# Output seen:
#   users, user.nunique(): duckdb 2, polars 3
#   not delivered, ~id.isin(delivered): duckdb [], polars [2, 3]
#   mean of rate.fill_null(0): duckdb nan, polars nan
#   mean of the table's fill_null: duckdb nan, polars 0.16666666666666666
#   rate.max(): duckdb nan, polars 0.5
#   offset % 3: duckdb [-1, 1, 2], polars [2, 1, 2]
#   1.5 as int64: duckdb 2, polars 1
#   2.5 as int64: duckdb 3, polars 2
#   user.replace('', 'x'): duckdb ['x', 'y', None], polars ['xx', 'xy', None]
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq "ibis-framework[duckdb,polars]==12.0.0" duckdb==1.5.6 polars==2.1.0

cd "$folder"
venv/bin/python - <<'PYTHON'
import ibis
import pyarrow

LOGS = pyarrow.table(
    {
        "id": [1, 2, 3],
        "user": pyarrow.array(["x", "y", None]),
        "delivered": pyarrow.array([1, None, None], pyarrow.int64()),
        "rate": [0.5, float("nan"), None],
        "offset": [-7, 4, 5],
    }
)
duck = ibis.duckdb.connect()
duck.con.register("arrow_logs", LOGS)
duck.raw_sql("create table logs as select * from arrow_logs")
polars = ibis.polars.connect()
polars.create_table("logs", LOGS)
EXPRESSIONS = {
    "users, user.nunique()": lambda logs: logs.user.nunique(),
    "not delivered, ~id.isin(delivered)": lambda logs: logs.filter(~logs.id.isin(logs.delivered)).order_by("id").id,
    "mean of rate.fill_null(0)": lambda logs: logs.mutate(rate=logs.rate.fill_null(0.0)).rate.mean(),
    "mean of the table's fill_null": lambda logs: logs.fill_null({"rate": 0.0}).rate.mean(),
    "rate.max()": lambda logs: logs.rate.max(),
    "offset % 3": lambda logs: logs.order_by("id").select(v=logs.offset % 3).v,
    "1.5 as int64": lambda logs: ibis.literal(1.5).cast("int64"),
    "2.5 as int64": lambda logs: ibis.literal(2.5).cast("int64"),
    "user.replace('', 'x')": lambda logs: logs.order_by("id").select(v=logs.user.replace("", "x")).v,
}


def run(backend, make):
    result = backend.to_pyarrow(make(backend.table("logs")))
    return result.as_py() if isinstance(result, pyarrow.Scalar) else result.to_pylist()


seen = [f"{title}: duckdb {run(duck, make)}, polars {run(polars, make)}" for title, make in EXPRESSIONS.items()]
print(*seen, sep="\n")
assert seen == [
    "users, user.nunique(): duckdb 2, polars 3",
    "not delivered, ~id.isin(delivered): duckdb [], polars [2, 3]",
    "mean of rate.fill_null(0): duckdb nan, polars nan",
    "mean of the table's fill_null: duckdb nan, polars 0.16666666666666666",
    "rate.max(): duckdb nan, polars 0.5",
    "offset % 3: duckdb [-1, 1, 2], polars [2, 1, 2]",
    "1.5 as int64: duckdb 2, polars 1",
    "2.5 as int64: duckdb 3, polars 2",
    "user.replace('', 'x'): duckdb ['x', 'y', None], polars ['xx', 'xy', None]",
], "the behaviour changed"
PYTHON
