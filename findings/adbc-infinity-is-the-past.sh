#!/usr/bin/env bash
# PostgreSQL's 'infinity' through ADBC is a date before Christ: no row is valid now, and nothing raises.
#
# Versions: adbc-driver-postgresql 1.13.0, psycopg 3.3.9, psycopg2-binary 2.9.13, pyarrow 26.0.1, duckdb 1.5.6, Python 3.11;
#   the server is PGlite 0.5.14 (PostgreSQL 18.6 in WebAssembly, from npm) on Node 20.
# Guess: 'infinity' raises, since Arrow has no such value, or becomes null or the greatest value of the type.
# Behaviour: ADBC moves the greatest integer of the wire from PostgreSQL's epoch to Unix' and lets it wrap around: infinity
#   becomes a value below what -infinity becomes, for timestamptz and for date. Arrow and DuckDB take it for the year
#   290279 BC, and a file made of it says so for good. psycopg raises; psycopg2 returns the end of the year 9999. The
#   time 24:00 becomes 00:00 in ADBC and psycopg2.
# Cost: `valid_to = 'infinity'` is PostgreSQL's idiom for the current version of a row. After the extraction
#   `valid_to > now()` is false for exactly the current rows, and `order by valid_to desc` puts the oldest first.
# Output seen:
#   server: valid_to > 2026-11-29 ['infinity', 'sentinel']
#   adbc: in Arrow ['sentinel'], in DuckDB ['sentinel']
#   adbc ordered by valid_to: infinity, -infinity, old, sentinel; by its date: infinity, -infinity, old, sentinel
#   adbc in DuckDB: 290279-12-22 (BC) 19:59:05.224191+00
#   infinity: psycopg DataError, psycopg2 9999-12-31 23:59:59.999999+00:00
#   its date: psycopg DataError, psycopg2 9999-12-31
#   24:00: adbc 00:00:00, psycopg DataError, psycopg2 00:00:00
set -euo pipefail

folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit @electric-sql/pglite@0.5.14 @electric-sql/pglite-socket@0.2.17 >npm.txt
python3 -m venv venv
venv/bin/pip install -qq adbc-driver-postgresql==1.13.0 adbc-driver-manager==1.13.0 "psycopg[binary]==3.3.9" psycopg2-binary==2.9.13 \
    pyarrow==26.0.1 duckdb==1.5.6

cat > server.mjs <<'JAVASCRIPT'
import { PGlite } from "@electric-sql/pglite";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";

const db = await PGlite.create();
await db.exec(`
  create table logs (name text, valid_to timestamptz, valid_to_date date, daily time);
  insert into logs values ('infinity', 'infinity', 'infinity', '24:00'), ('-infinity', '-infinity', '-infinity', null),
    ('old', '2026-11-01', '2026-11-01', '10:00'), ('sentinel', '9999-12-31', '9999-12-31', '10:00');
`);
await new PGLiteSocketServer({ db, port: Number(process.argv[2]), host: "127.0.0.1", maxConnections: 4 }).start();
console.log("ready");
JAVASCRIPT
port=$(venv/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
node server.mjs "$port" >server.txt 2>&1 &
server=$!
for _ in $(seq 300); do
    grep -q ready server.txt && break
    sleep 0.2
done

cat > program.py <<'PYTHON'
import datetime
import sys

import adbc_driver_postgresql.dbapi
import duckdb
import psycopg
import psycopg2
import pyarrow
import pyarrow.compute

URL = f"postgresql://postgres:postgres@127.0.0.1:{sys.argv[1]}/postgres?sslmode=disable"
NOW = datetime.datetime(2026, 11, 29, tzinfo=datetime.timezone.utc)
VALID_ON_SERVER = "select array_agg(name order by name) from logs where valid_to > timestamptz '2026-11-29 00:00+00'"
duckdb.execute("set timezone = 'UTC'")

with adbc_driver_postgresql.dbapi.connect(URL) as connection, connection.cursor() as cursor:
    cursor.execute("select * from logs")
    rows = cursor.fetch_arrow_table()
names = rows["name"].to_pylist()


def valid_by_arrow():
    now = pyarrow.scalar(NOW, pyarrow.timestamp("us", "UTC"))
    return [name for name, later in zip(names, pyarrow.compute.greater(rows["valid_to"], now).to_pylist()) if later]


def valid_by_duckdb():
    return [name for (name,) in duckdb.execute("select name from rows where valid_to > ?", [NOW]).fetchall()]


def ordered(column):
    order = pyarrow.compute.sort_indices(rows[column])
    return ", ".join(rows["name"].take(order).to_pylist())


def by_psycopg(query):
    with psycopg.connect(URL) as connection:
        return connection.execute(query).fetchone()[0]


def by_psycopg2(query):
    connection = psycopg2.connect(URL)
    cursor = connection.cursor()
    cursor.execute(query)
    [value] = cursor.fetchone()
    connection.close()
    return value


def shown(read, query):
    try:
        return str(read(query))
    except (psycopg.DataError, psycopg2.DataError, ValueError) as error:
        return type(error).__name__


def drivers(column):
    query = f"select {column} from logs where name = 'infinity'"
    readers = {"psycopg": by_psycopg, "psycopg2": by_psycopg2}
    return ", ".join(f"{name} {shown(read, query)}" for name, read in readers.items())


infinite = duckdb.sql("select valid_to::text from rows where name = 'infinity'").fetchone()[0]
daily = rows["daily"].to_pylist()[names.index("infinity")]
seen = [
    f"server: valid_to > 2026-11-29 {by_psycopg(VALID_ON_SERVER)}",
    f"adbc: in Arrow {valid_by_arrow()}, in DuckDB {valid_by_duckdb()}",
    f"adbc ordered by valid_to: {ordered('valid_to')}; by its date: {ordered('valid_to_date')}",
    f"adbc in DuckDB: {infinite}",
    f"infinity: {drivers('valid_to')}",
    f"its date: {drivers('valid_to_date')}",
    f"24:00: adbc {daily}, {drivers('daily')}",
]
print(*seen, sep="\n")
assert seen == [
    "server: valid_to > 2026-11-29 ['infinity', 'sentinel']",
    "adbc: in Arrow ['sentinel'], in DuckDB ['sentinel']",
    "adbc ordered by valid_to: infinity, -infinity, old, sentinel; by its date: infinity, -infinity, old, sentinel",
    "adbc in DuckDB: 290279-12-22 (BC) 19:59:05.224191+00",
    "infinity: psycopg DataError, psycopg2 9999-12-31 23:59:59.999999+00:00",
    "its date: psycopg DataError, psycopg2 9999-12-31",
    "24:00: adbc 00:00:00, psycopg DataError, psycopg2 00:00:00",
], "the behaviour changed"
PYTHON
venv/bin/python program.py "$port"
