"""What a schedule runs: load the logs, build the models, tell what came of it.

`run` is the whole job; everything else here is a part of it, or reads what it left.
"""

from __future__ import annotations

from didomi_source.health.status import ExportStatus, read_status

from .options import Options
from .run import run
from .summary import Summary

__all__ = ["ExportStatus", "Options", "Summary", "read_status", "run"]
