"""Where the files are and how they are read, as dlt resolves it from `sources.didomi.deliveries`."""

from __future__ import annotations

import math
import os
import re
from typing import Any, ClassVar, Optional

from dlt.common.configuration import configspec, resolve_type
from dlt.common.configuration.exceptions import ConfigurationException, ConfigValueCannotBeCoercedException
from dlt.common.configuration.resolve import resolve_configuration
from dlt.common.configuration.specs import BaseConfiguration, CredentialsConfiguration
from dlt.common.storages.configuration import FilesystemConfiguration

from didomi_source.configuration import MAX_WAIT_SECONDS, check_ranges, refuse, refuse_type, wrong_value
from didomi_source.errors import ConfigurationError

SECTIONS = ("sources", "didomi", "deliveries")
SECTION = ".".join(SECTIONS)
S3_RETENTION_DAYS = 7  # "files are deleted after 7 days" (Didomi, batch exports to its bucket, read 2026-11)
_MOST_RETENTION_DAYS = 10_000  # whose seconds the warehouses' integers hold
_MOST_THREADS = 256
_SECRET = {"credentials", "archive_credentials"}
_BUCKET = re.compile(r"[\w.-]+", re.ASCII)
_FOLDER, _S3, _GCS = "file", "s3", "gs"
_PROTOCOLS = {"file": _FOLDER, "s3": _S3, "gs": _GCS, "gcs": _GCS}


@configspec
class DeliverySettings(BaseConfiguration):
    """Everything that reading the delivered files needs.

    Args:
        bucket_url: The folder that holds `data/`: `s3://`, `gs://`, `file://` or a path; without one nothing is read.
        credentials: dlt's own for S3 and Google; without any, those of the machine.
        role_arn: The role to assume on AWS, `properties.bucket_access_role_arn` of the export.
        requester_pays: Whether this account pays for the requests; None: on S3.
        retention_days: After how many days the files are deleted at the source, 0 for never; None: 7 on S3, else 0.
        archive_to: Where each whole file is copied to, in the same forms as `bucket_url`; without one nowhere.
        archive_credentials: Like `credentials`.
        max_read_bytes: How many bytes of files one run may read; the rest is read by the next. None: any number.
        threads: How many files are read side by side.
        retry_seconds: How long one request may be tried again.
        answer_seconds: How long the store may send nothing in mid-answer.
    """

    # `Optional`, as dlt evaluates the annotations on every Python.
    bucket_url: Optional[str] = None  # noqa: UP045
    credentials: Any = None
    role_arn: Optional[str] = None  # noqa: UP045
    requester_pays: Optional[bool] = None  # noqa: UP045
    retention_days: Optional[int] = None  # noqa: UP045
    archive_to: Optional[str] = None  # noqa: UP045
    archive_credentials: Any = None
    max_read_bytes: Optional[int] = None  # noqa: UP045
    threads: int = 8
    retry_seconds: float = 60.0
    answer_seconds: float = 30.0

    __section__: ClassVar[str] = ""

    @resolve_type("credentials")
    def _credentials_type(self) -> Any:
        return _credentials_type(self.bucket_url)

    @resolve_type("archive_credentials")
    def _archive_credentials_type(self) -> Any:
        return _credentials_type(self.archive_to)

    def on_resolved(self) -> None:
        """Fill what depends on the store, and refuse what cannot be right."""
        for name in ("bucket_url", "archive_to"):
            url = getattr(self, name)
            if url and protocol_of(url) is None:
                _refuse(name, f"begins with {re.findall('[^:]*:/*', url)[0]}", "use s3://, gs://, file:// or a folder")
            if url and protocol_of(url) != _FOLDER and not _BUCKET.fullmatch(root_of(url)[0]):
                shown = re.sub("//.*@", "//***@", url, flags=re.DOTALL)  # before it may be a key and its secret
                _refuse(name, f"is {shown!r}, which names no bucket", "write it like s3://bucket or s3://bucket/folder")
        if self.bucket_url and self.archive_to and _place_of(self.bucket_url) == _place_of(self.archive_to):
            _refuse(
                "archive_to", "is bucket_url", "archive to another place: nothing is written where the files are read"
            )
        is_s3 = protocol_of(self.bucket_url) == _S3
        if self.requester_pays is None:
            self.requester_pays = is_s3
        if self.retention_days is None:
            self.retention_days = S3_RETENTION_DAYS if is_s3 else 0
        self._check_numbers()

    def _check_numbers(self) -> None:
        ranges = {
            "retention_days": (0, _MOST_RETENTION_DAYS),
            "max_read_bytes": (1, math.inf),
            "threads": (1, _MOST_THREADS),
            "retry_seconds": (0, MAX_WAIT_SECONDS),
            "answer_seconds": (0.1, MAX_WAIT_SECONDS),
        }
        check_ranges(SECTION, self, ranges)


def delivery_settings(**explicit: Any) -> DeliverySettings:
    """Resolve the settings of the deliveries.

    Args:
        explicit: Fields of `DeliverySettings` that are not to be looked up; None counts as not given.

    Returns:
        The settings; `bucket_url` is None when the feature is off.

    Raises:
        ConfigurationError: A setting is incomplete or cannot be right.
    """
    settings = DeliverySettings()
    if unknown := sorted(explicit.keys() - DeliverySettings.__dataclass_fields__.keys()):
        known = sorted(name for name in DeliverySettings.__dataclass_fields__ if not name.startswith("_"))
        msg = f"there is no setting {SECTION}.{unknown[0]}: choose from {', '.join(known)}"
        raise ConfigurationError(msg)
    given = {name: value for name, value in explicit.items() if value is not None}
    try:
        return resolve_configuration(settings, sections=SECTIONS, explicit_value=given)
    except ConfigValueCannotBeCoercedException as error:
        if error.field_name in _SECRET or error.field_name not in DeliverySettings.__dataclass_fields__:
            raise ConfigurationError(wrong_value(error)) from None
        refuse_type(SECTION, error)
    except ConfigurationException as error:
        names = ", ".join(sorted(getattr(error, "traces", {}) or {})) or type(error).__name__
        raise ConfigurationError(f"the settings {SECTION} cannot be resolved: check {names}") from None
    except _of_botocore() as error:  # which reads the files of AWS for dlt
        msg = f"no AWS credentials are found ({type(error).__name__}): check those of {SECTION}"
        raise ConfigurationError(msg) from None


def protocol_of(url: str | None) -> str | None:
    """`file`, `s3` or `gs`; None for anything else."""
    return _PROTOCOLS.get(FilesystemConfiguration.parse_protocol(url)) if url else None


def root_of(url: str) -> tuple[str, str]:
    """Where a URL points to: the bucket and the prefix without slashes around it, or an empty text and the folder."""
    if protocol_of(url) == _FOLDER:
        is_path = FilesystemConfiguration.is_local_path(url)
        return "", url if is_path else FilesystemConfiguration.make_local_path(url)
    bucket, _, prefix = url.partition("://")[2].partition("/")
    return bucket, prefix.strip("/")


def _place_of(url: str) -> tuple[str | None, str, str]:
    """What two URLs of one place have in common, however they name it."""
    bucket, path = root_of(url)
    return protocol_of(url), bucket, path if bucket else os.path.realpath(path)


def _of_botocore() -> tuple[type[Exception], ...]:
    try:
        from botocore.exceptions import BotoCoreError
    except ModuleNotFoundError:
        return ()
    return (BotoCoreError,)


def is_elsewhere(url: str, type_id: str | None) -> bool:
    """Whether a bucket is of another kind than the one to which an export of a type delivers."""
    other = {_S3: "-gcp", _GCS: "-s3"}.get(protocol_of(url) or "")
    return other is not None and (type_id or "").endswith(other)


def _credentials_type(url: str | None) -> Any:
    found = FilesystemConfiguration.PROTOCOL_CREDENTIALS.get(protocol_of(url) or _FOLDER, CredentialsConfiguration)
    return Optional[found]  # noqa: UP045 - a union, which `|` does not take in Python 3.10


def _refuse(name: str, problem: str, remedy: str) -> None:
    refuse(f"{SECTION}.{name}", problem, remedy)
