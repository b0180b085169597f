"""The contents of the API: export configurations and logs."""

from __future__ import annotations

import itertools
import threading
from random import Random, SystemRandom
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from .clock import Clock, iso
from .encoding import encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Record = dict[str, Any]
"""One log or one export configuration, as sent."""
Collection = Literal["logs", "exports"]

ORGANIZATION = "acme"
"""The organization of all exports and logs."""

_T = TypeVar("_T")

_ID_CHARACTERS = "2346789ABCDEFGHJKLMNPQRTUVWXYZabcdefghijkmnpqrtwxyz"
_SYSTEM = SystemRandom()

# One sequence for all stores: a version identifies one state of one store.
_versions = itertools.count(1)


class Entry:
    """One immutable record, and its JSON.

    Args:
        record: The record; the caller keeps no reference to it.
    """

    __slots__ = ("_encoded", "record")

    def __init__(self, record: Record) -> None:
        self.record = record
        self._encoded: dict[tuple[str, ...], bytes] = {}

    def encoded(self, hidden: tuple[str, ...] = ()) -> bytes:
        """The record as JSON without the hidden fields; encoded once."""
        if hidden not in self._encoded:
            self._encoded[hidden] = encode({k: v for k, v in self.record.items() if k not in hidden})
        return self._encoded[hidden]


class Store:
    """The contents of the API, which any thread may change while others read.

    Records are copied on their way in and out.
    """

    def __init__(self) -> None:
        self.clock = Clock()  # the time of new records
        self._lock = threading.RLock()
        self._exports: list[Entry] = []
        self._logs: list[Entry] = []
        self._version = next(_versions)

    # -- reading ------------------------------------------------------------

    def entries(self, collection: Collection) -> list[Entry]:
        """The entries of a collection in the order of insertion, shared with the store: they must not be changed."""
        with self._lock:
            return list(self._logs if collection == "logs" else self._exports)

    @property
    def version(self) -> int:
        """A number that grows with every change, unique over all stores."""
        return self._version

    def logs(self, export_id: str | None = None) -> list[Record]:
        """Copies of the logs of one export, or of all, in the order of insertion."""
        with self._lock:
            entries = list(self._logs)
        wanted = (e.record for e in entries if export_id is None or e.record.get("export_id") == export_id)
        return _copied(list(wanted))

    def log(self, log_id: Any) -> Record:
        """A copy of the first log with this id.

        Raises:
            KeyError: There is none.
        """
        with self._lock:
            return _copied(self._logs[self._position(log_id)].record)

    def exports(self) -> list[Record]:
        """Copies of the export configurations in the order of insertion."""
        with self._lock:
            return _copied([entry.record for entry in self._exports])

    # -- changing -----------------------------------------------------------

    def add_export(self, export: Mapping[str, Any] | None = None, **fields: Any) -> str:
        """Add an export configuration, with defaults for missing fields, and return its id."""
        now = iso(self.clock.now())
        record: Record = {
            "id": new_id(),
            "organization_id": ORGANIZATION,
            "type_id": "batch-exports-s3",
            "name": "Export",
            "enabled": True,
            "properties": {"frequency": 1, "data": ["users"]},
            "created_at": now,
            "updated_at": now,
        }
        record.update(_copied({**(export or {}), **fields}))
        with self._lock:
            self._exports.append(Entry(record))
            self._changed()
        return str(record["id"])

    def add_log(self, export_id: str, **fields: Any) -> str:
        """Add a log after all others, and return its id.

        Args:
            export_id: Its export.
            fields: Fields to set or add, such as `status`, `metrics`, or a `created_at` in the past; `users` is short
                for the metric of that name. Without any: completed now, without users.
        """
        if "users" in fields:
            fields["metrics"] = {"users": fields.pop("users")}
        created_at = fields.pop("created_at", iso(self.clock.now()))
        record = new_log(export_id, created_at, **{"id": new_id(), **fields})
        self.add_logs([record])
        return str(record["id"])

    def add_logs(self, logs: Iterable[Mapping[str, Any]], *, at: int | None = None) -> None:
        """Add logs of any shape, as they are.

        Args:
            logs: The logs.
            at: The position in the order of insertion; after all others unless given.
        """
        entries = [Entry(_copied(dict(log))) for log in logs]
        with self._lock:
            where = len(self._logs) if at is None else at
            self._logs[where:where] = entries
            self._changed()

    def settle(
        self, log_id: Any, status: str = "completed", *, users: int | None = None, result: str | None = None
    ) -> None:
        """Set the outcome of a log (status, users, result), with `updated_at` now."""
        changes: Record = {"status": status, "result": result}
        if users is not None:
            changes["metrics"] = {"users": users}
        self.update(log_id, changes)

    def update(self, log_id: Any, changes: Mapping[str, Any]) -> None:
        """Set fields of a log, with `updated_at` now unless the changes name it.

        Raises:
            KeyError: There is no log with this id.
        """
        with self._lock:
            position = self._position(log_id)
            record = {**self._logs[position].record, "updated_at": iso(self.clock.now())}
            self._logs[position] = Entry({**record, **_copied(dict(changes))})
            self._changed()

    def purge(self, log_ids: Iterable[Any]) -> list[Record]:
        """Remove logs, and return them; unknown ids are ignored."""
        # An odd id need not be hashable: compare texts.
        gone = {repr(log_id) for log_id in log_ids}
        with self._lock:
            removed = [entry.record for entry in self._logs if repr(entry.record.get("id")) in gone]
            self._logs = [entry for entry in self._logs if repr(entry.record.get("id")) not in gone]
            self._changed()
        return _copied(removed)

    # -- inside -------------------------------------------------------------

    def _position(self, log_id: Any) -> int:
        for position, entry in enumerate(self._logs):
            if entry.record.get("id") == log_id:
                return position
        raise KeyError(log_id)

    def _changed(self) -> None:
        self._version = next(_versions)


def _copied(value: _T) -> _T:
    """A deep copy of JSON, ten times faster than `copy.deepcopy`."""
    copied: Any = value
    if isinstance(value, dict):
        copied = {key: _copied(item) for key, item in value.items()}
    elif isinstance(value, list):
        copied = [_copied(item) for item in value]
    return cast("_T", copied)


def new_log(export_id: str, created_at: str, **fields: Any) -> Record:
    """A completed log without users, except for the fields given."""
    return {
        "id": None,
        "export_id": export_id,
        "organization_id": ORGANIZATION,
        "status": "completed",
        "config": {"frequency": "1 day"},
        "metrics": {},
        "result": None,
        "created_at": created_at,
        "updated_at": created_at,
        **fields,
    }


def new_id(random: Random = _SYSTEM) -> str:
    """An id of eight characters of mixed case, without those that resemble others, as the API has them."""
    return "".join(random.choices(_ID_CHARACTERS, k=8))
