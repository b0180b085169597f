"""Reading exports side by side, and handing over what they bring in packages."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from queue import Queue
from threading import Event
from typing import TypeAlias

from didomi_source.schema import Row

from .rows import Batch, coalesced
from .run import Run
from .sync import ExportSync

EXPORTS_AT_ONCE = 5
# Batches that wait for the pipeline: few, since each is some megabytes.
_BATCHES_WAITING = 2

# What a thread hands over: a batch, what went wrong, and None when it ends.
_Item: TypeAlias = Batch | BaseException | None


class Reading:
    """Reads exports in threads, and hands over batches in one, as many at once as a package may hold.

    Args:
        package_bytes: A package ends after about so many bytes of JSON, and the next one goes on from there.
            None: everything is one package.
        delivery_columns: The columns of `export_syncs` that tell of an export's deliveries, by its id.
        progress: Called with the number of logs of each batch.
    """

    def __init__(
        self,
        package_bytes: int | None = None,
        delivery_columns: Callable[[str], Row] = lambda _export_id: {},
        progress: Callable[[int], None] = lambda _logs: None,
    ) -> None:
        self._package_bytes = package_bytes or math.inf
        self._delivery_columns = delivery_columns
        self._progress = progress
        self._unread: dict[str, Iterator[Batch]] = {}  # the exports that are not read to their end
        self._run: Run | None = None
        self.exports: list[Row] = []
        self.unknown: Mapping[str, str] = {}
        self.is_done = True

    @property
    def current(self) -> Run:
        """The run that is being read."""
        assert self._run is not None
        return self._run

    def close(self) -> None:
        """Give up what is not read yet."""
        self._unread.clear()
        self.is_done = True
        if self._run is not None:
            self._run.known.close()

    def begin(self, run: Run, exports: list[Row], unknown: Mapping[str, str] | None = None) -> None:
        """Plan how each export is read, and read from the destination what the plans need.

        Args:
            run: What the exports share.
            exports: Rows of `exports`, of those to be read.
            unknown: The ids that are no export's, with the reason.
        """
        self.close()
        self._run, self.exports, self.unknown = run, exports, unknown or {}
        run.known.exports_in_run = {export["id"] for export in exports}
        syncs = {export_id: ExportSync(run, export_id) for export_id in run.known.exports_in_run}
        watermarks = {export_id: sync.watermark for export_id, sync in syncs.items()}
        run.destination.read_states(run.known, watermarks, run.settings.page_size)
        self._unread = {export_id: sync.batches() for export_id, sync in syncs.items()}
        self.is_done = False

    def package(self) -> Iterator[Batch]:
        """Read on until everything is read or the package is full; `is_done` says which.

        Closing the iterator early gives up the rest.
        """
        self.is_done = True
        try:
            with closing(self._batches()) as batches:
                for batch in coalesced(batches):
                    self._progress(len(batch.export_logs))
                    yield batch
        except BaseException:
            self.close()
            raise
        if self._unread:
            self.is_done = False
        else:
            self.close()

    def sync_rows(self, batch: Batch) -> list[Row]:
        """The rows of `export_syncs`."""
        return [{**row, **self._delivery_columns(row["export_id"])} for row in batch.export_syncs]

    def _batches(self) -> Generator[Batch, None, None]:
        size = 0
        waiting: Queue[_Item] = Queue(_BATCHES_WAITING)
        stop = Event()
        with ThreadPoolExecutor(EXPORTS_AT_ONCE, thread_name_prefix="didomi-export") as pool:
            working = len([pool.submit(self._read, export_id, waiting, stop) for export_id in list(self._unread)])
            try:
                while working:
                    item = waiting.get()
                    if isinstance(item, Batch):
                        size += item.size
                        if size >= self._package_bytes:
                            stop.set()
                        yield item
                    elif item is None:
                        working -= 1
                    else:
                        raise item
            finally:  # no thread may be left waiting for a place in the queue
                stop.set()
                while working:
                    working -= waiting.get() is None

    def _read(self, export_id: str, waiting: Queue[_Item], stop: Event) -> None:
        """Read an export in a thread of its own, to its end or until it is to stop."""
        try:
            while not stop.is_set():
                batch = next(self._unread[export_id], None)
                if batch is None:
                    del self._unread[export_id]
                    return
                waiting.put(batch)
        except BaseException as error:  # noqa: BLE001 - it is raised in the pipeline's thread
            waiting.put(error)
        finally:
            waiting.put(None)
