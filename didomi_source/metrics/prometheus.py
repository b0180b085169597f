"""A text file for the textfile collector of node_exporter, replaced at once after each run."""

from __future__ import annotations

from pathlib import Path

from didomi_source.errors import ConfigurationError, DidomiError
from didomi_source.warehouse.duckdb_storage import is_duckdb_file
from didomi_source.warehouse.files import replaced_when_complete

from . import Outcome
from .measures import measures


class MetricsFile:
    """Writes the file.

    Args:
        path: Where it goes; node_exporter reads those that end in `.prom`.

    Raises:
        ConfigurationError: Its folder does not exist, or it is a database.
    """

    def __init__(self, path: Path) -> None:
        if not path.absolute().parent.is_dir() or path.is_dir():
            raise ConfigurationError(f"--metrics-file {path}: name a file in a folder that exists")
        if is_duckdb_file(path):
            msg = f"--metrics-file {path}: it is a DuckDB file, which metrics would replace: name another one"
            raise ConfigurationError(msg)
        self._path = path
        self.name = f"the metrics file {path}"

    def step(self, text: str) -> None:
        """Wait for the end."""

    def ended(self, outcome: Outcome) -> None:
        """Write it, of a failed run too.

        Raises:
            DidomiError: It cannot be written.
        """
        from prometheus_client import CollectorRegistry, Gauge, generate_latest

        registry = CollectorRegistry()
        gauges: dict[str, Gauge] = {}
        for name, text, value, labels in measures(outcome):
            if name not in gauges:
                gauges[name] = Gauge(name, text, list(labels), registry=registry)
            gauges[name].labels(**labels).set(value)
        try:
            with replaced_when_complete(self._path) as beside:
                beside.write_bytes(generate_latest(registry))
                if beside.is_file():
                    beside.chmod(0o644)  # another user reads it
        except OSError as error:
            msg = f"the metrics could not be written to {self._path} ({error.strerror}); the run is not affected"
            raise DidomiError(msg) from None
