"""Airflow 3: copy this file into the folder of DAGs.

The job is a command with an environment of its own, since Airflow pins what dlt and dbt want in other versions:

    python -m venv /opt/didomi && /opt/didomi/bin/pip install 'didomi-source[bigquery]'

Its settings are in `.dlt/` of the folder, or in the environment of the workers.
"""

import os
from datetime import datetime, timedelta, timezone

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG(
    dag_id="didomi",
    description="Load Didomi export logs and build the models",
    schedule="0 6 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,  # one run reads all that is missing
    max_active_runs=1,
):
    BashOperator(
        task_id="run",
        bash_command="exec ${DIDOMI_COMMAND:-/opt/didomi/bin/didomi} run",
        cwd=os.environ.get("DIDOMI_FOLDER", "/srv/didomi"),
        append_env=True,
        skip_on_exit_code=75,  # another run is at work, which is no failure
        retries=1,
        retry_delay=timedelta(minutes=15),
        execution_timeout=timedelta(hours=1),
    )
