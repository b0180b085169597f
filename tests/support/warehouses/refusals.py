"""A run that is refused, and one that is not any more."""

from __future__ import annotations

from support.warehouses.journey import Site

LOGS = 12


def refused(site: Site, code: int, *words: str) -> None:
    """A run ends with a code and one line that holds the words."""
    done = site.didomi("run", "--skip-models")
    (line,) = [line for line in done.err.splitlines() if line.startswith("didomi: ")]
    assert (done.code, done.out) == (code, ""), line
    assert [word for word in words if word not in line] == [], line


def loads(site: Site) -> None:
    """A run in the same folder loads everything."""
    assert site.didomi("run", "--skip-models").code == 0
    assert site.engine.execute("select count(*) as found from {export_logs}") == [{"found": LOGS}]
