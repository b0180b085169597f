"""The reading of what is planned, files side by side."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from threading import Event

from didomi_source.schema import Row

from .files import UNREADABLE, FileResult, read_file
from .layout import StoredFile
from .planning import Plan, Planner, Work
from .rows import delivery_row, expired_row
from .stores import StoreRefused

_GIVEN_UP = "not read, as the store refused one file after the other"


class DeliveryReader:
    """One run over the deliveries; without an archive nothing is copied.

    Args:
        planner: Has the store, the archive, the settings and the request of the run.
    """

    def __init__(self, planner: Planner) -> None:
        self._store, self._archive = planner.store, planner.archive
        self._settings, self._request = planner.settings, planner.request
        self._outcome = planner.request.outcome
        self._stop = Event()
        self._refusals = 0

    def rows(self, plan: Plan) -> Iterator[Row]:
        """Read what the plan says, files side by side.

        Yields:
            Rows of `export_deliveries`, each as soon as all files of the partition are read.
        """
        for row in plan.gone:
            self._outcome.of(row["export_id"]).changed += 1
            yield row
        pool = ThreadPoolExecutor(self._settings.threads, thread_name_prefix="delivery")
        try:
            begun = [(work, [pool.submit(self._read, work, file) for file in work.to_read]) for work in plan.work]
            for work, futures in begun:
                yield self._finished(work, futures, plan.listed_at)
        finally:
            self._stop.set()
            pool.shutdown(cancel_futures=True)
            if self._archive is not None and self._archive.error:
                self._outcome.fail(self._archive.error)

    def _read(self, work: Work, file: StoredFile) -> FileResult:
        name = work.partition.name_of(file)
        if self._refusals >= self._settings.threads:  # it would only be refused again, each time after all its retries
            return FileResult(name, file.bytes, file.etag, error=UNREADABLE, explanation=_GIVEN_UP, is_open=True)
        result = read_file(self._store, name, file, self._archive, self._check)
        self._refusals = self._refusals + 1 if result.error == UNREADABLE else 0
        return result

    def _check(self) -> None:
        if self._stop.is_set():
            raise StoreRefused("the run was ended")

    def _finished(self, work: Work, futures: list[Future[FileResult]], listed_at: datetime) -> Row:
        partition = work.partition
        export = self._outcome.of(partition.export_id)
        for future in futures:
            result = future.result()
            work.results[result.name] = result
            if result.explanation != _GIVEN_UP:
                export.requests += 1
                export.bytes_read += result.bytes
            if result.error == UNREADABLE:
                export.error = export.error or result.explanation
        export.changed += 1
        if not partition.is_complete:
            results = [FileResult(partition.name_of(file), file.bytes, file.etag) for file in partition.files]
        else:
            results = [self._result_of(work, file) for file in partition.files]
        row = delivery_row(partition, work.known, results, self._archive, listed_at, self._request.run_id)
        return expired_row(row, work.known) if work.is_expired and work.known else row

    def _result_of(self, work: Work, file: StoredFile) -> FileResult:
        name = work.partition.name_of(file)
        return work.results.get(name) or FileResult(name, file.bytes, file.etag, is_open=True)
