"""The plain dlt pipeline, as a script: schedule it as it is, or take it as a beginning of your own.

    python pipelines/didomi_pipeline.py

Keys come from dlt's configuration (SOURCES__DIDOMI__API_KEY …). The job does what `didomi run` does: it
finishes what an interrupted run left, loads, checks what was loaded, and builds the models.
"""

import sys

from didomi_source.job import run
from didomi_source.warehouse.target import Target

if __name__ == "__main__":
    summary = run(Target(destination="duckdb"), report=lambda step: print(step, file=sys.stderr))
    for failure in summary.failures:
        print(failure, file=sys.stderr)
    sys.exit(summary.exit_code)
