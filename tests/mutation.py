"""Tell how many mutants the tests noticed, and fail when it is less than it has to be (make mutation)."""

from __future__ import annotations

import json
import sys
from pathlib import Path

LEAST = 0.85

found = json.loads(Path("mutants/mutmut-cicd-stats.json").read_text())
noticed = found["killed"] + found["timeout"] + found["segfault"]
print(
    f"{noticed} of {found['total']} mutants killed: {noticed / found['total']:.1%}; `mutmut results` lists the others"
)
sys.exit(noticed < LEAST * found["total"] or found["check_was_interrupted_by_user"] > 0)
