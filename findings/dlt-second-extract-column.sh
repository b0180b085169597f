#!/usr/bin/env bash
# dlt: two calls of extract before one load lose the second one's new column, and every later load fails.
#
# Versions: dlt 1.31.0, duckdb 1.5.6, pyarrow 26.0.1, Python 3.11.
# Guess: two sources of one schema that are extracted one after the other load like one that yields both; or, if a
#   load fails, the next run begins anew and recovers, as it does after a crash.
# Behaviour: each call makes a load package, and both packages have the schema with the new column. Loading the first one
#   alters the tables of that package alone, and stores the schema's hash. The second package finds the hash, alters
#   nothing, and fails: its table lacks the column. From then on every load with that column fails, with a new working
#   directory too: the stored hash says that the table is complete. Extracted in one call, the same rows load.
# Cost: a pipeline that reads its dimension first and its facts next runs for months, until a fact has a field more on a
#   day on which the dimension has rows. Then it is stopped for good, where dlt promises schema evolution.
# Output seen:
#   before                           loaded
#   two extracts, one load           failed: no column region
#   the next day                     failed: no column region
#   a new working directory          failed: no column region
#   before, one extract of both      loaded
#   the new column, one extract      loaded
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq dlt==1.31.0 duckdb==1.5.6 pyarrow==26.0.1

cd "$folder"
export RUNTIME__DLTHUB_TELEMETRY=false RUNTIME__LOG_LEVEL=CRITICAL
venv/bin/python - <<'PYTHON'
import pathlib
import shutil

import dlt
import pyarrow as pa
from dlt.pipeline.exceptions import PipelineStepFailed


def source(day, *tables, **more):
    """A day's rows of the dimension `shops` and of the facts `orders`."""
    rows = {
        "shops": pa.table({"id": [day]}),
        "orders": pa.table({"id": [day], **{name: [value] for name, value in more.items()}}),
    }
    resources = [dlt.resource([rows[name]], name=name, write_disposition="append") for name in tables]
    return dlt.source(lambda: resources, name="shop")()


def load(database, *calls):
    """Extract in one call or in several, then load."""
    pipeline = dlt.pipeline(
        "shop",
        destination=dlt.destinations.duckdb(database),
        dataset_name="raw",
        pipelines_dir=str(pathlib.Path(f"{database}.d").absolute()),
    )
    pipeline.sync_destination()
    for sources in calls:
        pipeline.extract(sources, loader_file_format="parquet")
    pipeline.normalize()
    try:
        pipeline.load()
    except PipelineStepFailed as error:
        pipeline.abort_packages()
        assert '"orders" does not have a column with name "region"' in str(error), error
        return "failed: no column region"
    return "loaded"


def apart(day, **more):
    return [source(day, "shops")], [source(day, "orders", **more)]


def together(day, **more):
    return ([source(day, "shops"), source(day, "orders", **more)],)


seen = {"before": load("a.duckdb", *apart(1)), "two extracts, one load": load("a.duckdb", *apart(2, region="eu"))}
seen["the next day"] = load("a.duckdb", [source(3, "orders", region="eu")])
shutil.rmtree("a.duckdb.d")
seen["a new working directory"] = load("a.duckdb", [source(4, "orders", region="eu")])
seen["before, one extract of both"] = load("b.duckdb", *together(1))
seen["the new column, one extract"] = load("b.duckdb", *together(2, region="eu"))
for what, how in seen.items():
    print(f"{what:32} {how}")
assert list(seen.values()) == ["loaded", *["failed: no column region"] * 3, "loaded", "loaded"], "the behaviour changed"
PYTHON
