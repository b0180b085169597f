#!/usr/bin/env bash
# Prefect: a daily interval at 02:30 is one at 03:30 from the first clock change on, in winter and in all later years too.
#
# Versions: prefect 3.9.1, Python 3.11.
# Guess: an interval of a day or more keeps its local time, as its documentation says; where a clock change skips the time, that
#   one run is moved, and the next day has the old time again, as with a cron line.
# Behaviour: the schedule counts its days from the anchor one after the other, each from the one before. The day that has no 02:30
#   is moved to 03:30, and all days after it are counted from there. Asked before the change or years after it, the schedule says
#   the same, but an anchor of April says 02:30, until the next March. In New York it is a run at 02:00 that moves to 03:00. A cron
#   line moves that one run to 03:30, and an RRule moves it to 01:30; both have 02:30 on the next day. At 06:00 all three agree.
# Cost: the nightly load comes after the report of 03:00 that reads it, which has the day before's consents from a night in March
#   on, while the deployment still shows its anchor at 02:30; a new deployment of the same code repairs it until next spring.
# Output seen (Berlin unless said; the local time of the run on a date):
#                               2026-03-28 2026-03-29 2026-03-30 2026-12-01 2027-01-15 2030-07-01
#   interval, 02:30             02:30      03:30      03:30      03:30      03:30      03:30
#   interval, 02:30, of April   02:30      03:30      02:30      02:30      02:30      03:30
#   cron, 30 2 * * *            02:30      03:30      02:30      02:30      02:30      02:30
#   RRule, 02:30                02:30      01:30      02:30      02:30      02:30      02:30
#   interval, 06:00             06:00      06:00      06:00      06:00      06:00      06:00
#   interval, 02:00, New York   03:00      03:00      03:00      03:00      03:00      03:00
#   cron, 0 2 * * *, New York   02:00      02:00      02:00      02:00      02:00      02:00
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq prefect==3.9.1

cd "$folder"
export PREFECT_HOME="$folder/prefect" DO_NOT_TRACK=1
venv/bin/python -W ignore - <<'PYTHON'
import asyncio
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from prefect.server.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule

BERLIN = "Europe/Berlin"
NEW_YORK = "America/New_York"


def interval(zone, *anchor):
    return IntervalSchedule(interval=timedelta(days=1), anchor_date=datetime(*anchor, tzinfo=ZoneInfo(zone)), timezone=zone)


def at(schedule, zone, *day):
    start = datetime(*day, tzinfo=ZoneInfo(zone))
    (run,) = asyncio.run(schedule.get_dates(5, start, start + timedelta(hours=22)))
    return run.astimezone(ZoneInfo(zone)).strftime("%H:%M")


days = [(2026, 3, 28), (2026, 3, 29), (2026, 3, 30), (2026, 12, 1), (2027, 1, 15), (2030, 7, 1)]
seen = [" " * 28 + " ".join("{}-{:02}-{:02}".format(*day) for day in days)]
for title, zone, schedule in [
    ("interval, 02:30", BERLIN, interval(BERLIN, 2026, 1, 1, 2, 30)),
    ("interval, 02:30, of April", BERLIN, interval(BERLIN, 2026, 4, 1, 2, 30)),
    ("cron, 30 2 * * *", BERLIN, CronSchedule(cron="30 2 * * *", timezone=BERLIN)),
    ("RRule, 02:30", BERLIN, RRuleSchedule(rrule="DTSTART:20260101T023000\nFREQ=DAILY", timezone=BERLIN)),
    ("interval, 06:00", BERLIN, interval(BERLIN, 2026, 1, 1, 6)),
    ("interval, 02:00, New York", NEW_YORK, interval(NEW_YORK, 2026, 1, 1, 2)),
    ("cron, 0 2 * * *, New York", NEW_YORK, CronSchedule(cron="0 2 * * *", timezone=NEW_YORK)),
]:
    seen.append(f"{title:28}" + " ".join(f"{at(schedule, zone, *day):10}" for day in days).rstrip())
print(*seen, sep="\n")
assert seen == [
    "                            2026-03-28 2026-03-29 2026-03-30 2026-12-01 2027-01-15 2030-07-01",
    "interval, 02:30             02:30      03:30      03:30      03:30      03:30      03:30",
    "interval, 02:30, of April   02:30      03:30      02:30      02:30      02:30      03:30",
    "cron, 30 2 * * *            02:30      03:30      02:30      02:30      02:30      02:30",
    "RRule, 02:30                02:30      01:30      02:30      02:30      02:30      02:30",
    "interval, 06:00             06:00      06:00      06:00      06:00      06:00      06:00",
    "interval, 02:00, New York   03:00      03:00      03:00      03:00      03:00      03:00",
    "cron, 0 2 * * *, New York   02:00      02:00      02:00      02:00      02:00      02:00",
], "the behaviour changed"
PYTHON
