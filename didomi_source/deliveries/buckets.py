"""S3 and Google Cloud Storage as stores, through obstore.

A refusal becomes an error with the next step; nothing of its text but codes is repeated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import timedelta
from typing import Any

import obstore
from obstore.exceptions import AlreadyExistsError, InvalidPathError, PreconditionError

from didomi_source.errors import DeliveryError

from .layout import StoredFile
from .settings import SECTION
from .stores import BLOCK_BYTES, PAGE_FILES, FileMoved, OddKey, StoreRefused, Writer

_MAX_SECONDS = 3600  # for one file; what hangs is ended by the read timeout
_WRITE_BYTES = 5 * 1024 * 1024  # the smallest part of a multipart upload
_RETRIES = 10
_CHANGED = "changed after it was listed"
_CODE = re.compile(r"<Code>(\w+)</Code>")
_STATUS = re.compile(r"status code: (\d{3})")
_REGION = re.compile(r"(?:expecting '|<Region>|x-amz-bucket-region: )([a-z0-9-]+)")
_CREDENTIALS = f"check {SECTION}.credentials"
_RIGHTS = {
    "s3": {"list": "s3:ListBucket", "get": "s3:GetObject", "write": "s3:PutObject, s3:GetObject and s3:DeleteObject"},
    "gs": {
        "list": "storage.objects.list",
        "get": "storage.objects.get",
        "write": "storage.objects.create, storage.objects.get and storage.objects.delete",
    },
}
_ADVICE = {
    "InvalidAccessKeyId": f"the access key is unknown: {_CREDENTIALS}",
    "SignatureDoesNotMatch": f"the signature is wrong: {_CREDENTIALS} (the secret key, without blanks around it)",
    "RequestTimeTooSkewed": "the clock of this machine is wrong: set it",
    "ExpiredToken": f"the session token has expired: renew it, or set {SECTION}.role_arn so that it is renewed",
    "InvalidToken": f"the session token is not valid: {_CREDENTIALS}",
    "NoSuchBucket": f"there is no such bucket: check {SECTION}.bucket_url",
    "SlowDown": "the store asks for fewer requests: run later",
    "ServiceUnavailable": "the store is not available: run later",
    "InternalError": "the store failed: run later",
    "401": f"the store does not accept the credentials: {_CREDENTIALS}",
    "404": f"there is no such bucket: check {SECTION}.bucket_url",
    "429": "the store asks for fewer requests: run later",
    "500": "the store failed: run later",
    "503": "the store is not available: run later",
}
_VERBS = {"list": "listing the files", "get": "reading a file", "write": "writing to the archive"}
_REGION_CODES = {"AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
_REDIRECT = "redirect without LOCATION"  # all that obstore tells of an answer 301 or 307
_REJECTED = f"the store does not take the request: check {SECTION}.bucket_url, and the region in its credentials"


def bucket_options(retry_seconds: float, answer_seconds: float) -> dict[str, Any]:
    """The options of every store: its timeouts and retries.

    Args:
        retry_seconds: How long one request may be tried again.
        answer_seconds: How long the store may send nothing in mid-answer.

    Returns:
        Arguments of obstore's stores.
    """
    return {
        "client_options": {
            "timeout": timedelta(seconds=_MAX_SECONDS),
            "connect_timeout": timedelta(seconds=answer_seconds),
            "read_timeout": timedelta(seconds=answer_seconds),
            "user_agent": "didomi-source",
        },
        "retry_config": {"max_retries": _RETRIES, "retry_timeout": timedelta(seconds=retry_seconds)},
    }


class Bucket:
    """A bucket, or a folder in it, as a store.

    Args:
        url: How messages name it.
        store: An obstore store whose prefix is the root.
        requester_pays: Whether this account pays for the requests, for messages.
    """

    def __init__(self, url: str, store: Any, *, requester_pays: bool = False) -> None:
        self.url = url
        self._store = store
        self._requester_pays = requester_pays

    def pages(self, prefix: str, offset: str | None = None) -> Iterator[list[StoredFile]]:
        """The files below a prefix; the last page may be empty."""
        stream = obstore.list(self._store, prefix=prefix, offset=offset, chunk_size=PAGE_FILES)
        while True:
            with self._translated("list"):
                page = next(stream, None)
            if page is None:
                return
            yield [_stored(found) for found in page]

    def blocks(self, file: StoredFile) -> Iterator[bytes]:
        """The bytes of a file, from one answer to one request."""
        return self._stream(file.path, {"if_match": file.etag} if file.etag.startswith('"') else {}, file.bytes)

    def _stream(self, path: str, condition: Any, size: int | None = None) -> Iterator[bytes]:
        with self._translated("get"):
            found = obstore.get(self._store, path, options=condition)
            if size not in (None, found.meta["size"]):  # another version, or the page of a proxy
                raise FileMoved(_CHANGED)
            stream = iter(found.stream(min_chunk_size=BLOCK_BYTES))
        while True:
            with self._translated("get"):
                block = next(stream, None)
            if block is None:
                return
            yield bytes(block)

    def size_of(self, path: str) -> int | None:
        """The size of an object; None when there is none."""
        with self._translated("write"):
            try:
                return obstore.head(self._store, path)["size"]
            except FileNotFoundError:
                return None

    def read(self, path: str) -> Iterator[bytes]:
        """The bytes of an object."""
        return self._stream(path, {})

    def writer(self, path: str) -> Writer:
        """Begin an object, which is there once it is closed."""
        with self._translated("write"):
            opened = obstore.open_writer(self._store, path, buffer_size=_WRITE_BYTES, max_concurrency=1)
            return _BucketWriter(opened, self._translated)

    def rename(self, path: str, to: str) -> None:
        """Copy an object to its final key, unless there is one, and delete the temporary one."""
        if self.size_of(to) is not None:
            raise FileExistsError(to)
        with self._translated("write"):
            obstore.copy(self._store, path, to)
            obstore.delete(self._store, path)

    @contextmanager
    def _translated(self, action: str) -> Iterator[None]:
        """Errors of obstore as ours; its panics are no `Exception`."""
        try:
            yield
        except (DeliveryError, AlreadyExistsError, GeneratorExit, KeyboardInterrupt, SystemExit):
            raise
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise self._refused(action, error) from None
            raise FileMoved("vanished after it was listed") from None
        except PreconditionError:
            raise FileMoved(_CHANGED) from None
        except InvalidPathError:
            msg = f"a key below {self.url} holds an empty part, `.` or a control character: rename or delete it"
            raise OddKey(msg) from None
        except BaseException as error:  # noqa: BLE001 - pyo3's PanicException
            raise self._refused(action, error) from None

    def _refused(self, action: str, error: BaseException) -> StoreRefused:
        return refusal(str(error), self.url, action, requester_pays=self._requester_pays)


class _BucketWriter:
    def __init__(self, writer: Any, translated: Callable[[str], AbstractContextManager[None]]) -> None:
        self._writer = writer
        self._translated = translated

    def write(self, block: bytes) -> None:
        with self._translated("write"):
            self._writer.write(block)

    def close(self) -> None:
        with self._translated("write"):
            self._writer.close()

    def abort(self) -> None:
        with suppress(Exception):
            self._writer.__exit__(DeliveryError, DeliveryError(), None)


def _stored(found: Any) -> StoredFile:
    etag = found["e_tag"] or f"{found['size']:x}-{found['last_modified'].timestamp():f}"
    return StoredFile(found["path"], found["size"], etag, found["last_modified"])


def refusal(text: str, url: str, action: str, *, requester_pays: bool) -> StoreRefused:
    """Make an error with the next step of what a store answered.

    Args:
        text: What obstore reports; it can hold whole answers, and so is searched only.
        url: The bucket.
        action: `list`, `get` or `write`.
        requester_pays: Whether this account offered to pay.

    Returns:
        The error to raise.
    """
    code, status = _found(_CODE, text), _found(_STATUS, text)
    named = " ".join(filter(None, [status, code])) or ("redirect" if _REDIRECT in text else "no answer")
    if code in _REGION_CODES or _REDIRECT in text:
        advice = _region_advice(text)
    elif code not in _ADVICE and status == "403":
        advice = _forbidden(url, action, requester_pays=requester_pays)
    else:
        advice = _ADVICE.get(code) or _ADVICE.get(status) or (_REJECTED if status else _without_answer(text))
    return StoreRefused(f"{url}: {_VERBS[action]} failed ({named}): {advice}")


def _found(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return str(match[1]) if match else ""


def _region_advice(text: str) -> str:
    region = _found(_REGION, text)
    return f"set {SECTION}.credentials.region_name to {region or 'the region of the bucket'}"


def _without_answer(text: str) -> str:
    if "credential" in text.lower() or "metadata" in text.lower():
        return f"no credentials are found: {_CREDENTIALS}"
    return "the store cannot be reached: check the network, the proxy and the endpoint, or run again"


def _forbidden(url: str, action: str, *, requester_pays: bool) -> str:
    protocol, _, path = url.partition("://")
    right = _RIGHTS[protocol][action]
    if protocol == "gs":
        return f"the service account needs {right} on the bucket: grant it, or renew {SECTION}.credentials"
    if action == "write":
        return f"the credentials need {right} on the archive: check {SECTION}.archive_credentials"
    role = f"{path.partition('/')[0]}-role"
    payer = "" if requester_pays else f"; a bucket with Requester Pays needs {SECTION}.requester_pays = true"
    return f"the credentials need {right}: Didomi's bucket is read by the role {role}, set {SECTION}.role_arn{payer}"
