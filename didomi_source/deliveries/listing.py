"""The partitions that matter, in as few requests as the store allows.

A store lists keys in their order, 1,000 in one request. One listing goes through all exports; where a whole page ended
among days that are known, or in an export that is not read, the next request begins behind them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from .layout import DATA, Partition, StoredFile, date_prefix, export_prefix, partitions_of
from .stores import PAGE_FILES, OddKey, Store

NOWHERE = ""


@dataclass
class Listing:
    """What one run's listing found.

    Args:
        partitions: Those of the exports that are read, the oldest first.
        ignored: How many partitions of other exports there were.
        requests: How many requests it took, by the export of the first key of each page.
        errors: Why exports could not be listed.
    """

    partitions: list[Partition] = field(default_factory=list)
    ignored: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether there is no partition at all."""
        return not self.partitions and not self.ignored


def list_partitions(store: Store, export_ids: Collection[str] | None, since: Mapping[str, date]) -> Listing:
    """List the partitions of a store.

    Args:
        store: The store.
        export_ids: The exports that are read; None for all.
        since: The oldest day that matters, for exports of which all days do not.

    Returns:
        The listing; partitions of days that do not matter are left out.

    Raises:
        StoreRefused: The store cannot be listed.
        OddKey: A key hides the others, and the exports are not named.
    """
    listing = Listing()
    try:
        files = list(_files(store, DATA, _Skips(export_ids, since), listing.requests))
    except OddKey:
        if export_ids is None:
            raise
        files = list(_files_by_export(store, export_ids, since, listing))
    for partition in partitions_of(files):
        is_read = export_ids is None or partition.export_id in export_ids
        if not is_read:
            listing.ignored += 1
        elif partition.delivery_date >= since.get(partition.export_id, date.min):
            listing.partitions.append(partition)
    return listing


def _files_by_export(
    store: Store, export_ids: Collection[str], since: Mapping[str, date], listing: Listing
) -> Iterator[StoredFile]:
    """The files of each export that can be listed."""
    for export_id in sorted(export_ids):
        skips = _Skips([export_id], since)
        try:
            found = list(_files(store, export_prefix(export_id), skips, listing.requests))
        except OddKey as error:
            listing.errors[export_id] = f"the files of export {export_id} cannot be listed: {error}"
        else:
            yield from found


def _files(store: Store, prefix: str, skips: _Skips, requests: Counter[str]) -> Iterator[StoredFile]:
    offset = skips.first()
    while offset != NOWHERE:
        further = NOWHERE
        has_pages = False
        for page in store.pages(prefix, offset):
            has_pages = True
            requests[_export_of(page[0].path) if page else ""] += 1
            yield from (file for file in page if file.path > (offset or ""))  # some stores ignore offsets
            target = skips.behind(page[-1].path) if len(page) == PAGE_FILES else None
            if target == NOWHERE or (target is not None and target > (offset or "")):
                further = target
                break
        if not has_pages:
            requests[""] += 1
        offset = further


def _export_of(path: str) -> str:
    """The export of a key; an empty text for any other key."""
    start = export_prefix("")[:-1]
    return path.removeprefix(start).partition("/")[0] if path.startswith(start) else ""


class _Skips:
    """Where a listing goes on.

    Args:
        export_ids: The exports that are read; None for all.
        since: The oldest day that matters, by export.
    """

    def __init__(self, export_ids: Collection[str] | None, since: Mapping[str, date]) -> None:
        self._starts = {name: date_prefix(name, day)[:-1] for name, day in since.items()}
        self._reads_all = export_ids is None
        self._prefixes = sorted(map(export_prefix, export_ids or ()))

    def first(self) -> str | None:
        """The offset at which to begin."""
        return self._start_of(self._prefixes[0]) if self._prefixes else None

    def behind(self, path: str) -> str | None:
        """Where to go on behind a key: None for the next key."""
        export_id = _export_of(path)
        prefix = export_prefix(export_id)
        if self._reads_all or prefix in self._prefixes:
            start = self._starts.get(export_id)
            return start if start and start > path else None
        following = next((name for name in self._prefixes if name > path), None)
        return self._start_of(following) if following else NOWHERE

    def _start_of(self, prefix: str) -> str:
        return self._starts.get(_export_of(prefix), prefix)
