#!/usr/bin/env bash
# IAB's GPP library: setting one field takes consents back that were given to another, and dates an old string today.
#
# Versions: @iabgpp/cmpapi 3.2.0 (npm), iab-tcf 0.2.2 (PyPI), Node 20, Python 3.11.
# Guess: setFieldValue sets the field that it is told, to the value that it is told, or raises; the order of fields that
#   have nothing to do with each other is free; what a string does not say is not in its section.
# Behaviour: TCF forbids a legitimate interest for the purposes 1 and 3 to 6, and setting the legitimate interests writes
#   that `false` into the caller's own array. Where one array is the answer to both questions ("accept all"), the
#   consents set after them lose these five purposes; and whoever sets them first keeps a changed array. The purposes of
#   the publisher are cut to their number at the time, 0 unless it was set before them, and are all refused. Each other
#   field set, to its old value too, dates the section today, at midnight; a date must be the last. An American section
#   without the part on Global Privacy Control has Gpc: false, like one that says so; GpcSegmentIncluded, the field that
#   tells them apart, is left out of the section.
# Cost: "accept all" is stored without purpose 1, storage on the device, on which most of the others rest. Strings written
#   or changed for a migration have the day of the migration as the day of consent. A count of opt-out signals takes
#   "not said" for "no".
# Output seen:
#   consents first: consents 1,2,3,4,5,6,7,8,9,10,11, interests 2,7,8,9,10,11, the array 2,7,8,9,10,11
#   interests first: consents 2,7,8,9,10,11, interests 2,7,8,9,10,11, the array 2,7,8,9,10,11
#   number first: publisher 1,3 of 3
#   number last: publisher - of 3
#   date last: 2024-01-05, CmpId set to what it was: today
#   without the part: {"GpcSegmentType":1,"Gpc":false}, with it: {"GpcSegmentType":1,"Gpc":false}
#   iab-tcf: consents first 1,2,3,4,5,6,7,8,9,10,11, interests first 2,7,8,9,10,11
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit @iabgpp/cmpapi@3.2.0 >npm.txt
python3 -m venv venv
venv/bin/pip install -qq iab-tcf==0.2.2

cat > program.mjs <<'JAVASCRIPT'
import assert from "node:assert";
import fs from "node:fs";
import { GppModel } from "@iabgpp/cmpapi";

const SECTION = "tcfeuv2";
const numbers = (bits) => bits.flatMap((is, index) => (is ? [index + 1] : [])).join(",") || "-";
const today = () => new Date().toISOString().slice(0, 10);

function written(values) {
  const model = new GppModel();
  for (const [name, value] of values) model.setFieldValue(SECTION, name, value);
  return model.encode();
}

const read = (string, name) => new GppModel(string).getFieldValue(SECTION, name);

function purposes(names) {
  const all = Array(11).fill(true);
  const string = written(names.map((name) => [name, all]));
  const [consents, interests] = ["PurposeConsents", "PurposeLegitimateInterests"].map((name) => numbers(read(string, name)));
  return { string, shown: `consents ${consents}, interests ${interests}, the array ${numbers(all)}` };
}

function publisher(values) {
  const string = written(values);
  return `${numbers(read(string, "PublisherCustomConsents"))} of ${read(string, "NumCustomPurposes")}`;
}

function dated(string, days) {
  const day = read(string, "Created").toISOString().slice(0, 10);
  return days.includes(day) ? "today" : day;
}

function privacyControl(string) {
  const { GpcSegmentType, Gpc } = new GppModel(string).getSection("usca");
  return JSON.stringify({ GpcSegmentType, Gpc });
}

const consentsFirst = purposes(["PurposeConsents", "PurposeLegitimateInterests"]);
const interestsFirst = purposes(["PurposeLegitimateInterests", "PurposeConsents"]);
const number = ["NumCustomPurposes", 3];
const custom = ["PublisherCustomConsents", [true, false, true]];
const days = [today()];
const old = written([["CmpId", 7], ["Created", new Date("2024-01-05T00:00:00Z")]]);
const again = new GppModel(old);
again.setFieldValue(SECTION, "CmpId", 7);
days.push(today());
const seen = [
  `consents first: ${consentsFirst.shown}`,
  `interests first: ${interestsFirst.shown}`,
  `number first: publisher ${publisher([number, custom])}`,
  `number last: publisher ${publisher([custom, number])}`,
  `date last: ${dated(old, days)}, CmpId set to what it was: ${dated(again.encode(), days)}`,
  `without the part: ${privacyControl("DBABBg~BAAAAABA")}, with it: ${privacyControl("DBABBg~BAAAAABA.QA")}`,
];
console.log(seen.join("\n"));
assert.deepStrictEqual(seen, [
  "consents first: consents 1,2,3,4,5,6,7,8,9,10,11, interests 2,7,8,9,10,11, the array 2,7,8,9,10,11",
  "interests first: consents 2,7,8,9,10,11, interests 2,7,8,9,10,11, the array 2,7,8,9,10,11",
  "number first: publisher 1,3 of 3",
  "number last: publisher - of 3",
  "date last: 2024-01-05, CmpId set to what it was: today",
  'without the part: {"GpcSegmentType":1,"Gpc":false}, with it: {"GpcSegmentType":1,"Gpc":false}',
], "the behaviour changed");
const sections = [consentsFirst, interestsFirst].map(({ string }) => string.split("~")[1]);
fs.writeFileSync("sections.txt", sections.join("\n"));
JAVASCRIPT
node program.mjs

cat > program.py <<'PYTHON'
import pathlib

import iab_tcf


def consents(section):
    given = iab_tcf.decode_v2(section).purposes_consent
    return ",".join(str(number) for number in sorted(given) if given[number])


first, last = pathlib.Path("sections.txt").read_text(encoding="utf-8").splitlines()
seen = f"iab-tcf: consents first {consents(first)}, interests first {consents(last)}"
print(seen)
assert seen == (
    "iab-tcf: consents first 1,2,3,4,5,6,7,8,9,10,11, interests first 2,7,8,9,10,11"
), "the behaviour changed"
PYTHON
venv/bin/python program.py
