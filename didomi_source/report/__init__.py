"""The page that an operator reads each morning: one HTML file, read from the marts alone.

marts       the rows that the page shows
data        reads them from the warehouse
verdict     the first lines: the judgement of `health`, unusual deliveries, news
figures     the key figures
sections    the rows of each section
deliveries  the section of delivered files
calendar    the calendars of runs and deliveries
charts      the line charts
render      the page as text (template.html.j2, macros.html.j2, page.css)
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from didomi_source.errors import ConfigurationError, DidomiError
from didomi_source.values import in_utc
from didomi_source.warehouse.duckdb_storage import is_duckdb_file
from didomi_source.warehouse.files import replaced_when_complete

if TYPE_CHECKING:
    from didomi_source.warehouse.target import Target

_NEEDED = ("altair", "jinja2", "vl_convert")


class ReportNotWritten(DidomiError):
    """The page could not be written where it should go."""


def write_report(
    target: Target,
    output: Path,
    *,
    model_vars: Mapping[str, Any] | None = None,
    now: datetime | None = None,
    max_age: timedelta | None = None,
) -> Path:
    """Read the marts and write the page; the file is replaced atomically.

    Args:
        target: Which warehouse and dataset.
        output: Where the page goes; its folder has to exist.
        model_vars: Variables of the models: as-of time, where it is fixed, and time zone of the days.
        now: When the page is written; the as-of time unless given, else the present.
        max_age: How old the last complete read may be before the load is stale; 26 hours unless given.

    Returns:
        Where the page is.

    Raises:
        ConfigurationError: The extra `report` is not installed, or the as-of time cannot be read.
        DestinationError: The models have not been built, or the warehouse cannot be read.
        ReportNotWritten: The page cannot be written there.
    """
    _check_libraries()
    path = _writable(output)
    now = now or _as_of(model_vars or {}) or datetime.now(timezone.utc)

    from didomi_source.health.judge import MAX_AGE
    from didomi_source.warehouse.open import open_marts

    from .data import read_marts
    from .render import render

    with open_marts(target) as warehouse:
        marts = read_marts(warehouse, target.marts)
    zone = str((model_vars or {}).get("didomi_timezone", "UTC"))
    page = render(marts, now, schema=target.marts, timezone_name=zone, max_age=max_age or MAX_AGE)
    _write(page, path)
    return output


def _check_libraries() -> None:
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigurationError(f"the report needs {', '.join(missing)}: pip install 'didomi-source[report]'")


def _as_of(model_vars: Mapping[str, Any]) -> datetime | None:
    given = model_vars.get("didomi_as_of")
    if given is None:
        return None
    try:
        return in_utc(datetime.fromisoformat(str(given).replace("Z", "+00:00")))
    except ValueError:
        raise ConfigurationError(f"didomi_as_of is {given!r}: write it as 2026-11-23 or 2026-11-23T06:00:00Z") from None


def _writable(output: Path) -> Path:
    """The file behind the path, checked before the warehouse is read."""
    path = output.resolve()
    if path.is_dir():
        raise ReportNotWritten(f"{output} is a folder: name a file in it, such as {output / 'report.html'}")
    if not path.parent.is_dir():
        raise ReportNotWritten(f"the folder of {output} does not exist: make it first, or write somewhere else")
    if is_duckdb_file(path):
        raise ReportNotWritten(f"{output} is a DuckDB file, which the page would replace: name another file")
    return path


def _write(page: str, path: Path) -> None:
    try:
        # The file gets the rights of any new file; characters that UTF-8 cannot hold were replaced by `visible`.
        with replaced_when_complete(path) as beside, beside.open("w", encoding="utf-8", newline="\n") as file:
            file.write(page)
            file.flush()
            if beside.is_file():
                os.fsync(file.fileno())
    except OSError as error:
        raise ReportNotWritten(
            f"{path} cannot be written ({error.strerror or error}): change its rights, make room, or name another file"
        ) from None
