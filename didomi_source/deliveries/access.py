"""Opens the store that a URL names, with the credentials that dlt resolved."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from didomi_source.errors import ConfigurationError

from .settings import SECTION, DeliverySettings, protocol_of, root_of
from .stores import Folder, StoreRefused

if TYPE_CHECKING:
    from .buckets import Bucket

_SESSION_NAME = "didomi-source"
_DEFAULT_REGION = "us-east-1"
_RENEW_AFTER = timedelta(minutes=15)
_EMULATOR = "STORAGE_EMULATOR_HOST"  # as Google's own clients find a local server

Credentials = dict[str, Any]


def open_source(settings: DeliverySettings) -> Folder | Bucket:
    """Open the store of the delivered files.

    Raises:
        ConfigurationError: There are no credentials, or the extra `deliveries` is not installed.
        StoreRefused: The role may not be assumed.
    """
    url = settings.bucket_url or ""
    return _open(url, "credentials", settings, role_arn=settings.role_arn, pays=bool(settings.requester_pays))


def open_archive(settings: DeliverySettings) -> Folder | Bucket:
    """Open the store that takes the copies; raises like `open_source`."""
    return _open(settings.archive_to or "", "archive_credentials", settings, role_arn=None, pays=False)


def _open(url: str, field: str, settings: DeliverySettings, *, role_arn: str | None, pays: bool) -> Folder | Bucket:
    credentials = getattr(settings, field)
    protocol = protocol_of(url)
    if protocol == "file":
        return Folder(root_of(url)[1])
    try:
        from obstore.store import GCSStore, S3Store

        from .buckets import Bucket, bucket_options
    except ModuleNotFoundError:
        raise ConfigurationError("reading a bucket needs obstore: pip install 'didomi-source[deliveries]'") from None
    bucket, prefix = root_of(url)
    options = bucket_options(settings.retry_seconds, settings.answer_seconds)
    maker: Any = S3Store
    if protocol == "s3":
        options |= _s3_options(url, credentials, f"{SECTION}.{field}", role_arn, options)
        if pays:
            options["request_payer"] = True
    else:
        maker = GCSStore
        options |= _gcs_options(credentials, options)
    try:
        store = maker(bucket=bucket, prefix=prefix or None, **options)
    except BaseException as error:  # pyo3's PanicException is no Exception
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise
        raise ConfigurationError(f"{url} cannot be opened: check {SECTION}.bucket_url and its credentials") from None
    return Bucket(f"{protocol}://{bucket}" + f"/{prefix}" * bool(prefix), store, requester_pays=pays)


def _gcs_options(credentials: Any, options: dict[str, Any]) -> dict[str, Any]:
    # A file that was stored with `Content-Encoding: gzip` is sent as it is only to those who take gzip.
    client = {**options["client_options"], "default_headers": {"accept-encoding": "gzip"}}
    if emulator := os.environ.get(_EMULATOR):
        base_url = emulator if "://" in emulator else f"http://{emulator}"
        token = {"token": "emulator", "expires_at": None}  # without one, writing asks Google's metadata server
        return {
            "base_url": base_url,
            "credential_provider": lambda: token,
            "client_options": {**client, "allow_http": base_url.startswith("http://")},
        }
    found = credentials.to_object_store_rs_credentials() if credentials is not None else {}
    return {**found, "client_options": client}


def _s3_options(
    url: str, credentials: Any, setting: str, role_arn: str | None, options: dict[str, Any]
) -> dict[str, Any]:
    if credentials is None:
        msg = f"no AWS credentials are found for {url}: set {setting}, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        raise ConfigurationError(msg)
    session = _session(credentials)
    endpoint = credentials.endpoint_url
    from botocore.exceptions import BotoCoreError

    try:
        provider = _role(session, role_arn, endpoint) if role_arn else _frozen(session)
        provider()  # now, while its errors are still its own
    except (BotoCoreError, ValueError) as error:
        msg = f"the AWS credentials for {url} cannot be used ({type(error).__name__}): check {setting}"
        raise ConfigurationError(msg) from None
    made: dict[str, Any] = {
        "credential_provider": provider,
        "region": credentials.region_name or session.region_name or _DEFAULT_REGION,
    }
    if endpoint:
        made["endpoint"] = endpoint
        made["client_options"] = {**options["client_options"], "allow_http": endpoint.startswith("http://")}
    return made


def _session(credentials: Any) -> Any:
    try:
        import boto3
    except ModuleNotFoundError:
        raise ConfigurationError("reading S3 needs boto3: pip install 'didomi-source[deliveries]'") from None
    given = {"region_name": credentials.region_name, "profile_name": credentials.profile_name}
    if not credentials.has_default_credentials():
        given |= credentials.to_session_credentials()
    return boto3.Session(**given)


def _frozen(session: Any) -> Callable[[], Credentials]:
    """The session's credentials, which botocore renews by itself."""

    def provider() -> Credentials:
        found = session.get_credentials().get_frozen_credentials()
        return _as_credentials(found.access_key, found.secret_key, found.token, None)

    return provider


def _role(session: Any, role_arn: str, endpoint: str | None) -> Callable[[], Credentials]:
    """The credentials of a role."""
    from botocore.exceptions import BotoCoreError, ClientError

    region = session.region_name or _DEFAULT_REGION
    client = session.client("sts", endpoint_url=endpoint, region_name=region)

    def provider() -> Credentials:
        try:
            answer = client.assume_role(RoleArn=role_arn, RoleSessionName=_SESSION_NAME)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            raise StoreRefused(
                f"the role {role_arn} cannot be assumed ({code}): check {SECTION}.role_arn, and that the credentials "
                "may sts:AssumeRole and are of the account that Didomi was given"
            ) from None
        except (BotoCoreError, ValueError) as error:
            name = type(error).__name__
            msg = f"the role {role_arn} cannot be assumed ({name}): check {SECTION}.role_arn and the network"
            raise StoreRefused(msg) from None
        found = answer["Credentials"]
        return _as_credentials(
            found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"], found["Expiration"]
        )

    return provider


def _as_credentials(key: str, secret: str, token: str | None, expires_at: datetime | None) -> Credentials:
    expires_at = expires_at or datetime.now(timezone.utc) + _RENEW_AFTER
    return {
        "access_key_id": key,
        "secret_access_key": secret,
        "token": token,
        "expires_at": expires_at.astimezone(timezone.utc),  # obstore does not take botocore's own time zone
    }
