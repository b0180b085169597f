"""How the logs of one export are brought up to date: what is requested, what of it is new, what it amounts to."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone

from didomi_source import values
from didomi_source.api.client import Direction
from didomi_source.errors import DidomiError, ProtocolError
from didomi_source.schema import Row

from .destination import KnownExport, latest_credible
from .logs import belongs_to, fingerprint, log_rows, problem, read_items
from .pages import Entry, Page
from .paging import ListReader, Sort
from .plan import Plan, plan
from .rows import Batch, LogRow, ReadContext, Rows, history_of, is_settled
from .run import Run
from .state import LogState
from .tally import Tally

logger = logging.getLogger(__name__)

# Why an incremental read turned into a read of the whole list.
_WHOLE_READ_REASONS = {
    Sort.NOT_NEEDED: "the whole list came at once",
    Sort.IGNORED: "$sort is ignored",
    Sort.REJECTED: "$sort is rejected",
    Sort.HONOURED: "no log is older than an incremental read goes",
}
_UNSEEN_REASON = "the API has more logs than an incremental read shows"


class ExportSync:
    """Brings the logs of one export up to date."""

    def __init__(self, run: Run, export_id: str) -> None:
        self._run = run
        self._export_id = export_id
        self._plan = plan(self._known, run.settings, run.request, _now())
        self._reader = self._new_reader()
        self._tally = Tally(self._known.newest_created_at)
        self._next = ReadContext(run.request.run_id, _now(), 1)  # of the next row

    @property
    def _known(self) -> KnownExport:
        return self._run.known.export(self._export_id)

    @property
    def watermark(self) -> datetime | None:
        """Down to when the list will be read, if `$sort` is honoured as it was last time; None: all of it."""
        return self._plan.until if self._known.sort == Sort.HONOURED.value else None

    def batches(self) -> Iterator[Batch]:
        """Read what the plan says, and count it.

        Yields:
            Batches of a few thousand logs; the last one holds the row of `export_syncs`. An error of
            the API ends the reading, not the run: that row has it.
        """
        started_at = _now()
        error: str | None = None
        missing: list[str] = []
        batch = Batch()
        try:
            for entries in self._entries():
                self._take(entries, batch)
                if batch.is_full:
                    yield batch
                    batch = Batch()
            self._check_use()
            missing = self._missing()
        except DidomiError as failure:
            error = str(failure)
            logger.error("export %s: %s", self._export_id, error)  # noqa: TRY400 - its message says it all
        batch.missing_since.update(dict.fromkeys(missing, started_at))
        times = {"started_at": started_at, "finished_at": _now()}
        batch.export_syncs = [{**self._sync_row(error), **times, "logs_missing": len(missing)}]
        yield batch

    def _new_reader(self) -> ListReader:
        return ListReader(self._fetch, self._run.settings.page_size, self._run.known.logs.database)

    def _fetch(self, skip: int, limit: int, direction: Direction | None) -> Page:
        self._tally.requests += 1
        items, total = self._run.client.logs_page(self._export_id, skip, limit, direction)
        return Page(read_items(items, self._export_id), total)

    def _entries(self) -> Iterator[list[Entry]]:
        yield from self._reader.read(self._plan.until)
        if self._plan.mode == "incremental" and not self._reader.is_whole and self._has_unseen():
            self._reader = self._new_reader()
            self._tally.unusable.clear()
            yield from self._reader.read()
            self._plan = Plan("full", _UNSEEN_REASON, None)

    def _has_unseen(self) -> bool:
        """Whether the API counts more new logs since the last complete read than this run has found."""
        total, known = self._reader.total, self._known
        if total is None or known.complete_total is None or known.complete_logs_known is None:
            return False
        return total - known.complete_total > known.count + self._tally.logs_new - known.complete_logs_known

    def _take(self, entries: Sequence[Entry], batch: Batch) -> None:
        self._tally.rows_received += len(entries)
        self._next = self._next._replace(read_at=_now())
        usable = [entry for entry in entries if self._is_usable(entry, batch)]
        first: dict[str, Entry] = {}
        for entry in usable:
            first.setdefault(entry.name, entry)
        found = self._run.known.logs.partition(first, self._export_id)
        if found.new:
            self._take_new([first[log_id] for log_id in found.new], batch)
        if unread := [log_id for log_id, state in found.own.items() if state is None]:
            self._run.known.read_states(self._export_id, unread)
        new = set(found.new)
        for entry in usable:
            if entry.name in found.taken:
                self._tally.unusable_reason = f"has the id of a log of export {found.taken[entry.name]}"
                self._quarantine(entry, self._tally.unusable_reason, batch)
            elif entry.name not in new or entry is not first[entry.name]:
                self._take_again(entry, found.own.pop(entry.name, None), batch)

    def _is_usable(self, entry: Entry, batch: Batch) -> bool:
        """Whether an item is a log that the run asks for; what is no log of this export is quarantined."""
        if entry.is_readable:
            return self._run.request.covers(entry.created_at)
        owner = belongs_to(entry.item)
        if owner != self._export_id and owner in self._run.known.exports_in_run:  # the server ignores export_id
            self._tally.unusable.add(entry.name)
        else:
            self._tally.unusable_reason = self._tally.unusable_reason or problem(entry.item, owner or self._export_id)
            self._quarantine(entry, problem(entry.item, self._export_id), batch)
        return False

    def _quarantine(self, entry: Entry, reason: str | None, batch: Batch) -> None:
        self._tally.quarantined.add(entry.name)
        self._tally.unusable.add(entry.name)
        name = fingerprint(entry.item, self._export_id)
        if name in self._run.known.quarantined:
            return
        self._run.known.quarantined.add(name)
        raw = values.ascii_json(entry.item)
        batch.size += len(raw)
        batch.export_log_quarantine.append(
            {
                "fingerprint": name,
                "export_id": self._export_id,
                "organization_id": self._run.settings.organization_id,
                "reason": reason,
                "raw_log": raw,
                "run_id": self._run.request.run_id,
                "quarantined_at": _now(),
            }
        )

    def _check_use(self) -> None:
        """Refuse a list of which not one log can be used: then the form of the logs has changed."""
        tally = self._tally
        if tally.unusable_reason and len(self._reader.seen) == len(tally.unusable):
            raise ProtocolError(
                f"none of {len(tally.quarantined)} logs can be used, one {tally.unusable_reason}: "
                "look into export_log_quarantine"
            )

    def _take_new(self, entries: Sequence[Entry], batch: Batch) -> None:
        """Write logs that are not known and were not received before, each once."""
        texts = values.canonicals([entry.item for entry in entries])
        rows = log_rows(entries, texts, self._export_id, self._run.extra, self._next)
        log_ids, history_only = rows["id"], self._run.known.history_only_ids
        sequences = [None if log_id in history_only else 1 for log_id in log_ids]
        history = history_of(rows, self._run.settings.organization_id, sequences)
        self._tally.found_new(rows)
        self._write(rows, batch)
        batch.export_log_history.extend(history)
        settled = map(is_settled, rows["status"])
        columns = (log_ids, rows["content_hash"], history["version_id"], settled, rows["updated_at"], sequences)
        self._run.known.logs.add_written(self._export_id, zip(*columns, strict=True))

    def _take_again(self, entry: Entry, known: LogState | None, batch: Batch) -> None:
        """Write a log that is known or was received before, if that brings something new."""
        log_id, text = entry.name, values.canonical(entry.item)
        known = known or self._run.known.logs[log_id] or LogState(is_known=True)
        if known.shows(values.digest(text)):  # most logs: no row is needed to decide that
            self._tally.found(log_id, is_settled=known.is_settled)
            return
        rows = log_rows([entry], [text], self._export_id, self._run.extra, self._next)
        (row,) = rows
        is_newer = row.replaces(known, latest_credible())
        self._tally.found(log_id, is_settled=(row if is_newer else known).is_settled)
        if is_newer:
            self._replace(known, rows, batch)
        elif known.is_missing:  # it is back
            batch.missing_since[log_id] = None

    def _replace(self, known: LogState, rows: Rows[LogRow], batch: Batch) -> None:
        (row,) = rows
        is_history_known = known.is_known or row.id in self._run.known.history_only_ids
        sequence = None if is_history_known else 1 + (known.sequence or 0)
        (version,) = history_of(rows, self._run.settings.organization_id, [sequence])
        if known.version_id == version.version_id:
            sequence = known.sequence
        else:
            batch.export_log_history.append(version)
        self._tally.logs_changed += not known.is_written
        self._write(rows, batch)
        self._run.known.logs[row.id] = LogState(
            row.content_hash,
            version.version_id,
            row.is_settled,
            is_known=known.is_known,
            is_written=True,
            updated_at=row.updated_at,
            sequence=sequence,
        )

    def _write(self, rows: Rows[LogRow], batch: Batch) -> None:
        batch.export_logs.extend(rows)
        batch.size += sum(map(len, rows["raw_log"]))
        self._tally.wrote(rows, latest_credible())
        self._next = self._next.after(len(rows))

    def _missing(self) -> list[str]:
        """The known logs that the API no longer has: those that a read of the whole list did not show."""
        if not self._reader.is_whole or self._run.request.is_backfill or not self._known.count:
            return []
        self._run.known.read_states(self._export_id)
        return self._run.known.logs.missing(self._export_id, self._reader.seen)

    def _sync_row(self, error: str | None) -> Row:
        run, reader = self._run, self._reader
        mode, reason = self._plan.mode, self._plan.reason
        if mode == "incremental" and reader.is_whole:
            mode, reason = "full", _WHOLE_READ_REASONS[reader.sort]
        return {
            "sync_id": values.digest(run.request.run_id, self._export_id),
            "run_id": run.request.run_id,
            "export_id": self._export_id,
            "organization_id": run.settings.organization_id,
            "mode": mode,
            "mode_reason": reason,
            "sort": reader.sort.value,
            "api_total": reader.total,
            **self._tally.as_row(self._known.count, len(reader.seen)),
            "is_complete": error is None,
            "error": error,
        }


def _now() -> datetime:
    return datetime.now(timezone.utc)
