#!/usr/bin/env bash
# pandera: `.lazy()` on the Polars frame and every check passes, duplicates and nulls included.
#
# Versions: pandera 0.35.0, polars 2.1.0, dataframely 3.1.2, Python 3.11.
# Guess: schema.validate on a LazyFrame checks the rows when they are collected, or at once, or says that it does not.
# Behaviour: for a LazyFrame the default is to check names and types only. in_range, isin, unique and the ban of nulls
#   pass without a warning, also with `lazy=True`, also when the result is collected, and by the decorator check_types.
#   The same rows as a DataFrame raise. What switches the checks on is an environment variable or config_context.
#   dataframely raises at collect().
# Cost: moving a pipeline from read_parquet to scan_parquet is one word, made for speed. From then on the quality gate
#   checks no row, and it is as green as before.
# Output seen:
#   nothing wrong: DataFrame passes, LazyFrame passes, lazy=True passes, check_types passes, full depth passes, dataframely passes
#   rate 7.0 in 0 to 1: DataFrame SchemaError, LazyFrame passes, lazy=True passes, check_types passes, full depth SchemaError, dataframely ComputeError
#   rate null, not nullable: DataFrame SchemaError, LazyFrame passes, lazy=True passes, check_types passes, full depth SchemaError, dataframely ComputeError
#   id twice, unique: DataFrame SchemaError, LazyFrame passes, lazy=True passes, check_types passes, full depth SchemaError, dataframely ComputeError
#   status 'x', not in the list: DataFrame SchemaError, LazyFrame passes, lazy=True passes, check_types passes, full depth SchemaError, dataframely InvalidOperationError
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq "pandera[polars]==0.35.0" polars==2.1.0 dataframely==3.1.2

cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import dataframely
import pandera
import pandera.polars
import polars
from pandera.config import ValidationDepth, config_context
from pandera.typing.polars import LazyFrame


class Logs(pandera.polars.DataFrameModel):
    id: int = pandera.polars.Field(unique=True)
    rate: float = pandera.polars.Field(in_range={"min_value": 0, "max_value": 1}, nullable=False)
    status: str = pandera.polars.Field(isin=["completed", "failed"])


class SameLogs(dataframely.Schema):
    id = dataframely.Int64(primary_key=True)
    rate = dataframely.Float64(min=0, max=1)
    status = dataframely.Enum(["completed", "failed"])


@pandera.polars.check_types
def typed(logs: LazyFrame[Logs]) -> LazyFrame[Logs]:
    return logs


def at_full_depth(frame):
    with config_context(validation_depth=ValidationDepth.SCHEMA_AND_DATA):
        return Logs.validate(frame.lazy()).collect()


WAYS = {
    "DataFrame": Logs.validate,
    "LazyFrame": lambda frame: Logs.validate(frame.lazy()).collect(),
    "lazy=True": lambda frame: Logs.validate(frame.lazy(), lazy=True).collect(),
    "check_types": lambda frame: typed(frame.lazy()).collect(),
    "full depth": at_full_depth,
    "dataframely": lambda frame: SameLogs.validate(frame.lazy(), cast=True, eager=False).collect(),
}
BAD = {
    "nothing wrong": {},
    "rate 7.0 in 0 to 1": {"rate": [0.5, 7.0]},
    "rate null, not nullable": {"rate": [0.5, None]},
    "id twice, unique": {"id": [1, 1]},
    "status 'x', not in the list": {"status": ["failed", "x"]},
}


def outcome(validate, frame):
    try:
        validate(frame)
    except (pandera.errors.SchemaError, pandera.errors.SchemaErrors, polars.exceptions.PolarsError) as error:
        return type(error).__name__
    return "passes"


def line(title, columns):
    frame = polars.DataFrame({"id": [1, 2], "rate": [0.5, 1.0], "status": ["completed", "failed"], **columns})
    return f"{title}: " + ", ".join(f"{way} {outcome(validate, frame)}" for way, validate in WAYS.items())


seen = [line(title, columns) for title, columns in BAD.items()]
print(*seen, sep="\n")
assert seen == [
    "nothing wrong: DataFrame passes, LazyFrame passes, lazy=True passes, check_types passes, "
    "full depth passes, dataframely passes",
    "rate 7.0 in 0 to 1: DataFrame SchemaError, LazyFrame passes, lazy=True passes, check_types passes, "
    "full depth SchemaError, dataframely ComputeError",
    "rate null, not nullable: DataFrame SchemaError, LazyFrame passes, lazy=True passes, check_types passes, "
    "full depth SchemaError, dataframely ComputeError",
    "id twice, unique: DataFrame SchemaError, LazyFrame passes, lazy=True passes, check_types passes, "
    "full depth SchemaError, dataframely ComputeError",
    "status 'x', not in the list: DataFrame SchemaError, LazyFrame passes, lazy=True passes, "
    "check_types passes, full depth SchemaError, dataframely InvalidOperationError",
], "the behaviour changed"
PYTHON
