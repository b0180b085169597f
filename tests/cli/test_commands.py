"""How each command ends, what it prints where, and what it says to do."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from didomi_sandbox import Behaviour, Fault, Sandbox, Store
from support.harness import Job, Result, clean_environment
from support.shell import DIDOMI, didomi, program_environment
from support.warehouse import EXPORT

CLOCK = re.compile(r"^\d\d:\d\d:\d\d ", re.MULTILINE)


@pytest.fixture
def no_network() -> Iterator[str]:
    """An address at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/v1"


# -- usage and settings --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Usage: didomi [OPTIONS] COMMAND"),
        (["nope"], "No such command 'nope'"),
        (["run", "--nope"], "No such option: --nope"),
        (["run", "--vars", "nope"], '--vars: expected a JSON object, e.g. {"didomi_timezone": "Europe/Paris"}'),
        (["run", "--vars", "[]"], "--vars: expected a JSON object"),
        (["run", "--vars", '{"didomi_schema": "other"}'], "--vars: didomi_schema is the dataset: name it with --dataset"),
        (["run", "--vars", '{"didomi_timzone": "Europe/Paris"}'], "--vars: no model asks for didomi_timzone: choose from didomi_anomaly_deviations, "),
        (["backfill", "--from", "2026-01-01"], "Missing option '--to'"),
        (["backfill", "--from", "yesterday", "--to", "2026-01-01"], "--from: expected a day like 2026-05-31"),
        (["backfill", "--from", "2026-01-02", "--to", "2026-01-01"], "--to: the last day is before the first"),
        (["status", "--format", "xml"], "'xml' is not one of 'text', 'json'"),
        (["status", "--max-age", "inf"], "'--max-age' (env var: 'DIDOMI_MAX_AGE'): expected a number up to 1,000,000"),
        (["report", "--max-age", "1e300"], "'--max-age' (env var: 'DIDOMI_MAX_AGE'): expected a number up to 1,000,000"),
        (["notify", "--min-rate", "nan"], "'--min-rate'"),
        (["status", "--wait", "inf"], "'--wait': expected a number up to 1,000,000"),
        (["sandbox", "--port", "70000"], "'--port'"),
        (["demo", "--days", "0"], "'--days'"),
    ],
)  # fmt: skip
def test_wrong_usage_exits_with_2(job: Job, arguments: list[str], message: str) -> None:
    """It says on stderr what is wrong with what, and prints nothing on stdout."""
    done = job.didomi(*arguments)
    assert (done.code, done.out) == (2, "")
    assert message in " ".join(done.err.split())


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (["run"], {"SOURCES__DIDOMI__API_KEY": "", "SOURCES__DIDOMI__API_SECRET": ""},
         ("not configured: SOURCES__DIDOMI__API_KEY, SOURCES__DIDOMI__API_SECRET "
          "(environment variables, or [sources.didomi] in .dlt/secrets.toml)")),
        (["run"], {"SOURCES__DIDOMI__PAGE_SIZE": "many"}, "setting sources.didomi.page_size is not a whole number: 'many'"),
        (["run"], {"SOURCES__DIDOMI__TRUST_ENV": "perhaps"}, "setting sources.didomi.trust_env is not true or false: 'perhaps'"),
        (["run"], {"SOURCES__DIDOMI__PAGE_SIZE": "5000"},
         "setting sources.didomi.page_size is 5000: choose 1 to 1000; the API wants less than 100"),
        (["run"], {"SOURCES__DIDOMI__EXPORT_IDS": '{"a": 1}'},
         'setting sources.didomi.export_ids is not a list of ids: write it like ["id1", "id2"]'),
        (["run"], {"SOURCES__DIDOMI__EXPORT_IDS": "[broken"},
         'setting sources.didomi.export_ids is not a list of ids: write it like ["id1", "id2"]'),
        (["run"], {"SOURCES__DIDOMI__BASE_URL": "http://api.didomi.io/v1"},
         "setting sources.didomi.base_url is plain http (api.didomi.io): use https: key and secret would travel readably"),
        (["run", "-d", "oracle"], {}, "unknown destination 'oracle': choose one of duckdb, postgres, bigquery, snowflake, motherduck, ducklake"),
        (["status", "-d", "oracle"], {}, None),
        (["check"], {"DIDOMI_DESTINATION": "oracle"}, None),
        (["run", "--dataset", "Raw!"], {}, ("dataset 'Raw!' is not a name that all warehouses take: use up to 40 lower-case "
         "letters, digits and single underscores, like didomi_raw")),
        (["run", "-d", "postgres"], {}, None),
        (["run"], {"DESTINATION__DUCKDB__CREDENTIALS": "duckdb:///.didomi/w.duckdb"}, None),
        (["run"], {"DESTINATION__DUCKDB__CREDENTIALS": "duckdb:///didomi_raw.duckdb"},
         "DuckDB cannot have a schema didomi_raw in a file of that name: name the file otherwise"),
    ],
)  # fmt: skip
def test_a_wrong_setting_exits_with_78(
    job: Job, arguments: list[str], environment: dict[str, str], message: str | None
) -> None:
    """One line on stderr names it and says what to do; nothing is printed on stdout, and nothing is loaded."""
    done = job.didomi(*arguments, **environment)
    assert (done.code, done.out) == (78, "")
    last = done.err.splitlines()[-1]
    assert last.startswith("didomi: ")
    assert message is None or last == f"didomi: {message}"
    assert not list(job.folder.glob("*.duckdb"))


def test_settings_may_come_from_files(job: Job) -> None:
    """dlt's own files work; secrets that others can read are warned of."""
    prefix = "SOURCES__DIDOMI__"
    settings = {k.removeprefix(prefix).lower(): v for k, v in job.environment.items() if k.startswith(prefix)}
    bare = {name: value for name, value in job.environment.items() if not name.startswith(prefix)}
    (job.folder / ".dlt").mkdir()
    secrets = Path(".dlt/secrets.toml")
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    (job.folder / secrets).write_text("\n".join(["[sources.didomi]", *lines, f'export_ids = ["{EXPORT}"]']))
    for mode, warnings in (
        (0o644, [f"other users can read the secrets in {secrets}: chmod 600 {secrets}"]),
        (0o600, []),
    ):
        (job.folder / secrets).chmod(mode)
        done = didomi("check", folder=job.folder, environment=bare)
        assert done.code == 0
        assert re.findall(r"WARNING (.*)", done.err) == warnings


# -- run -----------------------------------------------------------------------------------------


def test_a_good_run_prints_its_summary_on_stdout(job: Job) -> None:
    """A line per export and where it went; the steps, with the time, on stderr."""
    done = job.didomi("run", "--skip-models")
    assert done.code == 0
    assert [line.split() for line in done.out.splitlines()][0] == [
        "Export",
        "Read",
        "Received",
        "New",
        "Changed",
        "Pending",
    ]
    assert ["export-1", "full", "31", "30", "0", "0"] in [line.split() for line in done.out.splitlines()]
    assert re.search(
        rf"^Loaded into duckdb {re.escape(str(job.path))}, dataset didomi_raw, in \d+\.\d s\.$", done.out, re.MULTILINE
    )
    assert CLOCK.sub("", done.err).splitlines() == ["Opening the warehouse", "Loading export logs"]


def test_json_is_alone_on_stdout(job: Job, api: Sandbox) -> None:
    """Also when an export could not be read: then it says so, and the exit is 1."""
    done = job.didomi("run", "--skip-models", "--json")
    assert (done.code, json.loads(done.out)["ok"]) == (0, True)
    api.behaviour = Behaviour(rate_limit=(10_000, 1), forbidden_exports=frozenset({EXPORT}))
    done = job.didomi("run", "--skip-models", "--json")
    summary = json.loads(done.out)
    assert (done.code, summary["ok"], len(summary["failures"])) == (1, False, 1)
    assert done.err.splitlines()[-1] == f"didomi: {summary['failures'][0]}"


def test_a_wrong_key_exits_with_78(job: Job) -> None:
    """It says which settings to look at, and shows neither."""
    done = job.didomi("run", SOURCES__DIDOMI__API_SECRET="wrong-secret")
    assert (done.code, done.out) == (78, "")
    assert done.err.endswith(
        "/v1/sessions: the API refuses the API key (400): check SOURCES__DIDOMI__API_KEY and SOURCES__DIDOMI__API_SECRET\n"
    )
    assert "wrong-secret" not in done.err
    assert job.sandbox.api_key not in done.err


def test_without_a_network_a_run_ends_soon(job: Job, no_network: str) -> None:
    """It tries again for a while, says so, and exits with 1; no traceback."""
    started = time.monotonic()
    done = job.didomi("run", SOURCES__DIDOMI__BASE_URL=no_network, SOURCES__DIDOMI__RETRY_SECONDS="1")
    assert time.monotonic() - started < 15
    assert (done.code, done.out) == (1, "")
    assert "Connection refused; trying again" in done.err
    assert (
        done.err.splitlines()[-1]
        == f"didomi: POST {no_network}/sessions: no connection, or it broke: [Errno 111] Connection refused"
    )
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("reset", "no connection, or it broke: [Errno 104] Connection reset by peer"),
        ("closed", "no connection, or it broke: Remote end closed connection without response"),
    ],
)
def test_a_broken_connection_is_told_in_plain_words(job: Job, api: Sandbox, fault: str, reason: str) -> None:
    """What the network says, without the wrappings of the libraries."""
    api.faults = [Fault(fault, on=None)]
    done = job.didomi("run", SOURCES__DIDOMI__RETRY_SECONDS="0")
    assert (done.code, done.err.splitlines()[-1]) == (1, f"didomi: POST {api.base_url}/sessions: {reason}")


def test_verbose_tells_more_but_no_secret(job: Job) -> None:
    """`-vv` shows where an error happened, on stderr only."""
    quiet = job.didomi("run", SOURCES__DIDOMI__API_SECRET="wrong-secret")
    told = job.didomi("run", "-vv", SOURCES__DIDOMI__API_SECRET="wrong-secret")
    assert "Traceback" in told.err
    assert "Traceback" not in quiet.err
    assert (told.code, told.out) == (78, "")
    assert "wrong-secret" not in told.err
    assert not [line for line in told.err.splitlines() if line.startswith(("  File", "Traceback"))]


def test_a_second_run_exits_with_75(job: Job, api: Sandbox) -> None:
    """While the first is at work, whichever command it is; afterwards it may."""
    api.faults = [Fault("hang")]
    first = job.start("run", "--skip-models").until("Loading export logs")
    for command in (["run"], ["backfill", "--from", "2026-01-01", "--to", "2026-01-02"]):
        second = job.didomi(*command, "--skip-models")
        assert (second.code, second.out) == (75, "")
        assert second.err == f"didomi: another run is at work in {job.working_dir}: wait for it to end, or stop it\n"
    first.kill()
    api.faults = []
    assert job.didomi("run", "--skip-models").code == 0


@pytest.mark.parametrize(("number", "code", "name"), [(signal.SIGINT, 130, "SIGINT"), (signal.SIGTERM, 143, "SIGTERM")])
@pytest.mark.parametrize("command", [["run"], ["check"], ["sandbox", "--port", "0"]], ids=lambda command: command[0])
def test_a_signal_ends_every_command(
    job: Job, api: Sandbox, command: list[str], number: int, code: int, name: str
) -> None:
    """At once, with one line and the exit code of a shell."""
    api.faults = [Fault("hang")]
    running = job.start(*command).until(
        {"run": "Loading", "check": "ok      settings", "sandbox": "Serving"}[command[0]]
    )
    asked = time.monotonic()
    ended = running.kill(number)
    assert time.monotonic() - asked < 5
    assert ended.code == code
    assert ended.err.splitlines()[-1] == f"didomi: ended by {name}"


def test_a_folder_that_cannot_be_written_to(tmp_path: Path, api: Sandbox, job: Job) -> None:
    """It is named, with what to choose instead."""
    folder = tmp_path / "read-only"
    folder.mkdir()
    folder.chmod(0o555)
    environment = job.environment | clean_environment(folder)
    done = didomi("run", folder=folder, environment=environment)
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        f"didomi: cannot write to {folder}/.didomi (Permission denied): run in another folder, or choose one with --working-dir\n"
    )
    looked = didomi("check", folder=folder, environment=environment)
    assert looked.code == 1
    assert f"failed  destination: no permission to write {folder}/warehouse.duckdb" in looked.out
    done = didomi("run", "--working-dir", str(tmp_path / "w"), folder=folder, environment=environment)
    assert done.code == 1
    assert done.err.splitlines()[-1].startswith(f"didomi: no permission to write {folder}/warehouse.duckdb: ")
    shown = didomi("demo", "--folder", f"{folder}/demo", folder=tmp_path, environment=environment)
    assert (shown.code, shown.err.splitlines()[-1]) == (
        1,
        f"didomi: cannot write to {folder}/demo/bucket (Permission denied): choose another place with --folder",
    )


# -- backfill ------------------------------------------------------------------------------------


def test_a_backfill_reads_its_days(job: Job, api: Sandbox) -> None:
    """Both ends included; the next run is as if it had not been."""
    for number, day in enumerate(["2025-09-30", "2025-10-20", "2025-10-21"]):
        api.store.add_log(EXPORT, id=f"other-{number}", created_at=f"{day}T00:00:00.000Z")
    first, last = "2025-09-30", "2025-10-20"
    done = job.didomi("backfill", "--from", first, "--to", last, "--skip-models", "--json")
    summary = json.loads(done.out)
    expected = {log["id"] for log in api.store.logs() if first <= log["created_at"][:10] <= last}
    assert (done.code, summary["exports"][0]["mode"]) == (0, "backfill")
    assert job.raw_logs().keys() == expected
    assert job.run()["exports"][0]["mode_reason"] == "first complete read"


# -- check ---------------------------------------------------------------------------------------


def lines_of(done: Result) -> list[str]:
    return done.out.splitlines()


def test_check_of_a_good_set_up(job: Job, api: Sandbox) -> None:
    """One line for each thing, all good, and nothing was made."""
    api.store.add_export(id="export-2", name="New one")
    done = job.didomi("check")
    assert (done.code, done.err) == (0, "")
    assert lines_of(done) == [
        f"ok      settings: organization acme, {api.base_url}",
        "ok      login: the API accepts the key",
        "ok      export export-1: export-1, 30 logs",
        "ok      export export-2: New one, no log yet",
        f"ok      destination: duckdb {job.path}, dataset didomi_raw",
        "ok      models: dbt for duckdb is installed",
    ]
    assert list(job.folder.iterdir()) == []


def forbid(api: Sandbox) -> None:
    api.behaviour = Behaviour(rate_limit=(10_000, 1), forbidden_exports=frozenset({EXPORT}))


def forbid_list(api: Sandbox) -> None:
    api.behaviour = Behaviour(rate_limit=(10_000, 1), integrations="forbidden")


@pytest.mark.parametrize(
    ("arguments", "environment", "prepare", "code", "failed"),
    [
        ([], {"SOURCES__DIDOMI__ORGANIZATION_ID": ""}, None, 78, ["settings: not configured: SOURCES__DIDOMI__ORGANIZATION_ID"]),
        ([], {"SOURCES__DIDOMI__API_KEY": "wrong"}, None, 78, ["login: POST"]),
        ([], {}, forbid, 1, ["export export-1: GET"]),
        ([], {}, forbid_list, 78, ["exports: the exports cannot be listed: name them in SOURCES__DIDOMI__EXPORT_IDS"]),
        (["-d", "postgres"], {}, None, 78, ["destination: the credentials of destination postgres are missing"]),
        ([], {"DESTINATION__DUCKDB__CREDENTIALS": "duckdb:////proc/nowhere/w.duckdb"}, None, 1, ["destination: /proc/"]),
        ([], {"SOURCES__DIDOMI__API_KEY": "wrong", "DESTINATION__DUCKDB__CREDENTIALS": "duckdb:///.didomi/w.duckdb"},
         None, 78, ["login: POST", "destination: "]),
    ],
)  # fmt: skip
def test_check_of_a_bad_set_up(
    job: Job, api: Sandbox, arguments: list[str], environment: dict[str, str],
    prepare: Callable[[Sandbox], None] | None, code: int, failed: list[str],
) -> None:  # fmt: skip
    """What fails is named with what to do, the rest is looked at all the same, and the worst decides the exit."""
    if prepare:
        prepare(api)
    done = job.didomi("check", *arguments, **environment)
    found = [line.removeprefix("failed  ") for line in lines_of(done) if line.startswith("failed  ")]
    assert done.code == code
    assert len(found) == len(failed)
    for line, expected in zip(found, failed, strict=True):
        assert line.startswith(expected)
    assert all(line.startswith(("ok      ", "failed  ")) for line in lines_of(done))


def test_check_of_a_mistyped_export(job: Job) -> None:
    """The API takes any id and has no log of it: neither has the warehouse."""
    done = job.didomi("check", "--export-id", "nope")
    expected = (
        "failed  export nope: the API has neither a configuration nor a log of it: correct the id "
        "(--export-id, or SOURCES__DIDOMI__EXPORT_IDS)"
    )
    assert (done.code, expected in lines_of(done)) == (78, True)


def test_check_of_an_export_that_only_the_warehouse_knows(job: Job, api: Sandbox) -> None:
    """Its logs are gone at Didomi and its configuration is refused: that is no mistyped id."""
    job.run()
    api.store.purge(list(job.logs()))
    api.behaviour = replace(api.behaviour, integrations="forbidden")
    done = job.didomi("check", "--export-id", EXPORT)
    assert (done.code, f"ok      export {EXPORT}: no log yet, and its configuration is not listed" in lines_of(done)) == (
        0, True,
    )  # fmt: skip


def test_an_export_without_a_name_is_listed_all_the_same(job: Job, api: Sandbox) -> None:
    api.store = Store()
    api.store.add_export(id=EXPORT, name=None)
    assert f"ok      export {EXPORT}: no log yet" in lines_of(job.didomi("check"))


def test_a_run_that_read_no_export_prints_no_table(job: Job) -> None:
    done = job.didomi("run", "--export-id", "nope", "--skip-models")
    assert (done.code, len(done.out.splitlines()), done.out.split()[0]) == (1, 1, "Loaded")


# -- sandbox -------------------------------------------------------------------------------------


@contextmanager
def sandbox(folder: Path, *arguments: str) -> Iterator[dict[str, str]]:
    """`didomi sandbox`; yields what its exports set."""
    process = subprocess.Popen(
        [DIDOMI, "sandbox", "--port", "0", "--days", "20", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=program_environment(clean_environment(folder)),
    )  # fmt: skip
    try:
        exports = [process.stdout.readline().rstrip("\n") for _ in range(6 if "--deliveries" in arguments else 4)]
        assert process.stderr.readline() == "Serving until Ctrl-C; run those lines in another terminal.\n"
        script = "\n".join([*exports, "env -0"])  # as another terminal would run them
        told = subprocess.run(["bash", "-c", script], env={}, capture_output=True, text=True, check=True).stdout
        yield dict(line.split("=", 1) for line in told.split("\0") if line.startswith("SOURCES__"))
    finally:
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(10) == 130
        process.stdout.close()
        process.stderr.close()


def test_the_sandbox_prints_exports_that_work(job: Job, tmp_path: Path) -> None:
    """What it prints makes the other commands work, with as many exports as were asked for."""
    with sandbox(tmp_path, "--exports", "2") as variables:
        assert len(variables) == 4
        done = job.didomi("check", **variables)
    assert done.code == 0
    assert sum(line.startswith("ok      export ") for line in lines_of(done)) == 2


def test_the_sandbox_writes_the_files_that_its_logs_claim(tmp_path: Path) -> None:
    """For each of its exports, before it serves; what it prints makes the other commands read them."""
    with sandbox(tmp_path, "--deliveries", str(tmp_path / "the bucket")) as variables:
        delivered = {path.parts[-4] for path in tmp_path.glob("the bucket/data/*/*/*/*.json.gz")}
        environment = {**clean_environment(tmp_path), **variables}
        checked = didomi("check", folder=tmp_path, environment=environment).out
    assert [name[:10] for name in delivered] == ["export-id="] * 3
    assert f"ok      deliveries: {tmp_path}/the bucket can be read, " in checked
    assert variables["SOURCES__DIDOMI__DELIVERIES__RETENTION_DAYS"] == "7"


def test_a_folder_for_deliveries_that_cannot_be_made_is_named(job: Job) -> None:
    """With what to do."""
    (job.folder / "file").touch()
    done = job.didomi("sandbox", "--port", "0", "--deliveries", "file/bucket")
    assert (done.code, done.out) == (1, "")
    assert done.err == "didomi: cannot write to file/bucket (Not a directory): choose another place with --deliveries\n"


def test_a_port_that_is_taken_is_named(job: Job) -> None:
    """With what to do."""
    port = job.sandbox.base_url.rpartition(":")[2].removesuffix("/v1")
    done = job.didomi("sandbox", "--port", port)
    assert (done.code, done.out) == (78, "")
    assert (
        done.err
        == f"didomi: cannot listen on port {port} (Address already in use): choose another with --port, or 0 for any\n"
    )
