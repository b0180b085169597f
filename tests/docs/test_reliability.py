"""docs/reliability.md: each promise names tests, and these exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROMISE = re.compile(r"^\| (?!promise|---)(.+?) \| (.+) \|$", re.MULTILINE)
PROOF = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def test_each_promise_is_held_by_tests_that_exist() -> None:
    """No promise is without a proof, and no proof is a test that was renamed or never written."""
    text, _, _ = (ROOT / "docs/reliability.md").read_text("utf-8").partition("## Not promised")
    promises = PROMISE.findall(text)
    assert len(promises) > 20
    assert [promise for promise, proofs in promises if not PROOF.fullmatch(proofs.split(", ")[0])] == []
    proofs = {proof for _, proofs in promises for proof in PROOF.findall(proofs)}
    missing = {
        (path, name)
        for path, name in proofs
        if not (ROOT / path).exists() or f"\ndef {name}(" not in (ROOT / path).read_text("utf-8")
    }
    assert missing == set()


def test_the_readme_leads_there() -> None:
    """Who only reads the README finds the promises."""
    assert "(docs/reliability.md)" in (ROOT / "README.md").read_text("utf-8")
