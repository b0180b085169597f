#!/usr/bin/env bash
# pandas 3: the integer of a datetime is in micro- or nanoseconds by the digits of the texts; epoch seconds end in 1970.
#
# Versions: pandas 2.3.3 and 3.1.1, numpy 2.4.6, Python 3.11.
# Guess: `.astype("int64") // 10**9` is the epoch second, as it has been for ten years; if the unit did change, then to
#   one unit, and equal times have equal hashes.
# Behaviour: in 3.1.1 texts with up to 6 decimals, and date_range, give microseconds, texts with 9 decimals nanoseconds, also when
#   the value is the same; one such text makes the whole column so. The quotient is 1793491, 21 January 1970. hash_pandas_object
#   of one and the same time has two values, while == holds. For differences `// 10**9` was seconds and is thousands of
#   seconds.
# Cost: the column is a timestamp before and an integer after, so nothing raises: partitions are named 1970, "age in seconds" is
#   a thousandth and no alert fires. Keys hashed from times match within a file, not with those of a source that
#   sends nanoseconds, nor with the keys that pandas 2 made.
# Output seen:
#   pandas 2.3.3
#     short: datetime64[ns, UTC], // 10**9 is in 2026
#     nine decimals: datetime64[ns, UTC], // 10**9 is in 2026
#     beside a finer one: datetime64[ns, UTC], // 10**9 is in 2026
#     one day as a difference // 10**9: 86400
#     equal: True, equal hashes: True
#   pandas 3.1.1
#     short: datetime64[us, UTC], // 10**9 is in 1970
#     nine decimals: datetime64[ns, UTC], // 10**9 is in 2026
#     beside a finer one: datetime64[ns, UTC], // 10**9 is in 2026
#     one day as a difference // 10**9: 86
#     equal: True, equal hashes: False
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > program.py <<'PYTHON'
import sys

import pandas

SHORT, LONG = "2026-11-01T00:00:00Z", "2026-11-01T00:00:00.000000000Z"
FINER = "2026-11-01T00:00:00.000000001Z"


def times(*texts):
    return pandas.Series(pandas.to_datetime(list(texts), format="ISO8601"))


def seconds(series):
    return int(series.astype("int64").iloc[0] // 10**9)


def hashed(series):
    return int(pandas.util.hash_pandas_object(series.iloc[:1], index=False).iloc[0])


def as_date(epoch):
    return pandas.Timestamp(epoch, unit="s").date()


age = times("2026-11-02T00:00:00Z") - times(SHORT)
cases = {"short": times(SHORT), "nine decimals": times(LONG), "beside a finer one": times(SHORT, FINER)}
seen = [f"{title}: {series.dtype}, // 10**9 is in {as_date(seconds(series)).year}" for title, series in cases.items()]
seen += [
    f"one day as a difference // 10**9: {seconds(age)}",
    f"equal: {bool((times(SHORT) == times(LONG)).all())}, equal hashes: {hashed(times(SHORT)) == hashed(times(LONG))}",
]
print(f"pandas {pandas.__version__}", *seen, sep="\n  ")
expected = {
    "2.3.3": [
        "short: datetime64[ns, UTC], // 10**9 is in 2026",
        "nine decimals: datetime64[ns, UTC], // 10**9 is in 2026",
        "beside a finer one: datetime64[ns, UTC], // 10**9 is in 2026",
        "one day as a difference // 10**9: 86400",
        "equal: True, equal hashes: True",
    ],
    "3.1.1": [
        "short: datetime64[us, UTC], // 10**9 is in 1970",
        "nine decimals: datetime64[ns, UTC], // 10**9 is in 2026",
        "beside a finer one: datetime64[ns, UTC], // 10**9 is in 2026",
        "one day as a difference // 10**9: 86",
        "equal: True, equal hashes: False",
    ],
}
assert seen == expected[sys.argv[1]], "the behaviour changed"
PYTHON

for version in 2.3.3 3.1.1; do
    python3 -m venv "$version"
    "$version/bin/pip" install -qq "pandas==$version" numpy==2.4.6
    "$version/bin/python" program.py "$version"
done
