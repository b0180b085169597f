"""What the marts must hold, computed in plain Python from the raw rows: no SQL, one loop after the other.

`marts(raw, as_of, variables)` takes the raw tables as lists of dicts (docs/tables.md) and answers each mart as a list of
dicts with the mart's columns. Times are answered as naive UTC, like the marts' own.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from itertools import zip_longest
from pathlib import Path
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from support.models.oracle_deliveries import Deliveries
from support.models.oracle_times import naive

Row = dict[str, Any]
Raw = Mapping[str, Iterable[Mapping[str, Any]]]

PROJECT = Path(__file__).parents[3] / "sql" / "dbt_project.yml"
DAY = timedelta(days=1)
FIRST_DAY_OF_ALL = datetime(2000, 1, 1)
SETTLED = ("completed", "failed")
STATUSES = ("completed", "failed", "pending", "unknown")


def default_variables() -> dict[str, Any]:
    """The variables as the dbt package declares them."""
    return dict(yaml.safe_load(PROJECT.read_text())["vars"])


def marts(raw: Raw, as_of: datetime, variables: Mapping[str, Any] | None = None) -> dict[str, list[Row]]:
    """Each mart's rows, in no particular order."""
    # What a clock that was ahead wrote counts nowhere.
    latest = max(naive(as_of), naive(datetime.now(timezone.utc))) + timedelta(days=1)
    raw = {**raw, "export_syncs": [sync for sync in raw.get("export_syncs", []) if naive(sync["started_at"]) <= latest]}
    world = World(raw, naive(as_of), {**default_variables(), **(variables or {})})
    return {
        "didomi__export_runs": world.export_runs(),
        "didomi__daily_export_success": world.daily_export_success(),
        "didomi__daily_user_volume": world.daily_user_volume(),
        "didomi__exports": world.exports(),
        "didomi__periodic_export_success": world.periodic_export_success(),
        "didomi__organization_daily": world.organization_daily(),
        "didomi__export_incidents": world.export_incidents(),
        "didomi__schedule_gaps": world.schedule_gaps(),
        "didomi__export_errors": world.export_errors(),
        "didomi__deliveries": [row for rows in world.deliveries.rows.values() for row in rows],
    }


# ---------------------------------------------------------------------------------------------- small things


def _text(value: str | None) -> str | None:
    return (value.strip(" ") or None) if value is not None else None


def _seconds(earlier: datetime, later: datetime) -> int:
    return int((later.replace(microsecond=0) - earlier.replace(microsecond=0)).total_seconds())


def _rate(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _md5(text: str | None) -> str | None:
    return None if text is None else hashlib.md5(text.encode()).hexdigest()


def _status(raw: str | None) -> str:
    word = (raw or "").strip(" ").lower()
    return word if word in ("pending", *SETTLED) else "unknown"


def _days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += DAY


def _add_months(time: datetime, months: int) -> datetime:
    year, month = divmod(time.year * 12 + time.month - 1 + months, 12)
    for day in (time.day, 30, 29, 28):
        if day <= time.day:
            try:
                return time.replace(year=year, month=month + 1, day=day)
            except ValueError:
                continue
    raise AssertionError


# ---------------------------------------------------------------------------------------------- schedules

UNITS = {
    "hour": (3600, 0),
    "day": (86400, 0),
    "week": (7 * 86400, 0),
    "month": (0, 1),
    "year": (0, 12),
}
WORDS = {"hourly": "hour", "daily": "day", "weekly": "week", "monthly": "month", "yearly": "year"}


@dataclass(frozen=True)
class Interval:
    """Either seconds or calendar months."""

    seconds: int | None = None
    months: int | None = None

    @classmethod
    def parse(cls, frequency: str | None) -> Interval | None:
        match = re.fullmatch(r"([0-9]+(?:\.0+)?)? *([a-z]*)", (frequency or "").strip(" ").lower())
        if match is None or not any(match.groups()):
            return None
        number = int(match[1].split(".")[0][:5]) if match[1] else 1
        word = WORDS.get(match[2], match[2].removesuffix("s") if match[2] != "s" else "s") or "day"
        if word not in UNITS or not 1 <= number <= 9999:
            return None
        seconds, months = UNITS[word]
        return cls(months=number * months) if months else cls(seconds=number * seconds)

    @property
    def length(self) -> float:
        """Only for telling the longer one."""
        return self.seconds if self.seconds is not None else self.months * 30.4375 * 86400

    def after(self, time: datetime, steps: int) -> datetime:
        if self.months is not None:
            return _add_months(time, steps * self.months)
        return time + timedelta(seconds=steps * self.seconds)

    def count(self, start: datetime, end: datetime) -> float:
        """How many intervals lie between two times."""
        if self.seconds is not None:
            return _seconds(start, end) / self.seconds
        steps = 0
        while self.after(start, steps + 1) <= end:
            steps += 1
        reached = self.after(start, steps)
        return steps + _seconds(reached, end) / _seconds(reached, self.after(start, steps + 1))


def _longer(one: Interval | None, other: Interval | None) -> Interval | None:
    """The longer of two known intervals; an unknown one makes both unknown."""
    if one is None or other is None:
        return None
    return other if other.length > one.length else one


# ---------------------------------------------------------------------------------------------- errors

_MONTHS = "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?"
_MONTH = f"(?:{_MONTHS})"
_WEEKDAY = "(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? +)?"
NORMALISED = [
    (r"[a-z0-9]+://[a-z0-9:/_.*+=@%?&#~-]+", "<url>"),
    (r"arn:[a-z0-9:/_.*+=@%-]+", "<arn>"),
    (rf"{_WEEKDAY}[0-9]{{1,2}}[ /-]{_MONTH}[ /-][0-9]{{4}}", "#"),
    (rf"{_WEEKDAY}{_MONTH} +[0-9]{{1,2}}(?:,? [0-9]{{4}})?", "#"),
    (r"[0-9]{4}-[0-9]{2}-[0-9]{2}[t ][0-9]{2}:[0-9]{2}", "#"),
    (r"[a-z0-9+/]{32,}=*", "#"),
    (r"[a-z0-9_-]*[0-9][a-z0-9_-]*", "#"),
    (r"#(?:[:.,/+ -]*#)*", "#"),
]


def error_template(message: str | None) -> str | None:
    if message is None:
        return None
    text = message.lower()
    for pattern, replacement in NORMALISED:
        text = re.sub(pattern, replacement, text)
    return text.strip(" ")


def error_kind(message: str | None, kinds: Mapping[str, str] | Iterable[tuple[str, str]]) -> str:
    if message is None:
        return "no_message"
    pairs = kinds.items() if isinstance(kinds, Mapping) else kinds
    return next((kind for pattern, kind in pairs if re.search(pattern, message.lower())), "other")


# ---------------------------------------------------------------------------------------------- runs


@dataclass
class Run:
    log_id: str
    export_id: str
    organization_id: str | None
    run_at: datetime
    run_at_source: str
    run_date: date
    is_timed: bool
    is_backfill: bool
    status: str
    raw_status: str | None
    users: int | None
    error_message: str | None
    error_kind: str | None
    error_template: str | None
    frequency: str | None
    interval: Interval | None
    created_at: datetime | None
    updated_at: datetime | None
    first_seen_at: datetime
    first_seen_by: str | None
    settled_at: datetime | None
    missing_since_at: datetime | None
    loaded_at: datetime
    is_claiming_users: bool
    run_number: int | None = None
    completed_so_far: int | None = None
    consecutive_failures: int | None = None
    is_order_known: bool = False

    @property
    def is_settled(self) -> bool:
        return self.status in SETTLED

    @property
    def contradiction(self) -> str | None:
        if self.status == "completed":
            if self.error_message is not None:
                return "completed_with_error"
            return "completed_without_users" if self.users is None and self.is_claiming_users else None
        return "failed_with_users" if self.status == "failed" and (self.users or 0) > 0 else None

    def row(self) -> Row:
        duration = None
        if self.is_timed and self.settled_at is not None and self.settled_at >= self.run_at:
            duration = _seconds(self.run_at, self.settled_at)
        return {
            **{
                name: getattr(self, name)
                for name in [
                    "log_id",
                    "export_id",
                    "organization_id",
                    "run_at",
                    "run_at_source",
                    "run_date",
                    "is_timed",
                    "is_backfill",
                    "is_order_known",
                    "run_number",
                    "status",
                    "raw_status",
                    "is_settled",
                    "users",
                    "completed_so_far",
                    "consecutive_failures",
                    "error_message",
                    "error_kind",
                    "error_template",
                    "contradiction",
                    "frequency",
                    "created_at",
                    "updated_at",
                    "first_seen_at",
                    "settled_at",
                    "missing_since_at",
                    "loaded_at",
                ]
            },
            "is_success": self.status == "completed" if self.is_settled else None,
            "duration_seconds": duration,
            "error_fingerprint": _md5(self.error_template),
            "interval_seconds": self.interval.seconds if self.interval else None,
            "interval_months": self.interval.months if self.interval else None,
        }


@dataclass
class Missed:
    """A run that was due at a time and did not come."""

    at: datetime
    day: date
    previous: Run


@dataclass
class Gap:
    previous: Run
    following: Run | None
    interval: Interval
    seconds: int
    intervals: float
    missed: list[Missed] = field(default_factory=list)


@dataclass
class Export:
    export_id: str
    organization_id: str | None = None
    configuration: Mapping[str, Any] = field(default_factory=dict)
    logs: list[Run] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    frequency: str | None = None
    interval: Interval | None = None

    @property
    def missed(self) -> list[Missed]:
        return [missed for gap in self.gaps for missed in gap.missed]

    @property
    def overdue(self) -> list[Missed]:
        return [missed for gap in self.gaps if gap.following is None for missed in gap.missed]


class World:
    """All exports with their runs in order."""

    def __init__(self, raw: Raw, as_of: datetime, variables: Mapping[str, Any]) -> None:
        self.raw = {name: list(rows) for name, rows in raw.items()}
        self.as_of = as_of
        self.variables = variables
        self.zone = ZoneInfo(variables["didomi_timezone"])
        self.today = self._local_date(as_of)
        self.by_export: dict[str, Export] = {}
        for configuration in self.raw.get("exports", []):
            if not self._is_mistyped(configuration):
                self._export(configuration["id"]).configuration = configuration
        for run in self._runs():
            self._export(run.export_id).logs.append(run)
        for export in self.by_export.values():
            self._order(export)
            self._schedule(export)
            self._find_gaps(export)
        self.days = {
            export.export_id: list(_days(min(run.run_date for run in export.runs), self._last_day(export)))
            if export.runs
            else []
            for export in self.by_export.values()
        }
        self._complete_runs: dict[str, datetime] = {}
        for sync in self.raw.get("export_syncs", []):
            if sync["is_complete"] and sync.get("mode") != "backfill" and sync["export_id"] in self.by_export:
                at = naive(sync["finished_at"])
                self._complete_runs[sync["run_id"]] = min(at, self._complete_runs.get(sync["run_id"], at))
        self.deliveries = Deliveries(self.raw, self.by_export, self.as_of, variables)
        self._daily = self._count_days()
        self._levels = self._level_days()

    def _is_mistyped(self, configuration: Mapping[str, Any]) -> bool:
        """Nothing is known but an id, and there is no log of it."""
        known = ("name", "type_id", "properties__frequency", "properties__data", "created_at")
        return all(configuration.get(name) is None for name in known) and not any(
            row["export_id"] == configuration["id"]
            for table in ("export_logs", "export_log_quarantine")
            for row in self.raw.get(table, [])
        )

    def _export(self, export_id: str) -> Export:
        return self.by_export.setdefault(export_id, Export(export_id))

    def _local_date(self, time: datetime) -> date:
        return time.replace(tzinfo=timezone.utc).astimezone(self.zone).date()

    # ------------------------------------------------------------------------------------ logs → runs

    def _latest_logs(self) -> list[Mapping[str, Any]]:
        """One row per log: settled beats pending, then the newest update, then the newest load."""
        never = datetime.min

        def worth(log: Mapping[str, Any]) -> tuple[Any, ...]:
            return (
                _status(log.get("status")) in SETTLED,
                naive(log.get("updated_at")) or never,
                naive(log.get("extracted_at")) or never,
                log["read_sequence"] if log.get("read_sequence") is not None else -math.inf,
            )

        best: dict[str, Mapping[str, Any]] = {}
        for log in self.raw.get("export_logs", []):
            if log["id"] not in best or worth(log) > worth(best[log["id"]]):
                best[log["id"]] = log
        return list(best.values())

    def _first_loads(self) -> dict[str, tuple[datetime, str]]:
        """When the first complete sync of each export ended, and its run."""
        ended: dict[str, tuple[datetime, str]] = {}
        for sync in self.raw.get("export_syncs", []):
            if sync.get("is_complete") and sync.get("mode") is not None and sync["mode"] != "backfill":
                this = (naive(sync["finished_at"]), sync["sync_id"], sync["run_id"])
                known = ended.get(sync["export_id"])
                if known is None or this < known:
                    ended[sync["export_id"]] = this
        return {export_id: (finished, run_id) for export_id, (finished, _, run_id) in ended.items()}

    def _runs(self) -> Iterator[Run]:
        history: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for version in self.raw.get("export_log_history", []):
            history[version["log_id"]].append(version)
        first_loads = self._first_loads()
        for log in self._latest_logs():
            versions = sorted(history[log["id"]], key=lambda row: (naive(row["first_observed_at"]), row["sequence"]))
            first_seen_at = naive(versions[0]["first_observed_at"] if versions else log.get("extracted_at"))
            first_seen_by = versions[0]["run_id"] if versions and versions[0].get("run_id") else log.get("run_id")
            created_at = naive(log.get("created_at"))
            is_backfill = False
            if created_at is None:
                ended, run_id = first_loads.get(log["export_id"], (datetime.max, None))
                is_backfill = first_seen_at <= ended or (run_id is not None and first_seen_by == run_id)
            run_at = created_at or first_seen_at
            status = _status(log.get("status"))
            message = _text(log.get("result"))
            configured = _text(self._export(log["export_id"]).configuration.get("properties__frequency"))
            frequency = _text(log.get("config__frequency")) or configured
            yield Run(
                log_id=log["id"],
                export_id=log["export_id"],
                organization_id=log.get("organization_id"),
                run_at=run_at,
                run_at_source="first_seen" if created_at is None else "created_at",
                run_date=self._local_date(run_at),
                is_timed=not is_backfill and FIRST_DAY_OF_ALL <= run_at <= self.as_of,
                is_backfill=is_backfill,
                status=status,
                raw_status=log.get("status"),
                users=log.get("metrics__users"),
                error_message=message,
                error_kind=error_kind(message, self.variables["didomi_error_kinds"]) if status == "failed" else None,
                error_template=error_template(message) if status == "failed" else None,
                frequency=frequency,
                interval=Interval.parse(frequency),
                created_at=created_at,
                updated_at=naive(log.get("updated_at")),
                first_seen_at=first_seen_at,
                first_seen_by=first_seen_by,
                settled_at=self._settled_at(log, status, versions),
                missing_since_at=naive(log.get("missing_at_source_since")),
                loaded_at=naive(log.get("extracted_at")),
                is_claiming_users=self._is_claiming_users(self._export(log["export_id"]).configuration),
            )

    def _is_claiming_users(self, configuration: Mapping[str, Any]) -> bool:
        """Of an export whose configuration is not known users are expected; an analytics export has no data kinds."""
        kinds = self._data_kinds(configuration.get("properties__data"))
        if kinds is not None:
            return "users" in kinds.split(",")
        return configuration.get("name") is None and configuration.get("type_id") is None

    @staticmethod
    def _settled_at(log: Mapping[str, Any], status: str, versions: list[Mapping[str, Any]]) -> datetime | None:
        if status not in SETTLED:
            return None
        if log.get("updated_at") is not None:
            return naive(log["updated_at"])
        settled = [naive(row["first_observed_at"]) for row in versions if _status(row["status"]) in SETTLED]
        unsettled = [naive(row["first_observed_at"]) for row in versions if _status(row["status"]) not in SETTLED]
        if settled and unsettled and min(unsettled) < min(settled):
            return min(settled)
        return None

    def _order(self, export: Export) -> None:
        """Numbers the runs and counts the streaks."""
        export.runs = sorted(
            (run for run in export.logs if run.is_timed), key=lambda run: (run.run_at, run.log_id.encode())
        )
        times = Counter(run.run_at for run in export.runs)
        loads = Counter(run.first_seen_by for run in export.runs if run.run_at_source == "first_seen")
        completed = streak = 0
        for number, run in enumerate(export.runs, start=1):
            if run.status == "completed":
                completed += 1
                streak = 0
            elif run.status == "failed":
                streak += 1
            run.run_number = number
            run.completed_so_far = completed
            run.consecutive_failures = streak
            run.is_order_known = times[run.run_at] == 1 and (
                run.run_at_source == "created_at" or (run.first_seen_by is not None and loads[run.first_seen_by] == 1)
            )

    # ------------------------------------------------------------------------------------ schedule

    def _schedule(self, export: Export) -> None:
        """The frequency in force now: the latest run's, unless the configuration asks for a longer one."""
        configured = _text(export.configuration.get("properties__frequency"))
        latest = max(export.logs, key=lambda run: (run.is_timed, run.run_at, run.log_id.encode()), default=None)
        export.organization_id = export.configuration.get("organization_id")
        if latest is None:
            export.frequency, export.interval = configured, Interval.parse(configured)
            return
        if export.organization_id is None:
            export.organization_id = latest.organization_id
        export.frequency = latest.frequency or configured
        export.interval = _longer(latest.interval, Interval.parse(configured) or latest.interval)

    def _is_retired(self, export: Export) -> bool:
        return export.export_id in self.variables["didomi_retired_exports"]

    def _last_day(self, export: Export) -> date:
        return max(run.run_date for run in export.runs) if self._is_retired(export) else self.today

    def _is_skipped(self, day: date) -> bool:
        return day.isoweekday() in self.variables["didomi_skip_weekdays"]

    def _find_gaps(self, export: Export) -> None:
        for previous, following in zip_longest(export.runs, export.runs[1:]):
            interval = _longer(previous.interval, following.interval if following else export.interval)
            if interval is None or (following is None and self._is_retired(export)):
                continue
            end = following.run_at if following else self.as_of
            intervals = interval.count(previous.run_at, end)
            if following:
                due = math.floor(intervals + 0.5) - 1
            else:
                due = math.ceil(intervals - (self.variables["didomi_late_factor"] - 1)) - 1
            gap = Gap(previous, following, interval, _seconds(previous.run_at, end), intervals)
            for step in range(1, due + 1):
                at = interval.after(previous.run_at, step)
                if not self._is_skipped(self._local_date(at)):
                    gap.missed.append(Missed(at, self._local_date(at), previous))
            if gap.missed:
                export.gaps.append(gap)

    # ------------------------------------------------------------------------------------ days

    def _count_days(self) -> dict[tuple[str, date], Row]:
        days: dict[tuple[str, date], Row] = {}
        for export in self.by_export.values():
            runs_of: dict[date, list[Run]] = defaultdict(list)
            for run in export.runs:
                runs_of[run.run_date].append(run)
            missed_of = Counter(missed.day for missed in export.missed)
            failing = False
            for day in self.days[export.export_id]:
                counts = Counter(run.status for run in runs_of[day])
                settled = [run.status for run in runs_of[day] if run.is_settled]
                if settled:
                    failing = settled[-1] == "failed"
                days[export.export_id, day] = {
                    **{f"runs_{status}": counts[status] for status in STATUSES},
                    "runs_total": len(runs_of[day]),
                    "runs_missed": missed_of[day],
                    "is_failing": failing,
                    "day_status": self._day_status(counts, settled, missed_of[day]),
                }
        return days

    @staticmethod
    def _day_status(counts: Counter[str], settled: list[str], missed: int) -> str:
        if settled:
            if settled[-1] == "failed":
                return "failed"
            return "recovered" if "failed" in settled else "completed"
        if counts["pending"]:
            return "pending"
        if counts["unknown"]:
            return "unknown"
        return "missed" if missed else "no_run"

    def _rolling(self, export_id: str, day: date, length: int) -> Row:
        window = [
            self._daily[export_id, day - back * DAY]
            for back in range(length)
            if (export_id, day - back * DAY) in self._daily
        ]
        completed = sum(row["runs_completed"] for row in window)
        failed = sum(row["runs_failed"] for row in window)
        return {
            f"runs_completed_{length}d": completed,
            f"runs_failed_{length}d": failed,
            f"success_rate_{length}d": _rate(completed, completed + failed),
        }

    def _level_days(self) -> dict[tuple[str, date], Run]:
        """The last completed run of each day."""
        return {
            (run.export_id, run.run_date): run
            for export in self.by_export.values()
            for run in export.runs
            if run.status == "completed"
        }

    def _users(self, export_id: str, day: date) -> int | None:
        run = self._levels.get((export_id, day))
        return run.users if run else None

    def _users_before(self, export_id: str, days: Iterable[date]) -> list[float]:
        return [float(users) for day in days if (users := self._users(export_id, day)) is not None]

    # ------------------------------------------------------------------------------------ the marts

    def export_runs(self) -> list[Row]:
        return [run.row() for export in self.by_export.values() for run in export.logs]

    def daily_export_success(self) -> list[Row]:
        return [
            {
                "export_id": export_id,
                "organization_id": self.by_export[export_id].organization_id,
                "run_date": day,
                **counts,
                "success_rate": _rate(counts["runs_completed"], counts["runs_completed"] + counts["runs_failed"]),
                **self._rolling(export_id, day, 7),
                **self._rolling(export_id, day, 28),
            }
            for (export_id, day), counts in self._daily.items()
        ]

    def daily_user_volume(self) -> list[Row]:
        return [self._volume(export, day) for export in self.by_export.values() for day in self.days[export.export_id]]

    def _volume(self, export: Export, day: date) -> Row:
        users = self._users(export.export_id, day)
        before = self._users(export.export_id, day - 7 * DAY)
        change = None if users is None or before is None else float(users) - float(before)

        def middle(days: Iterable[date]) -> float | None:
            found = self._users_before(export.export_id, days)
            return median(found) if found else None

        history = self._users_before(export.export_id, [day - 7 * week * DAY for week in range(1, 9)])
        typical = median(history) if history else None
        mad = median(abs(each - typical) for each in history) if history else None
        observations = len(self._users_before(export.export_id, [day - back * DAY for back in range(1, 57)]))
        enough = observations >= self.variables["didomi_anomaly_min_observations"]
        distance = None if users is None or typical is None else users - typical
        z = distance / (1.4826 * mad) if enough and distance is not None and mad else None
        is_anomaly = (
            enough
            and distance is not None
            and abs(distance) > self.variables["didomi_anomaly_min_change_rate"] * abs(typical)
            and (mad == 0 or abs(z) > self.variables["didomi_anomaly_deviations"])
        )
        run = self._levels.get((export.export_id, day))
        return {
            "export_id": export.export_id,
            "organization_id": export.organization_id,
            "run_date": day,
            "log_id": run.log_id if run else None,
            "users": users,
            "users_7d_before": before,
            "users_change": change,
            "users_change_rate": change / before if change is not None and before else None,
            "users_median_7d": middle(day - back * DAY for back in range(7)),
            "users_median_28d": middle(day - back * DAY for back in range(28)),
            "expected_users": middle(day - 7 * week * DAY for week in range(1, 5)),
            "weekday_median_users": typical,
            "weekday_mad_users": mad,
            "observation_count": observations,
            "deviation_rate": distance / typical if distance is not None and typical else None,
            "robust_z": z,
            "is_anomaly": is_anomaly,
        }

    def periodic_export_success(self) -> list[Row]:
        sums: dict[tuple[str, str, date], Counter[str]] = defaultdict(Counter)
        for (export_id, day), counts in self._daily.items():
            monday = day - (day.isoweekday() - 1) * DAY
            for key in ((export_id, "week", monday), (export_id, "month", day.replace(day=1))):
                sums[key]["day_count"] += 1
                for name in (*(f"runs_{status}" for status in STATUSES), "runs_total", "runs_missed"):
                    sums[key][name] += counts[name]
        rows = []
        for (export_id, period, start), counts in sums.items():
            end = start + 6 * DAY if period == "week" else (start + 31 * DAY).replace(day=1) - DAY
            rows.append(
                {
                    "export_id": export_id,
                    "organization_id": self.by_export[export_id].organization_id,
                    "period": period,
                    "period_start_date": start,
                    "period_end_date": end,
                    "is_period_over": end < self.today,
                    "day_count": counts["day_count"],
                    **{f"runs_{name}": counts[f"runs_{name}"] for name in (*STATUSES, "total", "missed")},
                    "success_rate": _rate(counts["runs_completed"], counts["runs_completed"] + counts["runs_failed"]),
                }
            )
        return rows

    def organization_daily(self) -> list[Row]:
        members: dict[tuple[str | None, date], list[str]] = defaultdict(list)
        for export_id, day in self._daily:
            members[self.by_export[export_id].organization_id, day].append(export_id)
        rows = []
        for (organization_id, day), export_ids in members.items():
            counts = {
                name: sum(self._daily[export_id, day][name] for export_id in export_ids)
                for name in (*(f"runs_{status}" for status in STATUSES), "runs_total", "runs_missed")
            }
            row: Row = {
                "organization_id": organization_id,
                "run_date": day,
                "exports_total": len(export_ids),
                "exports_failing": sum(self._daily[export_id, day]["is_failing"] for export_id in export_ids),
                **counts,
                "success_rate": _rate(counts["runs_completed"], counts["runs_completed"] + counts["runs_failed"]),
            }
            for length in (7, 28):
                windows = [self._rolling(export_id, day, length) for export_id in export_ids]
                completed = sum(window[f"runs_completed_{length}d"] for window in windows)
                failed = sum(window[f"runs_failed_{length}d"] for window in windows)
                row[f"runs_completed_{length}d"] = completed
                row[f"runs_failed_{length}d"] = failed
                row[f"success_rate_{length}d"] = _rate(completed, completed + failed)
            delivered = [users for export_id in export_ids if (users := self._users(export_id, day)) is not None]
            row["users_delivered"] = float(sum(delivered)) if delivered else None
            rows.append(row)
        return rows

    def export_incidents(self) -> list[Row]:
        rows = []
        for export in self.by_export.values():
            events: list[tuple[datetime, int, Run | None]] = [(run.run_at, run.run_number, run) for run in export.runs]
            events += [(missed.at, missed.previous.run_number, None) for missed in export.missed]
            trouble: list[tuple[datetime, Run | None]] = []
            success: Run | None = None
            for at, _, run in sorted(events, key=lambda event: (event[0], event[1])):
                if run is None or run.status == "failed":
                    trouble.append((at, run))
                elif run.status == "completed":
                    if trouble:
                        rows.append(self._incident(export, trouble, success, run))
                    success, trouble = run, []
            if trouble:
                rows.append(self._incident(export, trouble, success, None))
        return rows

    def _incident(
        self, export: Export, trouble: list[tuple[datetime, Run | None]], before: Run | None, after: Run | None
    ) -> Row:
        started_at, first = trouble[0]
        failed = [run for _, run in trouble if run is not None]
        last = failed[-1] if failed else None
        end = after.run_at if after else trouble[-1][0] if self._is_retired(export) else self.as_of
        return {
            "incident_id": _md5(f"{export.export_id}|{before.log_id if before else ''}"),
            "export_id": export.export_id,
            "organization_id": export.organization_id,
            "started_at": started_at,
            "started_by": "missed" if first is None else "failed",
            "recovered_at": after.run_at if after else None,
            "is_open": after is None and not self._is_retired(export),
            "seconds_to_recovery": _seconds(started_at, after.run_at) if after else None,
            "duration_seconds": _seconds(started_at, end),
            "runs_failed": len(failed),
            "runs_missed": len(trouble) - len(failed),
            "last_error_kind": last.error_kind if last else None,
            "last_error_message": last.error_message if last else None,
            "last_error_fingerprint": _md5(last.error_template) if last else None,
            "previous_success_log_id": before.log_id if before else None,
            "recovered_log_id": after.log_id if after else None,
        }

    def schedule_gaps(self) -> list[Row]:
        return [
            {
                "previous_log_id": gap.previous.log_id,
                "export_id": export.export_id,
                "organization_id": export.organization_id,
                "next_log_id": gap.following.log_id if gap.following else None,
                "started_at": gap.previous.run_at,
                "ended_at": gap.following.run_at if gap.following else None,
                "is_open": gap.following is None,
                "interval_seconds": gap.interval.seconds,
                "interval_months": gap.interval.months,
                "expected_seconds": _seconds(gap.previous.run_at, gap.interval.after(gap.previous.run_at, 1)),
                "gap_seconds": gap.seconds,
                "gap_intervals": gap.intervals,
                "missed_runs": len(gap.missed),
                "first_missed_at": gap.missed[0].at,
                "last_missed_at": gap.missed[-1].at,
            }
            for export in self.by_export.values()
            for gap in export.gaps
        ]

    def export_errors(self) -> list[Row]:
        groups: dict[tuple[str, str, date], list[Run]] = defaultdict(list)
        for export in self.by_export.values():
            for run in export.runs:
                if run.status == "failed":
                    groups[run.export_id, run.error_kind, run.run_date].append(run)
        return [
            {
                "export_id": export_id,
                "organization_id": self.by_export[export_id].organization_id,
                "error_kind": kind,
                "run_date": day,
                "failures": len(runs),
                "distinct_errors": len({run.error_template for run in runs} - {None}),
                "first_failure_at": runs[0].run_at,
                "last_failure_at": runs[-1].run_at,
                "example_log_id": runs[-1].log_id,
                "example_message": runs[-1].error_message,
                "example_fingerprint": _md5(runs[-1].error_template),
            }
            for (export_id, kind, day), runs in groups.items()
        ]

    # ------------------------------------------------------------------------------------ one row per export

    def exports(self) -> list[Row]:
        return [self._export_row(export) for export in self.by_export.values()]

    def _export_row(self, export: Export) -> Row:
        counts = Counter(run.status for run in export.logs)
        settled = [run for run in export.runs if run.is_settled]
        streak: list[Run] = []
        for run in reversed(settled):
            if streak and run.status != streak[0].status:
                break
            streak.append(run)
        grace = self.variables["didomi_pending_grace_hours"] * 3600
        pending = [run for run in export.logs if run.status == "pending"]
        awaited = [run for run in pending if run.missing_since_at is None and not self._is_retired(export)]
        stuck = [run for run in awaited if _seconds(run.run_at, self.as_of) > grace]
        last = export.runs[-1] if export.runs else None
        success = next((run for run in reversed(export.runs) if run.status == "completed"), None)
        failure = next((run for run in reversed(export.runs) if run.status == "failed"), None)
        syncs = [row for row in self.raw.get("export_syncs", []) if row["export_id"] == export.export_id]
        whole = [row for row in syncs if row["is_complete"] and row.get("mode") != "backfill"]
        read_at = max((naive(row["finished_at"]) for row in whole), default=None)
        deliveries = self.deliveries.summary(export.export_id)
        today = (export.export_id, self.today)
        if self._is_retired(export):
            health, reason = "retired", "named in didomi_retired_exports"
        elif self._is_unread(syncs):
            health = "unread"
            how = "not read" if read_at == max(naive(row["finished_at"]) for row in syncs) else "not read completely"
            reason = f"{how} for {_seconds(read_at, self.as_of) // 3600} hours" if read_at else "never read completely"
            reason += ", though other exports were"
            if streak and streak[0].status == "failed":
                reason += "; its last settled run failed"
        elif streak and streak[0].status == "failed":
            health = "failing"
            reason = f"{len(streak)} failed runs in a row" if len(streak) > 1 else "1 failed run"
            reason += f" ({failure.error_kind})"
        elif wrong := deliveries["wrong"]:
            health = "undelivered"
            reason = f"delivery of {wrong['delivery_date']} ({wrong['data_kind']}): {wrong['verdict_reason']}"
        elif export.overdue:
            health = "late"
            reason = f"no run for {_seconds(last.run_at, self.as_of) // 3600} hours, {len(export.overdue)} overdue"
            if read_at is not None and read_at < self._next_run(export, last):
                reason += f", but not read completely for {_seconds(read_at, self.as_of) // 3600} hours"
        elif stuck:
            health = "stuck"
            reason = f"{len(stuck)} run{'s' if len(stuck) > 1 else ''} pending for more than {grace // 3600} hours"
        elif export.interval is None:
            health = "unknown_schedule"
            reason = (
                f'the frequency "{export.frequency}" cannot be read' if export.frequency else "no frequency is known"
            )
        elif not settled:
            health, reason = "no_outcome", "no run with a known time has settled yet"
        else:
            health, reason = "healthy", "the last settled run succeeded"
        no_day = {
            f"{name}_{length}d": None
            for length in (7, 28)
            for name in ("runs_completed", "runs_failed", "success_rate")
        }
        return {
            "export_id": export.export_id,
            "organization_id": export.organization_id,
            "name": export.configuration.get("name"),
            "type_id": export.configuration.get("type_id"),
            "data_kinds": self._data_kinds(export.configuration.get("properties__data")),
            "frequency": export.frequency,
            "interval_seconds": export.interval.seconds if export.interval else None,
            "interval_months": export.interval.months if export.interval else None,
            "created_at": naive(export.configuration.get("created_at")),
            "health": health,
            "health_reason": reason,
            "current_streak_status": streak[0].status if streak else None,
            "current_streak": len(streak),
            "failing_since_at": streak[-1].run_at if health == "failing" else None,
            "first_run_at": export.runs[0].run_at if export.runs else None,
            "last_run_at": last.run_at if last else None,
            "last_run_status": last.status if last else None,
            "last_success_at": success.run_at if success else None,
            "last_success_users": success.users if success else None,
            "seconds_since_last_success": _seconds(success.run_at, self.as_of) if success else None,
            "last_failure_at": failure.run_at if failure else None,
            "last_error_kind": failure.error_kind if failure else None,
            "last_error_message": failure.error_message if failure else None,
            "oldest_pending_at": min((run.run_at for run in pending), default=None),
            "expected_next_run_at": self._next_run(export, last),
            "runs_total": len(export.logs),
            **{f"runs_{status}": counts[status] for status in STATUSES},
            "runs_untimed": len(export.logs) - len(export.runs),
            "runs_missed": len(export.missed),
            "runs_overdue": len(export.overdue),
            "runs_stuck": len(stuck),
            "runs_contradictory": sum(run.contradiction is not None for run in export.logs),
            "runs_missing_at_source": sum(run.missing_since_at is not None for run in export.logs),
            "logs_quarantined": sum(
                row["export_id"] == export.export_id for row in self.raw.get("export_log_quarantine", [])
            ),
            "success_rate": _rate(counts["completed"], counts["completed"] + counts["failed"]),
            **({**self._rolling(*today, 7), **self._rolling(*today, 28)} if today in self._daily else no_day),
            "last_synced_at": max((naive(row["finished_at"]) for row in syncs), default=None),
            "last_complete_sync_at": read_at,
            **{name: deliveries[name] for name in ("last_delivery_verdict", "deliveries_wrong_7d", "next_expiry_at")},
        }

    def _is_unread(self, syncs: list[Mapping[str, Any]]) -> bool:
        """Two runs have read others completely since it was read, the last of them much later."""
        times = [naive(row["finished_at"]) for row in syncs]
        complete = [naive(row["finished_at"]) for row in syncs if row["is_complete"] and row.get("mode") != "backfill"]
        if not times:
            return False
        own = max(complete) if complete else min(times)
        later = sorted(at for at in self._complete_runs.values() if at > own)
        hours = self.variables["didomi_unread_hours"]
        return len(later) >= 2 and _seconds(own, later[-1]) > hours * 3600

    def _next_run(self, export: Export, last: Run | None) -> datetime | None:
        if export.interval is None or last is None or self._is_retired(export):
            return None
        steps = 168 if (export.interval.seconds or 86_400) < 86_400 else 7
        due = (export.interval.after(last.run_at, step) for step in range(1, steps + 1))
        return next((at for at in due if not self._is_skipped(self._local_date(at))), None)

    @staticmethod
    def _data_kinds(text: str | None) -> str | None:
        return None if text is None else re.sub(r'[\[\]" ]', "", text)
