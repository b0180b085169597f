"""How the logs of one export are brought up to date: what to read, what of it is new, what it amounts to."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from didomi_source import values
from didomi_source.api.client import DidomiClient, Direction
from didomi_source.errors import DidomiError, ProtocolError
from didomi_source.schema import Row
from didomi_source.settings import Settings

from .fields import ExtraColumns
from .known import Known, KnownExport, latest_credible
from .logs import (
    HistoryRow,
    LogRow,
    Rows,
    Stamp,
    belongs_to,
    fingerprint,
    history_of,
    is_settled,
    log_rows,
    problem,
    read_items,
)
from .marks import Mark, Names
from .pages import Entry, Page
from .paging import ListReader, Sort

logger = logging.getLogger(__name__)

BATCH_ROWS = 2_500
BATCH_BYTES = 2**20
# Why an incremental read came to take the whole list.
_WHOLE_READ_REASONS = {
    Sort.NOT_NEEDED: "the whole list came at once",
    Sort.IGNORED: "$sort is ignored",
    Sort.REJECTED: "$sort is rejected",
    Sort.HONOURED: "no log is older than an incremental read goes",
}
_UNSEEN_REASON = "the API has more logs than an incremental read shows"


@dataclass(frozen=True)
class Request:
    """What a run asks for, and its name.

    Args:
        run_id: Names the run in every table.
        full: Read the whole list of every export.
        created_from: With `created_to`: only logs created in this range, both ends included; nothing
            else is touched (a backfill).
        created_to: See `created_from`.
        package_bytes: Stop after about so many bytes of JSON, and fill `unfinished`; the next load of the same
            source goes on from there. None: everything comes in one load.
        unfinished: The exports that were not read to their end.
    """

    run_id: str
    full: bool = False
    created_from: datetime | None = None
    created_to: datetime | None = None
    package_bytes: int | None = None
    unfinished: set[str] = field(default_factory=set)

    @property
    def is_backfill(self) -> bool:
        """Whether a range was asked for."""
        return self.created_from is not None or self.created_to is not None

    def covers(self, created_at: datetime | None) -> bool:
        """Whether a log created then is asked for."""
        return not self.is_backfill or (
            created_at is not None
            and (self.created_from is None or created_at >= self.created_from)
            and (self.created_to is None or created_at <= self.created_to)
        )


class Plan(NamedTuple):
    """How far to read: to the logs created before `until`, or everything."""

    mode: str
    reason: str
    until: datetime | None


@dataclass
class Batch:
    """Rows for each table, as one step of a sync found them."""

    export_logs: Rows[LogRow] = field(default_factory=lambda: Rows(LogRow))
    export_log_history: Rows[HistoryRow] = field(default_factory=lambda: Rows(HistoryRow))
    export_log_quarantine: list[Row] = field(default_factory=list)
    export_syncs: list[Row] = field(default_factory=list)
    # Logs known already, with the time since when they are missing at the source; None: back again.
    missing_since: dict[str, datetime | None] = field(default_factory=dict)
    size: int = 0  # bytes of JSON, about
    closes: int = 0  # for the last one of its export in a load: how many there were, itself included

    @property
    def is_full(self) -> bool:
        """Whether it is time to hand it over."""
        rows = len(self.export_logs) + len(self.export_log_quarantine)
        return rows >= BATCH_ROWS or self.size >= BATCH_BYTES


def plan(known: KnownExport, settings: Settings, request: Request, now: datetime) -> Plan:
    """Decide how much of an export's list has to be read.

    The watermark is the smaller of the newest log known (by the last complete read, and by the
    destination itself) less the lookback, and the oldest log that is not settled yet.
    """
    if request.is_backfill:
        return Plan("backfill", "asked for", request.created_from)
    reason = _reason_for_full(known, settings, request, now)
    if reason is None and known.newest_created_at and known.complete_newest_created_at:
        newest = min(known.newest_created_at, known.complete_newest_created_at)
        until = newest - timedelta(days=settings.lookback_days)
        if known.oldest_open_created_at is not None:
            until = min(until, known.oldest_open_created_at)
        return Plan("incremental", f"logs since {until:%Y-%m-%d %H:%M} UTC", until)
    return Plan("full", reason or "no log with a time is known", None)


def _reason_for_full(known: KnownExport, settings: Settings, request: Request, now: datetime) -> str | None:
    if request.full:
        return "asked for"
    if known.complete_logs_known is None:
        return "first complete read"
    if known.count < known.complete_logs_known:
        return f"the destination holds {known.count} of {known.complete_logs_known} logs"
    if known.has_logs_without_time:
        return "logs without a time"
    every = timedelta(days=settings.full_read_every_days)
    if known.full_read_at is None or now - known.full_read_at >= every:
        return f"every {settings.full_read_every_days:g} days"
    return None


class ExportSync:
    """Brings the logs of one export up to date.

    Args:
        client: Where pages come from.
        settings: Page size, lookback, how often to read everything.
        request: What this run asks for.
        export_id: The export.
        known: What the destination holds.
        extra: The columns of further fields, shared by all exports.
    """

    def __init__(
        self,
        client: DidomiClient,
        settings: Settings,
        request: Request,
        export_id: str,
        known: Known,
        extra: ExtraColumns,
    ) -> None:
        self._client = client
        self._settings = settings
        self._request = request
        self._export_id = export_id
        self._known = known.export(export_id)
        self._all_known = known
        self._extra = extra
        self._reader = ListReader(self._fetch, settings.page_size)
        self._marks = self._known.marks
        self._new = self._changed = 0  # of the logs that this run writes
        self._open: set[str] = set()
        self._bad: set[str] = set()
        self._useless: str | None = None  # why a log of this export cannot be used
        self._foreign: set[str] = set()
        self._flagged: set[str] = set()
        self._newest = self._known.newest_created_at
        self._latest = latest_credible()
        self._read_at = _now()  # when the page arrived that is being looked at
        self._requests = self._received = self._sequence = 0
        self._is_suspicious = False  # whether an incremental read was made a whole one

    def batches(self) -> Iterator[Batch]:
        """Read what the plan says, and tell in the end what came of it.

        Yields:
            Batches of a few thousand logs; the last one holds the row of `export_syncs`. An error of
            the API ends the reading, not the run: it stands in that row.
        """
        with closing(self._marks):
            yield from self._batches()

    def _batches(self) -> Iterator[Batch]:
        started_at = _now()
        chosen = plan(self._known, self._settings, self._request, started_at)
        error: str | None = None
        missing: list[str] = []
        batch = Batch()
        try:
            for entries in self._entries(chosen):
                self._take(entries, batch)
                if batch.is_full:
                    yield batch
                    batch = Batch()
            self._check_use()
        except DidomiError as failure:
            error = str(failure)
            logger.error("export %s: %s", self._export_id, error)  # noqa: TRY400 - its message says it all
        if error is None and self._reader.is_whole and not self._request.is_backfill:
            missing = self._missing(self._reader.seen)
            batch.missing_since.update(dict.fromkeys(missing, started_at))
        sync = self._sync_row(chosen, error, len(missing))
        batch.export_syncs = [{**sync, "started_at": started_at, "finished_at": _now()}]
        yield batch

    def _entries(self, chosen: Plan) -> Iterator[list[Entry]]:
        yield from self._reader.read(chosen.until)
        if chosen.mode == "incremental" and not self._reader.is_whole and self._has_unseen():
            self._reader = ListReader(self._fetch, self._settings.page_size)
            self._is_suspicious = True
            yield from self._reader.read()

    def _has_unseen(self) -> bool:
        """Whether the API counts more new logs since the last complete read than have come to be known."""
        total, known = self._reader.total, self._known
        if total is None or known.complete_total is None or known.complete_logs_known is None:
            return False
        return total - known.complete_total > known.count + self._new - known.complete_logs_known

    def _fetch(self, skip: int, limit: int, direction: Direction | None) -> Page:
        self._requests += 1
        items, total = self._client.logs_page(self._export_id, skip, limit, direction)
        return Page(read_items(items, self._export_id), total)

    def _take(self, entries: Sequence[Entry], batch: Batch) -> None:
        self._received += len(entries)
        self._read_at = _now()
        takes_all = not self._request.is_backfill
        usable = []
        for entry in entries:
            if not entry.is_readable:
                self._take_bad(entry, batch)
            elif takes_all or self._request.covers(entry.created_at):
                usable.append(entry)
        first: dict[str, Entry] = {}
        for entry in usable:
            first.setdefault(entry.name, entry)
        claim = self._all_known.owners.claim(first, self._export_id, len(self._marks))
        if claim.new:
            self._take_new([first[name] for name in claim.new], batch)
        if unmarked := [name for name, place in claim.places.items() if place is None]:
            self._all_known.read_marks(self._export_id, unmarked)
        new = set(claim.new)
        for entry in usable:
            if entry.name in claim.taken:
                self._useless = f"has the id of a log of export {claim.taken[entry.name]}"
                self._set_aside(entry, self._useless, batch)
            elif entry.name not in new or entry is not first[entry.name]:
                self._take_again(entry, claim.places[entry.name], batch)

    def _take_bad(self, entry: Entry, batch: Batch) -> None:
        owner = belongs_to(entry.item)
        if owner != self._export_id and owner in self._all_known.reading:  # export_id is ignored: it is read there
            self._foreign.add(entry.name)
            return
        self._useless = self._useless or problem(entry.item, owner or self._export_id)
        self._set_aside(entry, problem(entry.item, self._export_id), batch)

    def _set_aside(self, entry: Entry, reason: str | None, batch: Batch) -> None:
        self._bad.add(entry.name)
        name = fingerprint(entry.item, self._export_id)
        if name in self._all_known.quarantined:
            return
        self._all_known.quarantined.add(name)
        raw = values.ascii_json(entry.item)
        batch.size += len(raw)
        batch.export_log_quarantine.append(
            {
                "fingerprint": name,
                "export_id": self._export_id,
                "organization_id": self._settings.organization_id,
                "reason": reason,
                "raw_log": raw,
                "run_id": self._request.run_id,
                "quarantined_at": _now(),
            }
        )

    def _check_use(self) -> None:
        """Refuse a list of which not one log can be used: then the form has changed, not one log gone bad."""
        if self._useless and not self._usable:
            msg = f"none of {len(self._bad)} logs can be used, one {self._useless}: look into export_log_quarantine"
            raise ProtocolError(msg)

    @property
    def _usable(self) -> int:
        """How many different logs were received, but for those that are set aside or passed over."""
        seen = self._reader.seen
        return len(seen) - sum(name in seen for name in self._bad | self._foreign)

    def _take_new(self, entries: Sequence[Entry], batch: Batch) -> None:
        """Take logs that are not known and were not received before, each once."""
        texts = values.canonicals([entry.item for entry in entries])
        rows = log_rows(entries, texts, self._export_id, self._extra, self._stamp())
        log_ids = rows["id"]
        remembered = self._all_known.remembered
        sequences = [None if log_id in remembered else 1 for log_id in log_ids]
        history = history_of(rows, self._settings.organization_id, sequences)
        are_settled = list(map(is_settled, rows["status"]))
        self._open.update(log_id for log_id, settled in zip(log_ids, are_settled, strict=True) if not settled)
        self._note(rows)
        batch.export_logs.extend(rows)
        batch.export_log_history.extend(history)
        batch.size += sum(map(len, texts))
        self._new += len(rows)
        self._marks.extend(
            log_ids, rows["content_hash"], history["version_id"], are_settled, rows["updated_at"], sequences
        )

    def _take_again(self, entry: Entry, place: int | None, batch: Batch) -> None:
        """Take a log that is known, or was received before."""
        log_id, text = entry.name, values.canonical(entry.item)
        if place is None:
            place = self._all_known.add_mark(log_id, self._export_id, Mark(is_known=True))
        before = self._marks[place]
        if before.content_hash == values.digest(text) and not before.is_missing:
            self._note_open(log_id, is_settled=before.is_settled)
            return
        rows = log_rows([entry], [text], self._export_id, self._extra, self._stamp())
        (row,) = rows
        if not row.replaces(before, self._latest):
            self._note_open(log_id, is_settled=before.is_settled)
            if before.is_missing:
                batch.missing_since[log_id] = None
            return
        self._note_open(log_id, is_settled=row.is_settled)
        self._note(rows)
        batch.export_logs.append(row)
        batch.size += len(text)
        is_new = not before.is_known and log_id not in self._all_known.remembered
        sequence = 1 + (before.sequence or 0) if is_new else None
        (state,) = history_of(rows, self._settings.organization_id, [sequence])
        if before.version_id == state.version_id:
            sequence = before.sequence
        else:
            batch.export_log_history.append(state)
        self._changed += not before.is_written
        self._marks[place] = Mark(
            row.content_hash,
            state.version_id,
            row.is_settled,
            is_known=before.is_known,
            is_written=True,
            updated_at=row.updated_at,
            sequence=sequence,
        )

    def _stamp(self) -> Stamp:
        return self._request.run_id, self._read_at, self._sequence + 1

    def _note(self, rows: Rows[LogRow]) -> None:
        self._sequence = rows["read_sequence"][-1]
        self._flagged.update(log_id for log_id, flags in zip(rows["id"], rows["flags"], strict=True) if flags)
        times = [at for at in (self._newest, *rows["created_at"]) if at and at <= self._latest]
        self._newest = max(times, default=None)

    def _note_open(self, log_id: str, *, is_settled: bool) -> None:
        if is_settled:
            self._open.discard(log_id)
        else:
            self._open.add(log_id)

    def _missing(self, seen: Names) -> list[str]:
        if not self._known.count:
            return []
        self._all_known.read_marks(self._export_id)
        marks = self._marks.items()
        return [log_id for log_id, mark in marks if mark.is_known and not mark.is_missing and log_id not in seen]

    def _sync_row(self, chosen: Plan, error: str | None, missing: int) -> Row:
        new, reader = self._new, self._reader
        mode, reason = chosen.mode, chosen.reason
        if mode == "incremental" and reader.is_whole:
            mode, reason = "full", _UNSEEN_REASON if self._is_suspicious else _WHOLE_READ_REASONS[reader.sort]
        return {
            "sync_id": values.digest(self._request.run_id, self._export_id),
            "run_id": self._request.run_id,
            "export_id": self._export_id,
            "organization_id": self._settings.organization_id,
            "mode": mode,
            "mode_reason": reason,
            "sort": reader.sort.value,
            "requests": self._requests,
            "api_total": reader.total,
            "rows_received": self._received,
            "distinct_ids": self._usable,
            "logs_new": new,
            "logs_changed": self._changed,
            "logs_pending": len(self._open),
            "logs_flagged": len(self._flagged),
            "logs_quarantined": len(self._bad),
            "logs_missing": missing,
            "logs_known": self._known.count + new,
            "newest_created_at": self._newest,
            "is_complete": error is None,
            "error": error,
        }


def _now() -> datetime:
    return datetime.now(timezone.utc)
