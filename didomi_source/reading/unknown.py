"""Ids that are no export's: the API and the destination have neither a configuration nor a log of one."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from didomi_source.api.client import DidomiClient
from didomi_source.configuration import environment_name
from didomi_source.errors import DidomiError, NotFound
from didomi_source.schema import Row

from .destination import DestinationState
from .exports import is_bare
from .packages import EXPORTS_AT_ONCE

UNKNOWN = (
    "the API has neither a configuration nor a log of it: correct the id "
    f"(--export-id, or {environment_name('export_ids')})"
)


def unknown_exports(client: DidomiClient, exports: Sequence[Row], known: DestinationState) -> dict[str, str]:
    """Find the ids that are no export's, with one request for each export that is neither listed nor loaded.

    An id whose logs cannot be requested is not among them: reading it reports why.

    Returns:
        What is wrong with each, and what to do.
    """
    unconfirmed = [row["id"] for row in exports if is_bare(row) and not is_loaded(row, known)]
    with ThreadPoolExecutor(EXPORTS_AT_ONCE, thread_name_prefix="didomi-export") as pool:
        may_have_logs = pool.map(lambda export_id: _may_have_logs(client, export_id), unconfirmed)
        return {export_id: UNKNOWN for export_id, may in zip(unconfirmed, may_have_logs, strict=True) if not may}


def is_loaded(export: Row, known: DestinationState) -> bool:
    """Whether the destination holds a log of an export, or more of its configuration than the id."""
    held = known.exports.get(export["id"])
    bare_hash = export["content_hash"]
    return bool(held and held.count) or known.export_hashes.get(export["id"], bare_hash) != bare_hash


def _may_have_logs(client: DidomiClient, export_id: str) -> bool:
    try:
        logs, _ = client.logs_page(export_id, 0, 1, None)
    except NotFound:
        return False
    except DidomiError:
        return True
    return bool(logs)
