#!/usr/bin/env bash
# The package uuid7 of PyPI: its UUIDs say version 7, and every reader of version 7 dates them 170 to 180 years late.
#
# Versions: uuid7 0.1.0, uuid6 2025.0.1, uuid-utils 1.2.0, duckdb 1.5.6, PGlite 0.5.14 (PostgreSQL 18), Python 3.11, Node 20.
# Guess: UUIDs of version 7, made by the package of that name, begin with the milliseconds since 1970, as RFC 9562 has it,
#   and sort by time with those of other makers.
# Behaviour: they follow the draft of 2021: 36 bits of seconds, then fractions. Version and variant are those of the RFC, so
#   that nothing can tell them apart, and DuckDB, PostgreSQL and uuid-utils answer with a date of the years 2199 to 2203.
#   Made before or after, each is greater than each of the RFC's. The other way round uuid7's own reader dates an RFC id
#   in 1983. Its documentation names the draft; that the RFC differs is its issue 1, open since 2023. The dates also run
#   4.096 times as fast as the clock.
# Cost: events of a service that uses it are all "newer" than those of all others, so that an incremental load by id takes
#   one of them as its cursor and then nothing of the others; a retention by the id's time never deletes.
# Output seen:
#   made at                 uuid7 by duckdb          by postgresql            by uuid-utils            uuid6 by duckdb
#   2026-01-01 00:00:00     2199-05-19 14:00:57      2199-05-19 14:00:57      2199-05-19 14:00:57      2026-01-01 00:00:00
#   2026-01-02 00:00:00     2199-05-23 16:19:12      2199-05-23 16:19:12      2199-05-23 16:19:12      2026-01-02 00:00:00
#   2027-01-01 00:00:00     2203-06-23 14:58:33      2203-06-23 14:58:33      2203-06-23 14:58:33      2027-01-01 00:00:00
#   version 7 in all: True; variant of the RFC in all: True
#   the id of uuid7 of 2026 is greater than that of uuid6 of 2027: True
#   rows of 2026 and 2027 after the cursor of the one row of uuid7: 0 of 2
#   uuid7 dates an id of uuid6 of 2027-01-01: 1983-12-01
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq uuid7==0.1.0 uuid6==2025.0.1 uuid-utils==1.2.0 duckdb==1.5.6
cd "$folder"
npm install --silent --no-fund --no-audit @electric-sql/pglite@0.5.14 > npm.txt

cat > program.mjs <<'JS'
import { PGlite } from "@electric-sql/pglite";

const db = await PGlite.create();
await db.exec("SET TIME ZONE 'UTC'");
for (const id of process.argv.slice(2)) {
  const { rows } = await db.query("SELECT left(uuid_extract_timestamp($1::uuid)::text, 19) AS made", [id]);
  console.log(rows[0].made);
}
JS
venv/bin/python - <<'PYTHON'
import subprocess
import uuid
from datetime import datetime, timezone

import duckdb
import uuid6
import uuid_utils
from uuid_extensions import uuid7, uuid_to_datetime

MOMENTS = [datetime(2026, 1, 1, tzinfo=timezone.utc), datetime(2026, 1, 2, tzinfo=timezone.utc)]
MOMENTS.append(datetime(2027, 1, 1, tzinfo=timezone.utc))
connection = duckdb.connect()


def by_duckdb(identifier):
    query = "SELECT strftime(make_timestamp(epoch_us(uuid_extract_timestamp(?::UUID))), '%Y-%m-%d %H:%M:%S')"
    return connection.execute(query, [str(identifier)]).fetchone()[0]


def by_uuid_utils(identifier):
    milliseconds = uuid_utils.UUID(str(identifier)).timestamp
    return f"{datetime.fromtimestamp(milliseconds // 1000, timezone.utc):%Y-%m-%d %H:%M:%S}"


def of_rfc(moment):  # as uuid6.uuid7() has it, at another time: 48 bits of milliseconds, version, random, variant, random
    return uuid6.UUID(int=(int(moment.timestamp() * 1000) << 80) | (uuid6.uuid7().int & ((1 << 80) - 1)))


drafts = [uuid7(int(moment.timestamp()) * 10**9) for moment in MOMENTS]
others = [of_rfc(moment) for moment in MOMENTS]
command = ["node", "program.mjs", *map(str, drafts)]
postgres = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
seen = ["made at                 uuid7 by duckdb          by postgresql            by uuid-utils            uuid6 by duckdb"]
for moment, draft, other, of_postgres in zip(MOMENTS, drafts, others, postgres, strict=True):
    times = [f"{moment:%Y-%m-%d %H:%M:%S}   ", by_duckdb(draft), of_postgres, by_uuid_utils(draft), by_duckdb(other)]
    seen.append(f"{times[0]:23} {times[1]:24} {times[2]:24} {times[3]:24} {times[4]}")
ids = [*drafts, *others, uuid6.uuid7(), uuid7()]
versions = all(uuid.UUID(str(each)).version == 7 for each in ids)
variants = all(uuid.UUID(str(each)).variant == uuid.RFC_4122 for each in ids)
seen.append(f"version 7 in all: {versions}; variant of the RFC in all: {variants}")
seen.append(f"the id of uuid7 of 2026 is greater than that of uuid6 of 2027: {str(drafts[0]) > str(others[2])}")
connection.execute("CREATE TABLE events (id UUID)")
connection.executemany("INSERT INTO events VALUES (?)", [[str(each)] for each in (drafts[0], others[1], others[2])])
later = connection.execute("SELECT count(*) FROM events WHERE id > ?::UUID", [str(drafts[0])]).fetchone()[0]
seen.append(f"rows of 2026 and 2027 after the cursor of the one row of uuid7: {later} of 2")
seen.append(f"uuid7 dates an id of uuid6 of 2027-01-01: {uuid_to_datetime(others[2]):%Y-%m-%d}")
print(*seen, sep="\n")
assert seen == [
    "made at                 uuid7 by duckdb          by postgresql            by uuid-utils            uuid6 by duckdb",
    "2026-01-01 00:00:00     2199-05-19 14:00:57      2199-05-19 14:00:57      2199-05-19 14:00:57      2026-01-01 00:00:00",
    "2026-01-02 00:00:00     2199-05-23 16:19:12      2199-05-23 16:19:12      2199-05-23 16:19:12      2026-01-02 00:00:00",
    "2027-01-01 00:00:00     2203-06-23 14:58:33      2203-06-23 14:58:33      2203-06-23 14:58:33      2027-01-01 00:00:00",
    "version 7 in all: True; variant of the RFC in all: True",
    "the id of uuid7 of 2026 is greater than that of uuid6 of 2027: True",
    "rows of 2026 and 2027 after the cursor of the one row of uuid7: 0 of 2",
    "uuid7 dates an id of uuid6 of 2027-01-01: 1983-12-01",
], "the behaviour changed"
PYTHON
