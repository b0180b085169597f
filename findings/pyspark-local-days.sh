#!/usr/bin/env bash
# Spark's session zone holds for SQL, pandas and Arrow, not for Python's UDFs and collect(): two days for one row. Needs Java.
#
# Versions: pyspark 4.3.0, pandas 2.3.3, pyarrow 26.0.1, Python 3.11, Java 17.
# Guess: `spark.sql.session.timeZone` is the zone of the session: whatever leaves Spark for Python without a zone is in it,
#   and a frame made of the rows of `collect()` is the same frame.
# Behaviour: SQL, `pandas_udf`, `mapInPandas` and `toPandas()` give the local time of the session's zone. UDFs, those with
#   `useArrow=True` too, `collect()` and `lit(datetime)` take the zone of the machine, all as datetimes without a zone. A
#   cluster has UTC, a laptop the zone of the session, so that it is right in the test. There `createDataFrame(collect())`
#   moves what is in the second 2 o'clock of the night on which clocks go back by an hour, though its rows say `fold=1`;
#   `createDataFrame(toPandas())` moves what is in the first. The guide to Arrow says which zone pandas gets; I found nothing
#   that says that a UDF gets another.
# Cost: the consents of a day are counted with `to_date`, and checked against, or joined to, a day made by a UDF or in Python:
#   two hours of rows differ each day in summer, one in winter, and a UDF that is made a `pandas_udf` for speed moves them.
# Output seen (22:30 UTC of July 1, the zone of the session being Berlin):
#   machine in UTC            to_date July 2, pandas_udf July 2, mapInPandas July 2, toPandas July 2
#   machine in UTC            udf July 1, udf useArrow July 1, collect July 1
#   machine in UTC            rows since lit(July 2, 0:00): 0, since SQL's timestamp'2026-07-02 00:00': 1
#   machine in UTC            first and second 2:30 of October 25, seconds moved by collect 0 0, toPandas 3600 0
#   machine in Europe/Berlin  to_date July 2, pandas_udf July 2, mapInPandas July 2, toPandas July 2
#   machine in Europe/Berlin  udf July 2, udf useArrow July 2, collect July 2
#   machine in Europe/Berlin  rows since lit(July 2, 0:00): 1, since SQL's timestamp'2026-07-02 00:00': 1
#   machine in Europe/Berlin  first and second 2:30 of October 25, seconds moved by collect 0 -3600, toPandas 3600 0
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq pyspark==4.3.0 pandas==2.3.3 pyarrow==26.0.1

cd "$folder"
cat > program.py <<'PYTHON'
import os
from datetime import datetime

import pandas
from pyspark.sql import SparkSession
from pyspark.sql import functions as f

session = (
    SparkSession.builder.master("local[1]")
    .config("spark.ui.enabled", "false")
    .config("spark.sql.session.timeZone", "Europe/Berlin")
    .getOrCreate()
)
machine = f"machine in {os.environ['TZ']}".ljust(25)


def shown(day):
    return f"{day:%B} {day.day}"


def map_days(frames):
    for frame in frames:
        yield pandas.DataFrame({"day": frame["at"].dt.date})


def seconds(frame):
    return [row[0] for row in frame.select(f.unix_timestamp("at")).collect()]


frame = session.sql("SELECT timestamp'2026-07-01 22:30:00Z' AS at")
of_python = f.udf(lambda at: at.date(), "date", useArrow=False)
of_arrow = f.udf(lambda at: at.date(), "date", useArrow=True)


@f.pandas_udf("date")
def of_pandas(at: pandas.Series) -> pandas.Series:
    return at.dt.date


days = frame.select(f.to_date("at"), of_pandas("at"), of_python("at"), of_arrow("at")).collect()[0]
mapped = frame.mapInPandas(map_days, "day date").collect()[0][0]
print(
    f"{machine} to_date {shown(days[0])}, pandas_udf {shown(days[1])}, mapInPandas {shown(mapped)}, "
    f"toPandas {shown(frame.toPandas()['at'].iloc[0])}"
)
print(f"{machine} udf {shown(days[2])}, udf useArrow {shown(days[3])}, collect {shown(frame.collect()[0][0])}")
since = frame.filter(f.col("at") >= f.lit(datetime(2026, 7, 2))).count()
in_sql = frame.filter("at >= timestamp'2026-07-02 00:00'").count()
print(f"{machine} rows since lit(July 2, 0:00): {since}, since SQL's timestamp'2026-07-02 00:00': {in_sql}")
night = session.sql("SELECT explode(array(timestamp'2026-10-25 00:30:00Z', timestamp'2026-10-25 01:30:00Z')) AS at")
moved = {}
for way, rows in (("collect", night.collect()), ("toPandas", night.toPandas())):
    again = session.createDataFrame(rows, night.schema)
    moved[way] = " ".join(str(new - old) for new, old in zip(seconds(again), seconds(night)))
print(f"{machine} first and second 2:30 of October 25, seconds moved by collect {moved['collect']}, toPandas {moved['toPandas']}")
PYTHON
export PYSPARK_PYTHON=$folder/venv/bin/python SPARK_LOCAL_IP=127.0.0.1 SPARK_LOCAL_HOSTNAME=localhost
for zone in UTC Europe/Berlin; do
    TZ=$zone venv/bin/python program.py 2>log.txt || { tail -n 30 log.txt; exit 1; }
done | tee seen.txt
diff seen.txt - <<'TEXT' || { echo "the behaviour changed"; exit 1; }
machine in UTC            to_date July 2, pandas_udf July 2, mapInPandas July 2, toPandas July 2
machine in UTC            udf July 1, udf useArrow July 1, collect July 1
machine in UTC            rows since lit(July 2, 0:00): 0, since SQL's timestamp'2026-07-02 00:00': 1
machine in UTC            first and second 2:30 of October 25, seconds moved by collect 0 0, toPandas 3600 0
machine in Europe/Berlin  to_date July 2, pandas_udf July 2, mapInPandas July 2, toPandas July 2
machine in Europe/Berlin  udf July 2, udf useArrow July 2, collect July 2
machine in Europe/Berlin  rows since lit(July 2, 0:00): 1, since SQL's timestamp'2026-07-02 00:00': 1
machine in Europe/Berlin  first and second 2:30 of October 25, seconds moved by collect 0 -3600, toPandas 3600 0
TEXT
