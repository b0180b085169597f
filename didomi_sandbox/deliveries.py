"""The delivered files that completed logs claim, in the layout of the documentation.

Source: developers.didomi.io, batch export and analytics export, format; consents/users (read 2026-11). The fields of
`cmp_hourly_metrics` are not in the stored documentation: those written here are plausible.
"""

from __future__ import annotations

import gzip
import itertools
import json
import os
import shutil
from datetime import date
from random import Random
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from .clock import epoch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from .store import Record, Store

Flaw = Literal["short", "missing", "no_success", "cut"]
FLAWS: tuple[Flaw, ...] = ("short", "missing", "no_success", "cut")
"""What is wrong with one delivery each: records are missing, all of it is missing, there is no `_SUCCESS`, and a file
ends in its middle."""

_PURPOSES = ("cookies", "advertising_personalization", "analytics", "content_personalization", "market_research")
_VENDORS = ("google", "c:facebook-hx7mAnYk", "c:piano-LmP2qwER", "iab:755", "iab:91", "iab:32")
_COUNTRIES = ("FR", "DE", "ES", "IT", "NL")
_DEVICES = ("desktop", "mobile", "tablet", "tv")
_CONSENT_RATE = 0.7
_FILES = 2


def write_deliveries(store: Store, folder: Path, *, days: int = 7) -> dict[Path, Flaw]:
    """Write the files of the last days, of which four deliveries are wrong; the same store gives the same files.

    Args:
        store: The logs; each last completed log of a day is delivered, with as many records as it claims users.
        folder: The root of the bucket, that is the folder of `data/`.
        days: How long files are kept: logs that settled so many days before the newest log, or later, are delivered.

    Returns:
        The wrong deliveries, by the folder of their files; none of them is the first or the newest of its export.
    """
    delivered = _delivered(store, days)
    kinds = {str(e["id"]): "users" if "data" in e["properties"] else "cmp_hourly_metrics" for e in store.exports()}
    flaws = dict(zip(_spread(delivered, len(FLAWS)), FLAWS, strict=False))
    wrong = {}
    for (export_id, day), log in delivered.items():
        kind = kinds[export_id]
        into = folder / "data" / f"export-id={export_id}" / f"date={day}" / kind
        shutil.rmtree(into, ignore_errors=True)  # the files of an earlier history
        flaw = flaws.get((export_id, day))
        if flaw:
            wrong[into] = flaw
        if flaw != "missing":
            _write_delivery(into, log, flaw)
    return wrong


def _delivered(store: Store, days: int) -> dict[tuple[str, str], Record]:
    """The last completed log of each export and day that is still kept, the oldest first."""
    logs = sorted(store.logs(), key=lambda log: str(log["created_at"]))
    since = (epoch(logs[-1]["created_at"]) or 0) - days * 86_400 if logs else 0
    completed = {(log["export_id"], log["created_at"][:10]): log for log in logs if log["status"] == "completed"}
    return {key: log for key, log in completed.items() if (epoch(log["updated_at"]) or 0) >= since}


def _spread(delivered: dict[tuple[str, str], Record], count: int) -> list[tuple[str, str]]:
    """So many deliveries with users, evenly over those between two others of their export; none if too few.

    The first of an export is whole, since nothing is known to be short before a count has matched its claim.
    """
    claimed = sorted(key for key, log in delivered.items() if log["metrics"].get("users"))
    newest, first = dict(claimed), dict(reversed(claimed))
    between = [(export_id, day) for export_id, day in claimed if day not in (first[export_id], newest[export_id])]
    return [between[len(between) * n // count] for n in range(count)] if len(between) >= count else []


def _write_delivery(into: Path, log: Record, flaw: Flaw | None) -> None:
    day = date.fromisoformat(log["created_at"][:10])
    users = log["metrics"].get("users")
    count = users - max(1, users // 12) if flaw == "short" else users
    records = metric_records(day, seed=log["id"]) if users is None else user_records(count, day, seed=log["id"])
    files = write_files(into, records, files=_FILES, seed=log["id"])
    if flaw == "cut":
        files[-1].write_bytes(files[-1].read_bytes()[:-200])
    if flaw != "no_success":
        (into / "_SUCCESS").touch()
    settled = epoch(log["updated_at"]) or 0
    for path in into.iterdir():
        os.utime(path, (settled, settled))


def write_files(folder: Path, records: Iterable[bytes], *, files: int, seed: int | str = 0) -> list[Path]:
    """Write records into files as Didomi names them, each file gzip of one record a line.

    Args:
        folder: The folder of the files; it may exist.
        records: The records, without line ends; they are dealt out to the files in turn.
        files: The number of files.
        seed: The seed of the files' names.

    Returns:
        The files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    job = _uuid(_random(seed))
    paths = [folder / f"part-{number:05d}-{job}.c000.json.gz" for number in range(files)]
    packed = [gzip.GzipFile(path, "wb", compresslevel=3, mtime=0) for path in paths]
    try:
        for number, record in enumerate(records):
            packed[number % files].write(record + b"\n")
    finally:
        for file in packed:
            file.close()
    return paths


def user_records(count: int, day: date, *, seed: int | str = 0) -> Iterator[bytes]:
    """The records of `users/`: a user with an event of the day, 1,400 bytes each.

    Args:
        count: The number of records.
        day: The day of the events.
        seed: The seed.
    """
    random = _random(seed)
    choices = [_consents(random) for _ in range(64)]
    for _ in range(count):
        who = {"id": _uuid(random), "organization_user_id": f"{random.getrandbits(64):016x}"}
        at = _time(day, random.randrange(86_400))
        event = {
            "id": _uuid(random),
            "user": who,
            "status": "confirmed",
            "source": {"type": "sdk-web", "domain": "www.acme.example"},
            "consents": random.choice(choices),
            "created_at": at,
        }
        last = {"last_seen_country": random.choice(_COUNTRIES), "consents": event["consents"]}
        yield _line({"user": {**who, **last, "created_at": at, "updated_at": at}, "events": [event]})


def metric_records(day: date, *, seed: int | str = 0) -> Iterator[bytes]:
    """The 480 records of `cmp_hourly_metrics/`: the counts of each hour, country and device of a day."""
    random = _random(seed)
    for hour, country, device in itertools.product(range(24), _COUNTRIES, _DEVICES):
        views = random.randrange(400)
        where = {"domain": "www0.acme.example", "country": country, "device_type": device}
        counts = {"pageviews": views, "notices_shown": views // 3, "consents_given": views // 5}
        yield _line({"date": _time(day, hour * 3600), **where, **counts})


def _consents(random: Random) -> dict[str, Any]:
    def choices(names: tuple[str, ...]) -> list[dict[str, Any]]:
        return [{"id": name, "enabled": random.random() < _CONSENT_RATE} for name in names]

    return {"purposes": choices(_PURPOSES), "vendors": choices(_VENDORS)}


def _random(seed: int | str) -> Random:
    return Random(seed)  # noqa: S311 - plausible, not secret


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode()


def _uuid(random: Random) -> str:
    return str(UUID(int=random.getrandbits(128), version=4))


def _time(day: date, second: int) -> str:
    return f"{day}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}.000Z"
