#!/usr/bin/env bash
# dlt: the loader file format, a setting for speed, decides what arrives: bytes, NUL characters, small decimals.
#
# Versions: dlt 1.31.0, duckdb 1.5.6, pyarrow 26.0.1, sqlglot 30.21.0, Python 3.11.
# Guess: insert_values, jsonl and parquet load one and the same batch to the same rows.
# Behaviour: with jsonl, bytes arrive as the letters of their base64 text, still in a BLOB column. With
#   insert_values, a NUL character inside a text is removed. A decimal below 1e-9 becomes 0 with insert_values and jsonl
#   and fails the job with parquet. A column that holds only NaN is not created, in any of them.
# Cost: a switch to parquet for speed stops on the first small price, a switch to jsonl breaks keys: md5 digests loaded
#   before and after no longer match.
# Output seen:
#   insert_values  bytes b'abc', text 'ab', decimal 0E-9, nan []
#   jsonl          bytes b'YWJj', text 'a\x00b', decimal 0E-9, nan []
#   parquet        bytes b'abc', text 'a\x00b', decimal PipelineStepFailed, nan []
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq dlt==1.31.0 duckdb==1.5.6 pyarrow==26.0.1 sqlglot==30.21.0

cd "$folder"
export RUNTIME__DLTHUB_TELEMETRY=false RUNTIME__LOG_LEVEL=CRITICAL
venv/bin/python - <<'PYTHON'
import pathlib
from decimal import Decimal

import dlt
import duckdb
from dlt.pipeline.exceptions import PipelineStepFailed

BATCH = {"bytes": b"abc", "text": "a\x00b", "decimal": Decimal("0.00000000012"), "nan": float("nan")}


def load(name, value, file_format):
    database = f"{name}_{file_format}.duckdb"
    pipeline = dlt.pipeline(
        pathlib.Path(database).stem,
        pipelines_dir=str(pathlib.Path("pipelines").absolute()),
        destination=dlt.destinations.duckdb(database),
        dataset_name="raw",
    )
    pipeline.run([{"id": 1, name: value}], table_name="t", loader_file_format=file_format)
    with duckdb.connect(database, read_only=True) as connection:
        result = connection.execute("select * from raw.t")
        names = [column[0] for column in result.description]
        return dict(zip(names, result.fetchone()))


def shown(name, value, file_format):
    try:
        row = load(name, value, file_format)
    except PipelineStepFailed:
        return "PipelineStepFailed"
    if name == "nan":
        return str([column for column in row if column == "nan"])
    return str(row[name]) if isinstance(row[name], Decimal) else repr(row[name])


seen = {
    file_format: {name: shown(name, value, file_format) for name, value in BATCH.items()}
    for file_format in ("insert_values", "jsonl", "parquet")
}
for file_format, results in seen.items():
    print(f"{file_format:14}", ", ".join(f"{name} {result}" for name, result in results.items()))
assert seen == {
    "insert_values": {"bytes": "b'abc'", "text": "'ab'", "decimal": "0E-9", "nan": "[]"},
    "jsonl": {"bytes": "b'YWJj'", "text": r"'a\x00b'", "decimal": "0E-9", "nan": "[]"},
    "parquet": {"bytes": "b'abc'", "text": r"'a\x00b'", "decimal": "PipelineStepFailed", "nan": "[]"},
}, "the behaviour changed"
PYTHON
