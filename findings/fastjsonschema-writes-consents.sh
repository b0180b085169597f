#!/usr/bin/env bash
# fastjsonschema writes `"consent": true` into a record that it only checks, from a branch that the record does not match.
#
# Versions: fastjsonschema 2.22.3, jsonschema 4.26.0, jsonschema-rs 0.61.2, ajv 8.20.0, Python 3.11, Node 20.
# Guess: whoever validates a record leaves it as it is, since "default" is an annotation of JSON Schema; a library that fills
#   defaults in, as Ajv's useDefaults does when asked, takes those of the schema that the record matches.
# Behaviour: fastjsonschema fills defaults in unasked, in the caller's own dict, while it tries: the branch of a newsletter
#   is tried on an order, leaves its `consent: true` there, and only then turns out not to match. So do `oneOf`, `if`
#   and even `not`. With the branch of the order first, or `kind` before `consent`, anyOf leaves the record alone.
#   Ajv leaves it in all of these. `use_default=False` is the way out.
# Cost: who never answered has consented, in the rows that are loaded after the check; absence cannot be told from an
#   answer again. Moving two lines of a schema, which means nothing in JSON, changes whom that happens to.
# Output seen:
#   anyOf: fastjsonschema consent true, jsonschema as it was, jsonschema-rs as it was, ajv as it was
#   oneOf: fastjsonschema consent true, jsonschema as it was, jsonschema-rs as it was, ajv as it was
#   if: fastjsonschema consent true, jsonschema as it was, jsonschema-rs as it was, ajv as it was
#   not: fastjsonschema consent true, jsonschema as it was, jsonschema-rs as it was, ajv as it was
#   anyOf, order first: fastjsonschema as it was, jsonschema as it was, jsonschema-rs as it was, ajv as it was
#   anyOf, kind first: fastjsonschema as it was, jsonschema as it was, jsonschema-rs as it was, ajv as it was
#   properties: fastjsonschema consent true, jsonschema as it was, jsonschema-rs as it was, ajv consent true
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit ajv@8.20.0 >npm.txt
python3 -m venv venv
venv/bin/pip install -qq fastjsonschema==2.22.3 jsonschema==4.26.0 jsonschema-rs==0.61.2

cat > schemas.json <<'JSON'
{
  "anyOf": {"anyOf": [
    {"properties": {"consent": {"type": "boolean", "default": true}, "kind": {"const": "newsletter"}}},
    {"properties": {"kind": {"const": "order"}}}]},
  "oneOf": {"oneOf": [
    {"properties": {"consent": {"type": "boolean", "default": true}, "kind": {"const": "newsletter"}}},
    {"properties": {"kind": {"const": "order"}}}]},
  "if": {
    "if": {"properties": {"consent": {"type": "boolean", "default": true}, "kind": {"const": "newsletter"}}},
    "then": {"required": ["address"]}},
  "not": {
    "not": {"properties": {"consent": {"type": "boolean", "default": true}, "kind": {"const": "newsletter"}}}},
  "anyOf, order first": {"anyOf": [
    {"properties": {"kind": {"const": "order"}}},
    {"properties": {"consent": {"type": "boolean", "default": true}, "kind": {"const": "newsletter"}}}]},
  "anyOf, kind first": {"anyOf": [
    {"properties": {"kind": {"const": "newsletter"}, "consent": {"type": "boolean", "default": true}}},
    {"properties": {"kind": {"const": "order"}}}]},
  "properties": {"properties": {"consent": {"type": "boolean", "default": true}}}
}
JSON
cat > ajv.mjs <<'JAVASCRIPT'
import { readFileSync, writeFileSync } from "node:fs";
import Ajv from "ajv";

const left = {};
for (const [title, schema] of Object.entries(JSON.parse(readFileSync("schemas.json", "utf8")))) {
  left[title] = { kind: "order" };
  const validate = new Ajv({ useDefaults: true, strict: false }).compile({ type: "object", ...schema });
  if (!validate(left[title])) throw new Error(title);
}
writeFileSync("ajv.json", JSON.stringify(left));
JAVASCRIPT
node ajv.mjs

venv/bin/python - <<'PYTHON'
import json
import pathlib

import fastjsonschema
import jsonschema
import jsonschema_rs

ORDER = {"kind": "order"}
by_ajv = json.loads(pathlib.Path("ajv.json").read_text())


def after(validate):
    record = dict(ORDER)
    validate(record)
    return record


def line(title, part):
    schema = {"type": "object", **part}
    records = {
        "fastjsonschema": after(fastjsonschema.compile(schema)),
        "jsonschema": after(lambda record: jsonschema.validate(record, schema)),
        "jsonschema-rs": after(lambda record: jsonschema_rs.validate(schema, record)),
        "ajv": by_ajv[title],
    }
    assert after(fastjsonschema.compile(schema, use_default=False)) == ORDER, "the behaviour changed"
    assert all(record in (ORDER, {**ORDER, "consent": True}) for record in records.values()), records
    return f"{title}: " + ", ".join(
        f"{name} {'as it was' if record == ORDER else 'consent true'}" for name, record in records.items()
    )


seen = [line(title, part) for title, part in json.loads(pathlib.Path("schemas.json").read_text()).items()]
print(*seen, sep="\n")
assert seen == [
    "anyOf: fastjsonschema consent true, jsonschema as it was, jsonschema-rs as it was, ajv as it was",
    "oneOf: fastjsonschema consent true, jsonschema as it was, jsonschema-rs as it was, ajv as it was",
    "if: fastjsonschema consent true, jsonschema as it was, jsonschema-rs as it was, ajv as it was",
    "not: fastjsonschema consent true, jsonschema as it was, jsonschema-rs as it was, ajv as it was",
    "anyOf, order first: fastjsonschema as it was, jsonschema as it was, jsonschema-rs as it was, ajv as it was",
    "anyOf, kind first: fastjsonschema as it was, jsonschema as it was, jsonschema-rs as it was, ajv as it was",
    "properties: fastjsonschema consent true, jsonschema as it was, jsonschema-rs as it was, ajv consent true",
], "the behaviour changed"
PYTHON
