#!/usr/bin/env bash
# @iabtcf/core writes into the consent string that all vendors were disclosed, or none, whatever the model says.
#
# Versions: @iabtcf/core 1.5.6 (npm), iab-tcf 0.2.2 (PyPI), Node 20, Python 3.11.
# Guess: TCString.encode writes the model that it is given, or raises where the model breaks a rule; decode(encode(model))
#   has the vendors of the model.
# Behaviour: the list has 10 vendors, the model discloses 1, 2 and 3. By default a service-specific string discloses none:
#   the segment is left out. Asked for that segment, or with a global string, all 10 are written as disclosed. The model
#   still says 1, 2, 3 afterwards. Consent for vendor 99, who is not on this version of the list, is left out. A decoded
#   string encoded again with a list that lacks vendor 2 loses that consent and keeps its old date. Python's iab-tcf
#   reads back what the string says.
# Cost: since TCF 2.3 the segment is the record of whom the user was shown. A store of consent proofs that was written through
#   encode() claims 10 disclosures for 3, or none; and re-encoding old strings to migrate them rewrites their evidence.
# Output seen:
#   model: discloses 1, 2, 3, consents 1, 2, 99
#   service-specific: discloses -, consents 1, 2
#   service-specific with the segment: discloses 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, consents 1, 2
#   global: discloses 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, consents 1, 2
#   model afterwards: discloses 1, 2, 3, consents 1, 2, 99
#   encoded again with list 151 without vendor 2: consents 1, dated 2026-11-01 before: true, after: true
#   iab-tcf: service-specific consents 1, 2; with the segment discloses 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit @iabtcf/core@1.5.6 >npm.txt
python3 -m venv venv
venv/bin/pip install -qq iab-tcf==0.2.2

cat > program.mjs <<'JAVASCRIPT'
import assert from "node:assert";
import fs from "node:fs";
import { GVL, Segment, TCModel, TCString } from "@iabtcf/core";

function list(version, ids) {
  const purposes = Object.fromEntries([1, 2, 3].map((id) => [id, { id, name: `purpose ${id}`, description: "" }]));
  const nothing = { legIntPurposes: [], flexiblePurposes: [], specialPurposes: [], features: [], specialFeatures: [] };
  const vendors = Object.fromEntries(
    ids.map((id) => [id, { id, name: `vendor ${id}`, purposes: [1, 2, 3], policyUrl: "", ...nothing }]),
  );
  return new GVL({
    gvlSpecificationVersion: 3, vendorListVersion: version, tcfPolicyVersion: 5, lastUpdated: "2026-10-01T00:00:00Z",
    purposes, vendors, specialPurposes: {}, features: {}, specialFeatures: {}, stacks: {}, dataCategories: {},
  });
}

const ids = (vector) => [...vector].filter(([, is]) => is).map(([id]) => id).join(", ") || "-";
const shown = (model) => `discloses ${ids(model.vendorsDisclosed)}, consents ${ids(model.vendorConsents)}`;
const dated = (model) => model.lastUpdated.toISOString().startsWith("2026-11-01");

function filled(isServiceSpecific) {
  const model = new TCModel(list(150, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]));
  Object.assign(model, { cmpId: 7, cmpVersion: 1, publisherCountryCode: "FR", isServiceSpecific });
  model.purposeConsents.set([1, 2]);
  model.vendorConsents.set([1, 2, 99]);
  model.vendorsDisclosed.set([1, 2, 3]);
  model.created = model.lastUpdated = new Date("2026-11-01T00:00:00Z");
  return model;
}

const model = filled(true);
const before = shown(model);
const strings = {
  "service-specific": TCString.encode(model),
  "service-specific with the segment": TCString.encode(model, { segments: [Segment.CORE, Segment.VENDORS_DISCLOSED] }),
  global: TCString.encode(filled(false)),
};
const old = TCString.decode(strings["service-specific"]);
const datedBefore = dated(old);
old.gvl = list(151, [1, 3, 4, 5, 6, 7, 8, 9, 10]);
const again = TCString.decode(TCString.encode(old));
const seen = [
  `model: ${before}`,
  ...Object.entries(strings).map(([title, string]) => `${title}: ${shown(TCString.decode(string))}`),
  `model afterwards: ${shown(model)}`,
  `encoded again with list 151 without vendor 2: consents ${ids(again.vendorConsents)}, ` +
    `dated 2026-11-01 before: ${datedBefore}, after: ${dated(again)}`,
];
console.log(seen.join("\n"));
assert.deepStrictEqual(seen, [
  "model: discloses 1, 2, 3, consents 1, 2, 99",
  "service-specific: discloses -, consents 1, 2",
  "service-specific with the segment: discloses 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, consents 1, 2",
  "global: discloses 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, consents 1, 2",
  "model afterwards: discloses 1, 2, 3, consents 1, 2, 99",
  "encoded again with list 151 without vendor 2: consents 1, dated 2026-11-01 before: true, after: true",
], "the behaviour changed");
fs.writeFileSync("strings.json", JSON.stringify(Object.values(strings)));
JAVASCRIPT
node program.mjs

venv/bin/python - <<'PYTHON'
import json
import pathlib

import iab_tcf

plain, with_segment, _ = json.loads(pathlib.Path("strings.json").read_text())
consents = [number for number in range(1, 11) if iab_tcf.decode(plain).is_vendor_allowed(number)]
disclosed = [number for number, is_disclosed in iab_tcf.decode(with_segment).oob_disclosed_vendors.items() if is_disclosed]
seen = (
    f"iab-tcf: service-specific consents {', '.join(map(str, consents))}; "
    f"with the segment discloses {', '.join(map(str, disclosed))}"
)
print(seen)
assert seen == (
    "iab-tcf: service-specific consents 1, 2; with the segment discloses 1, 2, 3, 4, 5, 6, 7, 8, 9, 10"
), "the behaviour changed"
PYTHON
