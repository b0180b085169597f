#!/usr/bin/env bash
# dbt seed on DuckDB: 10:00+02:00, 10:00-05:00 and 10:00Z become one timestamp; the codes 1E5, 1_00_000 and 100000 one number.
#
# Versions: dbt-core 1.11.16, dbt-duckdb 1.11.1, duckdb 1.5.6, Python 3.11.
# Guess: DuckDB reads the file, so that the offsets make a TIMESTAMP WITH TIME ZONE, as in read_csv; dbt guesses types, but
#   what is not written as a plain number stays text.
# Behaviour: dbt's agate chooses the types and the file is loaded into them. An ISO time with "T" and an offset is taken for a
#   TIMESTAMP, and the cast cuts the offset off; with a blank in place of the "T" the column is text. A code such as
#   1E5, 1_00_000 or 007 is an INTEGER if all of the column are. 9007199254740993 beside 1.5 ends with 992. A number
#   above 2147483647 fails the seed. A `column_types` of varchar keeps what is written.
# Cost: seeds hold what was decided by hand: cut-over instants, codes of sites, ids of exports. Three instants seven hours
#   apart compare equal; a join by code finds another site, and a uniqueness test blames the file.
# Output seen:
#   instants: TIMESTAMP 2026-11-01 10:00:00, 2026-11-01 10:00:00, 2026-11-01 10:00:00
#   with_blank: VARCHAR 2026-11-01 10:00:00+02:00, 2026-11-01 10:00:00-05:00
#   codes: INTEGER 100000, 100000, 100000
#   zeros: INTEGER 7, 7
#   ids: DOUBLE 9007199254740992.0, 1.5
#   read_csv of 'seeds/instants.csv': TIMESTAMP WITH TIME ZONE 2026-11-01 08:00:00+00, 2026-11-01 15:00:00+00, 2026-11-01 10:00:00+00
#   read_csv of 'seeds/codes.csv': VARCHAR 1E5, 1_00_000, 100000
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq dbt-core==1.11.16 dbt-duckdb==1.11.1 duckdb==1.5.6

cd "$folder"
mkdir seeds
printf 'name: sites\nversion: "1.0"\nprofile: sites\n' >dbt_project.yml
printf 'sites: {target: dev, outputs: {dev: {type: duckdb, path: sites.duckdb}}}\n' >profiles.yml
printf '%s\n' v 2026-11-01T10:00:00+02:00 2026-11-01T10:00:00-05:00 2026-11-01T10:00:00Z >seeds/instants.csv
printf '%s\n' v "2026-11-01 10:00:00+02:00" "2026-11-01 10:00:00-05:00" >seeds/with_blank.csv
printf '%s\n' v 1E5 1_00_000 100000 >seeds/codes.csv
printf '%s\n' v 007 7 >seeds/zeros.csv
printf '%s\n' v 9007199254740993 1.5 >seeds/ids.csv
export DO_NOT_TRACK=1
venv/bin/dbt --quiet seed --project-dir . --profiles-dir . 2>dbt.txt

venv/bin/python - <<'PYTHON'
import duckdb

connection = duckdb.connect("sites.duckdb", read_only=True)
connection.execute("set timezone = 'UTC'")


def line(seed):
    rows = connection.execute(f"select v::text, typeof(v) from {seed}").fetchall()
    return f"{seed}: {rows[0][1]} {', '.join(text for text, _ in rows)}"


seen = [line(seed) for seed in ("instants", "with_blank", "codes", "zeros", "ids")]
seen += [f"read_csv of {line(repr(f'seeds/{seed}.csv'))}" for seed in ("instants", "codes")]
print(*seen, sep="\n")
assert seen == [
    "instants: TIMESTAMP 2026-11-01 10:00:00, 2026-11-01 10:00:00, 2026-11-01 10:00:00",
    "with_blank: VARCHAR 2026-11-01 10:00:00+02:00, 2026-11-01 10:00:00-05:00",
    "codes: INTEGER 100000, 100000, 100000",
    "zeros: INTEGER 7, 7",
    "ids: DOUBLE 9007199254740992.0, 1.5",
    "read_csv of 'seeds/instants.csv': TIMESTAMP WITH TIME ZONE 2026-11-01 08:00:00+00, "
    "2026-11-01 15:00:00+00, 2026-11-01 10:00:00+00",
    "read_csv of 'seeds/codes.csv': VARCHAR 1E5, 1_00_000, 100000",
], "the behaviour changed"
PYTHON
