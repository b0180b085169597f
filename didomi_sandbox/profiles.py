"""What the exports of a generated history are like."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from random import Random

ROLE_ARN = "arn:aws:iam::123456789012:role/didomi-export"


@dataclass(frozen=True)
class Trouble:
    """Something that happened to an export.

    Attributes:
        kind: A failure, a failure that was made good on the same day, a missed run, or an odd number of users.
        last: How many days before the end it happened last.
        days: For how many days up to then.
        error: For failures, which error, by its place in the list.
        factor: For odd volumes, what the users are multiplied by.
    """

    kind: Literal["failure", "retried", "missed", "volume"]
    last: int
    days: int = 1
    error: int = 0
    factor: float = 1.0

    def strikes(self, age: int) -> bool:
        """Tell whether it happened this many days before the end."""
        return self.last <= age < self.last + self.days


@dataclass(frozen=True)
class Profile:
    """One export.

    Attributes:
        name: Its name.
        type_id: Its type.
        data: What it delivers.
        users: Users on an average first day.
        minute: When it runs, minutes after midnight UTC.
        every: Days between two runs.
        offset: Days between the last run and the end, for exports that don't run daily.
        weekdays: What the users are multiplied by, Monday first.
        growth: Growth a day, as a part of 1.
        noise: Standard deviation of the users, as a part of 1.
        failure_rate: How often a run fails, 0 to 1.
        troubles: What happened to it.
        is_running: Whether its last run is still pending.
    """

    name: str
    type_id: str
    users: int
    minute: int
    data: tuple[str, ...] = ("users",)
    every: int = 1
    offset: int = 0
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

    def authentication(self, bucket: str) -> dict[str, Any]:
        """Return what the API was given to write to a bucket; none of it opens anything."""
        if self.is_s3:
            return {
                "account_id": "123456789012",
                "access_key_id": "AKIAIOSFODNN7EXAMPLE",
                "secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            }
        return {
            "bucket_name": bucket,
            "project_id": "acme-example",
            "credentials": {
                "type": "service_account",
                "client_email": "didomi-export@acme-example.iam.gserviceaccount.com",
                "private_key": "-----BEGIN PRIVATE KEY-----\nEXAMPLE\n-----END PRIVATE KEY-----\n",
            },
        }


_PROFILES = (
    Profile(
        "CMP consents \N{EN DASH} EU",
        "batch-exports-s3",
        450_000,
        4 * 60 + 12,
        troubles=(
            Trouble("failure", 58, 5, error=6),
            Trouble("volume", 12, factor=0.38),
            Trouble("retried", 27, error=3),
        ),
    ),
    Profile(
        "CMP consents \N{EN DASH} US",
        "batch-exports-s3",
        120_000,
        9 * 60 + 40,
        weekdays=(1.09, 1.1, 1.08, 1.05, 1.0, 0.8, 0.78),
        troubles=(Trouble("failure", 0, 5, error=0), Trouble("failure", 47, 2, error=3)),
    ),
    Profile(
        "Preferences",
        "batch-exports-gcp",
        58_000,
        5 * 60 + 5,
        noise=0.035,
        troubles=(Trouble("missed", 34, 2), Trouble("volume", 20, factor=0)),
    ),
    Profile(
        "Proofs (weekly)",
        "batch-exports-gcp",
        660_000,
        2 * 60 + 30,
        data=("proofs",),
        every=7,
        noise=0.04,
        failure_rate=0.0,
        troubles=(Trouble("failure", 0, 8, error=5),),
    ),
    Profile(
        "Consents \N{EN DASH} mobile apps",
        "analytics-exports-s3",
        190_000,
        6 * 60 + 50,
        data=("users", "events"),
        weekdays=(0.97, 0.96, 0.97, 0.98, 1.02, 1.07, 1.05),
        noise=0.03,
        troubles=(Trouble("volume", 20, factor=1.9), Trouble("retried", 9, error=4)),
        is_running=True,
    ),
)
_MORE = (
    Profile("Consents \N{EN DASH} connected TV", "batch-exports-s3", 76_000, 3 * 60 + 20, growth=0.002),
    Profile(
        "CMP metrics \N{EN DASH} hourly", "analytics-exports-gcp", 310_000, 1 * 60 + 15, data=("cmp_hourly_metrics",)
    ),
    Profile("CMP consents \N{EN DASH} UK", "batch-exports-gcp", 140_000, 5 * 60 + 45),
    Profile("CMP consents \N{EN DASH} Canada", "batch-exports-s3", 64_000, 10 * 60 + 10, data=("users", "events")),
)

_S3_ERRORS = (
    (
        "AccessDenied: User: {role} is not authorized to perform: s3:PutObject on resource: "
        '"arn:aws:s3:::{bucket}/didomi/data/export-id={export}/*" (Service: Amazon S3; Status Code: 403; '
        "Error Code: AccessDenied; Request ID: {request})"
    ),
    "NoSuchBucket: The specified bucket does not exist (Bucket: {bucket}; Request ID: {request})",
    "InvalidAccessKeyId: The AWS Access Key Id you provided does not exist in our records. (Request ID: {request})",
    "SlowDown: Please reduce your request rate. (Service: Amazon S3; Status Code: 503; Request ID: {request})",
    "Timeout: connection to {bucket}.s3.eu-west-1.amazonaws.com timed out after {seconds}000 ms",
    "Internal error: executor lost (exit 137)",
    "InternalError: We encountered an internal error. Please try again. (Request ID: {request})",
)
_GCS_ERRORS = (
    (
        "403 Forbidden: didomi-export@acme-example.iam.gserviceaccount.com does not have storage.objects.create access "
        "to the Google Cloud Storage object. (request {request})"
    ),
    "404 Not Found: The specified bucket {bucket} does not exist. (request {request})",
    "401 Unauthorized: invalid_grant: Invalid JWT Signature.",
    "503 Service Unavailable: Backend error, please try again. (request {request})",
    "Timeout: upload to storage.googleapis.com did not finish within {seconds} s",
    "Internal error: executor lost (exit 137)",
    "500 Internal Server Error: We encountered an internal error. (request {request})",
)
# What goes wrong by itself, unlike permissions and buckets.
_PASSING = (3, 4, 5, 6)


def profiles(count: int) -> list[Profile]:
    """Return so many different exports."""
    known = _PROFILES + _MORE
    return [_variant(known[n % len(known)], n // len(known)) for n in range(count)]


def _variant(profile: Profile, generation: int) -> Profile:
    if generation == 0:
        return profile
    minute = (profile.minute + 7 * generation) % (24 * 60)
    return replace(profile, name=f"{profile.name} ({generation + 1})", minute=minute, troubles=(), is_running=False)


def failure(error: int | None, random: Random, profile: Profile, organization_id: str) -> str:
    """Return the text of an error.

    Args:
        error: Which one, by its place in the list; a passing one by chance unless given.
        random: Source of the chance.
        profile: The export.
        organization_id: Its organization.
    """
    texts = _S3_ERRORS if profile.is_s3 else _GCS_ERRORS
    chosen = texts[random.choice(_PASSING) if error is None else error]
    return chosen.format(
        role=ROLE_ARN,
        bucket=f"{organization_id}-consent-export",
        export=re.sub(r"\W+", "-", profile.name.lower()).strip("-"),
        request="".join(random.choices("0123456789ABCDEF", k=16)),
        seconds=random.choice((30, 60, 120)),
    )
