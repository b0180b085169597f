"""S3 and Google Cloud Storage as stores, through obstore."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import timedelta
from typing import Any

import obstore
from obstore.exceptions import AlreadyExistsError, InvalidPathError, PreconditionError

from didomi_source.errors import DeliveryError

from .layout import StoredFile
from .refusals import refusal
from .stores import BLOCK_BYTES, PAGE_FILES, FileMoved, OddKey, StoreRefused, Writer

_MAX_SECONDS = 3600  # for one file; what hangs is ended by the read timeout
_WRITE_BYTES = 5 * 1024 * 1024  # the smallest part of a multipart upload
_RETRIES = 10
_CHANGED = "changed after it was listed"


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
