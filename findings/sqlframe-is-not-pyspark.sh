#!/usr/bin/env bash
# SQLFrame: PySpark's own code runs on DuckDB, but `pivot` does not group, `replace` replaces nothing, and windows sort null last.
#
# Versions: sqlframe 4.10.0, duckdb 2.0.1, pyspark 4.3.0, Python 3.11, Java 17.
# Guess: the same lines give the same rows as PySpark, as that is what SQLFrame is for; what it does not have on DuckDB raises,
#   as a good dozen of functions do.
# Behaviour: `groupBy("country").pivot("consent").count()` groups by all other columns too, so that each line has a row of its own
#   with a count of 1, and what is 0 is 0, not null. `replace` returns the frame as it was, with the values of a `subset` too.
#   `orderBy("at")` of a window has null last, where Spark, and the frame's own `orderBy` in SQLFrame, have it first: the first row
#   of each person is another one. `collect_set` and `collect_list` keep nulls, so that a `size` of them counts the unknown.
#   `get_json_object` gives texts in quotes, and the text `null` for JSON's null. `slice` takes its length for an end.
#   `unix_timestamp` rounds up, into the next day too. `dropna` keeps NaN. Nothing warns.
# Cost: tests of Spark's pipelines run on SQLFrame as it needs no Java, and pass on other numbers than production has; or a
#   pipeline is moved off Spark, and its table by country has countries several times, pseudonyms are the names they replace, and
#   the first consent of a person is another one.
# Output seen:
#   collect_set     pyspark  ann 2, bob 1, cem 1
#   collect_set     sqlframe ann 2, bob 1, cem 2
#   dropna          pyspark  1, 4, 5
#   dropna          sqlframe 1, 2, 4, 5
#   first of each   pyspark  1, 3, 4
#   first of each   sqlframe 2, 3, 4
#   get_json_object pyspark  x, -, 3, -, -
#   get_json_object sqlframe "x", null, 3, -, -
#   orderBy         pyspark  1, 2, 3, 4, 5
#   orderBy         sqlframe 1, 2, 3, 4, 5
#   pivot           pyspark  - 1 -, de 1 1, fr 1 -
#   pivot           sqlframe - 1 0, de 0 0, de 0 1, de 1 0, fr 1 0
#   replace         pyspark  bob, cem, p1
#   replace         sqlframe ann, bob, cem
#   slice           pyspark  [3, 4]
#   slice           sqlframe [3, 4, 5]
#   unix_timestamp  pyspark  -1
#   unix_timestamp  sqlframe 0
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq sqlframe==4.10.0 duckdb==2.0.1 pandas==2.3.3 pyspark==4.3.0

cd "$folder"
cat > program.py <<'PYTHON'
import sys
from datetime import datetime

if sys.argv[1] == "pyspark":
    from pyspark.sql import SparkSession, Window
    from pyspark.sql import functions as F

    session = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    session = session.config("spark.sql.session.timeZone", "UTC").config("spark.sql.shuffle.partitions", "1").getOrCreate()
    session.sparkContext.setLogLevel("OFF")
else:
    from sqlframe.duckdb import DuckDBSession, Window
    from sqlframe.duckdb import functions as F

    session = DuckDBSession()
log = session.createDataFrame(
    [
        (1, "ann", None, True, "de", 0.5, '{"id": "x"}'),
        (2, "ann", datetime(2026, 1, 1), False, "de", float("nan"), '{"id": null}'),
        (3, "bob", datetime(2026, 1, 1, 23, 59, 59, 999000), True, "fr", None, '{"id": 3}'),
        (4, "cem", datetime(2026, 1, 3), None, "de", 2.5, "{}"),
        (5, "cem", datetime(2026, 1, 4), True, None, 4.0, None),
    ],
    "line int, person string, at timestamp, consent boolean, country string, seconds double, json string",
)
first = F.row_number().over(Window.partitionBy("person").orderBy("at"))
cases = {
    "pivot": log.groupBy("country").pivot("consent", [True, False]).count().orderBy("country", "True", "False"),
    "replace": log.replace("ann", "p1", subset=["person"]).select("person").distinct().orderBy("person"),
    "first of each": log.withColumn("first", first).filter(F.col("first") == 1).select("line").orderBy("line"),
    "orderBy": log.orderBy("at").select("line"),
    "collect_set": log.groupBy("person").agg(F.size(F.collect_set("consent")).alias("answers")).orderBy("person"),
    "get_json_object": log.orderBy("line").select(F.get_json_object("json", "$.id")),
    "slice": log.limit(1).select(F.slice(F.array(*[F.lit(number) for number in range(1, 6)]), 3, 2)),
    "unix_timestamp": log.filter("line = 3").select(F.unix_timestamp("at") - F.lit(1767312000)),
    "dropna": log.dropna(subset=["seconds"]).select("line").orderBy("line"),
}
for title, frame in cases.items():
    rows = [" ".join("-" if value is None else str(value) for value in row) for row in frame.collect()]
    print(f"{title:15} {sys.argv[1]:8} " + ", ".join(rows))
PYTHON
for library in pyspark sqlframe; do
    venv/bin/python -W ignore program.py "$library" >"$library.txt" 2>"$library.log" || { cat "$library.log"; exit 1; }
done
sort -s -k 1,1 pyspark.txt sqlframe.txt | tee seen.txt
diff seen.txt - <<'TEXT' || { echo "the behaviour changed"; exit 1; }
collect_set     pyspark  ann 2, bob 1, cem 1
collect_set     sqlframe ann 2, bob 1, cem 2
dropna          pyspark  1, 4, 5
dropna          sqlframe 1, 2, 4, 5
first of each   pyspark  1, 3, 4
first of each   sqlframe 2, 3, 4
get_json_object pyspark  x, -, 3, -, -
get_json_object sqlframe "x", null, 3, -, -
orderBy         pyspark  1, 2, 3, 4, 5
orderBy         sqlframe 1, 2, 3, 4, 5
pivot           pyspark  - 1 -, de 1 1, fr 1 -
pivot           sqlframe - 1 0, de 0 0, de 0 1, de 1 0, fr 1 0
replace         pyspark  bob, cem, p1
replace         sqlframe ann, bob, cem
slice           pyspark  [3, 4]
slice           sqlframe [3, 4, 5]
unix_timestamp  pyspark  -1
unix_timestamp  sqlframe 0
TEXT
