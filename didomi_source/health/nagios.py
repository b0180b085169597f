"""The line that Nagios, Icinga, Checkmk and Sensu read.

Source: monitoring-plugins.org, development guidelines (read 2026-11).
"""

from __future__ import annotations

from collections import Counter

from .judge import KINDS, Judgement, Limits
from .words import shortened

UNKNOWN = 3
_STATES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
_NAMED = 5


def nagios(found: Judgement, limits: Limits) -> tuple[int, str]:
    """The exit code and the line of a plugin.

    A stale load is critical: no export is watched while it lasts. A wrong delivery is a warning, and so are files that
    expire where others are archived; that an export's newest delivery is wrong is a health, and critical.
    """
    deliveries = found.deliveries
    is_bad = found.problems or deliveries.wrong or (deliveries.is_archived and deliveries.expiring)
    code = 2 if found.is_severe else 1 if is_bad else 0
    head = f"STALE: {found.headline}" if found.is_stale else found.headline
    wrong = [one.sentence for one in found.other_wrong_deliveries]
    text = "; ".join([head, *_worst(found), *_shortened(wrong), *[deliveries.expiry] * bool(deliveries.expiry)])
    return code, f"DIDOMI {_STATES[code]} - {_plain(text)} | {_figures(found, limits)}"


def unknown(message: str) -> str:
    """The line when the warehouse cannot be read."""
    return f"DIDOMI {_STATES[UNKNOWN]} - {_plain(message)}"


def _worst(found: Judgement) -> list[str]:
    lines = [
        f"{shortened(export.title, 60)}: {found.problems[export.export_id].text}"
        for export in found.exports
        if export.export_id in found.problems
    ]
    return _shortened(lines)


def _shortened(lines: list[str]) -> list[str]:
    more = len(lines) - _NAMED
    return [*lines[:_NAMED], *[f"and {more} more"] * (more > 0)]


def _figures(found: Judgement, limits: Limits) -> str:
    """Performance data, label=value;warn;crit;min: a value above a threshold of 0 raises the alert."""
    kinds = Counter(problem.kind for problem in found.problems.values())
    parts = [f"exports={len(found.exports)};;;0"]
    parts += [f"{kind}={kinds[kind]}{';;0;0' if kind.is_severe else ';0;;0'}" for kind in KINDS]
    if found.deliveries.rows:
        limit = "0" if found.deliveries.is_archived else ""
        parts.append(f"deliveries_wrong={len(found.deliveries.wrong)};0;;0")
        parts.append(f"deliveries_expiring={len(found.deliveries.expiring)};{limit};;0")
    if found.age is not None:
        parts.append(f"age={int(found.age.total_seconds())}s;;{int(limits.max_age.total_seconds())};0")
    completed, settled = found.settled(7)
    if settled:
        parts.append(f"success_7d={100 * completed / settled:.1f}%;;;0;100")
    return " ".join(parts)


def _plain(text: str) -> str:
    """One line without a bar, which separates the text from the performance data."""
    return " ".join("".join(c if c.isprintable() else " " for c in text.replace("|", "/")).split())
