"""Key, secret and tokens reach the configured API and nothing else: no file, no row, no log, no other host."""

from __future__ import annotations

import base64
import gzip
import os
import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import typer

from didomi_sandbox import KINDS, Fault, Sandbox
from didomi_sandbox.kinds import redirect, refusal
from didomi_source.cli import app
from didomi_source.errors import DidomiError
from support.counts import Counted
from support.faults.lab import DIDOMI, EVERYTHING, KEY, SECRET, Lab, misbehaving, store_of, truth
from support.faults.leaks import leaks, secrets_of
from support.harness import Forker, Job, Result

pytestmark = pytest.mark.timeout(600)  # all commands are run before the first test

HOSTILE = "\x1b[2J<script>alert(1)</script>"
# How each command is run; one that is not named here needs nothing.
COMMANDS = {
    "run": ["-vv"],
    "backfill": ["-vv", "--skip-models", "--from", "2025-01-01", "--to", "2026-12-31"],
    "init": ["settings"],
    "completion": ["bash"],
    "demo": ["-vv", "--days", "20"],
    "sandbox": ["-vv", "--port", "0"],
}
ECHO = f"the key {KEY} with the secret {SECRET} is not welcome"


class Listener:
    """Listens on a port, and keeps what it is told first on each connection."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                self.heard.append(connection.recv(1000))

    def close(self) -> None:
        self._socket.close()


class Everything:
    """What all commands did, each with the greatest verbosity, while the API misbehaves.

    The environment has a proxy and a .netrc for the API's host, which would both see or replace the token.
    """

    def __init__(self, folder: Path, sandbox: Sandbox, forker: Forker) -> None:
        self.folder, self.sandbox, self.listener = folder, sandbox, Listener()
        work = folder / "job"
        work.mkdir()
        self.job = Job(work, forker, sandbox)
        (folder / "home").mkdir()
        (folder / "home/.netrc").write_text("machine 127.0.0.1 login somebody password else\n")
        proxies = dict.fromkeys(
            ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"), self.listener.url
        )
        proxies |= dict.fromkeys(("NO_PROXY", "no_proxy"), "elsewhere.invalid")
        more = {"TMPDIR": str(folder), "RUNTIME__DLTHUB_TELEMETRY_ENDPOINT": f"{self.listener.url}/dlt"}
        self.job.environment.update({**proxies, **more})
        self.results: dict[str, Result] = {}
        # What a killed run leaves is looked through before the next one clears it away.
        self.job.didomi("run", "-vv", "--skip-models", kill_at="dlt.load.load:Load.run before 1")
        self.left_by_kill = leaks(secrets_of(sandbox), folder)
        for name in typer.main.get_command(app).commands:
            arguments = [name, *COMMANDS.get(name, ["-vv"])]
            do = {"run": self.run_alone, "sandbox": self._serve}.get(name, self.job.didomi)
            self.results[name] = do(*arguments)

    def run_alone(self, *arguments: str, **environment: str) -> Result:
        """Run `didomi` in a process of its own, which has the time to say at its end what it wants to."""
        path = {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}
        done = subprocess.run(
            [*DIDOMI, *arguments],
            check=False,
            cwd=self.job.folder,
            env={**self.job.environment, **path, **environment},
            capture_output=True,
            encoding="utf-8",
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def _serve(self, *arguments: str) -> Result:
        return self.job.start(*arguments).until("Serving").kill(15)


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Everything]:
    store = store_of(["echoing", "moved", "good"], 5)
    store.add_log("good", id="hostile", status="failed", result=HOSTILE, created_at="2026-11-20T00:00:00.000Z")
    faults = [
        Fault(refusal(403, ECHO), export_id="echoing"),
        Fault("redirect_other_host", export_id="moved"),
        Fault("gateway_502", on=None, every=7),
    ]
    forker = Forker()
    with misbehaving(store, faults) as sandbox:
        found = Everything(tmp_path_factory.mktemp("everything"), sandbox, forker)
        yield found
        found.listener.close()
    forker.close()


def test_every_command_does_its_work(everything: Everything) -> None:
    """The commands were not stopped before there was anything to leak: the good export is there, and the models."""
    results = everything.results
    assert {name: results[name].code for name in ("run", "check", "status", "demo")} == {
        "run": 1,
        "check": 1,
        "status": 0,
        "demo": 0,
    }
    assert "export echoing (echoing): " in results["run"].err
    assert "DEBUG" in results["run"].err
    assert everything.job.sql("select count(*) from didomi_marts.didomi__export_runs") == [(6,)]


def test_no_command_writes_a_secret(everything: Everything, counted: Counted) -> None:
    """Not to a stream, a log, the working directory, dlt's trace and state, dbt's artefacts, the page, the warehouse."""
    texts = [text for result in everything.results.values() for text in (result.out, result.err)]
    found = everything.left_by_kill + leaks(secrets_of(everything.sandbox), everything.folder, *texts)
    counted("secrets found", len(found))
    assert found == []
    written = {path.suffix for path in everything.folder.rglob("*") if path.is_file()}
    assert written >= {".duckdb", ".json", ".log", ".out", ".err"}
    assert "***" in everything.results["run"].err


def test_nobody_else_is_told_anything(everything: Everything) -> None:
    """Neither dlt nor dbt report home, no proxy of the environment is used, and no .netrc replaces the token."""
    assert everything.listener.heard == []
    assert "good" in everything.results["run"].out


def test_what_reports_home_would_be_heard(everything: Everything) -> None:
    """The listener of the test before is not deaf."""
    everything.run_alone("run", "--skip-models", RUNTIME__DLTHUB_TELEMETRY="true")
    assert {heard[:5] for heard in everything.listener.heard} == {b"POST "}


def test_results_are_shown_as_text(everything: Everything) -> None:
    """What an export says of itself moves no cursor and is no markup, wherever it is shown."""
    controls = {name: re.findall(r"[^\n\t -~\u00a0-\uffff]", r.out + r.err) for name, r in everything.results.items()}
    assert {name for name, found in controls.items() if found} <= {"completion"}
    pages = [path.read_text() for path in everything.job.folder.rglob("*.html")]
    assert [page for page in pages if "<script>alert" in page or "\x1b" in page] == []


def test_no_file_is_for_other_users(everything: Everything) -> None:
    """What a run leaves in its working directory cannot be read by others."""
    assert (everything.job.working_dir.stat().st_mode & 0o077) == 0


def test_secrets_are_found_where_they_are(tmp_path: Path) -> None:
    """The search itself: plain, packed, encoded, in a row, in a text."""
    assert leaks([SECRET], tmp_path, "nothing") == []
    (tmp_path / "plain").write_text(f"a {SECRET} b")
    (tmp_path / "packed").write_bytes(gzip.compress(SECRET.encode()))
    (tmp_path / "encoded").write_bytes(base64.b64encode(f"user:{SECRET}:".encode()))
    (tmp_path / "innocent").write_text("marker")
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("create table t as select [?] as column", [SECRET])
    found = leaks([SECRET], tmp_path, SECRET)
    assert {*found} >= {"plain", "packed", "encoded", "row of warehouse.duckdb", "text 0"}
    assert "innocent" not in found


# What comes of a fault that every login, or every list of the exports, meets: exit code and error. Nothing is loaded.
LOGIN = {
    "session_without_token": (1, 'the login answers without a usable "access_token"'),
    "session_null_token": (1, 'the login answers without a usable "access_token"'),
    "session_empty_token": (1, 'the login answers without a usable "access_token"'),
    "session_object_token": (1, 'the login answers without a usable "access_token"'),
    "session_token_with_newline": (1, 'the login answers without a usable "access_token"'),
    "refusal_400": (78, "the API refuses the API key (400): check SOURCES__DIDOMI__API_KEY"),
    "refusal_401": (78, "the API refuses the API key (401): check SOURCES__DIDOMI__API_KEY"),
    "refusal_404": (1, "the API answers 404 (NotFound: Page not found): check the export id"),
    "redirect_other_host": (78, "the login answers with a redirect, which is not followed: correct base_url"),
    "redirect_same_host": (78, "the login answers with a redirect, which is not followed: correct base_url"),
    "gateway_502": (1, "the API answers 502"),
    "429_day": (1, "the organization's rate limit is used up (429); it is open again at "),
    "html": (1, "expected JSON, got "),
    "reset": (1, "no connection, or it broke"),
    "gzip_bomb": (1, "the answer is larger than 8 MiB"),
}
LISTING = {
    "refusal_403": (78, "the exports cannot be listed: name them in SOURCES__DIDOMI__EXPORT_IDS"),
    "refusal_404": (78, "the exports cannot be listed: name them in SOURCES__DIDOMI__EXPORT_IDS"),
    "refusal_400": (1, "the API answers 400"),
    "redirect_other_host": (1, "which is not followed: correct base_url"),
    "gateway_502": (1, "the API answers 502"),
    "data_null": (1, 'expected a list "data", got null'),
    "bare_array": (1, 'expected an object with a list "data", got a list'),
    "skip_wrong": (1, "asked for the page at "),
    "truncated_json": (1, "expected JSON, got "),
    "empty_page": (1, "is empty, though the list is said to hold"),
}
OTHERS = [kind for kind in KINDS if not kind.startswith(("log_", "hang", "drip"))] if EVERYTHING else []


@pytest.mark.parametrize(("route", "outcomes"), [("login", LOGIN), ("integrations", LISTING)])
def test_a_run_that_cannot_begin_says_why(
    lab: Lab, counted: Counted, route: str, outcomes: dict[str, tuple[int, str]]
) -> None:
    """Without a login or the list of exports nothing is loaded; the next clean run is complete, and nothing has leaked."""
    with misbehaving(store_of(["good"], 5)) as sandbox:
        for kind in dict.fromkeys([*outcomes, *OTHERS]):
            sandbox.faults = [Fault(kind, on=route)]
            counted("faults tried", 1)
            try:
                lab.run(sandbox, retry_seconds=0)
            except DidomiError as error:
                code, text = outcomes.get(kind, (error.exit_code, ""))
                assert (kind, error.exit_code, text in str(error) or str(error)) == (kind, code, True)
                assert lab.rows("export_logs") == []
            else:
                assert kind not in outcomes
                assert lab.logs() == truth(sandbox)
                lab.path.unlink()
        for kind in (refusal(400, ECHO), refusal(403, ECHO), redirect(f"http://elsewhere.invalid/{SECRET}/{KEY}", 307)):
            sandbox.faults = [Fault(kind, on=route)]
            with pytest.raises(DidomiError):
                lab.run(sandbox, retry_seconds=0)
        sandbox.faults = ()
        assert lab.run(sandbox).failures == []
        assert lab.logs() == truth(sandbox)
        found = lab.secrets_found(sandbox)
        counted("secrets found", len(found))
        assert found == []


@pytest.mark.parametrize(
    "name", ["x; drop schema didomi_raw", 'x"."y', "x'--", "../x", "x.y", "x y", "", "Robert'); drop table logs"]
)
def test_a_dataset_cannot_carry_sql(name: str) -> None:
    """Only plain names are taken for a dataset; tables have fixed names."""
    from didomi_source.warehouse.target import Target

    with pytest.raises(DidomiError, match="is not a name that all warehouses take"):
        Target(dataset=name)
