"""Draw docs/pictures/status.svg: what `didomi status` shows on the history behind the README."""

from __future__ import annotations

import io
import os
import re
import tempfile
from pathlib import Path

from rich.console import Console

from didomi_source.cli import show, status_table
from didomi_source.health.judge import judge
from didomi_source.health.status import read_status
from didomi_source.warehouse.target import Target
from support.readme import ROOT, build

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["DESTINATION__DUCKDB__CREDENTIALS"] = f"duckdb:///{build(folder)}"
        recorder = Console(record=True, width=130, file=io.StringIO(), force_terminal=True, highlight=False)
        show.new_console = lambda **_: recorder
        recorder.print("$ didomi status")
        exports = read_status(Target(working_dir=folder / ".didomi"))
        read_at = max(export.last_complete_sync_at for export in exports if export.last_complete_sync_at)
        status_table.print_judgement(judge(exports, read_at))
        svg = recorder.export_svg(title="didomi status")
    # The picture asks nobody for a font.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    (ROOT / "docs/pictures/status.svg").write_text(svg)
