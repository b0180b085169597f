"""The line that Nagios, Icinga, Checkmk and Sensu read.

Source: monitoring-plugins.org, development guidelines (read 2026-11).
"""

from __future__ import annotations

from collections import Counter

from .judge import KINDS, SEVERE, Judgement, Limits
from .words import shortened

UNKNOWN = 3
_STATES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
_NAMED = 5


def nagios(found: Judgement, limits: Limits) -> tuple[int, str]:
    """The exit code and the line of a plugin.

    A stale load is critical: nothing is watched while it lasts.
    """
    kinds = Counter(problem.kind for problem in found.problems.values())
    is_critical = found.is_stale or any(kinds[kind] for kind in SEVERE)
    code = 2 if is_critical else 1 if kinds else 0
    head = f"STALE: {found.headline}" if found.is_stale else found.headline
    return (
        code,
        f"DIDOMI {_STATES[code]} - {_plain('; '.join([head, *_worst(found)]))} | {_figures(found, kinds, limits)}",
    )


def unknown(message: str) -> str:
    """The line when the warehouse could not be asked."""
    return f"DIDOMI {_STATES[UNKNOWN]} - {_plain(message)}"


def _worst(found: Judgement) -> list[str]:
    told = [
        f"{shortened(export.title, 60)}: {found.problems[export.export_id].text}"
        for export in found.exports
        if export.export_id in found.problems
    ]
    more = len(told) - _NAMED
    return [*told[:_NAMED], *[f"and {more} more"] * (more > 0)]


def _figures(found: Judgement, kinds: Counter[str], limits: Limits) -> str:
    """label=value;warn;crit;min: an alert is raised outside of a range, and 0 as a range allows nothing but 0."""
    parts = [f"exports={len(found.exports)};;;0"]
    parts += [f"{kind}={kinds[kind]};;0;0" if kind in SEVERE else f"{kind}={kinds[kind]};0;;0" for kind in KINDS]
    if found.age is not None:
        parts.append(f"age={int(found.age.total_seconds())}s;;{int(limits.max_age.total_seconds())};0")
    completed = sum(export.runs_completed_7d or 0 for export in found.exports)
    settled = completed + sum(export.runs_failed_7d or 0 for export in found.exports)
    if settled:
        parts.append(f"success_7d={100 * completed / settled:.1f}%;;;0;100")
    return " ".join(parts)


def _plain(text: str) -> str:
    """One line; what follows a bar would be taken for figures."""
    return " ".join("".join(c if c.isprintable() else " " for c in text.replace("|", "/")).split())
