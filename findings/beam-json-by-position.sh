#!/usr/bin/env bash
# Apache Beam: `ReadFromJson` takes the values of JSON lines by position, so one record without a key exchanges the consents of
# 9999 others; and one unknown consent makes each "no" the text `False`, which passes a filter.
#
# Versions: apache-beam 2.77.0 with its extra `dataframe` (pandas 2.2.3), Python 3.11, DirectRunner.
# Guess: fields are the keys of the records, by name. The order of the keys is of no matter, a record without a key has None
#   there, and no other record changes by it.
# Behaviour: the fields have the names, types and order of the first 100 records of one file (the one that the directory lists
#   first). pandas then reads each file in frames of 10,000 records, whose columns have the order in which the keys come up in
#   that frame, and Beam gives their values to the fields by position. Where the first record of a frame, which the first of each
#   file is, lacks `ads`, or has its keys in another order, all others of the frame have `ads` and `stats` exchanged; where the
#   fifth lacks `ads`, nothing happens. If that file has a boolean that is missing or null once, all its values are the texts
#   `True` and `False`, and both are true. Nothing is logged. `ReadFromText` and `json.loads` are right, and so is pandas.
# Cost: a log leaves out what was not answered, or a new release writes its keys in another order: who refused ads and allowed
#   statistics is from then on, or for one day, in the list of those who allow ads. Types and totals look as ever.
# Output seen (all refuse ads and allow stats; how many Beam has for ads/stats):
#   one file, by ten thousand: as it is, its 5th lacks ads, its 1st lacks ads, its 1st has another order
#   ReadFromJson                             0/10000 0/10000 10000/0 10000/0
#   ReadFromText and json.loads              0/10000 0/10000 0/10000 0/10000
#   pandas.read_json                         0/10000 0/10000 0/10000 0/10000
#   two files of a hundred, of which one begins in another order
#   ReadFromJson                             0/100 100/0
#   one file of a hundred, whose 5th lacks ads
#   ReadFromJson                             99/100
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq "apache-beam[dataframe]==2.77.0" pandas==2.2.3

cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import json
import logging
from collections import Counter
from pathlib import Path

logging.disable(logging.ERROR)

import apache_beam  # noqa: E402
import pandas  # noqa: E402

seen = []


def write(path, groups, size):
    records = []
    for group, (number, names) in enumerate(groups):
        for user in range(size):
            record = {"group": group, "ads": False, "stats": True}
            records.append({name: record[name] for name in names} if user == number else record)
    Path(path).parent.mkdir(exist_ok=True)
    Path(path).write_text("".join(json.dumps(record) + "\n" for record in records))


def by_beam(path, *parse):
    with apache_beam.Pipeline() as pipeline:
        rows = pipeline | (apache_beam.io.ReadFromText if parse else apache_beam.io.ReadFromJson)(path)
        for function in parse:
            rows = rows | apache_beam.Map(function)
        (
            rows
            | apache_beam.FlatMap(lambda row: [f"{name} {row.group}" for name in ("ads", "stats") if getattr(row, name)])
            | apache_beam.combiners.ToList()
            | apache_beam.Map(lambda allowed: Path("allowed.json").write_text(json.dumps(allowed)))
        )
    return json.loads(Path("allowed.json").read_text())


def by_json(line):
    return apache_beam.Row(**{"ads": None, "stats": None, **json.loads(line)})


def by_pandas(path):
    frame = pandas.read_json(path, lines=True)
    return [f"{name} {group}" for name in ("ads", "stats") for group in frame[frame[name].eq(True)].group]


def add(title, allowed, groups, order=list):
    counts = Counter(allowed)
    seen.append(f"{title:40} " + " ".join(order(f"{counts[f'ads {group}']}/{counts[f'stats {group}']}" for group in groups)))


WHOLE = (None, ["group", "ads", "stats"])
OTHER = (0, ["group", "stats", "ads"])
groups = [WHOLE, (4, ["group", "stats"]), (0, ["group", "stats"]), OTHER]
write("one/log.jsonl", groups, 10_000)
seen.append("one file, by ten thousand: as it is, its 5th lacks ads, its 1st lacks ads, its 1st has another order")
add("ReadFromJson", by_beam("one/log.jsonl"), range(4))
add("ReadFromText and json.loads", by_beam("one/log.jsonl", by_json), range(4))
add("pandas.read_json", by_pandas("one/log.jsonl"), range(4))

write("two/1.jsonl", [WHOLE], 100)
write("two/2.jsonl", [OTHER], 100)
second = Path("two/2.jsonl")
second.write_text(second.read_text().replace('"group": 0', '"group": 1'))
seen.append("two files of a hundred, of which one begins in another order")
add("ReadFromJson", by_beam("two/*.jsonl"), range(2), sorted)  # which one depends on the directory

write("null/log.jsonl", [(4, ["group", "stats"])], 100)
seen.append("one file of a hundred, whose 5th lacks ads")
add("ReadFromJson", by_beam("null/log.jsonl"), [0])
print(*seen, sep="\n")
assert seen == [
    "one file, by ten thousand: as it is, its 5th lacks ads, its 1st lacks ads, its 1st has another order",
    "ReadFromJson                             0/10000 0/10000 10000/0 10000/0",
    "ReadFromText and json.loads              0/10000 0/10000 0/10000 0/10000",
    "pandas.read_json                         0/10000 0/10000 0/10000 0/10000",
    "two files of a hundred, of which one begins in another order",
    "ReadFromJson                             0/100 100/0",
    "one file of a hundred, whose 5th lacks ads",
    "ReadFromJson                             99/100",
], "the behaviour changed"
PYTHON
