#!/usr/bin/env bash
# The JavaScript library of Arrow shows a DECIMAL without its scale: 12.34 is 1234, in sums and texts alike.
#
# Versions: apache-arrow 21.2.0, hyparquet 1.33.0, @duckdb/node-api 1.5.6-r.1 (npm), pyarrow 26.0.1, Python 3.11, Node 20.
# Guess: a column of type Decimal(10, 2) gives 12.34, as a number or as the text "12.34"; the scale is in the schema.
# Behaviour: get() returns the unscaled integer in an object whose Number() and String() are 1234; arithmetic takes
#   that integer. The schema prints the type as Decimal[10e+2], which reads as an exponent. hyparquet and DuckDB's Node API
#   return 12.34 for the same table as Parquet. Of the 64-bit decimals, which pyarrow writes on request, a negative one has
#   another text: String() of -12.34 is 18446744073709550382, while its Number() is -1234.
# Cost: dashboards in the browser get their marts as Arrow, the fastest way, and money is DECIMAL so that it is exact:
#   all amounts are a hundred times too large, and rates of scale 4 ten thousand times. Ratios of two columns of one scale
#   are right, so that the first chart that someone checks may well be one of these.
# Output seen:
#   apache-arrow: the type is Decimal[10e+2]
#   apache-arrow: amounts 1234, -1234, rates 2500, 5000
#   apache-arrow: as text 1234, -1234
#   apache-arrow: amount * rate 3085000
#   apache-arrow: 64 bits, as number 1234, -1234, as text 1234, 18446744073709550382
#   hyparquet: amounts 12.34, -12.34, rates 0.25, 0.5
#   duckdb: amounts 12.34, -12.34, rates 0.2500, 0.5000
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit apache-arrow@21.2.0 hyparquet@1.33.0 @duckdb/node-api@1.5.6-r.1 >npm.txt
python3 -m venv venv
venv/bin/pip install -qq pyarrow==26.0.1

venv/bin/python - <<'PYTHON'
from decimal import Decimal

import pyarrow
import pyarrow.parquet

amounts, rates = [Decimal("12.34"), Decimal("-12.34")], [Decimal("0.2500"), Decimal("0.5000")]
decimals = {"amount": pyarrow.array(amounts, pyarrow.decimal128(10, 2)), "rate": pyarrow.array(rates, pyarrow.decimal128(5, 4))}
table = pyarrow.table({**decimals, "small": pyarrow.array(amounts, pyarrow.decimal64(10, 2))})
with pyarrow.ipc.new_file("table.arrow", table.schema) as writer:
    writer.write(table)
pyarrow.parquet.write_table(pyarrow.table(decimals), "table.parquet")
PYTHON

cat > program.mjs <<'JAVASCRIPT'
import assert from "node:assert";
import fs from "node:fs";
import { DuckDBInstance } from "@duckdb/node-api";
import { tableFromIPC } from "apache-arrow";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";

const table = tableFromIPC(fs.readFileSync("table.arrow"));
const values = (name) => [...table.getChild(name)];
const rows = await parquetReadObjects({ file: await asyncBufferFromFile("table.parquet") });
const connection = await (await DuckDBInstance.create()).connect();
const duck = (await connection.runAndReadAll("select amount, rate from 'table.parquet'")).getRows();
const seen = [
  `apache-arrow: the type is ${table.schema.fields[0].type}`,
  `apache-arrow: amounts ${values("amount").map(Number).join(", ")}, rates ${values("rate").map(Number).join(", ")}`,
  `apache-arrow: as text ${values("amount").map(String).join(", ")}`,
  `apache-arrow: amount * rate ${values("amount")[0] * values("rate")[0]}`,
  `apache-arrow: 64 bits, as number ${values("small").map(Number).join(", ")}, as text ${values("small").map(String).join(", ")}`,
  `hyparquet: amounts ${rows.map((row) => row.amount).join(", ")}, rates ${rows.map((row) => row.rate).join(", ")}`,
  `duckdb: amounts ${duck.map((row) => row[0]).join(", ")}, rates ${duck.map((row) => row[1]).join(", ")}`,
];
console.log(seen.join("\n"));
assert.deepStrictEqual(seen, [
  "apache-arrow: the type is Decimal[10e+2]",
  "apache-arrow: amounts 1234, -1234, rates 2500, 5000",
  "apache-arrow: as text 1234, -1234",
  "apache-arrow: amount * rate 3085000",
  "apache-arrow: 64 bits, as number 1234, -1234, as text 1234, 18446744073709550382",
  "hyparquet: amounts 12.34, -12.34, rates 0.25, 0.5",
  "duckdb: amounts 12.34, -12.34, rates 0.2500, 0.5000",
], "the behaviour changed");
JAVASCRIPT
node program.mjs
