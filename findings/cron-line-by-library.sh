#!/usr/bin/env bash
# One crontab line, four schedulers: Monday is Tuesday in APScheduler, and clock changes skip, double or move the run.
#
# Versions: APScheduler 3.11.3, croniter 7.0.0, tzdata 2026.6 (PyPI), croner 11.0.1, cron-parser 5.10.6 (npm), Python 3.11, Node 20.
# Guess: `CronTrigger.from_crontab`, so named, reads a crontab line as the others do: 1 is Monday, day of month OR day of
#   week. In the hour that a clock change skips or repeats, a daily job runs once, at the same time in each library.
# Behaviour: APScheduler counts Monday as 0, so that `* * 1` is Tuesday, and it wants both fields: `1 * 1` runs on Tuesdays
#   that are a first, three times in fourteen months. Where the clocks go forward, a job at 02:30 runs at 03:00 in croniter and
#   croner, at 03:30 in APScheduler and cron-parser; where they go back, one at 01:30 runs twice in croniter and
#   APScheduler. Every second hour leaves out 03:00 in croner only.
# Cost: a weekly export due on Monday comes on Tuesday, green; a monitor written with croniter for jobs that APScheduler
#   runs calls each of them late. A delivery job that runs twice appends twice, once a year.
# Output seen:
#   0 6 * * 1  UTC
#     croniter    Mon 30.11 06:00, Mon 7.12 06:00
#     apscheduler Tue 1.12 06:00, Tue 8.12 06:00
#     croner      Mon 30.11 06:00, Mon 7.12 06:00
#     cron-parser Mon 30.11 06:00, Mon 7.12 06:00
#   0 6 1 * 1  UTC
#     croniter    Mon 30.11 06:00, Tue 1.12 06:00, Mon 7.12 06:00
#     apscheduler Tue 1.12 06:00, Tue 1.6 06:00, Tue 1.2 06:00
#     croner      Mon 30.11 06:00, Tue 1.12 06:00, Mon 7.12 06:00
#     cron-parser Mon 30.11 06:00, Tue 1.12 06:00, Mon 7.12 06:00
#   30 2 * * *  America/New_York
#     croniter    Sun 8.3 03:00, Mon 9.3 02:30
#     apscheduler Sun 8.3 03:30, Mon 9.3 02:30
#     croner      Sun 8.3 03:00, Mon 9.3 02:30
#     cron-parser Sun 8.3 03:30, Mon 9.3 02:30
#   30 1 * * *  America/New_York
#     croniter    Sun 1.11 01:30, Sun 1.11 01:30, Mon 2.11 01:30
#     apscheduler Sun 1.11 01:30, Sun 1.11 01:30, Mon 2.11 01:30
#     croner      Sun 1.11 01:30, Mon 2.11 01:30, Tue 3.11 01:30
#     cron-parser Sun 1.11 01:30, Mon 2.11 01:30, Tue 3.11 01:30
#   0 */2 * * *  America/New_York
#     croniter    Sun 8.3 00:00, Sun 8.3 03:00, Sun 8.3 04:00, Sun 8.3 06:00
#     apscheduler Sun 8.3 00:00, Sun 8.3 03:00, Sun 8.3 04:00, Sun 8.3 06:00
#     croner      Sun 8.3 00:00, Sun 8.3 04:00, Sun 8.3 06:00, Sun 8.3 08:00
#     cron-parser Sun 8.3 00:00, Sun 8.3 03:00, Sun 8.3 04:00, Sun 8.3 06:00
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit croner@11.0.1 cron-parser@5.10.6 >npm.txt
python3 -m venv venv
venv/bin/pip install -qq APScheduler==3.11.3 croniter==7.0.0 tzdata==2026.6

cat > runs.mjs <<'JAVASCRIPT'
import { Cron } from "croner";
import { CronExpressionParser } from "cron-parser";

const cases = JSON.parse(process.argv[2]);
const results = cases.map(([line, zone, start, count]) => {
  const from = new Date(start);
  const croner = new Cron(line, { timezone: zone }).nextRuns(count, from);
  const parser = CronExpressionParser.parse(line, { currentDate: from, tz: zone }).take(count);
  return { croner: croner.map((date) => date.toISOString()), "cron-parser": parser.map((date) => date.toDate().toISOString()) };
});
console.log(JSON.stringify(results));
JAVASCRIPT

cat > program.py <<'PYTHON'
import datetime
import json
import subprocess
import zoneinfo

from apscheduler.triggers.cron import CronTrigger
from croniter import croniter

NEW_YORK = "America/New_York"
CASES = [
    ("0 6 * * 1", "UTC", "2026-11-29T12:00:00Z", 2),
    ("0 6 1 * 1", "UTC", "2026-11-29T12:00:00Z", 3),
    ("30 2 * * *", NEW_YORK, "2026-03-07T12:00:00Z", 2),
    ("30 1 * * *", NEW_YORK, "2026-10-31T12:00:00Z", 3),
    ("0 */2 * * *", NEW_YORK, "2026-03-08T04:30:00Z", 4),
]
UTC = datetime.timezone.utc


def by_croniter(line, zone, start, count):
    runs = croniter(line, start.astimezone(zone))
    return [runs.get_next(datetime.datetime) for _ in range(count)]


def by_apscheduler(line, zone, start, count):
    trigger, previous, now, runs = CronTrigger.from_crontab(line, timezone=zone), None, start.astimezone(zone), []
    while len(runs) < count:
        previous = trigger.get_next_fire_time(previous, now)
        runs.append(previous)
        now = (previous.astimezone(UTC) + datetime.timedelta(seconds=1)).astimezone(zone)
    return runs


def shown(runs, zone):
    local = [run.astimezone(UTC).astimezone(zone) for run in runs]
    return ", ".join(f"{run:%a} {run.day}.{run.month} {run:%H:%M}" for run in local)


answer = subprocess.run(["node", "runs.mjs", json.dumps(CASES)], check=True, capture_output=True, text=True).stdout
seen = []
for (line, name, text, count), by_node in zip(CASES, json.loads(answer)):
    zone, start = zoneinfo.ZoneInfo(name), datetime.datetime.fromisoformat(text)
    libraries = {
        "croniter": by_croniter(line, zone, start, count),
        "apscheduler": by_apscheduler(line, zone, start, count),
        **{library: [datetime.datetime.fromisoformat(run) for run in runs] for library, runs in by_node.items()},
    }
    seen.append(f"{line}  {name}")
    seen += [f"  {library:11} {shown(runs, zone)}" for library, runs in libraries.items()]
print(*seen, sep="\n")
assert seen == [
    "0 6 * * 1  UTC",
    "  croniter    Mon 30.11 06:00, Mon 7.12 06:00",
    "  apscheduler Tue 1.12 06:00, Tue 8.12 06:00",
    "  croner      Mon 30.11 06:00, Mon 7.12 06:00",
    "  cron-parser Mon 30.11 06:00, Mon 7.12 06:00",
    "0 6 1 * 1  UTC",
    "  croniter    Mon 30.11 06:00, Tue 1.12 06:00, Mon 7.12 06:00",
    "  apscheduler Tue 1.12 06:00, Tue 1.6 06:00, Tue 1.2 06:00",
    "  croner      Mon 30.11 06:00, Tue 1.12 06:00, Mon 7.12 06:00",
    "  cron-parser Mon 30.11 06:00, Tue 1.12 06:00, Mon 7.12 06:00",
    "30 2 * * *  America/New_York",
    "  croniter    Sun 8.3 03:00, Mon 9.3 02:30",
    "  apscheduler Sun 8.3 03:30, Mon 9.3 02:30",
    "  croner      Sun 8.3 03:00, Mon 9.3 02:30",
    "  cron-parser Sun 8.3 03:30, Mon 9.3 02:30",
    "30 1 * * *  America/New_York",
    "  croniter    Sun 1.11 01:30, Sun 1.11 01:30, Mon 2.11 01:30",
    "  apscheduler Sun 1.11 01:30, Sun 1.11 01:30, Mon 2.11 01:30",
    "  croner      Sun 1.11 01:30, Mon 2.11 01:30, Tue 3.11 01:30",
    "  cron-parser Sun 1.11 01:30, Mon 2.11 01:30, Tue 3.11 01:30",
    "0 */2 * * *  America/New_York",
    "  croniter    Sun 8.3 00:00, Sun 8.3 03:00, Sun 8.3 04:00, Sun 8.3 06:00",
    "  apscheduler Sun 8.3 00:00, Sun 8.3 03:00, Sun 8.3 04:00, Sun 8.3 06:00",
    "  croner      Sun 8.3 00:00, Sun 8.3 04:00, Sun 8.3 06:00, Sun 8.3 08:00",
    "  cron-parser Sun 8.3 00:00, Sun 8.3 03:00, Sun 8.3 04:00, Sun 8.3 06:00",
], "the behaviour changed"
PYTHON
venv/bin/python program.py
