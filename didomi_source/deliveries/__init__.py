"""The delivered files of the exports: listed, counted, and kept before they vanish.

stores      a folder, or (buckets) a bucket: list, read one version of a file; access opens it
layout      which keys are files of which partition
listing     the partitions that matter, in as few requests as the store allows
known       what the destination holds already
counting    one gzip file, block by block
archive     verified copies
planning    what has to be read
reading     its reading, files side by side (with files)
rows        the rows that come of it
outcome     what a run asks for, and what it learned
source      the dlt source
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .outcome import DeliveryOutcome as DeliveryOutcome
    from .outcome import DeliveryRequest as DeliveryRequest
    from .outcome import ExportOutcome as ExportOutcome
    from .settings import DeliverySettings as DeliverySettings
    from .settings import delivery_settings as delivery_settings
    from .source import didomi_deliveries as didomi_deliveries

_HOMES = {
    "DeliveryOutcome": "outcome",
    "DeliveryRequest": "outcome",
    "DeliverySettings": "settings",
    "ExportOutcome": "outcome",
    "delivery_settings": "settings",
    "didomi_deliveries": "source",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _HOMES:  # dlt takes a second to import
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
