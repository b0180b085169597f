"""Verified copies of the delivered files, made from the same bytes that are counted.

A copy is written under a temporary name, read back, compared by size and SHA-256, and only then renamed. Nothing that
lies in the archive is replaced, and no trouble of the archive keeps a file from being counted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from threading import Lock

from didomi_source.errors import ConfigurationError, DeliveryError

from .counting import FileCount
from .layout import DATA, Partition, StoredFile
from .stores import PART_ENDING, Keeper, StoreRefused, Writer


class ArchiveDiffers(DeliveryError):
    """The archive holds a different file at the place of a copy."""


class Archive:
    """Where copies go.

    Args:
        url: How messages and rows name it.
        opened: Opens the store of the copies; called when the first one is made.
    """

    def __init__(self, url: str, opened: Callable[[], Keeper]) -> None:
        self._url = url.rstrip("/")
        self._opened = opened
        self._keeper: Keeper | None = None
        self._lock = Lock()
        self.error: str | None = None  # why it takes nothing in this run

    def place_of(self, partition: Partition) -> str:
        """Where the copies of a partition are."""
        return f"{self._url}/{partition.folder}"

    def holds(self, place: str | None) -> bool:
        """Whether a place is in this archive."""
        return bool(place) and str(place).startswith(f"{self._url}/{DATA}")

    def keeper(self) -> Keeper:
        """The store of the copies.

        Raises:
            StoreRefused: It takes nothing, be it now or since a copy failed.
        """
        with self._lock:
            if self.error:
                raise StoreRefused(self.error)
            if self._keeper is None:
                try:
                    self._keeper = self._opened()
                except (ConfigurationError, DeliveryError) as error:
                    self.error = f"the archive {self._url} cannot be opened: {error}"
                    raise StoreRefused(self.error) from None
            return self._keeper

    def refuse(self, error: DeliveryError) -> StoreRefused:
        """Note that a copy failed, so that no other is tried in this run."""
        self.error = self.error or f"the archive {self._url} takes no copies: {error}"
        return StoreRefused(self.error)


class Copy:
    """One file on its way into the archive."""

    def __init__(self, archive: Archive, file: StoredFile) -> None:
        self._archive = archive
        self._path = file.path
        self._writer: Writer | None = None
        self._error: StoreRefused | None = None
        try:
            keeper = archive.keeper()
            if keeper.size_of(file.path) is None:
                self._writer = keeper.writer(file.path + PART_ENDING)
        except StoreRefused as error:
            self._fail(error)

    def passing(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """Write blocks on their way to the reader, who gets them whatever becomes of the copy."""
        for block in blocks:
            if self._writer is not None:
                try:
                    self._writer.write(block)
                except DeliveryError as error:
                    self._fail(error)
            yield block

    def finish(self, count: FileCount) -> None:
        """Verify the copy and give it its name.

        Raises:
            ArchiveDiffers: A different file is there.
            StoreRefused: The archive takes no copy.
        """
        try:
            if self._error is None:
                self._keep(count)
        except ArchiveDiffers:
            raise
        except DeliveryError as error:
            self._fail(error)
        if self._error is not None:
            raise self._error

    def _keep(self, count: FileCount) -> None:
        keeper = self._archive.keeper()
        if self._writer is not None:
            self._writer.close()
            self._writer = None
            temporary = self._path + PART_ENDING
            if not _is_equal(keeper, temporary, count):
                raise StoreRefused("a copy that was read back is not what was written")
            try:
                keeper.rename(temporary, self._path)
            except FileExistsError:
                pass  # somebody else was faster
            else:
                return
        if keeper.size_of(self._path) != count.bytes or not _is_equal(keeper, self._path, count):
            raise ArchiveDiffers("the archive holds a different file of that name, which stays")

    def abort(self) -> None:
        """Give the copy up, unless it is finished."""
        if self._writer is not None:
            self._writer.abort()
            self._writer = None

    def _fail(self, error: DeliveryError) -> None:
        self._error = error if isinstance(error, StoreRefused) and self._archive.error else self._archive.refuse(error)
        self.abort()


def _is_equal(keeper: Keeper, path: str, count: FileCount) -> bool:
    digest, size = hashlib.sha256(), 0
    for block in keeper.read(path):
        digest.update(block)
        size += len(block)
    return (size, digest.hexdigest()) == (count.bytes, count.sha256)
