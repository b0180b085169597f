"""What is kept of each log while a run lasts: the same as sets and dicts would keep."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from didomi_source.errors import DiskFull
from didomi_source.reading.marks import Mark, Marks, Names, Numbers, Owners

from .values_of_any_kind import TIMES

IDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5)
DIGESTS = st.just("") | st.binary(min_size=16, max_size=16).filter(any).map(bytes.hex)
MARKS = st.builds(
    Mark,
    content_hash=DIGESTS,
    version_id=DIGESTS,
    is_settled=st.booleans(),
    is_missing=st.booleans(),
    is_known=st.booleans(),
    is_written=st.booleans(),
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


@given(st.lists(st.tuples(IDS, st.integers(0, 2**64 - 1), st.booleans()), max_size=40))
def test_numbers_are_a_dict(given_: list[tuple[str, int, bool]]) -> None:
    """With `setdefault`, `get`, and an assignment that tells what was there."""
    numbers, expected = Numbers(), dict[str, int]()
    for name, number, stays in given_:
        assert numbers.get(name) == expected.get(name)
        if stays:
            assert numbers.setdefault(name, number) == expected.setdefault(name, number)
        else:
            assert numbers.swap(name, number) == expected.get(name)
            expected[name] = number
    assert {name: numbers.get(name) for name in expected} == expected
    assert len(numbers) == len(expected)


EXPORTS = st.sampled_from(["a", "b", "c"])


class OwnersMachine(RuleBasedStateMachine):
    """Owners beside two dicts that tell the same."""

    def __init__(self) -> None:
        super().__init__()
        self.owners = Owners()
        self.owner_of: dict[str, str] = {}
        self.places: dict[str, int] = {}
        self.marks = dict.fromkeys("abc", 0)

    @rule(log_ids=st.lists(IDS, max_size=4), export=EXPORTS)
    def hold(self, log_ids: list[str], export: str) -> None:
        new = set(log_ids) - self.owner_of.keys()
        assert self.owners.hold(log_ids, export) == len(new)
        self.owner_of |= dict.fromkeys(new, export)

    @rule(log_ids=st.lists(IDS, max_size=4, unique=True), export=EXPORTS)
    def claim(self, log_ids: list[str], export: str) -> None:
        new = [log_id for log_id in log_ids if log_id not in self.owner_of]
        taken = {log_id: self.owner_of.get(log_id, export) for log_id in log_ids}
        self.owner_of |= dict.fromkeys(new, export)
        places = {log_id: self.marks[export] + number for number, log_id in enumerate(new)}
        found = self.owners.claim(log_ids, export, self.marks[export])
        self.places |= places
        self.marks[export] += len(new)
        own = [log_id for log_id in log_ids if taken[log_id] == export]
        assert found == (
            new,
            {log_id: self.places.get(log_id) for log_id in own},
            {log_id: owner for log_id, owner in taken.items() if owner != export},
        )

    @rule(log_id=IDS)
    def place(self, log_id: str) -> None:
        assert self.owners.place(log_id) == self.places.get(log_id)

    @rule(log_id=IDS)
    def put(self, log_id: str) -> None:
        export = self.owner_of.get(log_id)
        if export and log_id not in self.places:
            self.owners.put(log_id, export, self.marks[export])
            self.places[log_id] = self.marks[export]
            self.marks[export] += 1


TestOwners = OwnersMachine.TestCase


@pytest.fixture(params=[0, 2**18], ids=["on disk", "in memory"])
def memory(request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("didomi_source.reading.marks._MEMORY_BYTES", request.param or 1)
        patch.setattr("didomi_source.reading.marks._CHUNK_BYTES", 7)
        yield


def marks(given_: Iterable[tuple[str, Mark]] = ()) -> Marks:
    kept = Marks()
    for log_id, mark in given_:
        kept.append(log_id, mark)
    return kept


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(IDS, MARKS), max_size=20), st.lists(st.tuples(st.integers(0, 19), MARKS), max_size=9))
def test_marks_are_a_list(memory: None, given_: list[tuple[str, Mark]], changes: list[tuple[int, Mark]]) -> None:
    """Of pairs, of which the marks can change."""
    expected = list(given_)
    with closing(Marks()) as kept:
        assert [kept.append(*pair) for pair in given_] == list(range(len(given_)))
        for place, mark in changes:
            if place < len(expected):
                expected[place] = (expected[place][0], mark)
                kept[place] = mark
                assert kept[place] == mark
        assert (list(kept.items()), len(kept)) == (expected, len(expected))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(IDS, MARKS), max_size=9), st.lists(st.tuples(IDS, MARKS), max_size=9))
def test_marks_that_are_added_together_are_what_each_would_be(
    memory: None, before: list[tuple[str, Mark]], more: list[tuple[str, Mark]]
) -> None:
    """After those that were there; what was just read is written, and nothing of it was known."""
    written = {"is_missing": False, "is_known": False, "is_written": True}
    added = [(log_id, mark._replace(content_hash="1" * 32, version_id="2" * 32, **written)) for log_id, mark in more]
    with closing(marks(before)) as kept:
        columns = zip(*(mark for _, mark in added), strict=True) if added else [()] * 8
        content, version, settled, _, _, _, updated, sequences = columns
        kept.extend([log_id for log_id, _ in added], content, version, settled, updated, sequences)
        assert list(kept.items()) == [*before, *added]


@pytest.mark.parametrize("digest", ["no digest", "abc", "é" * 32, "0" * 31])
def test_a_hash_that_is_none_equals_no_hash(digest: str) -> None:
    """Somebody else wrote it: the log is written again."""
    with closing(marks([("a", Mark(digest))])) as kept:
        assert kept[0] == Mark("")


def test_times_are_kept_to_the_microsecond() -> None:
    """From the year 2000 to the end of 2099, in UTC."""
    first = datetime(2000, 1, 1, tzinfo=timezone.utc)
    for when in (first, first + timedelta(microseconds=1), datetime(2099, 12, 31, 23, 59, 59, 999_999, timezone.utc)):
        with closing(marks([("a", Mark(updated_at=when))])) as kept:
            assert kept[0].updated_at == when


@pytest.mark.parametrize(
    "use",
    [lambda kept: kept.append("b", Mark()), lambda kept: kept[0], lambda kept: kept.__setitem__(0, Mark())],
    ids=["add", "read", "change"],
)
def test_a_disk_that_is_full_is_named(monkeypatch: pytest.MonkeyPatch, use: Callable[[Marks], object]) -> None:
    """With what can be done; what was written may only now go to the disk."""
    monkeypatch.setattr("didomi_source.reading.marks._MEMORY_BYTES", 1)
    kept = marks([("a", Mark())])
    kept._records.close()
    full = kept._records._file = Path("/dev/full").open("r+b", buffering=4096)  # noqa: SIM115 - closed below
    full.write(b"buffered")
    with pytest.raises(DiskFull, match=r"has no room for notes on the logs .*No space left.*set TMPDIR"):
        use(kept)
    kept.close()
    assert full.closed


def test_what_is_kept_of_many_logs_is_not_in_memory() -> None:
    """24 bytes of each are, with some room to grow; ids and marks are in files."""
    names, owners, mark = Names(), Owners(), Mark("1" * 32, "2" * 32)
    tracemalloc.start()
    with closing(Marks()) as kept:
        for page in range(100):
            log_ids = [f"{page:016}{number:08}" for number in range(1_000)]
            names.update(log_ids)
            assert len(owners.claim(log_ids, "an export", len(kept)).new) == 1_000
            columns = zip(*[mark] * 1_000, strict=True)
            content, version, settled, _, _, _, updated, sequences = columns
            kept.extend(log_ids, content, version, settled, updated, sequences)
        del log_ids, columns, content, version, settled, updated, sequences
        bytes_in_use, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (len(kept), len(names)) == (100_000, 100_000)
    assert bytes_in_use < 40 * 100_000
