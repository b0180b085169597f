#!/usr/bin/env bash
# CSV files read together in Daft and DataFusion: the second file's header is skipped, so that two consents change places.
#
# Versions: daft 0.6.14, datafusion 55.0.0, duckdb 1.5.6, pyarrow 26.0.1, polars 2.1.0, dask 2026.8.0, chdb 4.4.0,
#   Python 3.11.
# Guess: each file has a header to be read by name, as the same rows are in Parquet; or other headers raise.
# Behaviour: Daft and DataFusion take the names from one file (the first of a list, any of a folder) and the values of all
#   others by position: where ads and analytics have changed places since, each consent is read under the other's name.
#   So is a file with another column in its place (ads, then analytics), under the name of the first. No warning. Both
#   read the same rows in Parquet by name. DuckDB, Arrow, Dask and ClickHouse read CSV by name too, and Polars raises.
#   Known for DataFusion (its issue 4918, of 2023); I found neither in the documentation.
# Cost: an export whose columns moved once gives the marketing consents of the people who allowed only statistics. Types
#   do not help, as both are booleans; nor does a check of the column names, which are right.
# Output seen (people who allowed analytics; ads no one allowed):
#   daft        csv  analytics u1 ads u2        parquet  analytics u1 u2 ads -
#   datafusion  csv  analytics u1 ads u2        parquet  analytics u1 u2 ads -
#   duckdb      csv  analytics u1 u2 ads -      parquet  analytics u1 u2 ads -
#   pyarrow     csv  analytics u1 u2 ads -      parquet  analytics u1 u2 ads -
#   dask        csv  analytics u1 u2 ads -      parquet  analytics u1 u2 ads -
#   clickhouse  csv  analytics u1 u2 ads -      parquet  analytics u1 u2 ads -
#   polars      csv  raises                     parquet  analytics u1 u2 ads -
#   another column in its place, as "ads": daft u1 False, u2 True; datafusion u1 False, u2 True
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq daft==0.6.14 datafusion==55.0.0 duckdb==1.5.6 pyarrow==26.0.1 polars==2.1.0 \
    "dask[dataframe]==2026.8.0" pandas==3.1.1 chdb==4.4.0

cd "$folder"
mkdir csv parquet other
printf 'user,analytics,ads\nu1,true,false\n' > csv/1.csv
printf 'user,ads,analytics\nu2,false,true\n' > csv/2.csv
printf 'user,ads\nu1,false\n' > other/1.csv
printf 'user,analytics\nu2,true\n' > other/2.csv
cat > program.py <<'PYTHON'
import json
import os
import sys


def by_daft(kind):
    import daft

    read = daft.read_parquet if kind == "parquet" else daft.read_csv
    return read([f"{kind}/1.{extension(kind)}", f"{kind}/2.{extension(kind)}"]).to_pylist()


def by_datafusion(kind):
    import datafusion

    context = datafusion.SessionContext()
    read = context.read_parquet if kind == "parquet" else context.read_csv
    if kind == "parquet":
        return read("parquet/").to_pylist()
    return read([f"{kind}/1.csv", f"{kind}/2.csv"]).to_pylist()


def by_duckdb(kind):
    import duckdb

    return duckdb.sql(f"FROM '{kind}/*.{extension(kind)}'").to_arrow_table().to_pylist()


def by_pyarrow(kind):
    import pyarrow.dataset

    return pyarrow.dataset.dataset(kind, format=kind).to_table().to_pylist()


def by_dask(kind):
    import dask.dataframe

    read = dask.dataframe.read_parquet if kind == "parquet" else dask.dataframe.read_csv
    return read(f"{kind}/*.{extension(kind)}").compute().to_dict("records")


def by_clickhouse(kind):
    import chdb

    name = "Parquet" if kind == "parquet" else "CSVWithNames"
    columns = "user String, analytics Bool, ads Bool"
    text = str(chdb.query(f"SELECT * FROM file('{kind}/*.{extension(kind)}', {name}, '{columns}')", "JSONEachRow"))
    return [json.loads(line) for line in text.splitlines()]


def by_polars(kind):
    import polars

    read = polars.read_parquet if kind == "parquet" else polars.read_csv
    try:
        return read(f"{kind}/*.{extension(kind)}").to_dicts()
    except polars.exceptions.ComputeError:
        return "raises"


def extension(kind):
    return "parquet" if kind == "parquet" else "csv"


name, kind = sys.argv[1:]
print(json.dumps(globals()[f"by_{name}"](kind)))
sys.stdout.flush()
os._exit(0)  # the threads of Daft sometimes do not survive the end of the interpreter
PYTHON
venv/bin/python - <<'PYTHON'
import json
import subprocess

import polars

for number in (1, 2):
    polars.read_csv(f"csv/{number}.csv").write_parquet(f"parquet/{number}.parquet")


def read(name, kind):
    command = ["venv/bin/python", "program.py", name, kind]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def shown(rows):
    if rows == "raises":
        return rows
    allowed = {column: " ".join(sorted(row["user"] for row in rows if row[column])) for column in ("analytics", "ads")}
    return " ".join(f"{column} {users or '-'}" for column, users in allowed.items())


seen = []
for name in ("daft", "datafusion", "duckdb", "pyarrow", "dask", "clickhouse", "polars"):
    seen.append(f"{name:11} csv  {shown(read(name, 'csv')):26} parquet  {shown(read(name, 'parquet'))}")
others = []
for name in ("daft", "datafusion"):
    rows = sorted(read(name, "other"), key=lambda row: row["user"])
    assert all(list(row) == ["user", "ads"] for row in rows), "the behaviour changed"
    others.append(f"{name} " + ", ".join("{user} {ads}".format(**row) for row in rows))
seen.append('another column in its place, as "ads": ' + "; ".join(others))
print(*seen, sep="\n")
assert seen == [
    "daft        csv  analytics u1 ads u2        parquet  analytics u1 u2 ads -",
    "datafusion  csv  analytics u1 ads u2        parquet  analytics u1 u2 ads -",
    "duckdb      csv  analytics u1 u2 ads -      parquet  analytics u1 u2 ads -",
    "pyarrow     csv  analytics u1 u2 ads -      parquet  analytics u1 u2 ads -",
    "dask        csv  analytics u1 u2 ads -      parquet  analytics u1 u2 ads -",
    "clickhouse  csv  analytics u1 u2 ads -      parquet  analytics u1 u2 ads -",
    "polars      csv  raises                     parquet  analytics u1 u2 ads -",
    'another column in its place, as "ads": daft u1 False, u2 True; datafusion u1 False, u2 True',
], "the behaviour changed"
PYTHON
