"""The page as text: what was read, judged and drawn, through one template that escapes every value."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from didomi_source.health import words as text
from didomi_source.health.deliveries import RecentDeliveries
from didomi_source.health.judge import MAX_AGE, Limits, judge
from didomi_source.health.status import Concern, ExportStatus, Health

from .calendar import legend
from .charts import rates_chart
from .deliveries import deliveries
from .figures import daily_rates, key_figures
from .marts import Incident, Marts
from .sections import ATTENTION_FOLDED, ATTENTION_ROWS, attention, details, folded, others, rates_in_words
from .verdict import verdict

_FOLDER = Path(__file__).parent
_MARKS = {"good": "✓", "warn": "!", "bad": "✕", "stale": "◷", "empty": text.NOTHING}
_ICONS = {"good": "#1f9684", "bad": "#c2183f"}
_NAME_LENGTH = 72


def render(
    marts: Marts, now: datetime, *, schema: str, timezone_name: str = "UTC", max_age: timedelta = MAX_AGE
) -> str:
    """Write the page."""
    found = judge(marts.exports, now, Limits(max_age), RecentDeliveries(marts.deliveries, now))
    first = verdict(marts, found, now)
    rates = daily_rates(marts)
    css = (_FOLDER / "page.css").read_text(encoding="utf-8")
    page = {
        "css": Markup(css),  # noqa: S704 - our own file
        "policy": _policy(css),
        "icon": _icon(first.state),
        "mark": _MARKS[first.state],
        "legend": legend(),
        "anchors": {e.export_id: f"export-{i}" for i, e in enumerate(marts.detailed, 1)} if marts.today else {},
        "by_id": {e.export_id: e for e in marts.exports},
        "not_read": Health.UNREAD,
        "unusual": Concern.UNUSUAL,
        "bad_healths": [health for health in Health if health.is_bad],
        "has_organizations": len({e.organization_id for e in marts.exports}) > 1,
        "attention_rows": ATTENTION_ROWS,
        "attention_folded": ATTENTION_ROWS + ATTENTION_FOLDED,
        "oldest_reads": sorted(marts.exports, key=_read_at),
        "logs": sum(e.runs_total for e in marts.exports),
        "contradictions": sum(e.runs_contradictory for e in marts.exports),
        "doubts": _doubts(marts, schema),
        "first_run": min((e.first_run_at for e in marts.exports if e.first_run_at), default=None),
        "long_day": text.long_day(marts.as_of.date()) if marts.as_of else "",
        "written": f"{text.long_day(now.date())}, {now:%H:%M} UTC",
        "timezone": timezone_name,
        "schema": schema,
        "version": _version(),
        **_rates(rates, marts.today),
    }
    template = _environment(marts, now).get_template("template.html.j2")
    return template.render(
        page=page,
        marts=marts,
        found=found,
        verdict=first,
        figures=key_figures(marts, found),
        attention=attention(marts, found),
        details=details(marts),
        others=others(marts),
        deliveries=deliveries(marts),
    )


def _rates(rates: Sequence[Any], today: date | None) -> dict[str, Any]:
    if today is None or not rates:
        return {"rates_wide": None, "rates_narrow": None, "rates_label": ""}
    return {
        "rates_wide": rates_chart(rates, today, 1040, 150),
        "rates_narrow": rates_chart(rates, today, 236, 150),
        "rates_label": rates_in_words("all exports together", rates, today),
    }


def _policy(css: str) -> str:
    """A policy that allows this style sheet and the embedded icon only."""
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"


def _icon(state: str) -> str:
    """A dot for the browser's tab, in the verdict's colour."""
    fill = _ICONS.get(state, "#b87503")
    circle = f'<circle cx="8" cy="8" r="7" fill="{fill}"/>'
    dot = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">{circle}</svg>'
    return f"data:image/svg+xml,{quote(dot)}"


def _version() -> str:
    try:
        return version("didomi-source")
    except PackageNotFoundError:
        return "(not installed)"


def _read_at(export: ExportStatus) -> tuple[datetime, str]:
    never = datetime.min.replace(tzinfo=timezone.utc)
    return min(export.last_complete_sync_at or never, export.last_synced_at or never), export.title


def _doubts(marts: Marts, schema: str) -> list[tuple[str, str]]:
    """Logs to check before their figures are used: how many and what is wrong with them; which exports, or where."""
    prefix = schema.removesuffix("_marts")  # Target.models_prefix
    raw = prefix.removesuffix("_models") if prefix.endswith("_models") else f"{prefix}_raw"
    found = [
        ("runs_contradictory", "contradicts itself", "contradict themselves", ""),
        ("logs_quarantined", "could not be loaded", "could not be loaded", f"see {raw}.export_log_quarantine"),
        ("runs_unknown", "has an unknown status", "have an unknown status", "counted in no rate"),
        ("runs_missing_at_source", "is gone from Didomi", "are gone from Didomi", "still counted"),
        ("runs_untimed", "has no usable time", "have no usable time", "counted in totals, not in time series"),
    ]
    doubts = [_doubt(marts.exports, *each) for each in found]
    unknown = [e for e in marts.exports if e.health is Health.UNKNOWN_SCHEDULE]
    if unknown:
        have = "export has" if len(unknown) == 1 else "exports have"
        which = f"{text.grouped(len(unknown))} {have} no readable schedule"
        doubts.append((which, f"{_names(unknown)}: no missed run can be seen there"))
    return [doubt for doubt in doubts if doubt]


def _doubt(exports: Sequence[ExportStatus], column: str, one: str, many: str, note: str) -> tuple[str, str] | None:
    count = sum(getattr(e, column) for e in exports)
    if not count:
        return None
    which = _names([e for e in exports if getattr(e, column)])
    logs = f"{text.counted(count, 'log')} {one if count == 1 else many}"
    return logs, f"{which}; {note}" if note else which


def _names(exports: Sequence[ExportStatus]) -> str:
    return text.listed([text.shortened(e.title, _NAME_LENGTH) for e in exports], 4)


def _environment(marts: Marts, now: datetime) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    as_of = marts.as_of or now
    today = as_of.date()
    environment.filters |= {
        "age": lambda value: text.age(as_of - value),
        "change": text.change,
        "counted": text.counted,
        "day": partial(text.day, today=today),
        "folded": folded,
        "grouped": lambda value: text.NOTHING if value is None else text.grouped(value),
        "lasted": _lasted,
        "long_date": lambda value: f"{value.day} {text.MONTHS[value.month - 1]} {value.year}",
        "moment": partial(text.moment, today=today),
        "percent": text.percent,
        "schedule": lambda e: text.schedule(e.frequency, e.interval_seconds, e.interval_months),
        "short_name": partial(text.shortened, length=_NAME_LENGTH),
        "shortened": text.shortened,
        "words": lambda value: value.replace("_", " "),
    }
    return environment


def _visible(value: Any) -> Any:
    """Applied to every value before it is escaped."""
    return text.visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _lasted(incident: Incident) -> str:
    return text.span(timedelta(seconds=incident.duration_seconds))
