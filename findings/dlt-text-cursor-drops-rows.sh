#!/usr/bin/env bash
# dlt's incremental compares ISO timestamps as texts: it drops the record half a second newer than the last one.
#
# Versions: dlt 1.31.0, duckdb 1.5.6, Python 3.11.
# Guess: the cursor is a time, since the column is loaded as TIMESTAMP WITH TIME ZONE, or texts of two shapes raise.
# Behaviour: JSON has times as texts and the cursor keeps the greatest text. 00:00:00.5Z is smaller than 00:00:00Z,
#   because "." comes before "Z", and 22:30+01:00 is smaller than 23:00+02:00, half an hour before it. Such records
#   count as older than the last run and are dropped; the newer one behind them is loaded, and the cursor moves on.
# Cost: Go, Java and Rust leave out the fraction when it is zero: one record in a thousand at milliseconds ends such
#   a page. A source that keeps the local offset loses rows for an hour when the clocks go back.
# Output seen:
#   run 1 ends at 2026-11-01T00:00:00Z, run 2 brings .250Z, .500Z and 01Z: loaded 00:00:00, 00:00:01
#   run 1 ends at 23:00:00+02:00, run 2 brings 22:30:00+01:00 and 23:30:00+01:00: loaded 21:00:00, 22:30:00
#   the same two with datetimes: loaded 00:00:00, 00:00:00.25, 00:00:00.5, 00:00:01 and 21:00:00, 21:30:00, 22:30:00
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq dlt==1.31.0 duckdb==1.5.6

cd "$folder"
export RUNTIME__DLTHUB_TELEMETRY=false RUNTIME__LOG_LEVEL=CRITICAL
venv/bin/python - <<'PYTHON'
import datetime
import pathlib

import dlt
import duckdb

FRACTIONS = [
    ["2026-11-01T00:00:00Z"],
    ["2026-11-01T00:00:00.250Z", "2026-11-01T00:00:00.500Z", "2026-11-01T00:00:01Z"],
]
OFFSETS = [
    ["2026-10-25T23:00:00+02:00"],
    ["2026-10-25T22:30:00+01:00", "2026-10-25T23:30:00+01:00"],
]


@dlt.resource(name="logs", write_disposition="append")
def logs(page, convert, finished_at=dlt.sources.incremental("finished_at")):
    yield [{"finished_at": convert(text)} for text in page]


def loaded(name, pages, convert=str):
    """Returns the times of day in UTC that are stored after a run for each page."""
    pipeline = dlt.pipeline(
        name,
        pipelines_dir=str(pathlib.Path("pipelines").absolute()),
        destination=dlt.destinations.duckdb(f"{name}.duckdb"),
        dataset_name="raw",
    )
    for page in pages:
        pipeline.run(logs(page, convert))
    with duckdb.connect(f"{name}.duckdb", read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        rows = connection.execute("select (finished_at::timestamp)::time::text from raw.logs order by all").fetchall()
    return ", ".join(text for (text,) in rows)


def datetimes(name, pages):
    return loaded(name, pages, datetime.datetime.fromisoformat)


seen = [
    f"run 1 ends at 2026-11-01T00:00:00Z, run 2 brings .250Z, .500Z and 01Z: loaded {loaded('fractions', FRACTIONS)}",
    f"run 1 ends at 23:00:00+02:00, run 2 brings 22:30:00+01:00 and 23:30:00+01:00: loaded {loaded('offsets', OFFSETS)}",
    f"the same two with datetimes: loaded {datetimes('fractions_dt', FRACTIONS)} and {datetimes('offsets_dt', OFFSETS)}",
]
print(*seen, sep="\n")
assert seen == [
    "run 1 ends at 2026-11-01T00:00:00Z, run 2 brings .250Z, .500Z and 01Z: loaded 00:00:00, 00:00:01",
    "run 1 ends at 23:00:00+02:00, run 2 brings 22:30:00+01:00 and 23:30:00+01:00: loaded 21:00:00, 22:30:00",
    "the same two with datetimes: loaded 00:00:00, 00:00:00.25, 00:00:00.5, 00:00:01 and 21:00:00, 21:30:00, 22:30:00",
], "the behaviour changed"
PYTHON
