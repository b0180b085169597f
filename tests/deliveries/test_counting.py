"""One gzip file: the right count, or the flaw by its name."""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
import sys
import zlib
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from didomi_source.deliveries import counting
from didomi_source.deliveries.counting import BadFile, FileCount, Flaw, count_records

SECRET = b"ada.lovelace@example.com"
USER = b'{"user":{"id":"' + SECRET + b'"},"events":[]}\n'
THREE = gzip.compress(USER * 3)
LONG = b'{"user":"' + b"x" * 20_000_000 + b'"}\n'


def changed(data: bytes, place: int, byte: int) -> bytes:
    """The bytes with one replaced."""
    copy = bytearray(data)
    copy[place] = byte
    return bytes(copy)


def flipped(data: bytes, place: int) -> bytes:
    return changed(data, place, data[place] ^ 0xFF)


def in_blocks(data: bytes, size: int) -> Iterator[bytes]:
    for begin in range(0, len(data), size):
        yield data[begin : begin + size]


SOUND = {
    "one member": (THREE, 3, 0),
    "several members": (THREE + gzip.compress(USER) + THREE, 7, 0),
    "an empty member": (THREE + gzip.compress(b"") + THREE, 6, 0),
    "an empty member at the end": (THREE + gzip.compress(b""), 3, 0),
    "an empty member at the beginning": (gzip.compress(b"") + THREE, 3, 0),
    "a member that ends in mid-line": (gzip.compress(USER + USER[:9]) + gzip.compress(USER[9:] + USER), 3, 0),
    "members of one byte": (b"".join(gzip.compress(bytes([byte])) for byte in USER * 2), 2, 0),
    "NUL padding behind": (THREE + b"\0" * 5000, 3, 0),
    "NUL padding between": (THREE + b"\0" * 512 + THREE, 6, 0),
    "nothing": (gzip.compress(b""), 0, 0),
    "nothing, twice": (gzip.compress(b"") * 2, 0, 0),
    "only a line end": (gzip.compress(b"\n"), 0, 0),
    "no line end behind the last": (gzip.compress(USER * 2 + USER.rstrip()), 3, 0),
    "CRLF": (gzip.compress(USER.replace(b"\n", b"\r\n") * 3), 3, 0),
    "blank lines": (gzip.compress(b"\n\n" + USER + b"\n" + b" \t\n" + USER + b"\r\n" + USER + b"\n\n  "), 3, 0),
    "blanks before a record": (gzip.compress(USER + b"  " + USER), 2, 0),
    "a line of 20 MB": (gzip.compress(LONG, 1), 1, 0),
    "a line of 20 MB among others": (gzip.compress(USER + LONG + USER, 1), 3, 0),
    "a line of 20 MB without an end": (gzip.compress(USER + LONG.rstrip(), 1), 2, 0),
    "a byte order mark": (gzip.compress(b"\xef\xbb\xbf" + USER * 2), 2, 0),
    "a byte order mark in pieces": (b"".join(map(gzip.compress, (b"\xef", b"\xbb", b"\xbf", USER))), 1, 0),
    "only a byte order mark": (gzip.compress(b"\xef\xbb\xbf"), 0, 0),
    "lone surrogates": (gzip.compress(b'{"a":"\\ud800"}\n'), 1, 0),
    "deep nesting": (gzip.compress(b'{"a":' * 5000 + b"1" + b"}" * 5000), 1, 0),
    "odd lines": (gzip.compress(USER + b"[1]\n" + USER + b"null\nx"), 5, 3),
    "broken JSON in the middle": (gzip.compress(USER + b'{"user":\n' + USER), 3, 0),
    "a name in the header": (
        gzip.compress(USER)[:3] + b"\x08" + gzip.compress(USER)[4:10] + b"a\0" + gzip.compress(USER)[10:],
        1,
        0,
    ),
}
BAD = {
    "zero bytes": (b"", Flaw.EMPTY),
    "cut in the trailer": (THREE[:-1], Flaw.CUT),
    "cut in the middle": (THREE[: len(THREE) // 2], Flaw.CUT),
    "cut in the header": (THREE[:5], Flaw.CUT),
    "one byte of a header": (THREE[:1], Flaw.CUT),
    "cut in a later header": (THREE + THREE[:1], Flaw.CUT),
    "cut in a later member": (THREE + THREE[:-9], Flaw.CUT),
    "wrong checksum": (flipped(THREE, -6), Flaw.CHECKSUM),
    "wrong size": (flipped(THREE, -1), Flaw.CHECKSUM),
    "wrong checksum of the first member": (flipped(THREE, -6) + THREE, Flaw.CHECKSUM),
    "an impossible block": (changed(THREE, 10, 0x07), Flaw.CORRUPT),
    "another method": (changed(THREE, 2, 7), Flaw.CORRUPT),
    "other bytes behind": (THREE + b"garbage", Flaw.TRAILING),
    "other bytes behind padding": (THREE + b"\0\0garbage", Flaw.TRAILING),
    "plain lines behind": (THREE + USER, Flaw.TRAILING),
    "HTML": (b"<html><body>Sign in, " + SECRET, Flaw.NOT_GZIP),
    "plain JSON": (USER * 3, Flaw.NOT_GZIP),
    "only NUL": (b"\0" * 100, Flaw.NOT_GZIP),
    "zlib, not gzip": (zlib.compress(USER), Flaw.NOT_GZIP),
    "an error page": (gzip.compress(b"<Error>" + SECRET + b"</Error>"), Flaw.NOT_JSON),
    "a list": (gzip.compress(b"[" + USER.rstrip() + b"]"), Flaw.NOT_JSON),
    "indented JSON": (gzip.compress(json.dumps(json.loads(USER), indent=2).encode()), Flaw.NOT_JSON),
    "a list in a long line": (gzip.compress(b"[" + b"1," * 1_000_000), Flaw.NOT_JSON),
    "a line that is cut": (gzip.compress(USER[:20]), Flaw.NOT_JSON),
    "UTF-16": (gzip.compress(USER.decode().encode("utf-16")), Flaw.NOT_JSON),
    "twice compressed": (gzip.compress(THREE), Flaw.NOT_JSON),
    "the last line is cut": (gzip.compress(USER * 2 + USER[:-5]), Flaw.LAST_LINE),
    "a long last line is cut": (gzip.compress(USER + LONG[:-3]), Flaw.LAST_LINE),
}


@pytest.mark.parametrize("block_bytes", [1 << 30, 1000])
@pytest.mark.parametrize("name", SOUND)
def test_a_sound_file_is_counted(name: str, block_bytes: int) -> None:
    data, records, odd = SOUND[name]
    content = gzip.decompress(data)
    expected = FileCount(records, odd, len(content), len(data), hashlib.sha256(data).hexdigest())
    assert count_records(in_blocks(data, block_bytes), with_sha256=True) == expected


@pytest.mark.parametrize("block_bytes", [1 << 30, 1])
@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_an_error_by_name(name: str, block_bytes: int) -> None:
    data, flaw = BAD[name]
    with pytest.raises(BadFile) as raised:
        count_records(in_blocks(data, block_bytes))
    assert (raised.value.flaw, str(raised.value)) == (flaw, f"{flaw.code}: {flaw.meaning}")


def test_the_hash_is_made_only_when_asked_for() -> None:
    assert count_records([THREE]).sha256 is None


lines = st.sampled_from([USER, b'{"n":1}\n', b'{"n":2}\r\n', b"\n", b'{"long":"' + b"y" * 3000 + b'"}\n'])
members = st.lists(st.lists(lines, max_size=4).map(b"".join), min_size=1, max_size=4)


def naive(content: bytes) -> int:
    return sum(1 for line in content.split(b"\n") if line.strip())


@settings(max_examples=400, deadline=None)
@given(members, st.data())
def test_members_in_any_blocks_are_counted(contents: list[bytes], data: st.DataObject) -> None:
    cuts = [data.draw(st.integers(0, len(content))) for content in contents]
    pieces = [piece for content, cut in zip(contents, cuts, strict=True) for piece in (content[:cut], content[cut:])]
    made = b"".join(map(gzip.compress, pieces))
    size = data.draw(st.integers(1, len(made)))
    assert count_records(in_blocks(made, size)).records == naive(b"".join(contents))


def told(content: bytes, longest: int) -> object:
    """The records and the odd lines of a file, or its flaw, from all of its lines at once."""
    lines = [line for part in content.removeprefix(b"\xef\xbb\xbf").split(b"\n") if (line := part.strip(b" \t\r"))]
    if not lines:
        return 0, 0
    first, last = lines[0], lines[-1]
    if not first.startswith(b"{") or not (len(first) > longest or is_object(first)):
        return Flaw.NOT_JSON
    if last.startswith(b"{") and not (last.endswith(b"}") if len(last) > longest else is_object(last)):
        return Flaw.LAST_LINE
    return len(lines), sum(not line.startswith(b"{") for line in lines)


def is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


_PIECES = [
    b"{}",
    b'{"a":1}',
    b"{",
    b"}",
    b"\n",
    b"\n",
    b"\r\n",
    b" ",
    b"x",
    b"[1]",
    b"\xef\xbb\xbf",
    b"\xef",
    b"null",
    b" " * 7,
]


@settings(max_examples=1000, deadline=None)
@given(st.lists(st.lists(st.sampled_from([*_PIECES, b'{"u":"' + b"y" * 40 + b'"}']), max_size=6), max_size=6))
def test_lines_of_any_kind_and_length_are_judged_as_if_read_at_once(pieces: list[list[bytes]]) -> None:
    """Whatever the blocks: lines that are too long to be parsed are 61 bytes and longer here."""
    blocks = [b"".join(piece) for piece in pieces]
    with patch.object(counting, "_MAX_PARSED_BYTES", 60):
        try:
            count = count_records(map(gzip.compress, [*blocks, b""]))
        except BadFile as error:
            found: object = error.flaw
        else:
            found = (count.records, count.odd_lines)
    assert found == told(b"".join(blocks), 60)


@settings(max_examples=400, deadline=None)
@given(members, st.data())
def test_no_cut_inside_a_member_passes(contents: list[bytes], data: st.DataObject) -> None:
    made = [gzip.compress(content) for content in contents]
    whole = b"".join(made)
    ends = [0]
    for member in made:
        ends.append(ends[-1] + len(member))
    cut = data.draw(st.integers(1, len(whole) - 1))
    if cut in ends:  # only the log's claim tells such a file from a whole one
        assert count_records([whole[:cut]]).records == naive(gzip.decompress(whole[:cut]))
    else:
        with pytest.raises(BadFile) as raised:
            count_records([whole[:cut]])
        assert raised.value.flaw is Flaw.CUT


@settings(max_examples=400, deadline=None)
@given(members, st.data())
def test_no_flipped_bit_leads_to_a_wrong_count(contents: list[bytes], data: st.DataObject) -> None:
    made = bytearray(b"".join(map(gzip.compress, contents)))
    bit = data.draw(st.integers(0, len(made) * 8 - 1))
    made[bit // 8] ^= 1 << bit % 8
    try:
        found = count_records([bytes(made)])
    except BadFile:
        return
    assert found.records == naive(b"".join(contents))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300), st.binary(max_size=40))
@example(SECRET * 3, b"")
def test_no_content_stands_in_an_error(content: bytes, behind: bytes) -> None:
    for data in (content, gzip.compress(content) + behind):
        try:
            count_records([data])
        except BadFile as error:
            assert str(error) in {f"{flaw.code}: {flaw.meaning}" for flaw in Flaw}
            assert (error.__cause__, error.__suppress_context__ or error.__context__ is None) == (None, True)


PEAK = """
import zlib
from pathlib import Path
from didomi_source.deliveries.counting import count_records
line, count = {line}, {count}
def blocks():
    made = zlib.compressobj(1, zlib.DEFLATED, 31)
    for _ in range(count):
        yield made.compress(line)
    yield made.flush()
def peak():  # not ru_maxrss, which begins with that of the parent
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) // 1024
before = peak()
found = count_records(blocks())
print(found.records, peak() - before)
"""


@pytest.mark.parametrize(
    ("line", "count", "records"),
    [
        ("b'{\"a\":1}\\n' * 100_000", 150, 15_000_000),  # a member of 120 MB of small lines
        ("b'{' + b' ' * 1_000_000 + b'}'", 120, 1),  # a line of 120 MB
        ("b'\\n' * 1_000_000", 120, 0),  # blank lines
    ],
)
def test_memory_is_bounded(line: str, count: int, records: int) -> None:
    script = PEAK.format(line=line, count=count)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    found, grown_mb = map(int, done.stdout.split())
    assert found == records
    assert grown_mb < 40
