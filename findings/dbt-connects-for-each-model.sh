#!/usr/bin/env bash
# dbt-postgres closes its connection after each model: `threads: 1` and 20 models are more than 20 logins, not one.
#
# Versions: dbt-core 1.11.16, dbt-postgres 1.10.2, psycopg2-binary 2.9.13, Python 3.11;
#   the server is PGlite 0.5.14 (PostgreSQL 18.6 in WebAssembly, from npm) on Node 20.
# Guess: a thread keeps its connection: the profile has `threads` and `keepalives_idle`, and dbt's log names connections that it
#   uses again, from a pool.
# Behaviour: what is used again is an object that holds a name. Its socket is closed when the node is done
#   (BaseConnectionManager.release), and the next node logs in anew.
# Cost: with TLS and SCRAM a login takes five or six round trips, more than the statements of a small model. At 50 ms that is 0.3 s
#   a node; behind a pooler, or where logins are counted or audited, each build is as many sessions as it has models and tests.
# Output seen:
#   models: 20, threads: 1, logins of the build: more than 20
set -euo pipefail

folder=$(mktemp -d)
trap 'kill "${server:-}" "${proxy:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
export DBT_SEND_ANONYMOUS_USAGE_STATS=false DO_NOT_TRACK=1
npm install --silent --no-fund --no-audit @electric-sql/pglite@0.5.14 @electric-sql/pglite-socket@0.2.17 >npm.txt
python3 -m venv venv
venv/bin/pip install -qq dbt-core==1.11.16 dbt-postgres==1.10.2 psycopg2-binary==2.9.13

cat > server.mjs <<'JAVASCRIPT'
import { PGlite } from "@electric-sql/pglite";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";

const db = await PGlite.create();
await new PGLiteSocketServer({ db, port: Number(process.argv[2]), host: "127.0.0.1", maxConnections: 8 }).start();
console.log("ready");
JAVASCRIPT

# Passes everything on, and writes a line for each connection.
cat > proxy.py <<'PYTHON'
import asyncio
import sys


async def pump(reader, writer):
    while block := await reader.read(65536):
        writer.write(block)
        await writer.drain()
    writer.close()


async def accept(reader, writer):
    print("login", flush=True)
    far_reader, far_writer = await asyncio.open_connection("127.0.0.1", int(sys.argv[2]))
    await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer), return_exceptions=True)


async def main():
    server = await asyncio.start_server(accept, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


asyncio.run(main())
PYTHON
free() { venv/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
behind=$(free)
port=$(free)
node server.mjs "$behind" >server.txt 2>&1 &
server=$!
for _ in $(seq 300); do
    grep -q ready server.txt && break
    sleep 0.2
done
venv/bin/python proxy.py "$port" "$behind" >logins.txt &
proxy=$!
sleep 1

mkdir models
for number in $(seq 20); do echo "select $number as x" >"models/m$number.sql"; done
cat > dbt_project.yml <<'YAML'
name: twenty
profile: twenty
models: {twenty: {+materialized: view}}
YAML
cat > profiles.yml <<YAML
twenty:
  target: here
  outputs:
    here: {type: postgres, host: 127.0.0.1, port: $port, user: postgres, password: postgres, dbname: postgres, schema: twenty, threads: 1}
YAML
venv/bin/dbt run --profiles-dir . >dbt.txt || { cat dbt.txt; exit 1; }
logins=$(wc -l <logins.txt)
[ "$logins" -gt 20 ] && seen="more than 20" || seen=$logins
line="models: $(grep -c 'OK created' dbt.txt), threads: 1, logins of the build: $seen"
echo "$line"
[ "$line" = "models: 20, threads: 1, logins of the build: more than 20" ]
