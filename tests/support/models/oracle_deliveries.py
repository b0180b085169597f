"""What `didomi__deliveries` must hold, computed in plain Python: partition by partition and day by day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from support.models.oracle_times import naive

if TYPE_CHECKING:
    from support.models.oracle import Export, Run

Row = dict[str, Any]

DAY = timedelta(days=1)
WRONG = ("unreadable", "corrupt", "missing", "no_success", "short", "more")
UNDECIDED = ("arriving", "not_checked", "not_comparable", "unannounced", "unclaimed")


@dataclass
class Claim:
    """The timed runs of one export and UTC day."""

    runs: list[Run] = field(default_factory=list)

    def count(self, status: str) -> int:
        return sum(run.status == status for run in self.runs)

    @property
    def last(self) -> Run | None:
        completed = [run for run in self.runs if run.status == "completed"]
        return max(completed, key=lambda run: run.run_number) if completed else None

    @property
    def users(self) -> int | None:
        return self.last.users if self.last and (self.last.users or 0) >= 0 else None

    @property
    def total(self) -> float | None:
        claims = [run.users for run in self.runs if run.status == "completed"]
        users = [claim for claim in claims if claim is not None and claim >= 0]
        return float(sum(users)) if users else None

    @property
    def settled_at(self) -> datetime | None:
        return max(
            (run.settled_at or run.first_seen_at for run in self.runs if run.status == "completed"), default=None
        )

    @property
    def ended_at(self) -> datetime | None:
        return max((run.settled_at or run.run_at for run in self.runs if run.status == "completed"), default=None)

    @property
    def has_failed(self) -> bool:
        return bool(self.runs) and self.count("failed") == len(self.runs)


class Deliveries:
    """All deliveries of all exports.

    Args:
        raw: The raw tables.
        exports: The exports with their runs in order.
        as_of: Now.
        variables: The variables of the models.
    """

    def __init__(
        self,
        raw: Mapping[str, Iterable[Mapping[str, Any]]],
        exports: Mapping[str, Export],
        as_of: datetime,
        variables: Mapping[str, Any],
    ) -> None:
        self.as_of = as_of
        self.grace = timedelta(hours=variables["didomi_delivery_grace_hours"])
        self.retention = variables.get("didomi_delivery_retention_days")
        self.is_comparable = variables["didomi_deliveries_comparable"]
        self.syncs: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for sync in raw.get("export_syncs", []):
            self.syncs[sync["export_id"]].append(sync)
        newest: dict[tuple[str, date, str], Mapping[str, Any]] = {}
        for row in raw.get("export_deliveries", []):
            key = (row["export_id"], row["delivery_date"], row["data_kind"])
            if key not in newest or row["extracted_at"] > newest[key]["extracted_at"]:
                newest[key] = row
        partitions: dict[str, dict[date, dict[str, Mapping[str, Any]]]] = defaultdict(lambda: defaultdict(dict))
        for (export_id, day, kind), row in newest.items():
            if not self._was_removed(exports.get(export_id), row):
                partitions[export_id][day][kind] = row
        self.rows: dict[str, list[Row]] = {
            export_id: list(self._of_export(export_id, exports.get(export_id), partitions[export_id]))
            for export_id in {*exports, *partitions}
        }

    # ------------------------------------------------------------------------------------ one export

    def _of_export(
        self, export_id: str, export: Export | None, partitions: Mapping[date, Mapping[str, Mapping[str, Any]]]
    ) -> Iterator[Row]:
        claims = self._claims(export, partitions)
        matches: list[int | None] = []
        for day in sorted({*partitions, *claims}):
            claim = claims.get(day, Claim())
            kinds = partitions.get(day, {})
            for kind in sorted(kinds):
                yield self._delivered(export_id, export, claim, kinds, kind, matches)
            if export and claim.last and self._is_undelivered(export, claim, kinds):
                yield from self._not_delivered(
                    export,
                    day,
                    claim,
                    is_first=not any(other < day for other in partitions),
                    what=", files of another kind only" if kinds else ", no files",
                )

    @staticmethod
    def _claims(export: Export | None, partitions: Mapping[date, Any]) -> dict[date, Claim]:
        """By the day they ran, or the next one where that has a delivery and no run."""
        by_day: dict[date, Claim] = defaultdict(Claim)
        for run in export.runs if export else []:
            by_day[run.run_at.date()].runs.append(run)
        return {
            day + DAY if day not in partitions and day + DAY in partitions and day + DAY not in by_day else day: claim
            for day, claim in by_day.items()
        }

    @staticmethod
    def _expected_kind(export: Export | None) -> str:
        known = export.configuration if export else {}
        is_configured = known.get("name") is not None or known.get("type_id") is not None
        return "cmp_hourly_metrics" if is_configured and known.get("properties__data") is None else "users"

    @staticmethod
    def _is_undelivered(export: Export, claim: Claim, kinds: Iterable[str]) -> bool:
        """Nothing lies there, or not the users that the log of a batch export claims."""
        has_claim = '"users"' in str(export.configuration.get("properties__data")) and bool(claim.users)
        return not kinds or (has_claim and not {"users", "unknown"} & set(kinds))

    def _expiry(self, export: Export | None, since: datetime | None) -> datetime | None:
        if since is None or export is None:
            return None
        days = 0 if "gcp" in (export.configuration.get("type_id") or "") else 7
        days = days if self.retention is None else self.retention
        return since + days * DAY if days else None

    def _was_removed(self, export: Export | None, row: Mapping[str, Any]) -> bool:
        """Before it was complete, and not by its age."""
        gone_since = naive(row.get("gone_since"))
        if gone_since is None or row.get("is_complete"):
            return False
        expires_at = self._expiry(export, self._came_at(row))
        return expires_at is None or gone_since < expires_at - DAY

    # ------------------------------------------------------------------------------------ rows

    def _row(self, export_id: str, export: Export | None, day: date, kind: str, claim: Claim, **values: Any) -> Row:
        row = {
            "export_id": export_id,
            "organization_id": export.organization_id if export else None,
            "delivery_date": day,
            "data_kind": kind,
            "log_id": claim.last.log_id if claim.last else None,
            **{f"runs_{status}": claim.count(status) for status in ("completed", "failed", "pending")},
            "is_day_estimated": any(run.run_at_source == "first_seen" for run in claim.runs) if claim.runs else None,
            "claimed_records": None,
            "delivered_records": None,
            "missing_records": None,
            "is_complete": False,
            "file_count": None,
            "file_bytes": None,
            "error_message": None,
            "first_modified_at": None,
            "last_modified_at": None,
            "expires_at": None,
            "is_about_to_expire": False,
            "gone_since_at": None,
            "archived_to": None,
            "archived_at": None,
            **values,
        }
        is_wrong = values.get("is_wrong", row["verdict"] in WRONG)
        row["is_wrong"] = is_wrong and not claim.has_failed
        return row

    def _not_delivered(self, export: Export, day: date, claim: Claim, *, is_first: bool, what: str) -> Iterator[Row]:
        """A day without files; where nothing deletes them, before the first delivery they may have been there a week."""
        listings = [
            naive(sync["deliveries_listed_at"])
            for sync in self.syncs[export.export_id]
            if sync.get("deliveries_listed_at")
        ]
        if not listings:
            return
        due_at = claim.settled_at + self.grace
        expires_at = self._expiry(export, claim.ended_at) or (claim.ended_at + 7 * DAY if is_first else None)
        kind = self._expected_kind(export)
        users = claim.users if kind == "users" else None
        missing = None
        if any(due_at <= at and (expires_at is None or at <= expires_at) for at in listings):
            verdict, missing = "missing", users
            reason = ("the run completed" if users is None else f"{users} records claimed") + what
        elif expires_at is not None and expires_at <= self.as_of:
            verdict, reason = "not_checked", "nothing was listed before it may have been deleted"
        elif due_at > self.as_of:
            verdict, reason = "arriving", "the run has just completed"
        else:
            verdict, reason = "not_checked", "nothing was listed since it should have been there"
        known = {"verdict": verdict, "verdict_reason": reason, "claimed_records": users, "missing_records": missing}
        yield self._row(export.export_id, export, day, kind, claim, **known)

    def _delivered(
        self,
        export_id: str,
        export: Export | None,
        claim: Claim,
        kinds: Mapping[str, Mapping[str, Any]],
        kind: str,
        matches: list[int | None],
    ) -> Row:
        """`matches` holds, of the comparable deliveries so far, the records of those that matched, and is continued."""
        row = kinds[kind]
        is_claimed = kind == "users" or (
            kind == "unknown" and "users" not in kinds and self._expected_kind(export) == "users"
        )
        users = claim.users if is_claimed else None
        records = row.get("records")
        is_match = records is not None and is_claimed and (records == users or float(records) == claim.total)
        verdict, reason = self._verdict(row, export, claim, users, is_match, matches)
        has_matched, is_part = any(matches), self._is_part(export, row, users)
        if users is not None and records is not None and row.get("is_complete") and not is_part:
            matches.append(records if is_match else None)
        claimed = records if is_match else users
        expires_at = self._expiry(export, naive(row.get("first_modified_at")))
        is_kept = row.get("archived_at") is not None or row.get("gone_since") is not None
        return self._row(
            export_id,
            export,
            row["delivery_date"],
            kind,
            claim,
            verdict=verdict,
            verdict_reason=reason,
            is_wrong=verdict in WRONG or (verdict == "not_comparable" and (has_matched or records == 0)),
            claimed_records=claimed,
            delivered_records=records,
            missing_records=None if claimed is None or records is None else claimed - records,
            is_complete=bool(row.get("is_complete")),
            file_count=row.get("file_count"),
            file_bytes=row.get("bytes"),
            error_message=row.get("error"),
            first_modified_at=naive(row.get("first_modified_at")),
            last_modified_at=naive(row.get("last_modified_at")),
            expires_at=expires_at,
            is_about_to_expire=not is_kept
            and expires_at is not None
            and self.as_of < expires_at
            and (expires_at - self.as_of) < 2 * DAY,
            gone_since_at=naive(row.get("gone_since")),
            archived_to=row.get("archived_to"),
            archived_at=naive(row.get("archived_at")),
        )

    @staticmethod
    def _came_at(row: Mapping[str, Any]) -> datetime:
        """The time of its first file; without files, of its day."""
        return naive(row.get("first_modified_at")) or datetime.combine(row["delivery_date"], time())

    @staticmethod
    def _changed_at(row: Mapping[str, Any]) -> datetime | None:
        return naive(row.get("last_modified_at") or row.get("first_seen_at"))

    def _is_read(self, export_id: str, export: Export | None, row: Mapping[str, Any]) -> bool:
        """Whether the logs were read after the delivery came, and none is without its day."""
        whole = [sync for sync in self.syncs[export_id] if sync["is_complete"] and sync.get("mode") != "backfill"]
        read_at = max((naive(sync["finished_at"]) for sync in whole), default=None)
        undated = [run.first_seen_at.date() for run in export.logs if run.is_backfill] if export else []
        changed_at = self._changed_at(row)
        is_later = read_at is not None and changed_at is not None and changed_at + self.grace < read_at
        return is_later and all(day < row["delivery_date"] for day in undated)

    def _listed_at(self, row: Mapping[str, Any]) -> datetime | None:
        """The first listing that came late enough to show what belongs to it."""
        changed_at = self._changed_at(row)
        listings = [naive(at) for sync in self.syncs[row["export_id"]] if (at := sync.get("deliveries_listed_at"))]
        return min((at for at in listings if changed_at and changed_at + self.grace <= at), default=None)

    def _is_awaited(self, row: Mapping[str, Any], claim: Claim) -> bool:
        """Whether files of another run of the day may come that no listing has shown yet."""
        changed_at, settled_at = self._changed_at(row), claim.settled_at
        listings = [naive(at) for sync in self.syncs[row["export_id"]] if (at := sync.get("deliveries_listed_at"))]
        if claim.count("completed") < 2 or changed_at is None or settled_at is None or not listings:
            return False
        return changed_at < settled_at and max(listings) < settled_at + self.grace

    def _may_have_lost(self, export: Export | None, row: Mapping[str, Any], by: datetime | None) -> bool:
        """Whether files may have been deleted by their age by then; what is left after three more days is kept."""
        expires_at = self._expiry(export, self._came_at(row))
        if by is None or expires_at is None or by <= expires_at:
            return False
        gone_since = naive(row.get("gone_since"))
        return by < expires_at + 3 * DAY or (gone_since is not None and gone_since <= by)

    def _is_part(self, export: Export | None, row: Mapping[str, Any], users: float | None) -> bool:
        """Whether fewer records than claimed may be what was left when it was seen first."""
        is_late = self._may_have_lost(export, row, naive(row.get("first_seen_at")))
        records = row.get("records")
        return is_late and users is not None and records is not None and records < users

    def _verdict(
        self,
        row: Mapping[str, Any],
        export: Export | None,
        claim: Claim,
        users: int | None,
        is_match: bool,
        matches: list[int | None],
    ) -> tuple[str, str]:
        records, error = row.get("records"), row.get("error")
        too_late = "not_checked", "files may have been deleted before they were listed"
        if error is not None and records is None:  # else of the archive
            then = "is gone" if row.get("gone_since") else "is tried again"
            return ("unreadable", f"{error} (it {then})") if row.get("needs_retry") else ("corrupt", error)
        if not row.get("is_complete"):
            changed_at = self._changed_at(row)
            is_young = changed_at is not None and changed_at + self.grace > self.as_of
            listed_at = self._listed_at(row)
            if claim.count("pending") or is_young or not listed_at:
                return "arriving", "not complete yet"
            if self._may_have_lost(export, row, listed_at):
                return too_late
            return "no_success", "files, but no _SUCCESS"
        if not claim.runs and self._is_read(row["export_id"], export, row):
            return "unannounced", "no run of that day"
        if claim.has_failed:
            return "delivered_although_failed", "complete, though each run of that day failed"
        if records is None and row.get("gone_since"):
            return "not_checked", "the files were gone before they were counted"
        if records is None:
            return "arriving", "complete, not counted yet"
        if users is None:
            why = "no number of users to compare with" if claim.runs else "no run of that day has been read yet"
            return "unclaimed", why
        if is_match:
            return "as_claimed", f"{records} records, as claimed"
        told = f"{records} records, {users} claimed"
        if self._is_part(export, row, max(users, claim.total or 0)):
            return too_late
        if self._is_awaited(row, claim):
            return "arriving", "another run of the day has just completed"
        if not self.is_comparable and not any(matches[-7:]):
            once = ", as one before them did" if any(matches) else ""
            return "not_comparable", f"{told}; none of the last 7 complete deliveries has matched{once}"
        return ("short" if records < users else "more"), told

    # ------------------------------------------------------------------------------------ one row per export

    def summary(self, export_id: str) -> Row:
        """What `didomi__exports` holds of them, and the wrong delivery that makes an export `undelivered`."""
        rows = self.rows.get(export_id, [])
        last = self._newest(rows)
        decided = self._newest([row for row in rows if row["is_wrong"] or row["verdict"] not in UNDECIDED])
        expiries = [
            row["expires_at"]
            for row in rows
            if row["expires_at"] is not None
            and row["expires_at"] > self.as_of
            and row["archived_at"] is None
            and row["gone_since_at"] is None
        ]
        wrong = [row for row in rows if row["is_wrong"] and self._is_recent(row)]
        return {
            "last_delivery_verdict": last["verdict"] if last else None,
            "deliveries_wrong_7d": len(wrong) if rows else None,
            "next_expiry_at": min(expiries, default=None),
            "wrong": decided if decided is not None and decided in wrong else None,
        }

    def _is_recent(self, row: Row) -> bool:
        return bool(row["delivery_date"] > self.as_of.date() - 7 * DAY)

    @staticmethod
    def _newest(rows: list[Row]) -> Row | None:
        by_kind = sorted(rows, key=lambda row: (not row["is_wrong"], row["data_kind"]))
        return max(by_kind, key=lambda row: row["delivery_date"], default=None)
