"""What of the partitions has to be read."""

from __future__ import annotations

import logging
import math
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone

from didomi_source.errors import DeliveryError
from didomi_source.schema import Row

from .archive import Archive
from .files import FileResult, known_result
from .known import KnownDeliveries, KnownDelivery, oldest_days
from .layout import Partition, StoredFile
from .listing import Listing, list_partitions
from .outcome import DeliveryRequest
from .rows import gone_row
from .settings import DeliverySettings
from .stores import Store

logger = logging.getLogger(__name__)

_SOONER = timedelta(days=1)  # than the retention, in case days count and not hours
_KEPT_DAYS = 7  # at least, where nothing is deleted by its age


@dataclass
class Work:
    """A partition whose row is new or changes.

    Args:
        partition: As it is listed.
        known: Its row in the destination; None for a new one.
        entries: The entries of `files` in that row, by name; none where nothing is read, or all is counted again.
        results: Of its files, as far as earlier runs have them.
        to_read: The files to read in this run; `max_read_bytes` may leave others to the next.
        is_expired: It lost files by their age since it was listed last: what is left is only copied.
    """

    partition: Partition
    known: Row | None
    entries: dict[str, Row] = field(default_factory=dict)
    results: dict[str, FileResult] = field(default_factory=dict)
    to_read: list[StoredFile] = field(default_factory=list)
    is_expired: bool = False


@dataclass
class Plan:
    """What a run has to do.

    Args:
        listed_at: When the listing began.
        work: The partitions whose row is new or changes, the oldest first.
        gone: Rows of partitions that are no longer listed.
    """

    listed_at: datetime
    work: list[Work] = field(default_factory=list)
    gone: list[Row] = field(default_factory=list)

    @property
    def requests(self) -> int:
        """How many files will be asked for."""
        return sum(len(work.to_read) for work in self.work)

    @property
    def bytes(self) -> int:
        """How many bytes will be read."""
        return sum(file.bytes for work in self.work for file in work.to_read)


@dataclass(frozen=True)
class Planner:
    """Finds what a run over the deliveries has to do; without an archive nothing is copied."""

    store: Store
    archive: Archive | None
    known: KnownDeliveries
    settings: DeliverySettings
    request: DeliveryRequest

    def plan(self) -> Plan:
        """List the store and find what changed; reads no file.

        Returns:
            The plan; an empty one, with the reason in the outcome, when the store cannot be listed.
        """
        export_ids = self.request.export_ids
        plan = Plan(listed_at=datetime.now(timezone.utc))
        for export_id in export_ids or ():
            self.request.outcome.of(export_id)
        known = self.known.summaries()
        since: dict[str, date] = {}
        if not self.settings.retention_days:  # otherwise what does not matter is deleted, and costs nothing
            since = oldest_days(known, self.request.recount, plan.listed_at.date(), is_pending=self._is_pending)
        try:
            listing = list_partitions(self.store, export_ids, since)
        except DeliveryError as error:
            self.request.outcome.fail(str(error))
            return plan
        self._note(listing, plan.listed_at, export_ids, known)
        changed = [partition for partition in listing.partitions if self._has_changed(partition, known)]
        gone_ids = self._gone(listing, since, known)
        rows = self.known.rows([*(partition.delivery_id for partition in changed), *gone_ids])
        gone = [rows[delivery_id] for delivery_id in gone_ids]
        for partition in changed:
            row = rows.get(partition.delivery_id)
            is_expired = row is not None and self._is_expired(partition, row, plan.listed_at)
            if row is not None and is_expired and (self.archive is None or row["archived_at"] is not None):
                gone += [row] if row["gone_since"] is None else []  # nothing is left to do
                continue
            work = self._work_of(partition, row, is_expired=is_expired)
            is_same = row is not None and self._is_same(partition, known.get(partition.delivery_id))
            if row is None or work.to_read or not is_same or self._is_stale(partition, row):
                plan.work.append(work)
        self._leave_to_the_next_run(plan.work)
        plan.gone = [gone_row(row, plan.listed_at, self.request.run_id) for row in gone]
        return plan

    def _note(
        self, listing: Listing, listed_at: datetime, export_ids: Collection[str] | None, known: dict[str, KnownDelivery]
    ) -> None:
        outcome = self.request.outcome
        outcome.ignored_partitions = listing.ignored
        for export_id, requests in listing.requests.items():
            if export_id in outcome.exports or (export_id and export_ids is None):
                outcome.of(export_id).requests += requests
            else:
                outcome.listing_requests += requests
        seen = {partition.export_id for partition in listing.partitions}
        seen |= {delivery.export_id for delivery in known.values()}
        # It may be the wrong place, or a disk that is not mounted, and so is no evidence that anything is missing.
        asked = [one for one in known.values() if export_ids is None or one.export_id in export_ids]
        if listing.is_empty and (not known or any(self._must_be_there(one, listed_at) for one in asked)):
            logger.warning("nothing lies below %s/data/: is bucket_url the folder that holds data/?", self.store.url)
            return
        for export_id in seen if export_ids is None else export_ids:
            export = outcome.of(export_id)
            export.error = listing.errors.get(export_id)
            is_evidence = export_id in seen or export_id not in self.request.elsewhere
            export.listed_at = listed_at if is_evidence and not export.error else None

    def _must_be_there(self, delivery: KnownDelivery, listed_at: datetime) -> bool:
        """Whether a delivery is too young to be deleted by its age, or cleared away where files are kept."""
        days = self.settings.retention_days or _KEPT_DAYS
        oldest = (listed_at - timedelta(days=days) + _SOONER).date()
        return delivery.gone_since is None and delivery.delivery_date > oldest

    def _is_pending(self, delivery: KnownDelivery) -> bool:
        """Whether an earlier run left something of a partition to do."""
        if delivery.needs_retry or self.archive is None or not delivery.is_complete:
            return delivery.needs_retry
        is_copied = delivery.archived_at is not None or delivery.error is not None  # of a corrupt file there is no copy
        return not (is_copied and self.archive.holds(delivery.archived_to))

    def _has_changed(self, partition: Partition, known: dict[str, KnownDelivery]) -> bool:
        delivery = known.get(partition.delivery_id)
        return not self._is_same(partition, delivery) or (delivery is not None and self._is_pending(delivery))

    def _is_same(self, partition: Partition, known: KnownDelivery | None) -> bool:
        """Whether the listing shows what it did, and nobody doubts that."""
        if known is None or partition.delivery_date in self.request.recount:
            return False
        return known.listing_hash == partition.listing_hash and known.gone_since is None

    def _is_stale(self, partition: Partition, row: Row) -> bool:
        """Whether nothing has to be read, and the row says otherwise: the archive was changed, or is no longer set."""
        place = self.archive.place_of(partition) if self.archive else row["archived_to"]
        return partition.is_complete and (row["needs_retry"] or row["archived_to"] != place)

    def _gone(self, listing: Listing, since: dict[str, date], known: dict[str, KnownDelivery]) -> list[str]:
        """The known partitions that a good listing no longer shows."""
        listed = {partition.delivery_id for partition in listing.partitions}
        good = {name for name, export in self.request.outcome.exports.items() if export.listed_at}
        return [
            delivery.delivery_id
            for delivery in known.values()
            if delivery.gone_since is None
            and delivery.export_id in good
            and delivery.delivery_id not in listed
            and delivery.delivery_date >= since.get(delivery.export_id, date.min)
        ]

    def _is_expired(self, partition: Partition, known: Row, listed_at: datetime) -> bool:
        """Whether a partition lost files by their age, one after the other, since it was listed last."""
        days = self.settings.retention_days
        if not days or known["first_modified_at"] is None:
            return False
        has_expired = known["file_count"] > len(known["files"])  # what was counted stays, and files are those left
        before = {(file["name"], file["etag"]) for file in known["files"]}
        listed = {(partition.name_of(file), file.etag) for file in partition.files}
        lost_success = known["is_complete"] and not partition.is_complete
        is_less = listed < before or (listed == before and (has_expired or lost_success))
        return is_less and listed_at - known["first_modified_at"] > timedelta(days=days) - _SOONER

    def _leave_to_the_next_run(self, work: list[Work]) -> None:
        """Read no more than `max_read_bytes`: of new files first, the oldest day first."""
        room = self.settings.max_read_bytes or math.inf
        is_first = True
        wanted = [(made, file) for made in work for file in made.to_read]
        for made, file in sorted(wanted, key=lambda pair: self._attempts(*pair)):
            room -= file.bytes
            if room < 0 and not is_first:  # a file that is larger than the limit is read too
                self.request.outcome.bytes_left += file.bytes
                made.to_read.remove(file)
                result = self._left(made, file)
                made.results[result.name] = result
            is_first = False

    def _attempts(self, work: Work, file: StoredFile) -> int:
        """0 for a file that no run has tried, 1 for one that could not be read, 2 for one that is only to be copied."""
        if self._counted_before(work, file) is not None:
            return 2
        entry = work.entries.get(work.partition.name_of(file))
        return int(entry is not None and entry["error"] is not None and entry["etag"] == file.etag)

    def _left(self, work: Work, file: StoredFile) -> FileResult:
        """What the row says of a file that is left to the next run: its count or flaw, or why it could not be read."""
        counted = self._counted_before(work, file)
        if counted is not None and counted.records is None:
            return counted
        if counted is not None:
            return replace(counted, sha256=None, error=None, explanation=None, is_open=True)
        name = work.partition.name_of(file)
        error = work.entries[name]["error"] if self._attempts(work, file) else None
        explanation = "it could not be read, and is tried again" if error else None
        return FileResult(name, file.bytes, file.etag, error=error, explanation=explanation, is_open=True)

    def _counted_before(self, work: Work, file: StoredFile) -> FileResult | None:
        """What an earlier run counted, be it copied or not."""
        name = work.partition.name_of(file)
        return known_result(name, file, work.entries.get(name), must_be_kept=False)

    def _work_of(self, partition: Partition, known: Row | None, *, is_expired: bool) -> Work:
        made = Work(partition, known, is_expired=is_expired)
        if not partition.is_complete:
            return made
        if known is not None and partition.delivery_date not in self.request.recount:
            made.entries = {entry["name"]: entry for entry in known["files"]}
        is_elsewhere = known is not None and self.archive and known["archived_to"] != self.archive.place_of(partition)
        for file in partition.files:
            name = partition.name_of(file)
            entry = None if is_elsewhere else made.entries.get(name)
            found = known_result(name, file, entry, must_be_kept=self.archive is not None)
            if found is None:
                made.to_read.append(file)
            else:
                made.results[name] = found
        return made
