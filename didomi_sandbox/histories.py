"""Contents for the sandbox: months of plausible deliveries, or plain numbered logs."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from random import Random
from typing import TYPE_CHECKING

from .clock import iso
from .profiles import ROLE_ARN, Profile, Trouble, failure, profiles
from .store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .store import Record

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_DAY = timedelta(days=1)
# How long the last log of a history goes on running once somebody looks at it.
_SETTLES_AFTER_SECONDS = 20.0
# So long before its end nothing goes wrong by chance, so that what is shown first is what was meant.
_CALM_DAYS = 14
# How many of the failures by chance are made good on the same day.
_RETRIED = 0.6


def generate(
    *,
    seed: int = 0,
    days: int = 200,
    exports: int = 5,
    until: date | datetime | None = None,
    organization_id: str = "acme",
) -> Store:
    """Make a store with the deliveries of several exports.

    The same arguments give the same store. With five exports or more it holds an outage, retries, missed days, volume
    anomalies, a weekly export, two exports that fail now, and one log that is pending and settles 20 seconds after the
    server has started.

    Args:
        seed: The seed.
        days: The days before `until` on which the first export began.
        exports: The number of exports.
        until: The moment the history ends, without a zone in UTC; a date stands for its end; now unless given.
        organization_id: The organization that everything belongs to.

    Returns:
        The store; its logs are in the order of their creation.
    """
    end = _moment(until)
    random = Random(seed)  # noqa: S311 - plausible, not secret
    store = Store(organization_id)
    logs: list[Record] = []
    for profile in profiles(exports):
        writer = _Writer(profile, store, Random(random.random()), end - days * _DAY, end)  # noqa: S311 - as above
        logs += writer.logs()
    store.add_logs(sorted(logs, key=lambda log: (str(log["created_at"]), str(log["id"]))))
    return store


def plain_store(
    count: int,
    *,
    export_id: str = "export-1",
    step: float = 60.0,
    distinct_times: bool = True,
    until: float = 1_760_000_000.0,
) -> Store:
    """Make a store with one export and completed logs ``log-000000``, ``log-000001`` …, the oldest first.

    Args:
        count: The number of logs.
        export_id: The id of the export.
        step: Seconds between two logs.
        distinct_times: Whether each log has its own ``created_at``; otherwise fifty each share one.
        until: When the last was created, seconds since 1970.
    """
    store = Store()
    begun = iso(until - (count + 1) * step)
    store.add_export(id=export_id, name=export_id, created_at=begun, updated_at=begun)
    logs = []
    for number in range(count):
        place = number if distinct_times else number // 50 * 50
        created = iso(until - (count - 1 - place) * step)
        logs.append(
            {
                "id": f"log-{number:06d}",
                "export_id": export_id,
                "organization_id": store.organization_id,
                "status": "completed",
                "config": {"frequency": "1 day"},
                "metrics": {"users": number},
                "result": None,
                "created_at": created,
                "updated_at": created,
            }
        )
    store.add_logs(logs)
    return store


class _Writer:
    """Writes the history of one export."""

    def __init__(self, profile: Profile, store: Store, random: Random, begin: datetime, end: datetime) -> None:
        self._profile, self._store, self._random = profile, store, random
        self._end = end
        run_at = time(profile.minute // 60, profile.minute % 60)
        # An export that is running at the end of the history has to have started just before.
        first = end - timedelta(minutes=25) if profile.is_running else datetime.combine(end, run_at, timezone.utc)
        first = first if first <= end else first - _DAY
        self._runs = [first - n * _DAY for n in range((end - begin).days) if n % profile.every == profile.offset]
        self._runs.reverse()
        self._export_id = self._id()
        self._add_export()

    def _id(self) -> str:
        return "".join(self._random.choices(_ALPHABET, k=8))

    def _add_export(self) -> None:
        profile = self._profile
        begun = (self._runs[0] if self._runs else self._end) - _DAY
        bucket = f"{self._store.organization_id}-consent-export"
        self._store.add_export(
            id=self._export_id,
            name=profile.name,
            type_id=profile.type_id,
            authentication=profile.authentication(bucket),
            properties={
                "frequency": profile.every,
                "data": list(profile.data),
                **({"bucket_name": bucket, "bucket_access_role_arn": ROLE_ARN} if profile.is_s3 else {}),
            },
            mappings=[],
            created_at=iso(begun.timestamp()),
            updated_at=iso(begun.timestamp()),
        )

    def logs(self) -> Iterator[Record]:
        """Yield the logs of every run, retries included."""
        for number, run in enumerate(self._runs):
            age = (self._end - run).days
            trouble = next((t for t in self._profile.troubles if t.strikes(age)), None)
            start = min(run + timedelta(seconds=self._random.uniform(0, 240)), self._end)
            users = self._users(number, run)
            if self._profile.is_running and number == len(self._runs) - 1:
                yield self._pending(start, users)
            elif trouble is None:
                yield from self._ordinary(start, users, calm=age < _CALM_DAYS)
            elif trouble.kind == "volume":
                yield self._completed(start, int(users * trouble.factor))
            elif trouble.kind != "missed":
                yield self._failed(start, trouble)
                if trouble.kind == "retried":
                    yield self._retried(start, users)

    def _users(self, number: int, run: datetime) -> int:
        profile = self._profile
        growth = (1 + profile.growth) ** (number * profile.every)
        weekday = profile.weekdays[run.weekday()] if profile.every == 1 else 1.0
        return int(profile.users * growth * weekday * max(0.5, self._random.gauss(1, profile.noise)))

    def _ordinary(self, start: datetime, users: int, *, calm: bool) -> Iterator[Record]:
        """Yield a run that completes; now and then it fails first, and sometimes nobody tries again."""
        if calm or self._random.random() >= self._profile.failure_rate:
            yield self._completed(start, users)
            return
        yield self._failed(start, None)
        if self._random.random() < _RETRIED:
            yield self._retried(start, users)

    def _log(self, start: datetime, minutes: float, *, status: str, metrics: Record, result: str | None) -> Record:
        created = start.timestamp()
        return {
            "id": self._id(),
            "export_id": self._export_id,
            "organization_id": self._store.organization_id,
            "status": status,
            "config": {"frequency": "1 week" if self._profile.every == 7 else "1 day"},  # noqa: PLR2004 - days
            "metrics": metrics,
            "result": result,
            "created_at": iso(created),
            "updated_at": iso(min(created + minutes * 60, self._end.timestamp())),
        }

    def _completed(self, start: datetime, users: int) -> Record:
        minutes = self._random.uniform(4, 12) + users / 40_000
        return self._log(start, minutes, status="completed", metrics={"users": users}, result=None)

    def _retried(self, start: datetime, users: int) -> Record:
        return self._completed(start + timedelta(minutes=self._random.uniform(70, 200)), users)

    def _failed(self, start: datetime, trouble: Trouble | None) -> Record:
        error = failure(trouble.error if trouble else None, self._random, self._profile, self._store.organization_id)
        return self._log(start, self._random.uniform(1, 9), status="failed", metrics={}, result=error)

    def _pending(self, start: datetime, users: int) -> Record:
        log = self._log(start, 0, status="pending", metrics={}, result=None)
        done = {"status": "completed", "metrics": {"users": users}}
        self._store.settle_later(str(log["id"]), _SETTLES_AFTER_SECONDS, done)
        return log


def _moment(until: date | datetime | None) -> datetime:
    if until is None:
        return datetime.now(timezone.utc)
    if isinstance(until, datetime):
        return until if until.tzinfo else until.replace(tzinfo=timezone.utc)
    return datetime.combine(until, time.max, timezone.utc)
