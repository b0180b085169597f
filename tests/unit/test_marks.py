"""What is kept of each log while a run lasts: the same as sets and dicts would keep."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from didomi_source.marks import Mark, Marks, Names, Numbers

from .values_of_any_kind import TIMES

IDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5)
DIGESTS = st.just("") | st.binary(min_size=16, max_size=16).filter(any).map(bytes.hex)
MARKS = st.builds(
    Mark,
    content_hash=DIGESTS,
    version_id=DIGESTS,
    is_settled=st.booleans(),
    is_missing=st.booleans(),
    created_at=st.none() | TIMES,
    updated_at=st.none() | TIMES,
    sequence=st.none() | st.integers(1, 2**31 - 1),
)


@given(pages=st.lists(st.lists(IDS, max_size=8), max_size=8))
def test_names_are_a_set(pages: list[list[str]]) -> None:
    """Of all that was added, however often."""
    names, expected = Names(), set[str]()
    for page in pages:
        before = {name for name in page if name in names}
        assert before == expected.intersection(page)
        names.update(page)
        expected.update(page)
        assert all(name in names for name in expected)
    assert names == expected
    assert len(names) == len(expected)
    assert names != expected | {"another name"}
    assert "another name" not in names


@given(st.lists(st.tuples(IDS, st.integers(0, 2**32 - 1)), max_size=40))
def test_the_first_number_of_a_name_stays(given_: list[tuple[str, int]]) -> None:
    """Like `setdefault` of a dict."""
    numbers, expected = Numbers(), dict[str, int]()
    for name, number in given_:
        assert numbers.get(name) == expected.get(name)
        assert numbers.setdefault(name, number) == expected.setdefault(name, number)
    assert {name: numbers.get(name) for name in expected} == expected


@given(st.lists(st.tuples(IDS, MARKS), max_size=40))
def test_marks_are_a_dict(given_: list[tuple[str, Mark]]) -> None:
    """Of the last mark of each id, in the order in which the ids came."""
    kept, expected = Marks(), dict[str, Mark]()
    for log_id, mark in given_:
        assert kept.get(log_id) == expected.get(log_id)
        assert (log_id in kept) == (log_id in expected)
        assert kept.missing([log_id, "another id"]) == [name for name in (log_id, "another id") if name not in expected]
        kept[log_id] = expected[log_id] = mark
    assert list(kept.items()) == list(expected.items())
    assert list(kept.values()) == list(expected.values())
    assert (list(kept), len(kept)) == (list(expected), len(expected))
    assert list(Marks(expected).items()) == list(expected.items())


@given(st.dictionaries(IDS, MARKS), st.dictionaries(IDS, MARKS))
def test_marks_that_are_added_together_are_what_each_would_be(before: dict[str, Mark], more: dict[str, Mark]) -> None:
    """After those that were there; of what was just read nothing is missing, and its place in the list does not count."""
    added = {
        log_id: mark._replace(content_hash="1" * 32, version_id="2" * 32, is_missing=False, created_at=None)
        for log_id, mark in more.items()
        if log_id not in before
    }
    kept = Marks(before)
    content, version, settled, _, _, updated, sequences = zip(*added.values(), strict=True) if added else [()] * 7
    kept.extend(list(added), content, version, settled, updated, sequences)
    assert list(kept.items()) == [*before.items(), *added.items()]


@pytest.mark.parametrize("digest", ["no digest", "abc", "é" * 32, "0" * 31])
def test_a_hash_that_is_none_equals_no_hash(digest: str) -> None:
    """Somebody else wrote it: the log is written again."""
    kept = Marks({"a": Mark(digest)})
    assert kept.get("a") == Mark("")


def test_times_are_kept_to_the_microsecond() -> None:
    """From the year 2000 to the end of 2099, in UTC."""
    first = datetime(2000, 1, 1, tzinfo=timezone.utc)
    for when in (first, first + timedelta(microseconds=1), datetime(2099, 12, 31, 23, 59, 59, 999_999, timezone.utc)):
        (kept,) = Marks({"a": Mark(created_at=when, updated_at=when)}).values()
        assert (kept.created_at, kept.updated_at) == (when, when)
