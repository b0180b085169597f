"""Seeded histories of raw rows: everything that the rules of the models speak of, in each seed."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

from support.models import messages

Row = dict[str, Any]
Tables = dict[str, list[Row]]

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
AS_OF = datetime(2028, 3, 31, 12, 0)
# 29 February 2028 is a leap day; the clocks change on 12 March in New York and on 26 March in Paris
BUILDS = {
    "utc": (range(1, 5), AS_OF, {}),
    "paris": (
        range(5, 8),
        datetime(2028, 4, 2, 22, 30),
        {"didomi_timezone": "Europe/Paris", "didomi_skip_weekdays": [6, 7], "didomi_anomaly_min_observations": 6},
    ),
    "new-york": (
        range(8, 11),
        datetime(2028, 3, 20, 2, 15, 30),
        {
            "didomi_timezone": "America/New_York",
            "didomi_late_factor": 1.6,
            "didomi_pending_grace_hours": 200,
            "didomi_anomaly_deviations": 2,
            "didomi_anomaly_min_change_rate": 0.1,
            "didomi_error_kinds": {"quota": "money", "o": "has an o's"},
            "didomi_unread_hours": 60,
            "didomi_delivery_grace_hours": 5,
            "didomi_delivery_retention_days": 10,
            "didomi_deliveries_comparable": True,
            "didomi_retired_exports": [
                *("s8-undated", "s8-monthly-2", "s9-abandoned", "s9-never-ran", "s10-daily", "s10-stuck"),
                "it's none of them",
            ],
        },
    ),
}
ERRORS = [
    *messages.ALL,
    *["AccessDenied: s3:PutObject on bucket acme-{n} (role arn:aws:iam::{n}:role/didomi-{n})"] * 8,
    *["Query timed out at 2028-03-{d}T06:00:{d}.123Z after {n} s"] * 8,
    *[" ", None] * 4,
]


def merged(parts: Iterable[Tables]) -> Tables:
    """Several histories as one; their ids differ."""
    tables: Tables = defaultdict(list)
    for part in parts:
        for name, rows in part.items():
            tables[name] += rows
    return dict(tables)


def history(seed: int, as_of: datetime, days: int = 150) -> Tables:
    """The raw tables of one organization and a newer one, `days` up to `as_of`."""
    return _History(seed, as_of, days).tables


class _History:
    def __init__(self, seed: int, as_of: datetime, days: int) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        self.as_of = as_of
        self.start = as_of - days * DAY
        self.tables: Tables = defaultdict(list)
        self.numbers = count(1)
        for scenario in (
            self.daily,
            self.undated,
            self.never_complete,
            self.weekly,
            self.monthly,
            self.changing,
            self.slowed_down,
            self.unparseable,
            self.sometimes_unparseable,
            self.newcomer,
            self.stopped,
            self.hourly,
            self.unsettled,
            self.implausible,
            self.stuck,
            self.abandoned,
            self.deleted,
            self.refused,
            self.analytics,
            self.overlooked,
            self.delivered,
            self.counted_otherwise,
        ):
            scenario(f"s{seed}-{scenario.__name__}")
        self.tables["exports"].append({"id": f"s{seed}-mistyped", "organization_id": "org", "extracted_at": as_of})
        self.sync(f"s{seed}-mistyped", as_of, "full")
        self.configure(f"s{seed}-never-ran", frequency=["1", "1 month", "who knows", None][seed % 4])
        self.random.shuffle(self.tables["export_logs"])
        self.random.shuffle(self.tables["export_log_history"])

    # ------------------------------------------------------------------------------------ rows

    def configure(
        self, export_id: str, frequency: str | None, organization: str | None = "org", data: str | None = '["users"]'
    ) -> None:
        self.tables["exports"].append(
            {
                "id": export_id,
                "organization_id": f"{organization}-{self.seed}" if organization else None,
                "name": f"Export {export_id}",
                "type_id": "batch-exports-s3",
                "properties__frequency": frequency,
                "properties__data": data,
                "created_at": self.start - DAY,
                "extracted_at": self.as_of,
            }
        )

    def sync(
        self,
        export_id: str,
        finished_at: datetime,
        mode: str = "incremental",
        *,
        is_complete: bool = True,
        listed_at: datetime | None = None,
    ) -> str:
        run_id = f"run-{self.seed}-{finished_at:%Y%m%dT%H%M%S}"
        self.tables["export_syncs"].append(
            {
                "sync_id": f"{run_id}-{export_id}",
                "run_id": run_id,
                "export_id": export_id,
                "organization_id": f"org-{self.seed}",
                "mode": mode,
                "started_at": finished_at - timedelta(minutes=5),
                "finished_at": finished_at,
                "is_complete": is_complete,
                "deliveries_listed_at": listed_at,
            }
        )
        return run_id

    def status(self) -> str | None:
        return self.random.choices(
            ["completed", "Completed ", "failed", "FAILED", "pending", "cancelled", None], [60, 10, 14, 3, 6, 2, 1]
        )[0]

    def users(self, level: int = 1000) -> int | None:
        pick = self.random.random()
        if pick < 0.03:
            return None
        if pick < 0.06:
            return 0
        if pick < 0.08:
            return 2**63 - 1 - self.random.randrange(5)
        if pick < 0.12:
            return level * self.random.choice([3, 10])
        return level + self.random.randrange(level // 4)

    def error(self) -> str | None:
        text = self.random.choice(ERRORS)
        return text.format(n=self.random.randrange(10, 10**6), d=self.random.randrange(10, 29)) if text else text

    def log(
        self,
        export_id: str,
        at: datetime | None,
        frequency: str | None = "1 day",
        status: str | None = "completed",
        organization: str = "org",
        **fields: Any,
    ) -> Row:
        """One log; `at` is its creation, seen by a sync two hours later."""
        number = next(self.numbers)
        word = (status or "").strip().lower()
        settled = word in {"completed", "failed"}
        row = {
            "id": f"log-{self.seed}-{number:05d}",
            "export_id": export_id,
            "organization_id": f"{organization}-{self.seed}",
            "status": status,
            "config__frequency": frequency,
            "metrics__users": self.users() if word == "completed" or self.random.random() < 0.05 else None,
            "result": self.error() if word == "failed" or self.random.random() < 0.05 else None,
            "created_at": at,
            "updated_at": at + self.random.randrange(-60, 7200) * timedelta(seconds=1) if at and settled else None,
            "run_id": f"run-{number}",
            "extracted_at": (at or self.as_of) + 2 * HOUR,
            "read_sequence": number,
            "missing_at_source_since": self.as_of - HOUR if self.random.random() < 0.02 else None,
            **fields,
        }
        self.tables["export_logs"].append(row)
        if self.random.random() < 0.05:
            # what a merge would have replaced
            self.tables["export_logs"].append(
                {
                    **row,
                    "status": self.random.choice(["pending", row["status"]]),
                    "read_sequence": number - 1,
                    "metrics__users": 7,
                }
            )
        return row

    def seen(self, log: Row, *observations: tuple[str | None, datetime, str]) -> None:
        for sequence, (status, at, run_id) in enumerate(observations, start=1):
            self.tables["export_log_history"].append(
                {
                    "version_id": f"{log['id']}-{sequence}",
                    "log_id": log["id"],
                    "export_id": log["export_id"],
                    "organization_id": log["organization_id"],
                    "sequence": sequence,
                    "status": status,
                    "users": log["metrics__users"],
                    "result": log["result"],
                    "first_observed_at": at,
                    "run_id": run_id,
                }
            )

    def mornings(
        self, first: datetime, step: timedelta = DAY, until: datetime | None = None, missing: float = 0.06
    ) -> Iterator[datetime]:
        at = first.replace(hour=5, minute=0, second=0, microsecond=0)
        while at < (until or self.as_of) - 3 * HOUR:
            if self.random.random() >= missing:
                yield (
                    at
                    + self.random.randrange(7200) * timedelta(seconds=1)
                    + timedelta(microseconds=self.random.randrange(10**6))
                )
            at += step

    # ------------------------------------------------------------------------------------ scenarios

    def daily(self, export_id: str) -> None:
        """Failures in rows, retries within a day, missed days and weeks, quarantined logs."""
        self.configure(export_id, "1", data='["users", "events"]')
        bad_until = self.start
        hole_until = self.start
        for at in self.mornings(self.start):
            if self.random.random() < 0.03:
                bad_until = at + self.random.randrange(1, 9) * DAY
            if self.random.random() < 0.02:
                hole_until = at + self.random.randrange(1, 12) * DAY
            if at < hole_until:
                continue
            status = "failed" if at < bad_until else self.status()
            log = self.log(export_id, at, status=status)
            self.seen(log, ("pending", at + HOUR / 2, "x"), (status, at + HOUR, "y"))
            retry = at
            while status != "completed" and self.random.random() < 0.4:
                retry += self.random.randrange(60, 10000) * timedelta(seconds=1)
                status = self.status()
                self.log(export_id, retry, status=status)
        for day in range(3):
            run_id = self.sync(export_id, self.as_of - day * DAY - HOUR, is_complete=day != 0)
            self.tables["export_log_quarantine"].append(
                {
                    "fingerprint": f"{export_id}-{day}",
                    "export_id": export_id,
                    "run_id": run_id,
                    "raw_log": "{",
                    "quarantined_at": self.as_of,
                }
            )

    def undated(self, export_id: str) -> None:
        """No timestamps at all: a broken and a ranged load, the first complete one, then a load each day."""
        self.configure(export_id, "1 day")
        first = self.start + 20 * DAY
        loads = [(first - 2 * DAY, "backfill", True), (first - DAY, "full", False), (first, "full", True)]
        loads += [
            (first + day * DAY, "incremental", self.random.random() < 0.9)
            for day in range(1, (self.as_of - first).days)
        ]
        for number, (finished, mode, is_complete) in enumerate(loads):
            run_id = self.sync(export_id, finished, mode, is_complete=is_complete)
            for _ in range(15 if number < 3 else self.random.choice([0, 1, 1, 1, 1, 1, 2])):
                status = self.random.choice(["completed", "completed", "completed", "failed", "pending", "odd"])
                log = self.log(
                    export_id, None, self.random.choice(["1 day", None]), status, updated_at=None, extracted_at=finished
                )
                log["run_id"] = run_id
                seen = finished - timedelta(seconds=self.random.randrange(2))
                later = finished + self.random.randrange(1, 200) * HOUR
                if self.random.random() < 0.4 and status in {"completed", "failed"}:
                    self.seen(log, ("pending", seen, run_id), (status, later, "later"))
                elif self.random.random() < 0.95:
                    self.seen(log, (status, seen, run_id))

    def never_complete(self, export_id: str) -> None:
        """Undated, and no sync was ever complete: all of it is backfill."""
        self.sync(export_id, self.as_of - 3 * DAY, "full", is_complete=False)
        for status in ("completed", "failed", "pending"):
            log = self.log(export_id, None, status=status, extracted_at=self.as_of - 3 * DAY)
            self.seen(log, (status, self.as_of - 3 * DAY, "r"))

    def weekly(self, export_id: str) -> None:
        self.configure(export_id, None)
        frequency = self.random.choice(["1 week", "7 days", "7", "weekly"])
        for at in self.mornings(self.start + self.random.randrange(7) * DAY, 7 * DAY, missing=0.2):
            self.log(export_id, at, frequency, self.status())

    def monthly(self, export_id: str) -> None:
        """On a day of the month, on the 31st (which most months don't have), and every second month."""
        self.configure(f"{export_id}-0", "1 month")
        for variant, frequency in enumerate(["1 month", "monthly", "1 Months", "2 months", "1 year"]):
            at = datetime(self.start.year - 2, 10, self.random.choice([1, 15, 29, 31]), 6, 30)
            while at < self.as_of:
                if self.random.random() < 0.75:
                    drift = self.random.choice([0, 0, 0, 1, 13, 14, 15, 16]) * DAY
                    self.log(f"{export_id}-{variant}", min(at + drift, self.as_of), frequency, self.status())
                at += self.random.choice([28, 30, 31, 31, 61]) * DAY

    def changing(self, export_id: str) -> None:
        """Daily, then weekly, then daily; gaps where it changes."""
        third = (self.as_of - self.start) / 3
        for number, (frequency, step) in enumerate([("1 day", DAY), ("1 week", 7 * DAY), ("24 hours", DAY)]):
            first = self.start + number * third + self.random.randrange(1, 10) * DAY
            for at in self.mornings(first, step, self.start + (number + 1) * third):
                self.log(export_id, at, frequency, self.status())

    def slowed_down(self, export_id: str) -> None:
        """The configuration is longer, shorter or unreadable compared with the last run."""
        self.configure(export_id, self.random.choice(["1 week", "1 month", "12 hours", "whenever"]), organization=None)
        for at in self.mornings(self.start, until=self.as_of - self.random.randrange(5) * DAY):
            self.log(export_id, at, self.random.choice(["1 day", None]), self.status())

    def unparseable(self, export_id: str) -> None:
        frequency = self.random.choice(
            ["now and then", "0 days", "1.5 days", "-1", "1 fortnight", "", "every day", "1 day\nor so", "99999"]
        )
        for at in self.mornings(self.start, 3 * DAY):
            self.log(export_id, at, frequency, self.status())

    def sometimes_unparseable(self, export_id: str) -> None:
        self.configure(export_id, "1 day")
        for at in self.mornings(self.start, missing=0.3):
            self.log(export_id, at, self.random.choice(["1 day", "1 Day ", " 1.0", "often", None]), self.status())

    def newcomer(self, export_id: str) -> None:
        """Another organization, from the middle of the history on."""
        self.configure(export_id, "1 day", organization="new")
        for at in self.mornings(self.start + 70 * DAY):
            self.log(export_id, at, "24 hours", self.status(), organization="new")

    def stopped(self, export_id: str) -> None:
        """A gap at the start, and late at the end, by an hour or by weeks, on either side of the late factor; perhaps not read since."""
        last = self.as_of - self.random.choice([1.2, 1.25, 1.26, 2.2, 2.3, 9.7]) * DAY
        for day in (*range(26), 29):
            self.log(export_id, last - day * DAY, "1 day", "failed" if day % 7 == 3 else "completed")
        self.sync(export_id, last + self.random.choice([1, 23, 24, 25]) * HOUR)
        self.sync(export_id, self.as_of - HOUR, is_complete=False)

    def hourly(self, export_id: str) -> None:
        """Many runs a day, over a change of days in any zone."""
        for hour in range(1, 120):
            if self.random.random() < 0.8:
                self.log(
                    export_id,
                    self.as_of - hour * HOUR - timedelta(minutes=self.random.randrange(20)),
                    "1 hour",
                    self.status(),
                )

    def unsettled(self, export_id: str) -> None:
        for day in range(5):
            self.log(
                export_id,
                self.as_of - (4 - day) * DAY - HOUR,
                "1 day",
                "odd" if day else "pending",
                missing_at_source_since=None,
            )

    def implausible(self, export_id: str) -> None:
        """Times that cannot be, and two runs at one time."""
        for at in (
            datetime(1970, 1, 1),
            self.as_of + DAY,
            datetime(2199, 1, 1),
            self.as_of,
            self.as_of - DAY,
            self.as_of - DAY,
        ):
            self.log(export_id, at, "1 day", self.status())

    def stuck(self, export_id: str) -> None:
        """Pending for a week, around the grace period, and gone from the source."""
        for age in (7 * 24, 24, self.random.choice([23, 25])):
            gone = self.as_of - HOUR if self.random.random() < 0.3 else None
            self.log(export_id, self.as_of - age * HOUR, "1 day", "pending", missing_at_source_since=gone)
        for day in range(10):
            self.log(export_id, self.as_of - day * DAY - 2 * HOUR, "1 day", "completed")

    def abandoned(self, export_id: str) -> None:
        """Nothing for three weeks, whatever the late factor and the weekdays."""
        for day in range(21, 30):
            self.log(export_id, self.as_of - day * DAY, "1 day", "completed")

    def deleted(self, export_id: str) -> None:
        """Failing, and not read any more, for a day or two or for longer than any limit."""
        self.configure(export_id, "1 day")
        age = self.random.choice([1, 2, 3, 30])
        for day in range(age, age + 9):
            self.log(export_id, self.as_of - day * DAY - 3 * HOUR, "1 day", "failed")
            self.sync(export_id, self.as_of - day * DAY - HOUR)

    def refused(self, export_id: str) -> None:
        """Read once at most; each read since then broke."""
        if self.random.random() < 0.5:
            self.sync(export_id, self.as_of - 20 * DAY)
        self.log(export_id, self.as_of - 20 * DAY - HOUR, "1 day", "completed")
        for day in range(20):
            self.sync(export_id, self.as_of - day * DAY - 2 * HOUR, is_complete=False)

    def analytics(self, export_id: str) -> None:
        """No data kinds, no users; read until now."""
        self.configure(export_id, "1 day", data=self.random.choice([None, '["events"]']))
        for day in range(30):
            at = self.as_of - day * DAY - 5 * HOUR
            users = None if day else self.random.choice([None, 7])
            self.log(export_id, at, "1 day", "completed", metrics__users=users, result=None)
            self.sync(export_id, at + HOUR)

    def overlooked(self, export_id: str) -> None:
        """Late, and not read since the run was due; others were, not long enough to call it unread."""
        for day in range(2, 20):
            self.log(export_id, self.as_of - day * DAY, "1 day", "completed")
        self.sync(export_id, self.as_of - 25 * HOUR)

    # ------------------------------------------------------------------------------------ deliveries

    def deliver(self, export_id: str, day: date, records: int | None, kind: str = "users", **fields: Any) -> None:
        """A partition, written within the hours after seven in the morning."""
        written = datetime(day.year, day.month, day.day, 7) + self.random.randrange(4) * HOUR
        gone_since = written + self.random.choice([8] * 9 + [1]) * DAY  # mostly by their age
        row = {
            "delivery_id": f"{export_id}-{day}-{kind}",
            "export_id": export_id,
            "delivery_date": day,
            "data_kind": kind,
            "is_complete": True,
            "file_count": 4,
            "bytes": 1000,
            "records": records,
            "needs_retry": False,
            "first_modified_at": written,
            "last_modified_at": written + timedelta(minutes=self.random.randrange(90)),
            "first_seen_at": written + 3 * HOUR,
            "gone_since": gone_since if gone_since < self.as_of else None,
            "extracted_at": written + 3 * HOUR,
            **fields,
        }
        if self.random.random() < 0.3:
            row |= {"archived_to": "file:///archive", "archived_at": written + 4 * HOUR}
        self.tables["export_deliveries"].append(row)
        if self.random.random() < 0.1:  # what a merge would have replaced
            older = {**row, "records": 1, "is_complete": False, "extracted_at": written + 2 * HOUR}
            self.tables["export_deliveries"].append(older)

    def bad(self) -> Row:
        """What may be wrong with a partition; mostly nothing."""
        kinds: list[Row] = [
            {"error": "users/a.json.gz: it is cut", "records": None},
            {"error": "users/a.json.gz: refused", "records": None, "needs_retry": True},
            {"is_complete": False, "records": None},
            {"records": None, "needs_retry": True},
        ]
        return self.random.choice(kinds) if self.random.random() < 0.25 else {}

    def delivered(self, export_id: str) -> None:
        """Everything that a bucket and its logs may say of each other, on S3 and GCS, read since three weeks."""
        for variant, type_id in enumerate(["batch-exports-s3", "batch-exports-gcp"]):
            name = f"{export_id}-{variant}"
            self.configure(name, "1 day")
            self.tables["exports"][-1]["type_id"] = type_id
            for at in self.mornings(self.start + 110 * DAY, until=self.as_of + 3 * HOUR):
                self.one_day(name, at)

    def one_day(self, export_id: str, at: datetime) -> None:
        users = self.users()
        status = self.random.choice(["completed"] * 8 + ["failed", "pending"])
        if self.random.random() < 0.95:
            self.log(export_id, at, "1 day", status, metrics__users=users if status == "completed" else None)
        if self.random.random() < 0.15 and at + 2 * HOUR < self.as_of:
            self.log(export_id, at + 2 * HOUR, "1 day", "completed", metrics__users=7)
        day = at.date() + self.random.choice([0] * 9 + [1]) * DAY
        known = {(row["export_id"], row["delivery_date"]) for row in self.tables["export_deliveries"]}
        if self.random.random() < 0.85 and (export_id, day) not in known:
            small = users is not None and users < 10**6
            counts = [users] * 6 + [7, 0, *([users + 7, users + 1, max(users - 1, 0)] if small else [])]
            kind = self.random.choice(["users"] * 8 + ["unknown", "cmp_hourly_metrics"])
            self.deliver(export_id, day, **{"records": self.random.choice(counts), "kind": kind, **self.bad()})
            if self.random.random() < 0.1:
                self.deliver(export_id, day, 5, "cmp_hourly_metrics" if kind == "users" else "users")
        read_at = at + self.random.choice([1, 6]) * HOUR
        if self.random.random() < 0.7 and read_at < self.as_of:
            is_listed = self.random.random() < 0.9 and at > self.as_of - 21 * DAY
            self.sync(export_id, read_at, listed_at=read_at if is_listed else None)

    def counted_otherwise(self, export_id: str) -> None:
        """Never as claimed, once as claimed and then never again; and an analytics export that lacks a day."""
        for variant in range(3):
            name = f"{export_id}-{variant}"
            self.configure(name, "1 day", data=None if variant == 2 else '["users"]')
            for day in range(14, -1, -1):
                at = self.as_of - day * DAY - 9 * HOUR
                self.log(name, at, "1 day", "completed", metrics__users=None if variant == 2 else 100, result=None)
                if variant < 2:
                    self.deliver(name, at.date(), 100 if variant and day == 12 else 90)
                elif day != 3:
                    self.deliver(name, at.date(), 24, "cmp_hourly_metrics")
                self.sync(name, at + 6 * HOUR, listed_at=at + 6 * HOUR)
        self.sync(f"{export_id}-2", self.as_of + 40_000 * DAY, "full", listed_at=self.as_of + 40_000 * DAY)
        self.just_seen(f"{export_id}-3")
        self.deliver(f"{export_id}-unknown", self.as_of.date() - DAY, 5)

    def just_seen(self, export_id: str) -> None:
        """A run without a time of its own has completed; its delivery may yet come."""
        self.configure(export_id, "1 day")
        self.sync(export_id, self.as_of - 5 * DAY, "full", listed_at=self.as_of - 5 * DAY)
        seen_at = self.as_of - timedelta(minutes=90)
        run_id = self.sync(export_id, seen_at, listed_at=seen_at)
        log = self.log(export_id, None, updated_at=None, extracted_at=seen_at, run_id=run_id)
        self.seen(log, ("completed", seen_at, run_id))
