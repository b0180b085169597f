#!/usr/bin/env bash
# The upgrade from DuckDB 1.5 to 2.0 turns an error about an unknown JSON key into silence, from the 33rd file on.
#
# Versions: duckdb 1.5.6 and 2.0.1, Python 3.11.
# Guess: read_json over many files raises at a key or a value that the inferred schema lacks, in both releases
#   (both do so within a single file, behind the 20,480 lines of the sample).
# Behaviour: the schema comes from the first 32 files. A key that first appears in file 36 raises in 1.5.6 and is
#   dropped in 2.0.1: the row arrives, its `error` does not. In both releases a number with a fraction in file 36
#   is rounded to the BIGINT that the first files suggested. `maximum_sample_files` or union_by_name keep the key.
# Cost: a month of daily files is 31; from the 33rd day on the reason of each new failure is lost, in a job whose
#   error used to stop it. Durations of 0.4 s add up to 0.
# Output seen:
#   duckdb 1.5.6: one file: raises; key in file 36: raises; 4 durations of 0.4 in file 36 add up to 0, column BIGINT
#   duckdb 2.0.1: one file: raises; key in file 36: columns id, status; 4 durations of 0.4 in file 36 add up to 0, column BIGINT
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > program.py <<'PYTHON'
import json
import sys
from pathlib import Path

import duckdb


def write(path, records):
    Path(path).parent.mkdir(exist_ok=True)
    Path(path).write_text("".join(json.dumps(record) + "\n" for record in records))


def columns_or_error(query):
    try:
        relation = duckdb.sql(query)
        relation.fetchall()
    except duckdb.InvalidInputException as error:
        assert "has unknown key" in str(error), error
        return "raises"
    return "columns " + ", ".join(relation.columns)


late = {"id": 9, "status": "failed", "error": "AccessDenied"}
write("one/0.json", [{"id": 1, "status": "completed"}] * 30_000 + [late])
for number in range(40):
    write(f"keys/{number:02}.json", [late if number == 36 else {"id": 1, "status": "completed"}])
    write(f"seconds/{number:02}.json", [{"seconds": 0.4 if number == 36 else 0}] * 4)

one = columns_or_error("from read_json('one/*.json')")
many = columns_or_error("from read_json('keys/*.json')")
[(total, kind)] = duckdb.sql("select sum(seconds), typeof(any_value(seconds)) from read_json('seconds/*.json')").fetchall()
seen = f"one file: {one}; key in file 36: {many}; 4 durations of 0.4 in file 36 add up to {total}, column {kind}"
print(f"duckdb {duckdb.__version__}: {seen}")
for option in ("maximum_sample_files=100", "union_by_name=true"):
    kept = columns_or_error(f"from read_json('keys/*.json', {option})")
    assert kept == "columns id, status, error", (option, kept)
assert seen == sys.argv[1], "the behaviour changed"
PYTHON

check() {
    python3 -m venv "$1"
    "$1/bin/pip" install -qq "duckdb==$1"
    "$1/bin/python" program.py "$2"
}
check 1.5.6 "one file: raises; key in file 36: raises; 4 durations of 0.4 in file 36 add up to 0, column BIGINT"
check 2.0.1 "one file: raises; key in file 36: columns id, status; 4 durations of 0.4 in file 36 add up to 0, column BIGINT"
