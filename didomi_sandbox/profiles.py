"""The exports of a generated history."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from random import Random

# What Didomi's own machines do to any export.
JOB_LOST = "Internal error: executor lost (exit 137)"
OUTAGE = "Internal error: the export service is unavailable"
_S3_TIMEOUT = "Timeout: upload to {bucket}.s3.eu-west-1.amazonaws.com did not finish within {seconds} s"
_S3_THROTTLED = (
    "SlowDown: Please reduce your request rate. (Service: Amazon S3; Status Code: 503; Request ID: {request})"
)
_GCS_TIMEOUT = "Timeout: upload to storage.googleapis.com did not finish within {seconds} s"
_GCS_BUSY = "503 Service Unavailable: Backend error, please try again. (request {request})"
# The bucket on GCS is the customer's, so that permissions can be wrong; that on S3 is Didomi's.
_KEY_ROTATED = "401 Unauthorized: invalid_grant: Invalid JWT Signature."
_ROLE_REMOVED = (
    "403 Forbidden: didomi-export@acme-example.iam.gserviceaccount.com does not have storage.objects.create access "
    "to the Google Cloud Storage object. (request {request})"
)
_BUCKET_GONE = "404 Not Found: The specified bucket {bucket} does not exist. (request {request})"


@dataclass(frozen=True)
class Trouble:
    """An incident of an export.

    Args:
        kind: A failure, a failure that was retried on the same day, a missed run, or an odd number of users.
        last: Its last day, in days before the end.
        days: Its days up to then.
        error: The error message of failures.
        factor: The factor of the users of odd volumes.
    """

    kind: Literal["failure", "retried", "missed", "volume"]
    last: int
    days: int = 1
    error: str = JOB_LOST
    factor: float = 1.0

    def strikes(self, age: int) -> bool:
        """Whether it includes the run that many days before the end."""
        return self.last <= age < self.last + self.days


@dataclass(frozen=True)
class Profile:
    """One export.

    Args:
        name: Its name.
        type_id: Its type.
        minute: The time of its runs, minutes after midnight UTC.
        users: Users of an average first day; of an analytics export 0, since its logs name none.
        every: Days between two runs.
        weekdays: Factors of the users, Monday first.
        growth: Growth of the users a day, as a part of 1.
        noise: Standard deviation of the users, as a part of 1.
        failure_rate: The rate of failures by chance, 0 to 1.
        troubles: Its incidents.
        is_running: Whether its last run is pending at the end.
    """

    name: str
    type_id: Literal["batch-exports-s3", "batch-exports-gcp", "analytics-exports-s3", "analytics-exports-gcp"]
    minute: int
    users: int = 0
    every: int = 1
    weekdays: tuple[float, ...] = (1.06, 1.08, 1.07, 1.04, 0.99, 0.82, 0.84)
    growth: float = 0.0005
    noise: float = 0.02
    failure_rate: float = 0.025
    troubles: tuple[Trouble, ...] = ()
    is_running: bool = False

    @property
    def is_s3(self) -> bool:
        """Whether it delivers to Amazon S3; otherwise to Google Cloud Storage."""
        return self.type_id.endswith("-s3")

    @property
    def is_analytics(self) -> bool:
        """Whether it delivers `cmp_hourly_metrics`; otherwise users."""
        return self.type_id.startswith("analytics-")


# The first three are what Didomi allows unless more are agreed on.
_PROFILES = (
    Profile(
        "CMP consents \N{EN DASH} EU",
        "batch-exports-s3",
        4 * 60 + 12,
        480,
        troubles=(
            Trouble("volume", 12, factor=0.38),
            Trouble("retried", 27, error=_S3_THROTTLED),
            Trouble("failure", 58, 3, error=_S3_TIMEOUT),
        ),
        is_running=True,
    ),
    Profile(
        "Consents \N{EN DASH} mobile apps",
        "batch-exports-gcp",
        5 * 60 + 5,
        260,
        weekdays=(0.97, 0.96, 0.97, 0.98, 1.02, 1.07, 1.05),
        noise=0.03,
        troubles=(
            Trouble("failure", 0, 3, error=_KEY_ROTATED),
            Trouble("volume", 20, factor=0),
            Trouble("missed", 34, 2),
            Trouble("failure", 66, 2, error=_ROLE_REMOVED),
            Trouble("failure", 120, 2, error=_BUCKET_GONE),
        ),
    ),
    Profile(
        "CMP metrics \N{EN DASH} hourly",
        "analytics-exports-s3",
        1 * 60 + 15,
        troubles=(Trouble("missed", 0, 2), Trouble("retried", 9)),
    ),
    Profile(
        "CMP consents \N{EN DASH} US",
        "batch-exports-s3",
        9 * 60 + 40,
        340,
        weekdays=(1.09, 1.1, 1.08, 1.05, 1.0, 0.8, 0.78),
        troubles=(Trouble("failure", 0, 5), Trouble("volume", 20, factor=1.9), Trouble("failure", 47, 2)),
    ),
    Profile(
        "Preferences (weekly)",
        "batch-exports-gcp",
        2 * 60 + 30,
        900,
        every=7,
        noise=0.04,
        failure_rate=0.0,
        troubles=(Trouble("failure", 0, 8, error=_GCS_TIMEOUT),),
    ),
    Profile("Consents \N{EN DASH} connected TV", "batch-exports-s3", 3 * 60 + 20, 140, growth=0.002),
    Profile("CMP metrics \N{EN DASH} apps", "analytics-exports-gcp", 1 * 60 + 45),
    Profile("CMP consents \N{EN DASH} UK", "batch-exports-gcp", 5 * 60 + 45, 260),
    Profile("CMP consents \N{EN DASH} Canada", "batch-exports-s3", 10 * 60 + 10, 130),
)


def profiles(count: int) -> list[Profile]:
    """So many different exports."""
    return [_variant(_PROFILES[n % len(_PROFILES)], n // len(_PROFILES)) for n in range(count)]


def _variant(profile: Profile, generation: int) -> Profile:
    if generation == 0:
        return profile
    minute = (profile.minute + 7 * generation) % (24 * 60)
    return replace(profile, name=f"{profile.name} ({generation + 1})", minute=minute, troubles=(), is_running=False)


def passing_error(profile: Profile, random: Random) -> str:
    """An error that does not need anybody to repair something."""
    return random.choice(
        (JOB_LOST, _S3_TIMEOUT, _S3_THROTTLED) if profile.is_s3 else (JOB_LOST, _GCS_TIMEOUT, _GCS_BUSY)
    )


def failure(error: str, random: Random, bucket: str) -> str:
    """An error message with the names and numbers of one run.

    Args:
        error: One of the messages above.
        random: Source of the numbers.
        bucket: The bucket.
    """
    return error.format(
        bucket=bucket,
        request="".join(random.choices("0123456789ABCDEF", k=16)),
        seconds=random.choice((30, 60, 120)),
    )
