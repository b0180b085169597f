"""How large the page is and how long it takes, for 20 and for 500 exports."""

from __future__ import annotations

import time

import pytest

from support.marts import Made, export, failing, many
from support.parsed_page import parse, section


def test_twenty_exports_are_less_than_1_mb(write, tmp_path):
    """Each with its calendar and charts."""
    page = write(many(tmp_path / "many.duckdb", 20))
    assert len(page.encode()) < 1_000_000
    tree = parse(page)
    assert len(section(tree, "calendar").all("article")) == 20
    assert len(section(tree, "users").all("article")) == 20


def test_twenty_exports_that_fail_every_day_are_less_than_1_mb(write, tmp_path):
    """Each run of every second day fails, those of the others once; names and errors are long."""
    made = Made(tmp_path / "worst.duckdb")
    for number in range(20):
        made.export(failing(f"e{number:02}", 180, name=f"{number} " + "n" * 300, last_error_message="error " * 9000,
                            runs_completed_7d=0, runs_failed_7d=7, success_rate_7d=0.0,
                            runs_completed_28d=0, runs_failed_28d=28, success_rate_28d=0.0))  # fmt: skip
        made.days(f"e{number:02}", "rf" * 90)
        users = [None if i % 2 else 500_000 + i * 7919 % 90_000 for i in range(180)]
        made.users(f"e{number:02}", users)
    assert len(write(made.finish()).encode()) < 1_000_000


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Marts of 500 exports."""
    return many(tmp_path_factory.mktemp("large") / "many.duckdb", 500)


def test_five_hundred_exports_are_less_than_3_mb_and_10_cpu_seconds(write, large, tmp_path):
    """Imports apart: they take two seconds where Python may keep its bytecode."""
    small = Made(tmp_path / "small.duckdb")
    small.export(export("a"))
    small.days("a", "c")
    small.users("a", [1])
    write(small.finish())
    started = time.process_time()
    page = write(large)
    assert time.process_time() - started < 10
    assert len(page.encode()) < 3_000_000


def test_of_five_hundred_exports_the_worst_come_first(write, large):
    """Those that fail have calendars and charts, all others a line with their last 28 days; none is left out."""
    tree = parse(write(large))
    attention, folded = section(tree, "attention").all("table")
    assert (len(attention.rows()), len(folded.rows())) == (15, 35)
    assert {row[1][:9] for row in attention.rows()} == {"✕ failing"}
    assert [p.text for p in section(tree, "attention").all("p")] == [
        "All others are further down , in the order of how bad they are."
    ]
    cards = section(tree, "calendar").all("article")
    assert len(cards) == 40
    assert {card.all("p")[0].text[:9] for card in cards} == {"✕ failing"}
    others = section(tree, "success").all("details")[0].rows()
    healths = [row[1] for row in others]
    assert len(others) == 460
    assert [(health, healths.count(health)) for health in dict.fromkeys(healths)] == [
        ("✕ failing", 10), ("◷ late", 50), ("… stuck", 50), ("✓ healthy", 350)
    ]  # fmt: skip
    assert section(tree, "calendar").all("p")[0].text.startswith("The 40 worst of 500 exports, the worst first;")
