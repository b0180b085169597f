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

    A stale load is critical: no export is watched while it lasts.
    """
    code = 2 if found.is_severe else 1 if found.problems else 0
    head = f"STALE: {found.headline}" if found.is_stale else found.headline
    return code, f"DIDOMI {_STATES[code]} - {_plain('; '.join([head, *_worst(found)]))} | {_figures(found, limits)}"


def unknown(message: str) -> str:
    """The line when the warehouse cannot be read."""
    return f"DIDOMI {_STATES[UNKNOWN]} - {_plain(message)}"


def _worst(found: Judgement) -> list[str]:
    lines = [
        f"{shortened(export.title, 60)}: {found.problems[export.export_id].text}"
        for export in found.exports
        if export.export_id in found.problems
    ]
    more = len(lines) - _NAMED
    return [*lines[:_NAMED], *[f"and {more} more"] * (more > 0)]


def _figures(found: Judgement, limits: Limits) -> str:
    """Performance data, label=value;warn;crit;min: a value above a threshold of 0 raises the alert."""
    kinds = Counter(problem.kind for problem in found.problems.values())
    parts = [f"exports={len(found.exports)};;;0"]
    parts += [f"{kind}={kinds[kind]}{';;0;0' if kind.is_severe else ';0;;0'}" for kind in KINDS]
    if found.age is not None:
        parts.append(f"age={int(found.age.total_seconds())}s;;{int(limits.max_age.total_seconds())};0")
    completed, settled = found.settled(7)
    if settled:
        parts.append(f"success_7d={100 * completed / settled:.1f}%;;;0;100")
    return " ".join(parts)


def _plain(text: str) -> str:
    """One line without a bar, which separates the text from the performance data."""
    return " ".join("".join(c if c.isprintable() else " " for c in text.replace("|", "/")).split())
