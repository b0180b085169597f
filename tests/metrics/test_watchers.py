"""What a run tells machines: pings, a Prometheus file, OTLP, and lines of JSON."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import gzip
import json
import logging
import os
import socket
import threading
import time

import duckdb
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from didomi_source.cli import app
from didomi_source.errors import ConfigurationError, ModelsFailed, RunLocked
from didomi_source.job import Summary, run
from didomi_source.metrics import Outcome, measures, watch
from didomi_source.metrics.ping import Ping
from didomi_source.metrics.prometheus import MetricsFile
from didomi_source.metrics.telemetry import Telemetry, is_wanted
from didomi_source.warehouse.target import Target
from support.marts import NOW, export, failing

SYNC = {
    "export_id": "a", "name": "Export a", "requests": 3, "rows_received": 40, "logs_new": 2, "logs_changed": 1,
    "logs_pending": 1, "is_complete": True, "error": None,
}  # fmt: skip


def outcome(*, syncs=(SYNC,), error=None, unwritten=()) -> Outcome:
    """How a run ended, after 2.5 seconds."""
    summary = None if error else Summary("run-1", "duckdb x", "didomi_raw", list(syncs), None, 1.0, [], list(unwritten))
    return Outcome(Target(), summary, error, 1_790_000_000.0, 1_790_000_002.5)


def call(listener, *ends, path="/uuid"):
    """What the service hears of a run."""
    ping = Ping(f"http://{listener.place}{path}")
    ping.step("Opening the warehouse")
    ping.step("Loading export logs")
    for end in ends:
        ping.ended(end)
    return [(request.path, request.body.decode()) for request in listener.requests]


def test_a_good_run_is_started_and_ended(listener):
    """As healthchecks.io wants it."""
    assert call(listener, outcome()) == [("/uuid/start", ""), ("/uuid", "")]


def test_a_failed_run_calls_fail_with_its_reasons(listener):
    """Those of its exports, or why it could not begin."""
    failed = {**SYNC, "is_complete": False, "error": "403 of the API"}
    assert call(listener, outcome(syncs=[failed]))[1:] == [("/uuid/fail", "export a (Export a): 403 of the API")]
    listener.requests.clear()
    Ping(f"http://{listener.place}/uuid?a=b").ended(outcome(error=ConfigurationError("not configured: X")))
    assert [(r.path, r.body) for r in listener.requests] == [("/uuid/fail?a=b", b"not configured: X")]


def test_a_run_that_found_another_one_at_work_says_nothing(listener):
    """Its failure would end the other one's watch."""
    Ping(f"http://{listener.place}/uuid").ended(outcome(error=RunLocked("another run is at work")))
    assert listener.requests == []


def test_a_service_that_does_not_answer_is_a_warning_without_the_url(listener, caplog, monkeypatch):
    """The end is tried three times; the secret path is in no log."""
    monkeypatch.setattr(logging.getLogger("didomi_source"), "propagate", True)
    listener.status = lambda _: 503
    call(listener, outcome(), path="/secret-uuid")
    assert listener.paths() == ["/secret-uuid/start"] + ["/secret-uuid"] * 3
    listener.close()
    Ping(f"http://{listener.place}/secret-uuid").ended(outcome())
    assert [r.getMessage() for r in caplog.records if r.name.startswith("didomi")] == [
        *["the ping to 127.0.0.1 failed (it answered 503); the run is not affected"] * 2,
        "the ping to 127.0.0.1 failed (ConnectionError); the run is not affected",
    ]


@pytest.mark.parametrize("url", ["hc-ping.com/uuid", "ftp://hc-ping.com/uuid", "https://", "http://[x"])
def test_a_ping_url_that_is_none_is_refused(url):
    """Before the run, and without being shown."""
    with pytest.raises(ConfigurationError, match="is not a web address") as refused:
        Ping(url)
    assert "uuid" not in str(refused.value).replace("your-uuid", "")


COMMON = {"organization": "", "dataset": "didomi_raw", "destination": "duckdb"}


def samples(path):
    """The samples of Prometheus' own parser."""
    return [sample for family in text_string_to_metric_families(path.read_text("utf-8")) for sample in family.samples]


def read_metrics(path):
    """Name and the labels that not every metric has → value."""
    return {
        (sample.name, *(value for label, value in sample.labels.items() if label not in COMMON)): sample.value
        for sample in samples(path)
    }


def test_the_metrics_file_tells_of_the_run_and_of_each_export(made, folder):
    """Prometheus' own parser reads it; it is replaced at once, and others may read it."""
    made.export(failing("a", name='A "quoted"\nname'))
    made.export(export("b"))
    made.finish()
    path = folder / "didomi.prom"
    path.write_text("old")
    MetricsFile(path).ended(outcome())
    found = read_metrics(path)
    assert found["didomi_run_success",] == 1
    assert found["didomi_run_duration_seconds",] == 2.5
    assert found["didomi_run_timestamp_seconds",] == 1_790_000_002.5
    assert found["didomi_export_logs_new", "a", "Export a"] == 2
    assert found["didomi_export_is_complete", "a", "Export a"] == 1
    assert found["didomi_export_health", "a", 'A "quoted"\nname', "failing"] == 1
    assert found["didomi_export_health", "a", 'A "quoted"\nname', "healthy"] == 0
    assert found["didomi_export_health", "b", "Export b", "healthy"] == 1
    assert found["didomi_export_success_rate_28d_ratio", "b", "Export b"] == 1
    assert [name for name, *_ in found if "deliveries" in name] == []
    assert ([p.name for p in folder.iterdir() if "prom" in p.name], path.stat().st_mode & 0o777) == (
        ["didomi.prom"],
        0o644,
    )


def test_an_id_that_is_unknown_costs_no_metric_of_the_others(made):
    """It has failed the run, which read the others."""
    made.export(export("a"))
    made.export(export("b"))
    made.finish()
    asked = dataclasses.replace(outcome(), export_ids=("a", "unknown"))
    assert [one.export_id for one in asked.exports] == ["a"]


def test_metrics_count_the_deliveries_of_each_export(made, folder):
    """The wrong ones, and those that expire; no such metric where deliveries are not read."""
    made.export(export("a"))
    made.export(export("b"))
    made.deliveries("a", "as_claimed short missing as_claimed")
    made.deliveries("b", "as_claimed", is_about_to_expire=True, expires_at=NOW)
    made.finish()
    MetricsFile(folder / "didomi.prom").ended(outcome())
    found = read_metrics(folder / "didomi.prom")
    assert {name: value for name, value in found.items() if "deliveries" in name[0]} == {
        ("didomi_export_deliveries_wrong", "a", "Export a"): 2,
        ("didomi_export_deliveries_wrong", "b", "Export b"): 0,
        ("didomi_export_deliveries_expiring", "a", "Export a"): 0,
        ("didomi_export_deliveries_expiring", "b", "Export b"): 1,
    }


def test_the_metrics_file_tells_of_a_run_that_could_not_begin(folder):
    """That it failed, and nothing of exports."""
    MetricsFile(folder / "didomi.prom").ended(outcome(error=ConfigurationError("no")))
    found = read_metrics(folder / "didomi.prom")
    assert {name for name, *_ in found} == {
        f"didomi_run_{n}" for n in ("success", "exit_code", "timestamp_seconds", "duration_seconds")
    }
    assert (found["didomi_run_success",], found["didomi_run_exit_code",]) == (0, 78)


def test_the_files_of_two_organizations_have_no_metric_in_common(made, folder, monkeypatch):
    """node_exporter serves only one of two metrics with the same labels; each file has what its own job measures."""
    made.export(export("a"))
    made.export(export("b", name="Export a", organization_id="beta"))
    made.finish()
    found = {}
    for organization, export_id in (("acme", "a"), ("beta", "b")):
        monkeypatch.setenv("SOURCES__DIDOMI__ORGANIZATION_ID", f'"{organization}"')
        MetricsFile(folder / f"{organization}.prom").ended(outcome(syncs=[{**SYNC, "export_id": export_id}]))
        measured = samples(folder / f"{organization}.prom")
        assert [COMMON | s.labels for s in measured] == [
            s.labels | COMMON | {"organization": organization} for s in measured
        ]
        assert {s.labels["export_id"] for s in measured if s.name.startswith("didomi_export")} == {export_id}
        found[organization] = {(s.name, *sorted(s.labels.items())) for s in measured}
    assert found["acme"].isdisjoint(found["beta"])
    assert len(found["acme"]) == len(found["beta"]) > 4


def test_an_export_that_a_run_read_is_measured_whatever_organization_the_api_gives_it(made, folder, monkeypatch):
    """With the labels of its run: otherwise its failure would raise no alert."""
    made.export(failing("a", organization_id="parent-of-acme"))
    made.finish()
    monkeypatch.setenv("SOURCES__DIDOMI__ORGANIZATION_ID", "acme")
    MetricsFile(folder / "didomi.prom").ended(outcome())
    assert read_metrics(folder / "didomi.prom")["didomi_export_health", "a", "Export a", "failing"] == 1
    assert {s.labels["organization"] for s in samples(folder / "didomi.prom")} == {"acme"}


def test_a_metric_has_its_organization_also_where_none_is_configured(made, folder, monkeypatch):
    """That of the marts, of each export; and those of a run that could not begin have all labels."""
    made.export(export("a"))
    made.export(export("b", organization_id="beta"))
    made.finish()
    MetricsFile(folder / "all.prom").ended(outcome(syncs=[]))
    found = {(s.labels.get("export_id"), s.labels["organization"]) for s in samples(folder / "all.prom")}
    assert found == {(None, ""), ("a", "acme"), ("b", "beta")}

    def broken():
        raise ConfigurationError("settings file .dlt/config.toml, line 1: is not TOML")

    monkeypatch.setattr(measures, "providers", broken)
    MetricsFile(folder / "none.prom").ended(outcome(error=ConfigurationError("no")))
    assert [s.labels for s in samples(folder / "none.prom")] == [COMMON] * 4


def test_a_folder_for_metrics_that_is_not_there_is_refused_before_the_run(folder):
    """A file that can never be written is a wrong setting."""
    with pytest.raises(ConfigurationError, match="name a file in a folder that exists"):
        MetricsFile(folder / "no" / "didomi.prom")
    with pytest.raises(ConfigurationError, match="name a file in a folder that exists"):
        MetricsFile(folder)


def test_metrics_replace_neither_a_database_nor_a_pipe_nor_a_link(folder):
    """A database is refused; a pipe is written to; of a link the file behind it is replaced."""
    duckdb.connect("warehouse.duckdb").close()
    with pytest.raises(ConfigurationError, match="it is a DuckDB file, which metrics would replace"):
        MetricsFile(folder / "warehouse.duckdb")
    os.mkfifo(folder / "pipe")
    reader = os.open(folder / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    MetricsFile(folder / "pipe").ended(outcome())
    assert os.read(reader, 6) == b"# HELP"
    os.close(reader)
    (folder / "link").symlink_to(folder / "behind.prom")
    MetricsFile(folder / "link").ended(outcome())
    assert [(folder / name).is_symlink() for name in ("link", "behind.prom")] == [True, False]
    assert (folder / "pipe").is_fifo()


def received(listener, kind, path):
    """What OTLP brought."""
    found = []
    for request in listener.requests:
        if request.path == path:
            body = gzip.decompress(request.body) if request.body[:2] == b"\x1f\x8b" else request.body
            found.append(kind.FromString(body))
    return found


@pytest.fixture
def otlp(listener, monkeypatch):
    """OpenTelemetry's own variable names the listener."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://{listener.place}")
    return listener


def test_a_run_is_a_trace_with_a_span_for_each_step(otlp, made, monkeypatch):
    """What tells how far a step is, is an event of it; a failed run is an error."""
    monkeypatch.setenv("SOURCES__DIDOMI__ORGANIZATION_ID", "acme")
    made.export(export("a"))
    made.finish()
    telemetry = Telemetry()
    for step in ("Opening the warehouse", "Waiting for x, which another program holds", "Loading export logs",
                 "Loading export logs: 5,000 read", "Building the models"):  # fmt: skip
        telemetry.step(step)
    telemetry.ended(outcome(syncs=[{**SYNC, "is_complete": False, "error": "403"}]))
    scopes = [
        scope
        for found in received(otlp, ExportTraceServiceRequest, "/v1/traces")
        for r in found.resource_spans
        for scope in r.scope_spans
    ]
    spans = {span.name: span for scope in scopes for span in scope.spans}
    root = spans["didomi run"]
    assert set(spans) == {"didomi run", "Opening the warehouse", "Loading export logs", "Building the models"}
    assert {span.parent_span_id for name, span in spans.items() if name != "didomi run"} == {root.span_id}
    assert [e.name for e in spans["Loading export logs"].events] == ["5,000 read"]
    assert (root.status.code, root.status.message) == (2, "export a (Export a): 403")
    attributes = {a.key: a.value for a in root.attributes}
    assert attributes["didomi.organization"].string_value == "acme"
    assert (attributes["didomi.run_id"].string_value, attributes["didomi.logs_new"].int_value) == ("run-1", 2)


def test_metrics_go_to_otlp_too(otlp, made, monkeypatch):
    """Under the same names and with the same labels as in the file."""
    monkeypatch.setenv("SOURCES__DIDOMI__ORGANIZATION_ID", "acme")
    made.export(export("a"))
    made.finish()
    Telemetry().ended(outcome())
    (found,) = received(otlp, ExportMetricsServiceRequest, "/v1/metrics")
    metrics = {m.name: m for r in found.resource_metrics for scope in r.scope_metrics for m in scope.metrics}
    assert metrics["didomi_run_success"].gauge.data_points[0].as_double == 1
    (point,) = metrics["didomi_export_logs_new"].gauge.data_points
    assert (point.as_double, {a.key: a.value.string_value for a in point.attributes}) == (
        2,
        COMMON | {"organization": "acme", "export_id": "a", "export_name": "Export a"},
    )


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_nothing_is_sent_unless_a_variable_of_opentelemetry_asks_for_it(monkeypatch, environment, wanted):
    """No variable, no telemetry."""
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert is_wanted() is wanted


def test_a_watcher_that_fails_fails_no_run(monkeypatch, caplog):
    """It is warned about, and the others are told all the same."""
    told = []

    class Broken:
        name = "broken"

        def step(self, text):
            raise OSError("broken")

        ended = step

    class Sound:
        name = "sound"

        def step(self, text):
            told.append(text)

        def ended(self, outcome):
            told.append(outcome.exit_code)

    monkeypatch.setattr(logging.getLogger("didomi_source"), "propagate", True)
    with pytest.raises(ConfigurationError, match="not configured"):
        watch(lambda step: run(report=step), Target(), told.append, [Broken(), Sound()])
    assert told == [78]
    assert [r.getMessage() for r in caplog.records if r.name == "didomi_source.metrics"] == ["broken"]


def test_the_command_tells_all_of_them(job, listener):
    """A ping from the configuration, metrics in a file, traces over OTLP, JSON on stderr, and the summary on stdout."""
    done = job.didomi(
        "run", "--skip-models", "--json", "--log-format", "json", "--metrics-file", "didomi.prom",
        NOTIFY__PING_URL=f"http://{listener.place}/uuid", OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{listener.place}",
    )  # fmt: skip
    assert (done.code, json.loads(done.out)["ok"]) == (0, True)
    lines = [json.loads(line) for line in done.err.splitlines()]
    assert [(line["level"], line["message"]) for line in lines] == [
        ("info", "Opening the warehouse"),
        ("info", "Loading export logs"),
    ]
    assert [p for p in listener.paths() if not p.startswith("/v1")] == ["/uuid/start", "/uuid"]
    assert {"/v1/traces", "/v1/metrics"} <= set(listener.paths())
    assert read_metrics(job.folder / "didomi.prom")["didomi_run_success",] == 1


def test_the_command_tells_that_dbt_could_not_be_started(listener, monkeypatch, folder):
    """No further process may be started: the run has failed, and its switch is told."""

    def refuse(*_, **__):
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setenv("SOURCES__DIDOMI__API_KEY", "key")
    monkeypatch.setenv("SOURCES__DIDOMI__API_SECRET", "secret")
    monkeypatch.setenv("SOURCES__DIDOMI__ORGANIZATION_ID", "org")
    monkeypatch.setattr("subprocess.Popen", refuse)
    done = CliRunner().invoke(app, ["run", "--ping-url", f"http://{listener.place}/uuid"])
    assert type(done.exception) is ModelsFailed
    assert listener.requests[-1].path == "/uuid/fail"
    assert listener.requests[-1].body.decode().startswith("dbt cannot be started (Resource temporarily unavailable)")


def test_nobody_who_listens_is_needed(job):
    """Ping and OTLP lead nowhere: the run ends well, with a warning for each."""
    nowhere = "http://127.0.0.1:9"
    done = job.didomi(
        "run", "--skip-models", "--ping-url", f"{nowhere}/uuid", OTEL_EXPORTER_OTLP_ENDPOINT=nowhere,
        OTEL_EXPORTER_OTLP_TIMEOUT="1",
    )  # fmt: skip
    assert done.code == 0
    warnings = [line.split("WARNING ")[1] for line in done.err.splitlines() if "WARNING" in line]
    assert sorted(warnings) == [
        "the ping to 127.0.0.1 failed (ConnectionError); the run is not affected",
        "the ping to 127.0.0.1 failed (ConnectionError); the run is not affected",
        "traces or metrics could not be sent over OTLP; the run is not affected",
    ]


@pytest.mark.parametrize("collector", ["closed", "hanging", "slow"])
def test_nobody_at_the_other_end_holds_up_a_run_for_longer_than_two_seconds(collector, made, monkeypatch):
    """Ping and OTLP share the time, whether they are refused, never answered, or answered a byte a second."""
    made.export(export("a"))
    made.finish()
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        place = f"http://127.0.0.1:{server.getsockname()[1]}"
        if collector == "closed":
            server.close()
        if collector == "slow":
            threading.Thread(target=drip, args=(server,), daemon=True).start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", place)
        watchers = [Telemetry(), Ping(f"{place}/uuid")]
        summary = outcome().summary

        def job(step):
            step("Loading export logs")
            return summary

        started = time.monotonic()
        assert watch(job, Target(), lambda _: None, watchers) is summary
        assert time.monotonic() - started < 2.5


def drip(server):
    """Answer each connection with a byte a second, until the server is closed."""
    connections = []
    with contextlib.suppress(OSError):
        server.settimeout(1)
        while True:
            with contextlib.suppress(TimeoutError):
                connections.append(server.accept()[0])
            for connection in connections:
                with contextlib.suppress(OSError):
                    connection.send(b"H")


def test_an_error_is_a_line_of_json_too(job):
    """For whoever collects the logs."""
    done = job.didomi("run", SOURCES__DIDOMI__API_KEY="", DIDOMI_LOG_FORMAT="json")
    (line,) = [json.loads(line) for line in done.err.splitlines()]
    assert (done.code, line["level"]) == (78, "error")
    assert line["message"].startswith("not configured: SOURCES__DIDOMI__API_KEY")
