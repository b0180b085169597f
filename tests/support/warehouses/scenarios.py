"""The tests that every engine has to pass; each engine's own file makes a class of them."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone

import pytest
from dlt.destinations.exceptions import DatabaseException

from support.models.compare import all_differences
from support.warehouses.engines import Engine
from support.warehouses.journey import STEPS, Journey, Outcome, contents, first


def secrets_of(engine: Engine) -> list[bytes]:
    """The password, or a line of the key."""
    given = engine.environment[f"DESTINATION__{engine.destination.upper()}__CREDENTIALS"]
    secrets = re.findall(r"://[^:]+:([^@]+)@", given) or [json.loads(given)["private_key"].splitlines()[3]]
    assert len(secrets) == 1
    return [secret.encode() for secret in secrets]


class Scenarios:
    """`didomi` on one engine, beside DuckDB.

    Attributes:
        destination: The engine.
        types: Its names of a number and a time.
    """

    destination: str
    types = ("integer", "timestamp with time zone")

    @pytest.mark.timeout(900)
    def test_it_holds_what_duckdb_holds(self, journey: Journey, step: str, record_property) -> None:
        """After each step the raw tables, the marts, the status and the page tell the same."""
        outcome = journey.reach(step)
        told = (self.destination, step, outcome.rows, len(outcome.differences), round(outcome.seconds, 1))
        record_property("compared", told)
        assert outcome.differences == [], "\n".join(outcome.differences[:20])
        assert outcome.rows

    def test_no_secret_is_written_to_disk(self, journey: Journey) -> None:
        """Neither dlt nor dbt leaves the password or the key in the working directory."""
        journey.reach("models built")
        files = [path for path in (journey.site.folder / ".didomi").rglob("*") if path.is_file()]
        assert any(path.name == "results.json" for path in files)
        holding = [p for p in files for secret in secrets_of(journey.site.engine) if secret in p.read_bytes()]
        assert holding == []

    # What follows shows that the comparison, and the engine, can fail.

    def test_it_refuses_what_is_not_sql(self, journey: Journey) -> None:
        """Nor is a table there that nobody made."""
        journey.reach(next(iter(STEPS)))
        for sql in ("selekt 1", "select no_such_column from {exports}", "select * from {no_such_table}"):
            with pytest.raises(DatabaseException):
                journey.site.engine.execute(sql)

    def test_a_time_that_is_null_stays_null(self, journey: Journey) -> None:
        """And one that is not comes back to the microsecond."""
        journey.reach(next(iter(STEPS)))
        integer, time = self.types
        engine = journey.site.engine
        engine.execute(f"create table {{times}} (id {integer}, seen {time})")
        engine.execute("insert into {times} values (1, null), (2, '1969-12-31 23:59:59.999999+00:00')")
        rows = engine.execute("select id, seen from {times} order by id")
        assert rows[0] == {"id": 1, "seen": None}
        assert rows[1]["seen"].astimezone(timezone.utc) == datetime(1969, 12, 31, 23, 59, 59, 999999, timezone.utc)

    def test_one_wrong_cell_is_found(self, journey: Journey) -> None:
        """The comparison of the marts is not blind on this engine."""
        journey.reach("models built")
        engine = journey.site.engine
        before = engine.marts()
        change = "update {didomi__export_runs} set users = users + 1 where log_id = 'another-7'"
        engine.execute(change, schema=engine.target.marts)
        (found,) = all_differences(before, engine.marts())
        assert found == "didomi__export_runs ('another-7',) users: expected 7, is 8"

    def test_a_doubled_row_is_found(self, journey: Journey) -> None:
        """Nor is that of the raw tables."""
        journey.reach(next(iter(STEPS)))
        engine = journey.site.engine
        names = ", ".join(engine.tables()["exports"][0])
        engine.execute(
            f"insert into {{exports}} ({names}, _dlt_load_id, _dlt_id) "
            f"select {names}, _dlt_load_id, 'doubled' from {{exports}} where id = '{first(journey)}'"
        )
        outcome, exports = Outcome(), len(journey.store.exports())
        outcome.compare("exports", *(contents(site.engine.tables())["exports"] for site in journey.sites))
        assert outcome.differences == [f"exports: {exports} rows expected, {exports + 1} found"]
