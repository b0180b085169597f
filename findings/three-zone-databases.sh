#!/usr/bin/env bash
# One process, four libraries, three generations of time zone rules: the local day of a run depends on the library.
#
# Versions: duckdb 1.5.6 and 2.0.1, polars 2.1.0, pytz 2026.6, tzdata 2026.6, Python 3.11.
# Guess: libraries of the same month agree on local times of 2026, or follow the machine's zone files.
# Behaviour: compared over each day of 2026 in every zone of tzdata 2026.6. Polars carries compiled rules that are
#   wrong in 13 zone names (Vancouver, Edmonton, Winnipeg, Havana, Casablanca and others keep one offset for the whole
#   year now), DuckDB 1.5.6 in 5 of them (Winnipeg, Havana), DuckDB 2.0.1, pytz and zoneinfo in none. An update of the
#   tzdata package mends neither Polars nor DuckDB. (zoneinfo prefers the machine's files to that package; the script
#   switches them off, since an old system brings a fourth generation.)
# Cost: a run that ends half past midnight in Vancouver counts for the day before when Polars makes the report, not when
#   DuckDB makes the mart; in Winnipeg the mart of DuckDB 1.5 is wrong as well. A daily export then shows a day
#   without a run beside one with two, all winter long, and a DuckDB upgrade moves old rows to other days.
# Output seen:
#   duckdb 1.5.6: differs from zoneinfo in 5 zone names, Polars in 13, pytz in 0
#     America/Vancouver 2026-11-20 07:30+00: zoneinfo 20th 00:30, duckdb 20th 00:30, polars 19th 23:30
#     America/Winnipeg 2026-11-20 05:30+00: zoneinfo 20th 00:30, duckdb 19th 23:30, polars 19th 23:30
#   duckdb 2.0.1: differs from zoneinfo in 0 zone names, Polars in 13, pytz in 0
#     America/Vancouver 2026-11-20 07:30+00: zoneinfo 20th 00:30, duckdb 20th 00:30, polars 19th 23:30
#     America/Winnipeg 2026-11-20 05:30+00: zoneinfo 20th 00:30, duckdb 20th 00:30, polars 19th 23:30
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > program.py <<'PYTHON'
import datetime
import sys
import zoneinfo

import duckdb
import polars
import pytz

UTC = datetime.timezone.utc
start = datetime.datetime(2026, 1, 1, 12, tzinfo=UTC)
days = [start + datetime.timedelta(days=day) for day in range(365)]
connection = duckdb.connect()
connection.execute("set timezone = 'UTC'")


def by_duckdb(zone, instants):
    query = "select unnest(?::timestamptz[]) as instant, ?::text as zone"
    rows = connection.execute(f"select instant at time zone zone from ({query})", [instants, zone]).fetchall()
    return [local for (local,) in rows]


def by_polars(zone, instants):
    series = polars.Series(instants, dtype=polars.Datetime("us", "UTC"))
    return series.dt.convert_time_zone(zone).dt.replace_time_zone(None).to_list()


def by_pytz(zone, instants):
    return [instant.astimezone(pytz.timezone(zone)).replace(tzinfo=None) for instant in instants]


def by_zoneinfo(zone, instants):
    return [instant.astimezone(zoneinfo.ZoneInfo(zone)).replace(tzinfo=None) for instant in instants]


def differing(local):
    zones = zoneinfo.available_timezones() - {"Factory", "localtime"}
    return {zone for zone in zones if local(zone, days) != by_zoneinfo(zone, days)}


def shown(zone, hour):
    instant = datetime.datetime(2026, 11, 20, hour, 30, tzinfo=UTC)
    libraries = {"zoneinfo": by_zoneinfo, "duckdb": by_duckdb, "polars": by_polars}
    times = ", ".join(f"{name} {local(zone, [instant])[0]:%dth %H:%M}" for name, local in libraries.items())
    return f"{zone} {instant:%Y-%m-%d %H:%M}+00: {times}"


duck, polar, python = differing(by_duckdb), differing(by_polars), differing(by_pytz)
assert duck < polar, (duck, polar)
seen = [
    f"differs from zoneinfo in {len(duck)} zone names, Polars in {len(polar)}, pytz in {len(python)}",
    shown("America/Vancouver", 7),
    shown("America/Winnipeg", 5),
]
print(f"duckdb {duckdb.__version__}: " + "\n  ".join(seen))
assert seen == [
    f"differs from zoneinfo in {sys.argv[1]} zone names, Polars in 13, pytz in 0",
    "America/Vancouver 2026-11-20 07:30+00: zoneinfo 20th 00:30, duckdb 20th 00:30, polars 19th 23:30",
    f"America/Winnipeg 2026-11-20 05:30+00: zoneinfo 20th 00:30, duckdb {sys.argv[2]}, polars 19th 23:30",
], "the behaviour changed"
PYTHON

check() {
    python3 -m venv "$1"
    "$1/bin/pip" install -qq "duckdb==$1" polars==2.1.0 pytz==2026.6 tzdata==2026.6
    PYTHONTZPATH="" "$1/bin/python" program.py "$2" "$3"
}
check 1.5.6 5 "19th 23:30"
check 2.0.1 0 "20th 00:30"
