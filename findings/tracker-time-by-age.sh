#!/usr/bin/env bash
# Event times of Segment, RudderStack and PostHog: a time without offset is local while it is younger than 5 seconds.
#
# Versions: segment-analytics-python 2.4.0, rudder-sdk-python 2.1.9, posthog 7.91.1, Python 3.11.
# Guess: a datetime without offset is always read one way, as UTC or as local time, or is refused.
# Behaviour: all three compare it with the local clock when track() or capture() is called. Younger than 5 seconds it is
#   taken for local time, else for UTC. So datetime.now() is sent right from a request, and off by the whole UTC offset
#   from a queue, a retry or a backfill. In Segment and RudderStack each time in the future counts as young too: a naive
#   datetime.utcnow() is right east of Greenwich, and off by hours in the Americas. PostHog takes the future for UTC.
#   Nothing warns. Comments in the sources tell of the guess; I found it in no documentation and no issue.
# Cost: two events a few seconds apart change places or lie hours apart, sessions and funnels break, and a program that was
#   right when tried by hand sends other times from a worker or another region. Only times with an offset are safe.
# Output seen (hours that the event is sent too late or too early):
#   Asia/Tokyo      now()             segment +0  rudder +0  posthog +0
#   Asia/Tokyo      now(), 10 s ago   segment +9  rudder +9  posthog +9
#   Asia/Tokyo      now(), tomorrow   segment +0  rudder +0  posthog +9
#   Asia/Tokyo      utcnow()          segment +0  rudder +0  posthog +0
#   America/Bogota  now()             segment +0  rudder +0  posthog +0
#   America/Bogota  now(), 10 s ago   segment -5  rudder -5  posthog -5
#   America/Bogota  now(), tomorrow   segment +0  rudder +0  posthog -5
#   America/Bogota  utcnow()          segment +5  rudder +5  posthog +0
#   Asia/Tokyo: a click 3 s ago is sent 9.0 hours before the page view of 8 s ago, as segment, rudder and posthog say
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq segment-analytics-python==2.4.0 rudder-sdk-python==2.1.9 posthog==7.91.1

cd "$folder"
venv/bin/python - <<'PYTHON'
import os
import time
import warnings
from datetime import datetime, timedelta, timezone

import posthog
import rudderstack.analytics.client
import segment.analytics.client

warnings.simplefilter("ignore", DeprecationWarning)  # of utcnow()
captured = []
# None of the three sends anything: PostHog's hook drops each event after it was recorded.
hog = posthog.Posthog("key", host="http://127.0.0.1:9", before_send=captured.append)
seg = segment.analytics.client.Client("key", send=False)
rud = rudderstack.analytics.client.Client("key", send=False)


def by_segment(moment):
    return seg.track("user", "event", timestamp=moment)[1]["timestamp"]


def by_rudder(moment):
    message = rud.track("user", "event", timestamp=moment)[1]
    return message.get("timestamp") or message["originalTimestamp"]


def by_posthog(moment):
    hog.capture("event", distinct_id="user", timestamp=moment)
    return captured[-1]["timestamp"]


TRACKERS = {"segment": by_segment, "rudder": by_rudder, "posthog": by_posthog}


def sent(track, moment):
    text = track(moment)
    return text if isinstance(text, datetime) else datetime.fromisoformat(text)


seen = []
for zone in ("Asia/Tokyo", "America/Bogota"):
    os.environ["TZ"] = zone
    time.tzset()
    for label, clock, shift in (
        ("now()", datetime.now, timedelta()),
        ("now(), 10 s ago", datetime.now, timedelta(seconds=-10)),
        ("now(), tomorrow", datetime.now, timedelta(days=1)),
        ("utcnow()", datetime.utcnow, timedelta()),
    ):
        hours = []
        for name, track in TRACKERS.items():
            truth = datetime.now(timezone.utc) + shift
            off = (sent(track, clock() + shift) - truth).total_seconds() / 3600
            hours.append(f"{name} {off:+.0f}".replace("-0", "+0"))
        seen.append(f"{zone:15} {label:17} {'  '.join(hours)}")
os.environ["TZ"] = "Asia/Tokyo"
time.tzset()
gaps = set()
for track in TRACKERS.values():
    now = datetime.now()
    view, click = (sent(track, now - timedelta(seconds=age)) for age in (8, 3))
    gaps.add(f"{(view - click).total_seconds() / 3600:.1f}")
seen.append(
    f"Asia/Tokyo: a click 3 s ago is sent {' or '.join(sorted(gaps))} hours before the page view of 8 s ago, "
    "as segment, rudder and posthog say"
)
print(*seen, sep="\n")
assert seen == [
    "Asia/Tokyo      now()             segment +0  rudder +0  posthog +0",
    "Asia/Tokyo      now(), 10 s ago   segment +9  rudder +9  posthog +9",
    "Asia/Tokyo      now(), tomorrow   segment +0  rudder +0  posthog +9",
    "Asia/Tokyo      utcnow()          segment +0  rudder +0  posthog +0",
    "America/Bogota  now()             segment +0  rudder +0  posthog +0",
    "America/Bogota  now(), 10 s ago   segment -5  rudder -5  posthog -5",
    "America/Bogota  now(), tomorrow   segment +0  rudder +0  posthog -5",
    "America/Bogota  utcnow()          segment +5  rudder +5  posthog +0",
    "Asia/Tokyo: a click 3 s ago is sent 9.0 hours before the page view of 8 s ago, "
    "as segment, rudder and posthog say",
], "the behaviour changed"
PYTHON
