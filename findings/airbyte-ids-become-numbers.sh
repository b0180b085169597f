#!/usr/bin/env bash
# Airbyte's low-code CDK turns one hexadecimal id in 28 into a number, some into infinity, in records only.
#
# Versions: airbyte-cdk 7.39.1, Python 3.11.
# Guess: `value: "{{ stream_partition['export_id'] }}"` adds the id as the text that it is.
# Behaviour: the text that Jinja renders is read as a Python literal when it is one: 12e34567 becomes infinity, 4e2 400.0,
#   1_000 1000, 0x1F 31, None null; 0012 stays text since Python has no such literal, and so does an id with other
#   text beside it. Of 10,000 ids of 8 hexadecimal digits 353 changed their type. A `value_type` keeps them.
# Cost: child records carry an id that joins with no parent; infinity is no JSON and stops some destinations, others store
#   null. The ids that change are few and look alike for months, so tests on samples do not meet one. Two ids,
#   1e3 and 1000, become equal numbers.
# Output seen:
#   'a1b2c3d4' -> 'a1b2c3d4'
#   '12e34567' -> inf
#   '4e2' -> 400.0
#   '1_000' -> 1000
#   '0x1F' -> 31
#   'None' -> None
#   '0012' -> '0012'
#   '12e34567' with value_type str -> '12e34567'
#   10,000 ids of 8 hexadecimal digits: 9647 str, 213 int, 140 float
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq airbyte-cdk==7.39.1

cd "$folder"
venv/bin/python - <<'PYTHON'
import collections
import hashlib

from airbyte_cdk.sources.declarative.interpolation.interpolated_string import InterpolatedString
from airbyte_cdk.sources.declarative.transformations.add_fields import AddedFieldDefinition, AddFields
from airbyte_cdk.sources.types import StreamSlice


def added(export_id, value_type=None):
    value = InterpolatedString.create("{{ stream_partition['export_id'] }}", parameters={})
    field = AddedFieldDefinition(path=["export_id"], value=value, value_type=value_type, parameters={})
    record = {}
    partition = StreamSlice(partition={"export_id": export_id}, cursor_slice={})
    AddFields(fields=[field], parameters={}).transform(record, config={}, stream_slice=partition)
    return record["export_id"]


examples = ["a1b2c3d4", "12e34567", "4e2", "1_000", "0x1F", "None", "0012"]
seen = [f"{export_id!r} -> {added(export_id)!r}" for export_id in examples]
seen.append(f"'12e34567' with value_type str -> {added('12e34567', str)!r}")
ids = [hashlib.md5(str(number).encode()).hexdigest()[:8] for number in range(10_000)]
types = collections.Counter(type(added(export_id)).__name__ for export_id in ids)
seen.append(f"10,000 ids of 8 hexadecimal digits: {', '.join(f'{count} {name}' for name, count in types.most_common())}")
print(*seen, sep="\n")
assert seen == [
    "'a1b2c3d4' -> 'a1b2c3d4'",
    "'12e34567' -> inf",
    "'4e2' -> 400.0",
    "'1_000' -> 1000",
    "'0x1F' -> 31",
    "'None' -> None",
    "'0012' -> '0012'",
    "'12e34567' with value_type str -> '12e34567'",
    "10,000 ids of 8 hexadecimal digits: 9647 str, 213 int, 140 float",
], "the behaviour changed"
PYTHON
