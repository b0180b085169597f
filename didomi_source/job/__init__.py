"""What a schedule runs: load the logs, build the models, report what came of it.

`run` is the whole job; everything else here is a part of it.
"""

from __future__ import annotations

from .options import Options
from .run import Output, run
from .summary import Summary

__all__ = ["Options", "Output", "Summary", "run"]
