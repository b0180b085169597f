#!/usr/bin/env bash
# Delta Lake for Python: an empty text in the partition column is there until a compaction, which makes it null for good.
#
# Versions: deltalake 1.6.6, polars 2.1.0, pyarrow 26.0.1, Python 3.11.
# Guess: `optimize.compact()` rewrites files and changes no value, as its name and its `dataChange: false` say; a column has
#   the same values whether it is a partition column or not, and by each reader of one package.
# Behaviour: the log keeps the empty text as "", which the protocol of Delta Lake reads as null. deltalake's own SQL, its
#   delete, its update and Polars read "", its `to_pyarrow_table` and `to_pandas` null. A compaction (z-order too) puts these
#   files among those of null: from then on all readers say null, and the two are one. Not partitioned, "" stays. What then
#   replaces `country = ''` replaces nothing and adds its rows to those from before.
# Cost: the empty text is "asked, not known" in many logs, null "not asked". Counts of both change on the night of the first
#   compaction, without a commit that says it changed data, and the nightly overwrite of that one partition doubles it from
#   then on; a merge on the column inserts again. A notebook in pandas disagreed from the start.
# Output seen (an empty text as '', null as -; "replaced": an overwrite where country = '' with its rows):
#   not partitioned, written            polars '' '' - de de  sql '' '' - de de  pyarrow '' '' - de de
#   not partitioned, compacted          polars '' '' - de de  sql '' '' - de de  pyarrow '' '' - de de
#   partitioned, written                polars '' '' - de de  sql '' '' - de de  pyarrow - - - de de
#   partitioned, replaced               polars '' '' - de de  sql '' '' - de de  pyarrow - - - de de
#   partitioned, compacted              polars - - - de de  sql - - - de de  pyarrow - - - de de
#   partitioned, compacted and replaced polars '' '' - - - de de  sql '' '' - - - de de  pyarrow - - - - - de de
#   the compaction's files say dataChange False
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq deltalake==1.6.6 polars==2.1.0 pyarrow==26.0.1

cd "$folder"
cat > program.py <<'PYTHON'
import json
import pathlib

import polars
import pyarrow
from deltalake import DeltaTable, QueryBuilder, write_deltalake


def shown(countries):
    names = {None: "-", "": "''"}
    return " ".join(sorted(names.get(country, country) for country in countries))


def line(title, name):
    answer = QueryBuilder().register("log", DeltaTable(name)).execute("SELECT country FROM log")
    seen = {
        "polars": polars.scan_delta(name).collect()["country"].to_list(),
        "sql": pyarrow.table(answer.read_all())["country"].to_pylist(),
        "pyarrow": DeltaTable(name).to_pyarrow_table()["country"].to_pylist(),
    }
    return f"{title:35} " + "  ".join(f"{reader} {shown(countries)}" for reader, countries in seen.items())


def written(name, by=None):
    """Two deliveries of a log, one file for each country of each."""
    for user, countries in enumerate((["de", "", None], ["de", ""])):
        rows = pyarrow.table({"user": [user] * len(countries), "country": pyarrow.array(countries, pyarrow.string())})
        write_deltalake(name, rows, mode="append", partition_by=by)


def replace(name):
    rows = pyarrow.table({"user": [0, 1], "country": ["", ""]})
    write_deltalake(name, rows, mode="overwrite", predicate="country = ''")


seen = []
for title, by in (("not partitioned", None), ("partitioned", ["country"])):
    name = title.replace(" ", "-")
    written(name, by)
    seen.append(line(f"{title}, written", name))
    if by:
        replace(name)
        seen.append(line(f"{title}, replaced", name))
        written(f"{name}-again", by)
        name += "-again"
    assert DeltaTable(name).optimize.compact()["numFilesRemoved"] > 0
    seen.append(line(f"{title}, compacted", name))
log = pathlib.Path(name, "_delta_log", f"{DeltaTable(name).version():020}.json").read_text().splitlines()
changes = {action["dataChange"] for entry in map(json.loads, log) for kind, action in entry.items() if kind in ("add", "remove")}
replace(name)
seen.append(line(f"{title}, compacted and replaced", name))
seen.append(f"the compaction's files say dataChange {' '.join(map(str, changes))}")
print(*seen, sep="\n")
PYTHON
venv/bin/python program.py | tee seen.txt
diff seen.txt - <<'TEXT' || { echo "the behaviour changed"; exit 1; }
not partitioned, written            polars '' '' - de de  sql '' '' - de de  pyarrow '' '' - de de
not partitioned, compacted          polars '' '' - de de  sql '' '' - de de  pyarrow '' '' - de de
partitioned, written                polars '' '' - de de  sql '' '' - de de  pyarrow - - - de de
partitioned, replaced               polars '' '' - de de  sql '' '' - de de  pyarrow - - - de de
partitioned, compacted              polars - - - de de  sql - - - de de  pyarrow - - - de de
partitioned, compacted and replaced polars '' '' - - - de de  sql '' '' - - - de de  pyarrow - - - - - de de
the compaction's files say dataChange False
TEXT
