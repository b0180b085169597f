"""Contents for the sandbox: months of plausible deliveries, or plain numbered logs."""

from __future__ import annotations

from datetime import datetime, time, timedelta, timezone
from random import Random
from typing import TYPE_CHECKING, Any

from .clock import iso
from .profiles import OUTAGE, Profile, Trouble, failure, passing_error, profiles
from .store import ORGANIZATION, Store, new_id, new_log

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .store import Record

_DAY = timedelta(days=1)
# The days before the end without failures by chance: the first screens show the incidents of the profiles alone.
_CALM_DAYS = 14
# The rate of failures by chance that are retried on the same day.
_RETRIED = 0.6
# The day on which all exports fail together, in days before the end.
_OUTAGE_DAYS = 40


def generate(
    *,
    seed: int = 0,
    days: int = 200,
    exports: int = 3,
    until: datetime | None = None,
) -> Store:
    """A store with the deliveries of several exports; the same arguments give the same store.

    The first three are daily: one to S3 with a drop in users and a last log that is pending; one to GCS that fails,
    since its key was rotated; and an analytics export, whose logs name no users, that is late. All of them failed on
    one day. From five exports on, one is weekly.

    Args:
        seed: The seed.
        days: The days before `until` on which the first export began.
        exports: The number of exports.
        until: The end of the history, with a zone; now unless given.

    Returns:
        The store; its logs are in the order of their creation.
    """
    end = until or datetime.now(timezone.utc)
    random = Random(seed)  # noqa: S311 - plausible, not secret
    store = Store()
    bucket = f"didomi-exports-{ORGANIZATION}-{new_id(random).lower()}"
    logs: list[Record] = []
    for profile in profiles(exports):
        writer = _Writer(profile, store, Random(random.random()), end - days * _DAY, end, bucket)  # noqa: S311 - as above
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
    """A store with one export and completed logs `log-000000`, `log-000001` …, the oldest first.

    Args:
        count: The number of logs.
        export_id: The id of the export.
        step: Seconds between two logs.
        distinct_times: Whether each log has its own `created_at`; otherwise fifty each share one.
        until: The creation of the last, seconds since 1970.
    """
    store = Store()
    begun = iso(until - (count + 1) * step)
    store.add_export(id=export_id, name=export_id, created_at=begun, updated_at=begun)
    logs = []
    for number in range(count):
        place = number if distinct_times else number // 50 * 50
        created = iso(until - (count - 1 - place) * step)
        logs.append(new_log(export_id, created, id=f"log-{number:06d}", metrics={"users": number}))
    store.add_logs(logs)
    return store


class _Writer:
    """The configuration and the logs of one export.

    Args:
        profile: The export.
        store: The store that the configuration is added to.
        random: Source of all chance.
        begin: The begin of the history.
        end: Its end.
        bucket: Didomi's bucket on S3.
    """

    def __init__(
        self, profile: Profile, store: Store, random: Random, begin: datetime, end: datetime, bucket: str
    ) -> None:
        self._profile, self._store, self._random, self._end = profile, store, random, end
        self._bucket = bucket if profile.is_s3 else f"{ORGANIZATION}-consents"
        run_at = time(profile.minute // 60, profile.minute % 60)
        # An export that is running at the end has started shortly before.
        first = end - timedelta(minutes=25) if profile.is_running else datetime.combine(end, run_at, timezone.utc)
        first = first if first <= end else first - _DAY
        self._runs = [first - n * _DAY for n in range(0, (end - begin).days, profile.every)][::-1]
        self._export_id = new_id(random)
        self._add_export()

    def _add_export(self) -> None:
        begun = iso(((self._runs[0] if self._runs else self._end) - _DAY).timestamp())
        data = {} if self._profile.is_analytics else {"data": ["users"]}
        self._store.add_export(
            id=self._export_id,
            name=self._profile.name,
            type_id=self._profile.type_id,
            properties={"frequency": self._profile.every, **data, **self._destination()},
            mappings=[],
            created_at=begun,
            updated_at=begun,
        )

    def _destination(self) -> dict[str, Any]:
        """The bucket in the configuration; the key of the customer's opens nothing."""
        if self._profile.is_s3:
            role = f"arn:aws:iam::123456789012:role/{self._bucket}-role"
            return {"bucket_name": self._bucket, "bucket_access_role_arn": role}
        credentials = {
            "type": "service_account",
            "client_email": "didomi-export@acme-example.iam.gserviceaccount.com",
            "private_key": "-----BEGIN PRIVATE KEY-----\nEXAMPLE\n-----END PRIVATE KEY-----\n",
        }
        return {"bucket_name": self._bucket, "project_id": "acme-example", "credentials": credentials}

    def logs(self) -> Iterator[Record]:
        """The logs of every run, retries included."""
        for number, run in enumerate(self._runs):
            age = (self._end - run).days
            start = min(run + timedelta(seconds=self._random.uniform(0, 240)), self._end)
            metrics = self._metrics(number, run)
            if self._profile.is_running and number == len(self._runs) - 1:
                yield self._log(start, 0, "pending", {})
            elif (self._end.date() - run.date()).days == _OUTAGE_DAYS:
                yield self._failed(start, OUTAGE)
            elif trouble := next((t for t in self._profile.troubles if t.strikes(age)), None):
                yield from self._troubled(start, metrics, trouble)
            else:
                yield from self._ordinary(start, metrics, calm=age < _CALM_DAYS)

    def _metrics(self, number: int, run: datetime) -> dict[str, int]:
        profile = self._profile
        if profile.is_analytics:
            return {}
        growth = (1 + profile.growth) ** (number * profile.every)
        weekday = profile.weekdays[run.weekday()] if profile.every == 1 else 1.0
        return {"users": int(profile.users * growth * weekday * max(0.5, self._random.gauss(1, profile.noise)))}

    def _troubled(self, start: datetime, metrics: dict[str, int], trouble: Trouble) -> Iterator[Record]:
        if trouble.kind == "volume":
            yield self._completed(start, {name: int(value * trouble.factor) for name, value in metrics.items()})
        elif trouble.kind != "missed":
            yield self._failed(start, trouble.error)
            if trouble.kind == "retried":
                yield self._retried(start, metrics)

    def _ordinary(self, start: datetime, metrics: dict[str, int], *, calm: bool) -> Iterator[Record]:
        """A run that completes; at times it fails first, and at times nobody retries it."""
        if calm or self._random.random() >= self._profile.failure_rate:
            yield self._completed(start, metrics)
            return
        yield self._failed(start, passing_error(self._profile, self._random))
        if self._random.random() < _RETRIED:
            yield self._retried(start, metrics)

    def _log(
        self, start: datetime, minutes: float, status: str, metrics: dict[str, int], result: str | None = None
    ) -> Record:
        created = start.timestamp()
        return new_log(
            self._export_id,
            iso(created),
            id=new_id(self._random),
            status=status,
            config={"frequency": "1 week" if self._profile.every == 7 else "1 day"},  # noqa: PLR2004 - days
            metrics=metrics,
            result=result,
            updated_at=iso(min(created + minutes * 60, self._end.timestamp())),
        )

    def _completed(self, start: datetime, metrics: dict[str, int]) -> Record:
        return self._log(start, self._random.uniform(4, 16), "completed", metrics)

    def _retried(self, start: datetime, metrics: dict[str, int]) -> Record:
        return self._completed(start + timedelta(minutes=self._random.uniform(70, 200)), metrics)

    def _failed(self, start: datetime, error: str) -> Record:
        result = failure(error, self._random, self._bucket)
        return self._log(start, self._random.uniform(1, 9), "failed", {}, result)
