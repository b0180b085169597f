#!/usr/bin/env bash
# DuckDB 2.0 and pandas 3 changed the time zone class of their datetimes: Python's durations are wrong by an hour then.
#
# Versions: duckdb 1.5.6 with pandas 2.3.3, duckdb 2.0.1 with pandas 3.1.1, pytz and tzdata 2026.6, pyarrow 26.0.1, Python 3.11.
# Guess: two aware datetimes subtract to the time between the two instants, whichever release fetched them.
# Behaviour: a run starts at 05:30 UTC on the day the clocks of New York go back and ends at 06:15 UTC. The older
#   releases attach pytz zones, one object for summer and one for winter, so that Python subtracts in UTC: 45 minutes. The
#   newer ones attach one zoneinfo.ZoneInfo, and within one tzinfo object Python subtracts and compares the clocks on
#   the wall: minus 15 minutes, and the end sorts before the start. In spring 45 minutes become 105. SQL, and pandas'
#   own Timestamps, are right in both; pandas changes with to_pydatetime().
# Cost: the session's time zone is the machine's unless set, so it takes no setting. Once a year durations turn
#   negative, `finished > started` fails and sorted() puts the end first; once a year they are an hour too long and
#   only plausible. The upgrade changes no value that a test on another day would show.
# Output seen:
#   duckdb 1.5.6, pandas 2.3.3
#     1 November: SQL 0:45:00, Python 0:45:00, sorted start, end, pandas 0:45:00, to_pydatetime 0:45:00
#     8 March: SQL 0:45:00, Python 0:45:00, sorted start, end, pandas 0:45:00, to_pydatetime 0:45:00
#   duckdb 2.0.1, pandas 3.1.1
#     1 November: SQL 0:45:00, Python -1 day, 23:45:00, sorted end, start, pandas 0:45:00, to_pydatetime -1 day, 23:45:00
#     8 March: SQL 0:45:00, Python 1:45:00, sorted start, end, pandas 0:45:00, to_pydatetime 1:45:00
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > program.py <<'PYTHON'
import sys

import duckdb
import pandas

ZONE = "America/New_York"
RUNS = {
    "1 November": ("2026-11-01 05:30:00+00", "2026-11-01 06:15:00+00"),
    "8 March": ("2026-03-08 06:30:00+00", "2026-03-08 07:15:00+00"),
}
connection = duckdb.connect()
connection.execute(f"set timezone = '{ZONE}'")


def line(day, texts):
    started, finished, duration = connection.execute(
        "select started, finished, finished - started from (select ?::timestamptz as started, ?::timestamptz as finished)",
        texts,
    ).fetchone()
    order = sorted([("end", finished), ("start", started)], key=lambda pair: pair[1])
    stamps = [pandas.Timestamp(text).tz_convert(ZONE) for text in texts]
    return (
        f"{day}: SQL {duration}, Python {finished - started}, sorted {', '.join(name for name, _ in order)}, "
        f"pandas {(stamps[1] - stamps[0]).to_pytimedelta()}, "
        f"to_pydatetime {stamps[1].to_pydatetime() - stamps[0].to_pydatetime()}"
    )


seen = [line(day, texts) for day, texts in RUNS.items()]
print(f"duckdb {duckdb.__version__}, pandas {pandas.__version__}", *seen, sep="\n  ")
expected = {
    "pytz": [
        "1 November: SQL 0:45:00, Python 0:45:00, sorted start, end, pandas 0:45:00, to_pydatetime 0:45:00",
        "8 March: SQL 0:45:00, Python 0:45:00, sorted start, end, pandas 0:45:00, to_pydatetime 0:45:00",
    ],
    "zoneinfo": [
        "1 November: SQL 0:45:00, Python -1 day, 23:45:00, sorted end, start, "
        "pandas 0:45:00, to_pydatetime -1 day, 23:45:00",
        "8 March: SQL 0:45:00, Python 1:45:00, sorted start, end, pandas 0:45:00, to_pydatetime 1:45:00",
    ],
}
assert seen == expected[sys.argv[1]], "the behaviour changed"
PYTHON

check() {
    python3 -m venv "$1"
    "$1/bin/pip" install -qq "duckdb==$2" "pandas==$3" pyarrow==26.0.1 pytz==2026.6 tzdata==2026.6
    "$1/bin/python" program.py "$1"
}
check pytz 1.5.6 2.3.3
check zoneinfo 2.0.1 3.1.1
