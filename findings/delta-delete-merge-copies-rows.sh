#!/usr/bin/env bash
# Delta Lake for Python: a merge that only deletes adds rows, one for each time that the source has the key of a row it keeps.
#
# Versions: deltalake 1.6.6, pyarrow 26.0.1, duckdb 2.0.1, lancedb 0.40.0, Python 3.11.
# Guess: a merge whose only clause is `when_not_matched_by_source_delete` deletes the rows whose key the source lacks and
#   leaves the others alone; how often the source has a key is of no matter, as nothing is taken from it.
# Behaviour: the source is joined to the table as it is. Each row that stays is written once for each of its matches, if its
#   file is written anew, which is if another row of it goes. So the same merge copies rows where the table is one file, or
#   where none goes but another day one does, and is right where each file keeps all or loses all. The next deletion
#   multiplies the copies. The metrics count one row deleted and the copies as `num_target_rows_copied`. An update in place of
#   the delete (`when_not_matched_by_source_update`) copies too. With `when_matched_update` the same source raises, as it is
#   ambiguous, so that one thinks oneself warned. DuckDB and Lance delete, and copy nothing.
# Cost: "delete the users that the log no longer has" is how an erasure reaches a table, and a log has several lines a user.
#   Each erasure doubles the consents of active users, and the counts and rates weigh those most who chose most often.
# Output seen (the log names ann twice, bob once, and since the second day not dan, since the third not cem):
#   deltalake, one file       day 1: ann bob cem dan  day 2: ann ann bob cem  day 3: ann ann ann ann bob
#   deltalake, a file a row   day 1: ann bob cem dan  day 2: ann bob cem  day 3: ann bob
#   deltalake, update         day 1: ann bob cem dan  day 2: ann ann bob cem gone
#   lancedb                   day 1: ann bob cem dan  day 2: ann bob cem  day 3: ann bob
#   duckdb                    day 1: ann bob cem dan  day 2: ann bob cem  day 3: ann bob
#   metrics of the second day: 1 deleted, 4 copied, 4 put out
#   when_matched_update: raises
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq deltalake==1.6.6 pyarrow==26.0.1 duckdb==2.0.1 lancedb==0.40.0

cd "$folder"
venv/bin/python - <<'PYTHON'
import deltalake
import duckdb
import lancedb
import pyarrow

USERS = ["ann", "bob", "cem", "dan"]
LOGS = [["ann", "bob", "ann", "cem", "dan"], ["ann", "bob", "ann", "cem"], ["ann", "bob", "ann"]]


def table(users):
    return pyarrow.table({"user": pyarrow.array(users, pyarrow.string())})


def delta(name, files):
    for users in files:
        deltalake.write_deltalake(name, table(users), mode="append")
    return lambda: deltalake.DeltaTable(name)


def merged(now, log):
    return now().merge(table(log), "kept.user = log.user", source_alias="log", target_alias="kept")


def users(rows):
    return " ".join(sorted(row["user"] for row in rows))


def days(title, merge, read, logs=LOGS):
    found = []
    for day, log in enumerate(logs, 1):
        merge(log)
        found.append(f"day {day}: {users(read())}")
    return f"{title:25} " + "  ".join(found)


metrics = []
one = delta("one", [USERS])
many = delta("many", [[user] for user in USERS])
updated = delta("updated", [USERS])
lance = lancedb.connect("lance").create_table("kept", table(USERS))
duck = duckdb.connect()
duck.execute('CREATE TABLE kept ("user" VARCHAR)')
duck.executemany("INSERT INTO kept VALUES (?)", [[user] for user in USERS])


def by_duckdb(log):
    duck.register("log", table(log))
    duck.execute('MERGE INTO kept USING log ON kept."user" = log."user" WHEN NOT MATCHED BY SOURCE THEN DELETE')


def by_lance(log):
    lance.merge_insert("user").when_not_matched_by_source_delete().execute(table(log))


seen = [
    days(
        "deltalake, one file",
        lambda log: metrics.append(merged(one, log).when_not_matched_by_source_delete().execute()),
        lambda: one().to_pyarrow_table().to_pylist(),
    ),
    days(
        "deltalake, a file a row",
        lambda log: merged(many, log).when_not_matched_by_source_delete().execute(),
        lambda: many().to_pyarrow_table().to_pylist(),
    ),
    days(
        "deltalake, update",
        lambda log: merged(updated, log).when_not_matched_by_source_update({"user": "'gone'"}).execute(),
        lambda: updated().to_pyarrow_table().to_pylist(),
        LOGS[:2],
    ),
    days("lancedb", by_lance, lambda: lance.to_arrow().to_pylist()),
    days("duckdb", by_duckdb, lambda: duck.sql("FROM kept").to_arrow_table().to_pylist()),
    "metrics of the second day: {num_target_rows_deleted} deleted, {num_target_rows_copied} copied, "
    "{num_output_rows} put out".format(**metrics[1]),
]
raising = delta("raising", [USERS])
try:
    merged(raising, LOGS[0]).when_matched_update({"user": "log.user"}).execute()
    seen.append("when_matched_update: passes")
except deltalake.exceptions.DeltaError as error:
    assert "multiple source rows" in str(error), error
    seen.append("when_matched_update: raises")
print(*seen, sep="\n")
assert seen == [
    "deltalake, one file       day 1: ann bob cem dan  day 2: ann ann bob cem  day 3: ann ann ann ann bob",
    "deltalake, a file a row   day 1: ann bob cem dan  day 2: ann bob cem  day 3: ann bob",
    "deltalake, update         day 1: ann bob cem dan  day 2: ann ann bob cem gone",
    "lancedb                   day 1: ann bob cem dan  day 2: ann bob cem  day 3: ann bob",
    "duckdb                    day 1: ann bob cem dan  day 2: ann bob cem  day 3: ann bob",
    "metrics of the second day: 1 deleted, 4 copied, 4 put out",
    "when_matched_update: raises",
], "the behaviour changed"
PYTHON
