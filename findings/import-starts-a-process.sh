#!/usr/bin/env bash
# `import dlt` starts a process, `file -b` on the interpreter, wherever croniter is what reads its cron lines.
#
# Versions: dlt 1.31.0, croniter 7.0.0, Python 3.11.
# Guess: an import reads modules; a program that only reads settings through dlt starts no other program.
# Behaviour: croniter asks platform.architecture() at import whether the interpreter has 32 bits, which runs the command `file` and
#   reads what it prints; sys.maxsize would tell. Without the command the import works all the same.
# Cost: under seccomp, a profile without exec or a limit of one process the audit log names it and alarms follow; where `file` lies on a slow
#   disk the import waits for it. Airflow and Dagster import croniter as well, each in each of their processes.
# Output seen:
#   import dlt: file -b python
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -qq dlt==1.31.0 croniter==7.0.0
cat > program.py <<'PYTHON'
import os
import sys

started = []
sys.addaudithook(lambda event, given: started.append(given[1]) if event == "subprocess.Popen" else None)
import dlt  # noqa: E402

shown = [" ".join([*command[:-1], "python"]) if "python" in os.path.basename(command[-1]) else " ".join(command) for command in started]
print("import dlt:", ", ".join(shown) or "nothing")
PYTHON
line=$(venv/bin/python program.py)
echo "$line"
[ "$line" = "import dlt: file -b python" ]
