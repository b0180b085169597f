#!/usr/bin/env bash
# Dagster's DuckDB I/O manager: a day with a timezone replaces other hours than it writes, so that rows go, or come twice.
#
# Versions: dagster 1.13.27, dagster-duckdb-pandas 0.29.27, duckdb 1.5.6, pandas 2.3.3, Python 3.11.
# Guess: an asset with `DailyPartitionsDefinition(timezone="America/New_York")` that returns the rows of its
#   `partition_time_window` replaces exactly these rows when it is run again, and its consumer gets exactly these.
# Behaviour: the manager deletes and selects with the two ends of the window as texts without their zone (`ts >= '2025-06-02
#   00:00:00'`). DuckDB reads these in the machine's zone for a TIMESTAMPTZ, as UTC where the machine says nothing, and as
#   they are for a TIMESTAMP of UTC. West of it each day deletes the last hours of the day before, on the first run, in order.
#   East of it a second run of a day leaves its first hours there twice and takes those of the next day. Consumers get the
#   shifted hours. Every run is green. On a machine in the zone all days are right, but by the hour, on the night on which
#   clocks go back, 1 o'clock has two hours of rows, and the first 2 o'clock none.
# Cost: rates by local day, what the timezone is there for, lack a sixth of New York's rows, the evening. In Berlin the first
#   backfill or retry of a day doubles two hours and loses two, months later. Dagster's windows are right, and so are the rows
#   that the asset returns; the loss is in the storage, of a container in UTC and not of the laptop that tried it.
# Output seen (zone of the machine, of the partitions; a row an hour, three days; rows that stay, and those of each consumer):
#   UTC            UTC               in order      72 rows, 72 distinct  consumers 24 24 24
#   UTC            UTC               2nd day again 72 rows, 72 distinct  consumers 24 24 24
#   UTC            America/New_York  in order      64 rows, 64 distinct  consumers 20 20 20
#   UTC            America/New_York  2nd day again 68 rows, 68 distinct  consumers 20 20 24
#   UTC            Europe/Berlin     in order      72 rows, 72 distinct  consumers 24 24 22
#   UTC            Europe/Berlin     2nd day again 72 rows, 70 distinct  consumers 26 22 22
#   Europe/Berlin  Europe/Berlin     in order      72 rows, 72 distinct  consumers 24 24 24
#   Europe/Berlin  Europe/Berlin     2nd day again 72 rows, 72 distinct  consumers 24 24 24
#   Europe/Berlin  Europe/Berlin     clocks go back 4 rows, 4 distinct  consumers 2 0 1 1
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq dagster==1.13.27 dagster-duckdb-pandas==0.29.27 duckdb==1.5.6 pandas==2.3.3 pytz pyarrow

cd "$folder"
export DAGSTER_DISABLE_TELEMETRY=yes
cat > program.py <<'PYTHON'
import itertools
import sys

import dagster
import duckdb
import pandas
from dagster_duckdb_pandas import DuckDBPandasIOManager

machine, zone = sys.argv[1:]
numbers = itertools.count()


def run(title, partitions, keys, times):
    """Run the partitions of the log one after the other, then a consumer of each."""
    database = f"{machine}-{zone}-{next(numbers)}.duckdb".replace("/", "-")
    log = pandas.DataFrame({"ts": times, "id": range(len(times))})
    written, consumed = set(), {}

    @dagster.asset(partitions_def=partitions, metadata={"partition_expr": "ts"})
    def events(context: dagster.AssetExecutionContext) -> pandas.DataFrame:
        window = context.partition_time_window
        rows = log[(log["ts"] >= window.start) & (log["ts"] < window.end)]
        written.update(rows["id"])
        return rows

    @dagster.asset(partitions_def=partitions, io_manager_key="nowhere")
    def consumer(context: dagster.AssetExecutionContext, events: pandas.DataFrame) -> None:
        consumed[context.partition_key] = len(events)

    manager = DuckDBPandasIOManager(database=database, schema="public")
    resources = {"io_manager": manager, "nowhere": dagster.mem_io_manager}
    for key in keys:
        assert dagster.materialize([events], partition_key=key, resources=resources).success
    for key in sorted(set(keys)):
        assert dagster.materialize(
            [events, consumer], selection=[consumer], partition_key=key, resources=resources
        ).success
    with duckdb.connect(database) as connection:
        rows, distinct = connection.sql("SELECT count(*), count(DISTINCT id) FROM public.events").fetchone()
    return f"{title} {rows} rows, {distinct} distinct  consumers {' '.join(map(str, consumed.values()))}", len(written)


days = ["2025-06-02", "2025-06-03", "2025-06-04"]
hours = pandas.date_range("2025-06-01T00:00Z", "2025-06-06T00:00Z", freq="h")
daily = dagster.DailyPartitionsDefinition(start_date=days[0], end_date="2025-06-05", timezone=zone)
title = f"{machine:14} {zone:17}"
seen = [run(f"{title} in order     ", daily, days, hours), run(f"{title} 2nd day again", daily, [*days, days[1]], hours)]
assert [written for _, written in seen] == [72, 72], "the windows changed"
if machine == "Europe/Berlin":
    night = pandas.date_range("2025-10-25T20:00Z", "2025-10-26T08:00Z", freq="h")
    hourly = dagster.HourlyPartitionsDefinition("2025-10-26-01:00", end_date="2025-10-26-04:00", timezone=zone)
    seen.append(run(f"{title} clocks go back", hourly, hourly.get_partition_keys(), night))
    assert seen[-1][1] == 4, "the windows changed"
print(*(line for line, _ in seen), sep="\n")
PYTHON
for zones in "UTC UTC" "UTC America/New_York" "UTC Europe/Berlin" "Europe/Berlin Europe/Berlin"; do
    TZ=${zones% *} venv/bin/python program.py ${zones% *} ${zones#* } 2>log.txt >>seen.txt || { tail -n 30 log.txt; exit 1; }
done
cat seen.txt
diff seen.txt - <<'TEXT' || { echo "the behaviour changed"; exit 1; }
UTC            UTC               in order      72 rows, 72 distinct  consumers 24 24 24
UTC            UTC               2nd day again 72 rows, 72 distinct  consumers 24 24 24
UTC            America/New_York  in order      64 rows, 64 distinct  consumers 20 20 20
UTC            America/New_York  2nd day again 68 rows, 68 distinct  consumers 20 20 24
UTC            Europe/Berlin     in order      72 rows, 72 distinct  consumers 24 24 22
UTC            Europe/Berlin     2nd day again 72 rows, 70 distinct  consumers 26 22 22
Europe/Berlin  Europe/Berlin     in order      72 rows, 72 distinct  consumers 24 24 24
Europe/Berlin  Europe/Berlin     2nd day again 72 rows, 72 distinct  consumers 24 24 24
Europe/Berlin  Europe/Berlin     clocks go back 4 rows, 4 distinct  consumers 2 0 1 1
TEXT
