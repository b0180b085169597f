"""The page and the copy for readers, written by a run; and runs beside readers of the DuckDB file."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from datetime import datetime, timezone
from pathlib import Path

import duckdb
import pytest

from didomi_source.cli.run import _outputs
from didomi_source.errors import ConfigurationError, DestinationError
from didomi_source.job import Options
from didomi_source.job.run import _write
from didomi_source.warehouse import publish
from didomi_source.warehouse.duckdb import lock_duckdb_file
from didomi_source.warehouse.open import open_read_only, open_temporary
from didomi_source.warehouse.read import select
from didomi_source.warehouse.target import Target
from support.marts import Made, export, failing
from support.warehouse import EXPORT

READER = """
import duckdb, sys, time
connection = duckdb.connect(sys.argv[1], read_only=True)
print("open", flush=True)
for line in sys.stdin:
    print(connection.execute(line).fetchall(), flush=True)
"""


class Reader:
    """Another process that has a DuckDB file open."""

    def __init__(self, path: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", READER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout.readline() == "open\n"

    def ask(self, query: str) -> str:
        self.process.stdin.write(query + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(10)


@pytest.fixture
def reader():
    """Opens a DuckDB file in another process."""
    readers = []

    def opened(path):
        readers.append(Reader(path))
        return readers[-1]

    yield opened
    for each in readers:
        each.close()


def healths(path, schema="didomi_marts"):
    with duckdb.connect(str(path), read_only=True) as connection:
        return dict(connection.execute(f"select export_id, health from {schema}.didomi__exports").fetchall())


def make_marts(*exports):
    path = Path("warehouse.duckdb")
    path.unlink(missing_ok=True)
    made = Made(path)
    for row in exports:
        made.export(row)
    made.finish()


def test_a_reader_of_the_copy_holds_nobody_up(made, folder, reader):
    """It goes on reading what it opened; who opens it anew reads the new marts."""
    made.export(export("a"))
    made.finish()
    publish.publish(Target(), Path("bi.duckdb"))
    open_one = reader("bi.duckdb")
    make_marts(failing("a"), export("b"))
    publish.publish(Target(), Path("bi.duckdb"))
    assert open_one.ask("select export_id, health from didomi_marts.didomi__exports") == "[('a', 'healthy')]"
    assert healths("bi.duckdb") == {"a": "failing", "b": "healthy"}
    assert sorted(p.name for p in folder.iterdir()) == ["bi.duckdb", "warehouse.duckdb"]


def test_the_copy_holds_every_mart_and_nothing_else(made):
    """With the rows and the types of the marts."""
    made.export(export("a"))
    made.days("a", "cfc")
    made.users("a", [1, 2, 3])
    made.finish()
    with duckdb.connect("warehouse.duckdb") as connection:
        connection.execute("create schema didomi_raw; create table didomi_raw.export_logs as select 1 as id")
        connection.execute("create view didomi_marts.old as select 1 as one")
    publish.publish(Target(), Path("bi.duckdb"))
    columns = "select schema_name, table_name, column_name, data_type from duckdb_columns() where schema_name like 'didomi%' and table_name <> 'old' order by all"
    with duckdb.connect("warehouse.duckdb", read_only=True) as one, duckdb.connect("bi.duckdb", read_only=True) as two:
        expected = [row for row in one.execute(columns).fetchall() if row[0] == "didomi_marts"]
        assert two.execute(columns).fetchall() == expected
        for name in ("didomi__daily_export_success", "didomi__daily_user_volume"):
            query = f"from didomi_marts.{name} order by all"
            assert two.execute(query).fetchall() == one.execute(query).fetchall() != []


def test_a_copy_that_makes_no_sense_is_refused_before_the_run(made, folder, monkeypatch):
    """Of another destination, onto the warehouse itself, into a folder that is not there."""
    made.finish()
    publish.check(Target(), Path("bi.duckdb"))
    Path("linked").symlink_to(folder)
    Path("link.duckdb").symlink_to(folder / "warehouse.duckdb")
    for target, output, words in (
        (Target(destination="postgres"), "bi.duckdb", "postgres lets others read"),
        (Target(), "warehouse.duckdb", "is the warehouse itself"),
        (Target(), f"../{folder.name}/warehouse.duckdb", "is the warehouse itself"),
        (Target(), "linked/warehouse.duckdb", "is the warehouse itself"),
        (Target(), "link.duckdb", "is the warehouse itself"),
        (Target(), "no/bi.duckdb", "does not exist"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            publish.check(target, Path(output))


def test_what_cannot_be_written_fails_the_run_by_name(made, folder):
    """The other file is written all the same."""
    made.export(export("a"))
    made.finish()
    Path("taken").mkdir()
    steps = []
    lines = _write(_outputs(Target(), Options(), Path("taken"), Path("report.html")), steps.append)
    assert steps == ["Writing the copy for readers", "Writing the report"]
    assert lines == [f"the copy for readers: {folder}/taken is a folder: name a file"]
    assert Path("report.html").read_text("utf-8").startswith("<!doctype html>")
    assert not [p for p in folder.iterdir() if p.name.startswith(".")]


def test_there_is_no_copy_of_models_that_were_not_built(folder, monkeypatch):
    """The raw tables alone are not what readers want."""
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", f"duckdb:///{folder}/warehouse.duckdb")
    duckdb.connect("warehouse.duckdb").close()
    with pytest.raises(DestinationError, match="there are no tables in didomi_marts yet: run `didomi run` without"):
        publish.publish(Target(), Path("bi.duckdb"))
    assert not Path("bi.duckdb").exists()


def test_a_run_hands_out_what_it_built(job, reader):
    """`didomi run --report --publish`: both files; dbt waits for a reader that took the file before it."""
    running = job.start("run", "--report", "report.html", "--publish", "bi.duckdb").until("Building the models")
    holder = reader(job.path)  # dbt takes more than a second to start
    time.sleep(4)
    assert holder.ask("select count(*) from didomi_raw.export_logs") == "[(30,)]"
    holder.close()
    done = running.wait()
    assert done.code == 0, done
    assert set(healths(job.folder / "bi.duckdb")) == {EXPORT}
    assert (job.folder / "report.html").read_text("utf-8").startswith("<!doctype html>")
    assert [line[9:] for line in done.err.splitlines()[-2:]] == ["Writing the copy for readers", "Writing the report"]


def test_the_report_command_writes_the_page(made, didomi):
    """And says where, and how large."""
    made.export(export("a", last_complete_sync_at=datetime.now(timezone.utc)))
    made.finish()
    done = didomi("report", "-o", "page.html", "--max-age", "3")
    size = Path("page.html").stat().st_size
    assert (done.code, done.out) == (0, f"Wrote page.html ({size / 1000:,.0f} kB).\n")
    assert didomi("report", "-o", "no/page.html").code == 1
    assert didomi("report", "--vars", "nonsense").code == 2


def test_a_reader_that_leaves_in_time_is_waited_for(made, reader):
    """And who holds the file is told meanwhile."""
    made.finish()
    holder, steps = reader("warehouse.duckdb"), []
    threading.Timer(1, holder.process.kill).start()
    with open_temporary(Target()) as pipeline, lock_duckdb_file(pipeline, steps.append, seconds=20):
        pass
    assert {step.split(", which")[1] for step in steps} == {" another program holds"}


def test_a_reader_that_stays_is_named(made, reader):
    """With its process, so that it can be closed."""
    made.finish()
    holder = reader("warehouse.duckdb")
    with (
        open_temporary(Target()) as pipeline,
        pytest.raises(DestinationError, match=rf"is held by another program \(.*, process {holder.process.pid}\)"),
        lock_duckdb_file(pipeline, print, seconds=0),
    ):
        pass


def test_nobody_slips_in_while_a_run_holds_the_file(made):
    """Readers are kept out until it lets go, though dlt opens the file again and again."""
    made.finish()
    code = "import duckdb; duckdb.connect('warehouse.duckdb', read_only=True)"
    with open_temporary(Target()) as pipeline:
        with lock_duckdb_file(pipeline, print, 60):
            with pipeline.sql_client() as client:
                client.execute_sql("select 1")
            held = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        free = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ("Could not set lock" in held.stderr, free.stderr) == (True, "")


@pytest.mark.parametrize("name", ["warehouse.duckdb", """it's a "file".v2.duckdb"""])
def test_a_run_has_duckdb_write_early(tmp_path, monkeypatch, name):
    """Its row groups are small, so that few rows are in memory; the file, whatever its name, is what it would be."""
    path = tmp_path / name
    monkeypatch.setattr("didomi_source.warehouse.duckdb.duckdb_path", lambda _: path)
    with duckdb.connect(str(path)) as before:
        before.execute("create table kept as select 1 as one")
        ((database,),) = before.execute("select current_database()").fetchall()
    with lock_duckdb_file(None, print, 60), duckdb.connect(str(path)) as connection:
        assert connection.execute("select current_database()").fetchall() == [(database,)]
        connection.execute("create table numbers as select range as number from range(70_000)")
    with duckdb.connect(str(path), read_only=True) as after:
        assert after.execute("select sum(number), (select one from kept) from numbers").fetchall() == [
            (sum(range(70_000)), 1)
        ]
        groups = "select distinct row_group_id, count from pragma_storage_info('numbers') where segment_type = 'BIGINT'"
        assert sorted(count for _, count in after.execute(groups).fetchall()) == [70_000 - 4 * 16_384, *[16_384] * 4]


def test_reading_waits_for_a_run_to_end(made):
    """`didomi status` beside a run tells what came of it, and not that the file is held."""
    made.export(export("a"))
    made.finish()
    code = "import duckdb, time; c = duckdb.connect('warehouse.duckdb'); print(flush=True); time.sleep(1.5)"
    writer = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    writer.stdout.readline()
    started = time.monotonic()
    with open_read_only(Target()) as pipeline:
        assert select(pipeline, "didomi_marts", "didomi__exports", ("export_id",)) == [{"export_id": "a"}]
    assert time.monotonic() - started > 0.5
    writer.wait(10)
