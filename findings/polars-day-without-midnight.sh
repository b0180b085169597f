#!/usr/bin/env bash
# Polars: the windows of group_by_dynamic lose an hour of rows, and a date, where a clock change skips their start.
#
# Versions: polars 2.1.0, pandas 3.1.1, duckdb 1.5.6, datafusion 55.0.0, pyarrow 26.0.1, Python 3.11.
# Guess: 2026-09-06 in Santiago is a day of 23 hours, from 01:00 on, as pandas, DuckDB, DataFusion and Polars' own
#   dt.truncate and dt.date have it; each row is in one window.
# Behaviour: "1d" is added to the first window's start, and a start that does not exist is moved back by the clock change,
#   to 23:00 of the day before; RFC 5545, which the function's name cites, moves it forward. The window's end is its moved
#   start plus "1d", so that it ends at 23:00 as well, and the hour until the next window is in none: one row of 143 is
#   lost, without an error, and 5 September is there twice, the 6th not at all. datetime_range, a calendar to join with,
#   has the same two dates. A frame that begins on that day has windows from 01:00 to 01:00 for all of its days.
#   In Paris it happens to days that begin at 2 o'clock (offset="2h").
# Cost: daily counts and sums of Chile, Cuba, Lebanon and Egypt miss rows once a year, and a day is a hole in the chart; a
#   join with the calendar counts a day twice.
# Output seen:
#   pandas          143 rows: 09-04 00:00 24, 09-05 00:00 24, 09-06 01:00 23, 09-07 00:00 24, 09-08 00:00 24, 09-09 00:00 24
#   duckdb          143 rows: 09-04 00:00 24, 09-05 00:00 24, 09-06 01:00 23, 09-07 00:00 24, 09-08 00:00 24, 09-09 00:00 24
#   datafusion      143 rows: 09-04 00:00 24, 09-05 00:00 24, 09-06 01:00 23, 09-07 00:00 24, 09-08 00:00 24, 09-09 00:00 24
#   polars truncate 143 rows: 09-04 00:00 24, 09-05 00:00 24, 09-06 01:00 23, 09-07 00:00 24, 09-08 00:00 24, 09-09 00:00 24
#   polars dynamic  142 rows: 09-04 00:00 24, 09-05 00:00 23, 09-05 23:00 23, 09-07 00:00 24, 09-08 00:00 24, 09-09 00:00 24
#   in no window: 2026-09-06 23:00:00-03:00
#   from 09-06 on: 09-06 01:00 24, 09-07 01:00 24, 09-08 01:00 24, 09-09 01:00 23
#   calendar: 09-04, 09-05, 09-05, 09-07, 09-08, 09-09
#   rows of 143 in a join with the calendar: 144
#   Paris, offset 2h: 143 rows of 144
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq polars==2.1.0 pandas==3.1.1 duckdb==1.5.6 datafusion==55.0.0 pyarrow==26.0.1

cd "$folder"
venv/bin/python - <<'PYTHON'
import datetime

import datafusion
import duckdb
import polars

ZONE = "America/Santiago"


def hourly(first, last, zone):
    hours = polars.datetime_range(first, last, "1h", time_zone="UTC", closed="left", eager=True)
    return polars.DataFrame({"time": hours.dt.convert_time_zone(zone)})


# midnight of 4 September to midnight of 10 September, in Santiago
frame = hourly(datetime.datetime(2026, 9, 4, 4), datetime.datetime(2026, 9, 10, 3), ZONE)


def by_pandas():
    return frame.to_pandas().set_index("time").assign(rows=1)["rows"].resample("1D").sum().items()


def by_duckdb():
    duckdb.execute(f"set timezone = '{ZONE}'")
    days = duckdb.sql("select date_trunc('day', time)::text, count(*) from frame group by 1 order by 1").fetchall()
    return [(datetime.datetime.fromisoformat(day), rows) for day, rows in days]


def by_datafusion():
    context = datafusion.SessionContext()
    context.register_record_batches("frame", [frame.to_arrow().to_batches()])
    days = context.sql("select date_trunc('day', time) as day, count(*) as rows from frame group by 1 order by 1")
    return [(row["day"], row["rows"]) for row in days.to_pylist()]


def by_truncate():
    return frame.group_by(polars.col("time").dt.truncate("1d")).len().sort("time").rows()


def by_dynamic(rows=frame, **options):
    return rows.group_by_dynamic("time", every="1d", **options).agg(polars.len()).rows()


def shown(days):
    return ", ".join(f"{day:%m-%d %H:%M} {rows}" for day, rows in days)


READERS = {
    "pandas": by_pandas,
    "duckdb": by_duckdb,
    "datafusion": by_datafusion,
    "polars truncate": by_truncate,
    "polars dynamic": by_dynamic,
}
seen = []
for name, read in READERS.items():
    days = list(read())
    seen.append(f"{name:15} {sum(rows for _, rows in days)} rows: {shown(days)}")

windows = frame.group_by_dynamic("time", every="1d").agg(polars.col("time").alias("times"))
missed = frame.join(windows.select(polars.col("times").explode()), left_on="time", right_on="times", how="anti")
seen.append("in no window: " + ", ".join(str(time) for time in missed["time"]))
later = frame.filter(polars.col("time").dt.date() >= datetime.date(2026, 9, 6))
seen.append(f"from 09-06 on: {shown(by_dynamic(later))}")

first, last = datetime.datetime(2026, 9, 4), datetime.datetime(2026, 9, 9)
calendar = polars.select(day=polars.datetime_range(first, last, "1d", time_zone=ZONE).dt.date())
seen.append("calendar: " + ", ".join(f"{day:%m-%d}" for day in calendar["day"]))
daily = frame.group_by(polars.col("time").dt.date().alias("day")).len()
seen.append(f"rows of {frame.height} in a join with the calendar: {calendar.join(daily, on='day')['len'].sum()}")

paris = hourly(datetime.datetime(2026, 3, 27), datetime.datetime(2026, 4, 2), "Europe/Paris")
in_windows = sum(rows for _, rows in by_dynamic(paris, offset="2h"))
seen.append(f"Paris, offset 2h: {in_windows} rows of {paris.height}")
print(*seen, sep="\n")
RIGHT = "09-04 00:00 24, 09-05 00:00 24, 09-06 01:00 23, 09-07 00:00 24, 09-08 00:00 24, 09-09 00:00 24"
assert seen == [
    f"pandas          143 rows: {RIGHT}",
    f"duckdb          143 rows: {RIGHT}",
    f"datafusion      143 rows: {RIGHT}",
    f"polars truncate 143 rows: {RIGHT}",
    "polars dynamic  142 rows: "
    "09-04 00:00 24, 09-05 00:00 23, 09-05 23:00 23, 09-07 00:00 24, 09-08 00:00 24, 09-09 00:00 24",
    "in no window: 2026-09-06 23:00:00-03:00",
    "from 09-06 on: 09-06 01:00 24, 09-07 01:00 24, 09-08 01:00 24, 09-09 01:00 23",
    "calendar: 09-04, 09-05, 09-05, 09-07, 09-08, 09-09",
    "rows of 143 in a join with the calendar: 144",
    "Paris, offset 2h: 143 rows of 144",
], "the behaviour changed"
PYTHON
