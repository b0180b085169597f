"""What others made on the marts survives a build, and who reads them meanwhile is not held up."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pytest

from didomi_sandbox import Behaviour, plain_store, serve
from support.harness import Forker
from support.models import dbt, raw
from support.models.histories import history
from support.postgres import Server, server
from support.warehouses.engines import started
from support.warehouses.journey import Site as Folder

AS_OF = datetime(2028, 4, 2, 22, 30)
TABLES = history(1, AS_OF)
ERRORS = "didomi_marts.didomi__export_errors"
OF_OTHERS = f"""
    create role bi login password 'bi';
    create schema team;
    grant usage on schema didomi_marts, team to bi;
    grant select on all tables in schema didomi_marts to bi;
    create view team.errors as select export_id, failures from {ERRORS};
    create view team.all_columns as select * from {ERRORS};
    create materialized view team.failures as select export_id, sum(failures) as failures from {ERRORS} group by export_id;
    grant select on all tables in schema team to bi;
    create index of_the_team on {ERRORS} (export_id);
    comment on table {ERRORS} is 'read by the team';
    alter table {ERRORS} enable row level security;
    create policy only_quota on {ERRORS} for select to bi using (error_kind = 'quota');
"""


@dataclass
class Site:
    """A PostgreSQL server with raw tables, and the folder from which dbt builds the marts."""

    server: Server
    folder: Path

    def build(self, *select: str, check: bool = True) -> str:
        return dbt.dbt(
            *("run", *(("--select", *select) if select else ())),
            folder=self.folder,
            target="postgres",
            variables={"didomi_as_of": f"{AS_OF:%Y-%m-%d %H:%M:%S}"},
            environment=self.server.environment,
            check=check,
        )

    def query(self, sql: str, **role: Any) -> list[tuple[Any, ...]]:
        with closing(self.connect(**role)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def connect(self, **role: Any) -> Any:
        found = {"user": self.server.user, "password": self.server.password, **role}
        return psycopg2.connect(host=self.server.host, port=self.server.port, dbname=self.server.database, **found)

    def columns(self) -> list[tuple[Any, ...]]:
        """Name, type and whether NULL is allowed of the errors' columns, by name."""
        return self.query(f"""
            select attname, format_type(atttypid, atttypmod), attnotnull from pg_attribute
            where attrelid = '{ERRORS}'::regclass and attnum > 0 and not attisdropped order by attname
        """)

    def errors(self) -> list[tuple[Any, ...]]:
        """The rows of the errors, whatever the order of their columns."""
        names = ", ".join(name for name, *_ in self.columns())
        return self.query(f"select {names} from {ERRORS} order by export_id, error_kind, run_date")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Marts that were built once, and what others made on them."""
    with server() as running:
        made = Site(running, tmp_path_factory.mktemp("objects"))
        with closing(made.connect()) as connection:
            raw.write_postgres(connection, TABLES)
        made.build()
        made.query(OF_OTHERS)
        yield made


@pytest.fixture
def errors(site: Site) -> list[tuple[Any, ...]]:
    """The rows of the errors as a build writes them."""
    found = site.errors()
    assert found
    return found


def test_what_others_made_on_a_mart_survives_a_build(site: Site, errors: list[tuple[Any, ...]]) -> None:
    """Views, a materialized view, grants, a policy, an index, a comment; what they show is new."""
    site.query("create table didomi_raw.kept as select * from didomi_raw.export_logs; truncate didomi_raw.export_logs")
    site.build()
    assert site.query("select * from team.errors") == site.query("select * from team.all_columns") == []
    site.query("refresh materialized view team.failures")
    assert site.query("select * from team.failures") == []
    site.query("insert into didomi_raw.export_logs select * from didomi_raw.kept; drop table didomi_raw.kept")
    site.build()
    assert site.errors() == errors
    assert (
        len(site.query("select * from team.errors")) == len(site.query("select * from team.all_columns")) == len(errors)
    )
    kinds = site.query(f"select count(*), count(*) filter (where error_kind = 'quota') from {ERRORS}")
    assert site.query(f"select count(*), count(*) from {ERRORS}", user="bi", password="bi") == [(kinds[0][1],) * 2]
    assert 0 < kinds[0][1] < kinds[0][0]
    assert site.query("select indexname from pg_indexes where schemaname = 'didomi_marts'") == [("of_the_team",)]
    assert site.query(f"select obj_description('{ERRORS}'::regclass)") == [("read by the team",)]
    for mart in dbt.MARTS:
        assert site.query(f"select count(*) > 0 from didomi_marts.{mart}", user="bi", password="bi")


def test_a_mart_gets_the_columns_of_a_new_version(site: Site, errors: list[tuple[Any, ...]]) -> None:
    """An older one lacked a column, had one too many and another type; the rows are those of the new one."""
    columns = site.columns()
    site.query(f"""
        drop view team.all_columns;
        alter table {ERRORS} drop column error_kind cascade;
        alter table {ERRORS} drop column example_message;
        alter table {ERRORS} add column was_here bigint not null default 1;
        alter table {ERRORS} alter column distinct_errors type text;
        alter table {ERRORS} alter column first_failure_at drop not null;
        alter table {ERRORS} alter column example_fingerprint set default 'x';
    """)
    site.build("didomi__export_errors")
    assert site.columns() == columns
    assert site.errors() == errors
    assert len(site.query("select * from team.errors")) == len(errors)
    site.query(f"create view team.all_columns as select * from {ERRORS}")


def test_a_column_that_somebody_reads_is_not_dropped(site: Site, errors: list[tuple[Any, ...]]) -> None:
    """The build fails and names the view; mart and view stay as they were."""
    site.query(f"alter table {ERRORS} add column was_here bigint default 1")
    site.query(f"create view team.old as select was_here from {ERRORS}")
    output = site.build("didomi__export_errors", check=False)
    assert "view team.old depends on column was_here" in output
    assert site.query("select count(*), sum(was_here) from team.old") == [(len(errors),) * 2]
    site.query(f"drop view team.old; alter table {ERRORS} drop column was_here")


def test_a_build_that_fails_leaves_the_mart_of_before(site: Site, errors: list[tuple[Any, ...]]) -> None:
    site.query(f"alter table {ERRORS} add constraint none check (failures < 0) not valid")
    assert "violates check constraint" in site.build("didomi__export_errors", check=False)
    assert site.errors() == errors
    site.query(f"alter table {ERRORS} drop constraint none")
    site.build("didomi__export_errors")
    assert site.errors() == errors


def test_a_reader_sees_each_mart_whole_and_does_not_wait(site: Site, errors: list[tuple[Any, ...]]) -> None:
    """Neither one that asks again and again, nor one whose transaction is older than the build."""
    marts = " union all ".join(f"select '{mart}', count(*) from didomi_marts.{mart}" for mart in dbt.MARTS)
    before = site.query(marts)
    ended = threading.Event()

    def read() -> set[tuple[Any, ...]]:
        seen = set()
        with closing(site.connect(options="-c lock_timeout=2s")) as connection:
            connection.autocommit = True
            while not ended.is_set():
                with connection.cursor() as cursor:
                    cursor.execute(marts)
                    seen.add(tuple(cursor.fetchall()))
        return seen

    with closing(site.connect()) as connection, ThreadPoolExecutor(1) as pool:
        connection.set_session(isolation_level="REPEATABLE READ")
        cursor = connection.cursor()
        cursor.execute("select 1")
        seen = pool.submit(read)
        try:
            site.build()
        finally:
            ended.set()
        cursor.execute(marts)
        assert cursor.fetchall() == before
        assert seen.result() == {tuple(before)}


def test_two_builds_at_once_double_no_row(site: Site, errors: list[tuple[Any, ...]]) -> None:
    """The second one waits for the end of the first, and then deletes its rows too."""
    with closing(site.connect()) as first, ThreadPoolExecutor(1) as pool:
        cursor = first.cursor()
        cursor.execute(f"create temporary table kept as select * from {ERRORS}")
        cursor.execute(f"delete from {ERRORS}; insert into {ERRORS} select * from kept")
        second = pool.submit(site.build, "didomi__export_errors")
        deadline = time.monotonic() + 60
        while site.query("select count(*) from pg_locks where not granted") == [(0,)]:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        first.commit()
        second.result()
    assert site.errors() == errors


@pytest.mark.thorough
def test_views_of_others_on_any_model_survive_a_run(tmp_path: Path, forker: Forker) -> None:
    """On staging views and intermediate tables, too; until a new version takes a column from them, which is said."""
    models = ("staging.stg_didomi__export_logs", "intermediate.int_didomi__exports", "marts.didomi__exports")
    with started("postgres") as engine, serve(plain_store(3), Behaviour(rate_limit=(10_000, 1))) as sandbox:
        folder = Folder(engine, tmp_path / "job", forker, sandbox)
        assert folder.didomi("run").code == 0
        engine.execute("create schema team")
        for number, model in enumerate(models):
            engine.execute(f"create view team.v{number} as select * from didomi_{model}")
        assert json.loads(folder.didomi("run", "--json").out)["notes"] == []
        assert [len(engine.execute(f"select * from team.v{number}")) for number in range(3)] == [3, 1, 1]
        of_an_older_version = (
            "drop view didomi_staging.stg_didomi__exports;"
            "create view didomi_staging.stg_didomi__exports as select 1 as old"
        )
        engine.execute(of_an_older_version)
        assert folder.didomi("run").code == 0
        assert len(engine.execute("select export_id from didomi_staging.stg_didomi__exports")) == 1
        engine.execute(of_an_older_version)
        engine.execute("create view team.old as select old from didomi_staging.stg_didomi__exports")
        failed = folder.didomi("run")
        assert failed.code == 1
        assert "view team.old depends on view didomi_staging.stg_didomi__exports" in " ".join(failed.err.split())
        assert engine.execute("select old from team.old") == [{"old": 1}]


@pytest.mark.thorough
def test_a_view_in_a_duckdb_file_survives_a_build(tmp_path: Path) -> None:
    """It refers to the mart by its name."""
    path = tmp_path / "warehouse.duckdb"
    raw.write_duckdb(path, TABLES)
    dbt.build(tmp_path, AS_OF)
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema team")
        connection.execute(f"create view team.errors as select export_id from {ERRORS}")
        connection.execute("delete from didomi_raw.export_logs where export_id = 's1-daily'")
    dbt.build(tmp_path, AS_OF)
    with duckdb.connect(str(path), read_only=True) as connection:
        found = connection.execute("select distinct export_id from team.errors").fetchall()
    assert found
    assert ("s1-daily",) not in found
