#!/usr/bin/env bash
# hyparquet: a filter with `$or` beside a condition forgets the condition, here consent; a date as value matches all rows.
#
# Versions: hyparquet 1.33.0, mingo 7.2.7, sift 17.1.4, @duckdb/node-api 1.5.6-r.1 (npm), pyarrow 26.0.1, Python 3.11, Node 20.
# Guess: filters in the language of MongoDB mean what they mean there: all keys of one object apply, a value stands for
#   equality, and what is not understood raises, as an unknown column does.
# Behaviour: where `$and`, `$or` or `$nor` is there, it is the only key that is read: `{ consent: { $eq: true }, $or: [...] }`
#   returns the rows without a consent too, and TypeScript is content. `{ day: new Date(...) }` takes the date for an object of
#   operators, finds none, and returns all rows, as does a typing error in an operator (TypeScript sees these two). Of INT64
#   `$eq` and `$in` find no number, as the values are BigInt, and `$ne` finds all, while `$gte` and `$lte` find it. mingo and
#   sift (on the same rows, BigInt made Number) read all of these as MongoDB does. The filters are not in its documentation.
# Cost: the list for a mailing, "consented, and in Germany or France", has everyone in these. The rows look like the ones asked
#   for, as each of them is in Germany or France.
# Output seen (ids of five rows; those of consent are 1, 2, 4):
#   consent, and one of two countries   hyparquet 1 2 3 5   mingo 1 2   sift 1 2   duckdb 1 2
#   the same as $and of both            hyparquet 1 2       mingo 1 2   sift 1 2   duckdb 1 2
#   consent, and not $nor               hyparquet 1 3 4     mingo 1 4   sift 1 4   duckdb 1 4
#   a date as value                     hyparquet 1 2 3 4 5 mingo 2     sift 2     duckdb 2
#   the date with $eq                   hyparquet 2         mingo 2     sift 2     duckdb 2
#   an operator that is none            hyparquet 1 2 3 4 5 mingo raises sift raises
#   a column that is none               hyparquet raises    mingo -     sift -
#   INT64, $eq a number                 hyparquet -         mingo 3     sift 3     duckdb 3
#   INT64, $ne a number                 hyparquet 1 2 3 4 5 mingo 1 2 4 5 sift 1 2 4 5 duckdb 1 2 4 5
#   INT64, $gte and $lte that number    hyparquet 3         mingo 3     sift 3     duckdb 3
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit hyparquet@1.33.0 mingo@7.2.7 sift@17.1.4 @duckdb/node-api@1.5.6-r.1 >npm.txt
python3 -m venv venv
venv/bin/pip install -qq pyarrow==26.0.1

venv/bin/python - <<'PYTHON'
from datetime import date

import pyarrow
import pyarrow.parquet

table = pyarrow.table(
    {
        "id": pyarrow.array([1, 2, 3, 4, 5], pyarrow.int32()),
        "consent": [True, True, False, True, None],
        "country": ["de", "fr", "de", "at", "fr"],
        "day": [date(2026, 1, day) for day in (1, 2, 3, 4, 5)],
        "count": pyarrow.array([10, 20, 30, 40, 50], pyarrow.int64()),
    }
)
pyarrow.parquet.write_table(table, "table.parquet")
pyarrow.parquet.write_table(table, "bare.parquet", write_statistics=False)
PYTHON

cat > program.mjs <<'JAVASCRIPT'
import assert from "node:assert";
import { DuckDBInstance } from "@duckdb/node-api";
import { asyncBufferFromFile, parquetQuery, parquetReadObjects } from "hyparquet";
import { Query } from "mingo";
import sift from "sift";

const rows = (await parquetReadObjects({ file: await asyncBufferFromFile("table.parquet") })).map((row) => ({
  ...row,
  count: Number(row.count),
}));
const connection = await (await DuckDBInstance.create()).connect();
const ids = (found) => found.map((row) => row.id).join(" ") || "-";
const attempt = async (run) => {
  try {
    return ids(await run());
  } catch (error) {
    return "raises";
  }
};
const hyparquet = async (filter) => {
  const answers = [];
  for (const name of ["table.parquet", "bare.parquet"]) {
    for (const read of [parquetReadObjects, parquetQuery]) {
      answers.push(await attempt(async () => read({ file: await asyncBufferFromFile(name), filter })));
    }
  }
  assert.strictEqual(new Set(answers).size, 1, "statistics matter");
  return answers[0];
};
const duckdb = async (where) =>
  ids((await connection.runAndReadAll(`SELECT id FROM 'table.parquet' WHERE ${where} ORDER BY id`)).getRowObjects());

const day = new Date("2026-01-02");
const countries = { $or: [{ country: { $eq: "de" } }, { country: { $eq: "fr" } }] };
const consent = { consent: { $eq: true } };
const cases = [
  ["consent, and one of two countries", { ...consent, ...countries }, "consent AND country IN ('de', 'fr')"],
  ["the same as $and of both", { $and: [consent, countries] }, "consent AND country IN ('de', 'fr')"],
  ["consent, and not $nor", { ...consent, $nor: [{ country: { $eq: "fr" } }] }, "consent AND country <> 'fr'"],
  ["a date as value", { day }, "day = '2026-01-02'"],
  ["the date with $eq", { day: { $eq: day } }, "day = '2026-01-02'"],
  ["an operator that is none", { id: { $lessThan: 3 } }],
  ["a column that is none", { city: { $eq: "Bonn" } }],
  ["INT64, $eq a number", { count: { $eq: 30 } }, "count = 30"],
  ["INT64, $ne a number", { count: { $ne: 30 } }, "count <> 30"],
  ["INT64, $gte and $lte that number", { count: { $gte: 30, $lte: 30 } }, "count BETWEEN 30 AND 30"],
];
for (const [title, filter, where] of cases) {
  const found = [
    `hyparquet ${(await hyparquet(filter)).padEnd(9)}`,
    `mingo ${(await attempt(() => rows.filter((row) => new Query(filter).test(row)))).padEnd(5)}`,
    `sift ${(await attempt(() => rows.filter(sift(filter)))).padEnd(5)}`,
    ...(where ? [`duckdb ${await duckdb(where)}`] : []),
  ];
  console.log(`${title.padEnd(35)} ${found.join(" ")}`.trimEnd());
}
JAVASCRIPT
node program.mjs | tee seen.txt
diff seen.txt - <<'TEXT' || { echo "the behaviour changed"; exit 1; }
consent, and one of two countries   hyparquet 1 2 3 5   mingo 1 2   sift 1 2   duckdb 1 2
the same as $and of both            hyparquet 1 2       mingo 1 2   sift 1 2   duckdb 1 2
consent, and not $nor               hyparquet 1 3 4     mingo 1 4   sift 1 4   duckdb 1 4
a date as value                     hyparquet 1 2 3 4 5 mingo 2     sift 2     duckdb 2
the date with $eq                   hyparquet 2         mingo 2     sift 2     duckdb 2
an operator that is none            hyparquet 1 2 3 4 5 mingo raises sift raises
a column that is none               hyparquet raises    mingo -     sift -
INT64, $eq a number                 hyparquet -         mingo 3     sift 3     duckdb 3
INT64, $ne a number                 hyparquet 1 2 3 4 5 mingo 1 2 4 5 sift 1 2 4 5 duckdb 1 2 4 5
INT64, $gte and $lte that number    hyparquet 3         mingo 3     sift 3     duckdb 3
TEXT
