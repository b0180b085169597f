"""What a run of the job is asked to do."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any


@dataclass(frozen=True)
class Options:
    """What a run is to do.

    Args:
        export_ids: Only these exports; empty means all.
        full: Read the whole list of every export.
        created_from: With `created_to`: only logs created in this range.
        created_to: See `created_from`.
        skip_models: Load only.
        recount: Days whose delivered files are read again.
        model_vars: Variables for the models (sql/README.md lists them).
    """

    export_ids: Sequence[str] = ()
    full: bool = False
    created_from: datetime | None = None
    created_to: datetime | None = None
    skip_models: bool = False
    recount: Collection[date] = ()
    model_vars: dict[str, Any] = field(default_factory=dict)
