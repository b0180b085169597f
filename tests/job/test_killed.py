"""The whole job killed at random, models and all: the next one ends with the same tables as if nothing had happened."""

from __future__ import annotations

import os
import random
import time

import duckdb
import pytest

from .test_interrupted import at_first, at_last, data, then

pytestmark = pytest.mark.timeout(4 * 3600)  # all of it at night
NOW = {"DIDOMI_VARS": '{"didomi_as_of": "2026-01-01T00:00:00Z"}'}  # for all models: an hour later some say so
# Spread over the whole job. FAULTS=all or nightly widens it.
POINTS = 100 if os.environ.get("FAULTS") else 2


def models(job):
    """All rows of all models: schema and table → column → values."""
    with duckdb.connect(str(job.path), read_only=True) as connection:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where schema_name like 'didomi%'"
            " and schema_name not like 'didomi_raw%'"
        ).fetchall()
        found = {}
        for schema, table in tables:
            cursor = connection.execute(f'select * from "{schema}"."{table}"')
            names = [column[0] for column in cursor.description]
            found[schema, table] = (names, cursor.fetchall())
    return found


def rows_of(tables, said):
    """The rows without the columns that are not `said` to be the same each time."""
    return {
        table: sorted(
            repr([value for name, value in zip(names, row, strict=True) if (table, name) in said]) for row in rows
        )
        for table, (names, rows) in tables.items()
    }


def steady(one, other):
    """The columns that two jobs which were not killed agree upon: the others tell of the run, not of the exports."""
    agreed = set()
    for table, (names, rows) in one.items():
        for place, name in enumerate(names):
            values = [sorted(repr(row[place]) for row in found) for found in (rows, other[table][1])]
            if values[0] == values[1]:
                agreed.add((table, name))
    return agreed


@pytest.fixture
def finished(new_job, api):
    """Makes a folder in which three runs were made, and none was killed."""

    def make(name):
        api.store = at_first()
        job = new_job(name)
        job.run()
        then(api.store)
        job.run()
        at_last(api.store)
        begun = time.monotonic()
        assert job.didomi("run", **NOW).code == 0
        return job, time.monotonic() - begun

    return make


@pytest.mark.thorough
def test_a_job_killed_at_random_is_as_if_it_had_not_been(new_job, api, finished, counted):
    """While it extracts, normalizes, loads or builds models: no row or model differs, and no step is done by hand."""
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    chance = random.Random(seed)
    one, lasts = finished("one")
    other, _ = finished("other")
    said = steady(models(one), models(other))
    assert {name for _, name in said} > {"export_id", "status", "users"}
    expected = (data(one), rows_of(models(one), said))
    api.store = at_first()
    base = new_job("base")
    base.run()
    wrong, killed = [], 0
    for number in range(2 * POINTS):
        if killed == POINTS:
            break
        api.store = at_first()
        then(api.store)
        job = new_job(f"killed-{number}").copy_of(base)
        after = lasts * (number % POINTS + chance.random()) / POINTS
        run = job.start("run", **NOW)
        time.sleep(after)
        killed += run.kill().code == -9
        at_last(api.store)
        mended = job.didomi("run", **NOW)
        if mended.code != 0 or (data(job), rows_of(models(job), said)) != expected:
            wrong.append((after, mended.err))
    counted("kill points", killed)
    counted("rows lost", len(wrong))
    assert wrong == []
    assert killed == POINTS
