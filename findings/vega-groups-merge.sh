#!/usr/bin/env bash
# Charts of Vega and Vega-Lite: two groups whose texts are equal once joined with '|' are one bar, with the sum of both.
#
# Versions: vega 6.4.0, vega-lite 6.4.3, alasql 4.19.1, d3-array 3.2.4, duckdb 1.5.6, Node 20, Python 3.11.
# Guess: grouping by source and campaign gives a group for each pair of values, as GROUP BY does.
# Behaviour: Vega's aggregate and joinaggregate look a group up by its values joined with '|' into one text. ('a|b', 'c')
#   and ('a', 'b|c') are one group, named after the first that came; so are null and the text 'null', with one key too.
#   A share of the group is then a share of both. Altair and all else that writes Vega-Lite draw through this code.
#   alasql joins with a backtick, with the same results. d3 nests its maps and keeps the groups apart, as DuckDB does.
#   I found it in no documentation and no issue.
# Cost: names of campaigns and page titles have '|' by custom ('brand|de'), so that a bar has the clicks of another
#   campaign, which is not there at all; the rows without a source are shown as the source 'null', or the other way.
# Output seen:
#   duckdb       a|b,c,1  a,b|c,2  -,d,4  null,d,8
#   d3           a|b,c,1  a,b|c,2  -,d,4  null,d,8
#   vega-lite    a|b,c,3  -,d,12
#   reversed     null,d,12  a,b|c,3
#   one key      -,4 null,8  ->  -,12
#   of the group 33% 67% 33% 67%, where each is 100%
#   alasql       a|b,c,1  a,b|c,2  -,d,12
#   backticks    a`b,c,1  a,b`c,2  ->  a`b,c,3
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq duckdb==1.5.6
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts vega@6.4.0 vega-lite@6.4.3 alasql@4.19.1 d3-array@3.2.4

cat > program.mjs <<'JS'
import alasql from "alasql";
import { rollups, sum } from "d3-array";
import * as vega from "vega";
import * as lite from "vega-lite";

const ROWS = [["a|b", "c", 1], ["a", "b|c", 2], [null, "d", 4], ["null", "d", 8]]
  .map(([source, campaign, clicks]) => ({ source, campaign, clicks }));
const BACKTICKS = [["a`b", "c", 1], ["a", "b`c", 2]]
  .map(([source, campaign, clicks]) => ({ source, campaign, clicks }));

const shown = (value) => (value === null ? "-" : String(value));
const listed = (rows) => rows.map((row) => Object.values(row).map(shown).join(",")).join("  ");

async function drawn(values, groupby, kind = "aggregate") {
  const transform = [{ [kind]: [{ op: "sum", field: "clicks", as: "total" }], groupby }];
  const x = { field: "total", type: "quantitative" };
  const y = { field: "source", type: "nominal" };
  const chart = { data: { values }, transform, mark: "bar", encoding: { x, y } };
  const spec = lite.compile(chart).spec;
  const view = await new vega.View(vega.parse(spec)).runAsync();
  return view.data(spec.marks[0].from.data);
}

const chosen = (rows, names) => rows.map((row) => names.map((name) => row[name]));
const BOTH = ["source", "campaign"];
const nested = rollups(ROWS, (rows) => sum(rows, (row) => row.clicks), (row) => row.source, (row) => row.campaign);
const sql = (rows) => alasql("SELECT source, campaign, SUM(clicks) AS n FROM ? GROUP BY source, campaign", [rows]);
const one = await drawn(ROWS.slice(2), ["source"]);
const joined = await drawn(ROWS, BOTH, "joinaggregate");
const shares = joined.map((row) => `${Math.round((100 * row.clicks) / row.total)}%`).join(" ");
console.log(`d3           ${listed(nested.flatMap(([s, inner]) => inner.map(([c, n]) => [s, c, n])))}`);
console.log(`vega-lite    ${listed(chosen(await drawn(ROWS, BOTH), [...BOTH, "total"]))}`);
console.log(`reversed     ${listed(chosen(await drawn(ROWS.toReversed(), BOTH), [...BOTH, "total"]))}`);
console.log(`one key      -,4 null,8  ->  ${listed(chosen(one, ["source", "total"]))}`);
console.log(`of the group ${shares}, where each is 100%`);
console.log(`alasql       ${listed(sql(ROWS))}`);
console.log(`backticks    ${listed(BACKTICKS)}  ->  ${listed(sql(BACKTICKS))}`);
JS
venv/bin/python - <<'PYTHON'
import subprocess

import duckdb

rows = duckdb.sql("""
    SELECT source, campaign, sum(clicks)
    FROM (VALUES ('a|b', 'c', 1), ('a', 'b|c', 2), (NULL, 'd', 4), ('null', 'd', 8)) t(source, campaign, clicks)
    GROUP BY ALL ORDER BY 3
""").fetchall()
listed = "  ".join(",".join("-" if value is None else str(value) for value in row) for row in rows)
output = subprocess.run(["node", "program.mjs"], check=True, capture_output=True, text=True).stdout
seen = [f"duckdb       {listed}", *output.splitlines()]
print(*seen, sep="\n")
assert seen == [
    "duckdb       a|b,c,1  a,b|c,2  -,d,4  null,d,8",
    "d3           a|b,c,1  a,b|c,2  -,d,4  null,d,8",
    "vega-lite    a|b,c,3  -,d,12",
    "reversed     null,d,12  a,b|c,3",
    "one key      -,4 null,8  ->  -,12",
    "of the group 33% 67% 33% 67%, where each is 100%",
    "alasql       a|b,c,1  a,b|c,2  -,d,12",
    "backticks    a`b,c,1  a,b`c,2  ->  a`b,c,3",
], "the behaviour changed"
PYTHON
