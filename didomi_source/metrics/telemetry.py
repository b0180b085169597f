"""Traces and metrics over OTLP, where OpenTelemetry's own variables say where to (extra `otel`).

One trace per run, one span per step; the metrics are those of the Prometheus file.
Source: opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables (read 2026-11).
"""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING, Any

from . import WAIT_SECONDS, Outcome
from .measures import configured_organization, measures

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

logger = logging.getLogger(__name__)

_ENDPOINTS = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
)


def is_wanted() -> bool:
    """Whether OpenTelemetry's variables name somebody who listens."""
    return any(map(os.environ.get, _ENDPOINTS)) and os.environ.get("OTEL_SDK_DISABLED", "").lower() != "true"


class Telemetry:
    """Sends a run's trace, and its metrics when it is over.

    Raises:
        ImportError: The extra is not installed.
    """

    name = "OpenTelemetry"

    def __init__(self) -> None:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        os.environ.setdefault("OTEL_EXPORTER_OTLP_TIMEOUT", str(int(WAIT_SECONDS)))
        # If the collector is unreachable the SDK logs many lines: collapse them into one warning.
        for name in ("opentelemetry.exporter", "opentelemetry.sdk"):
            logging.getLogger(name).addHandler(_Once())
            logging.getLogger(name).propagate = False
        resource = Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME", "didomi-source")})
        self._tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        reader = PeriodicExportingMetricReader(OTLPMetricExporter(), export_interval_millis=float("inf"))
        self._meters = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
        self._tracer = self._tracers.get_tracer("didomi_source")
        self._run = self._tracer.start_span("didomi run")
        self._step: Span | None = None
        self._name = ""

    def step(self, text: str) -> None:
        """Begin a span; what says how far the same step is, is an event of it."""
        from opentelemetry.trace import set_span_in_context

        name, _, detail = text.partition(":")
        if self._step is not None and (name == self._name or name.startswith("Waiting")):
            self._step.add_event(detail.strip() or name)
            return
        self._end_step()
        self._name = name
        self._step = self._tracer.start_span(name, context=set_span_in_context(self._run))

    def ended(self, outcome: Outcome) -> None:
        """End the trace, and send both side by side."""
        from opentelemetry.trace import Status, StatusCode

        self._end_step()
        self._run.set_attributes(_attributes(outcome))
        if outcome.exit_code:
            self._run.set_status(Status(StatusCode.ERROR, "; ".join(outcome.failures)[:1000]))
        self._run.end()
        meter = self._meters.get_meter("didomi_source")
        gauges: dict[str, Any] = {}
        for name, text, value, labels in measures(outcome):
            if name not in gauges:
                gauges[name] = meter.create_gauge(name, description=text)
            gauges[name].set(value, labels)
        senders = [threading.Thread(target=_flush, args=(p,), daemon=True) for p in (self._tracers, self._meters)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()

    def _end_step(self) -> None:
        if self._step is not None:
            self._step.end()


def _flush(provider: TracerProvider | MeterProvider) -> None:
    provider.force_flush(int(WAIT_SECONDS * 1000))
    provider.shutdown()


def _attributes(outcome: Outcome) -> dict[str, Any]:
    found: dict[str, Any] = {
        "didomi.exit_code": outcome.exit_code,
        "didomi.organization": configured_organization(),
        "didomi.destination": outcome.target.destination,
        "didomi.dataset": outcome.target.dataset,
    }
    if outcome.summary is not None:
        syncs = outcome.summary.syncs
        found |= {
            "didomi.run_id": outcome.summary.run_id,
            "didomi.exports": len(syncs),
            "didomi.incomplete": list(outcome.summary.incomplete),
            **{
                f"didomi.{name}": sum(sync[name] for sync in syncs) for name in ("requests", "logs_new", "logs_changed")
            },
        }
    return found


class _Once(logging.Handler):
    """Turns all that OpenTelemetry logs into one warning."""

    _is_told = False

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.WARNING and not _Once._is_told:
            _Once._is_told = True
            logger.warning("traces or metrics could not be sent over OTLP; the run is not affected")
