"""Where files lie: what a store of them can do, and the folder as the simplest one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Protocol

from didomi_source.errors import DeliveryError

from .layout import StoredFile

PAGE_FILES = 1000  # what S3 and GCS list in one request
BLOCK_BYTES = 256 * 1024
PART_ENDING = ".part"  # of a copy that is not verified yet


class StoreRefused(DeliveryError):
    """The store cannot be reached or refuses: nothing of it can be read or written now."""


class FileMoved(DeliveryError):
    """A file vanished or changed after it was listed: the next run reads it."""


class OddKey(DeliveryError):
    """A key among those to list cannot be read, and so hides the others."""


class Store(Protocol):
    """A place that holds files, by their path below a root."""

    url: str

    def pages(self, prefix: str, offset: str | None = None) -> Iterator[list[StoredFile]]:
        """The files whose path begins with a prefix and comes behind an offset, by path; one request for each page."""

    def blocks(self, file: StoredFile) -> Iterator[bytes]:
        """The bytes of exactly the version that was listed."""


class Keeper(Protocol):
    """A place that takes copies of files."""

    url: str

    def size_of(self, path: str) -> int | None:
        """The size of a file; None when there is none."""

    def read(self, path: str) -> Iterator[bytes]:
        """The bytes of a file."""

    def writer(self, path: str) -> Writer:
        """Begin a file, which replaces what an earlier attempt left at that path."""

    def rename(self, path: str, to: str) -> None:
        """Give a file its final path; the file that may be there stays."""


class Writer(Protocol):
    """A file that is being written."""

    def write(self, block: bytes) -> object:
        """Append bytes."""

    def close(self) -> object:
        """Make it durable."""

    def abort(self) -> None:
        """Give it up."""


class Folder:
    """A folder as a store.

    Args:
        root: The folder.
    """

    def __init__(self, root: str) -> None:
        self.url = root
        self._root = Path(root)

    def pages(self, prefix: str, offset: str | None = None) -> Iterator[list[StoredFile]]:
        """The files below a folder, which `prefix` names with a slash at its end."""
        if not self._root.is_dir():
            raise StoreRefused(f"there is no folder {self.url}: check bucket_url")
        page: list[StoredFile] = []
        with _translated(self.url):
            for file in self._walk(prefix, offset or ""):
                page.append(file)
                if len(page) == PAGE_FILES:
                    yield page
                    page = []
        yield page

    def _walk(self, folder: str, offset: str) -> Iterator[StoredFile]:
        try:
            entries = list(os.scandir(self._root / folder))
        except FileNotFoundError:
            return
        keys = {f"{folder}{entry.name}{'/' * entry.is_dir()}": entry for entry in entries}
        for key in sorted(keys):
            if key.endswith("/"):
                if key > offset or offset.startswith(key):
                    yield from self._walk(key, offset)
            elif key > offset:
                with suppress(FileNotFoundError):  # it vanished just now
                    yield _stored(_encodable(key), keys[key].stat())

    def blocks(self, file: StoredFile) -> Iterator[bytes]:
        """The bytes of a file, whose size and time must stay what they were."""
        with _translated(file.path), (self._root / file.path).open("rb") as opened:
            _check_unchanged(file, os.fstat(opened.fileno()))
            while block := opened.read(BLOCK_BYTES):
                yield block
            _check_unchanged(file, os.fstat(opened.fileno()))

    def size_of(self, path: str) -> int | None:
        """The size of a file; None when there is none."""
        with _translated(self.url):
            try:
                return (self._root / path).stat().st_size
            except FileNotFoundError:
                return None

    def read(self, path: str) -> Iterator[bytes]:
        """The bytes of a file."""
        with _translated(path), (self._root / path).open("rb") as opened:
            while block := opened.read(BLOCK_BYTES):
                yield block

    def writer(self, path: str) -> Writer:
        """Begin a file; its folders are made."""
        with _translated(self.url):
            (self._root / path).parent.mkdir(parents=True, exist_ok=True)
            return _FolderWriter(self._root / path)

    def rename(self, path: str, to: str) -> None:
        """Link the file at its final path, which never replaces one, and remove the temporary name."""
        source, target = self._root / path, self._root / to
        with _translated(self.url):
            try:
                os.link(source, target)
            except FileExistsError:
                source.unlink(missing_ok=True)
                raise
            except OSError:  # a file system without hard links
                if target.exists():
                    raise FileExistsError(to) from None
                source.rename(target)
            source.unlink(missing_ok=True)
            _sync_folder(target.parent)


class _FolderWriter:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("wb")

    def write(self, block: bytes) -> None:
        with _translated(str(self._path)):
            self._file.write(block)

    def close(self) -> None:
        with _translated(str(self._path)):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()

    def abort(self) -> None:
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._path.unlink()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _stored(path: str, found: os.stat_result) -> StoredFile:
    modified_at = datetime.fromtimestamp(found.st_mtime, timezone.utc)
    return StoredFile(path, found.st_size, f"{found.st_mtime_ns:x}-{found.st_size:x}", modified_at)


def _encodable(key: str) -> str:
    try:
        key.encode()
    except UnicodeEncodeError:
        raise OddKey(f"the name of a file is not UTF-8: {key.encode(errors='replace').decode()}") from None
    return key


def _check_unchanged(file: StoredFile, found: os.stat_result) -> None:
    if _stored(file.path, found).etag != file.etag:
        raise FileMoved("changed after it was listed")


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """Errors of the operating system as ours."""
    try:
        yield
    except FileExistsError:
        raise
    except FileNotFoundError:
        raise FileMoved("vanished after it was listed") from None
    except OSError as error:
        raise StoreRefused(f"{what}: {error.strerror or type(error).__name__}") from None
