"""The kinds of faults on the way: connections, statuses, bodies and envelopes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from didomi_source.sandbox.faults import Kind

KINDS: dict[str, Kind] = {}
