"""How many records one gzip file holds, in bounded memory, or by name what is wrong with it.

The file is a sequence of gzip members (RFC 1952) of newline-delimited JSON. Each member is inflated to its end, where
isal compares its checksum and size. What is not checked: JSON between the first and the last line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterable, Iterator
from enum import Enum
from typing import Any, NamedTuple

from isal import isal_zlib

from didomi_source.errors import DidomiError

_GZIP = 16 + 15  # zlib's `wbits`: a gzip header, the largest window
_MAGIC = b"\x1f\x8b"
_INPUT_BYTES = 32 * 1024  # what follows a member is copied for each member of a block: small blocks keep that small
_OUTPUT_BYTES = 112 * 1024  # malloc maps blocks from 128 KiB on, and unmaps them, one by one
_MAX_PARSED_BYTES = 256 * 1024
_BOM = b"\xef\xbb\xbf"
_BLANK = b" \t\r\n"
_OTHER_LINE = re.compile(rb"\n[^{]")  # a search that costs a third of counting `\n{`
_FIRST_BYTES = re.compile(rb"(?:\A|\n)[ \t\r\n]*([^ \t\r\n])")
_INFLATE_ERROR: Any = isal_zlib.IsalError  # which its stubs call an instance
_WRONG_CHECKSUM = "Error -6"  # isal's number; its texts differ between versions


class Flaw(Enum):
    """What can be wrong with a file: its name, and what it means."""

    EMPTY = "zero_bytes", "the file has no bytes"
    CUT = "cut", "the file ends inside a gzip member"
    CHECKSUM = "wrong_checksum", "the checksum or the size of a gzip member is wrong"
    CORRUPT = "corrupt", "the compressed data cannot be inflated"
    TRAILING = "trailing_bytes", "other bytes follow the gzip data"
    NOT_GZIP = "not_gzip", "the file is not gzip"
    NOT_JSON = "not_json", "the first line is no JSON object"
    LAST_LINE = "last_line_cut", "the last line is no whole JSON object"

    def __init__(self, code: str, meaning: str) -> None:
        self.code, self.meaning = code, meaning


class BadFile(DidomiError):
    """The content of a file is not what a delivery holds; the message holds nothing of it.

    Args:
        flaw: What is wrong.
    """

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(f"{flaw.code}: {flaw.meaning}")
        self.flaw = flaw


class FileCount(NamedTuple):
    """What a sound file holds.

    Args:
        records: Lines that are not blank.
        odd_lines: Those of them that do not begin with `{`.
        uncompressed_bytes: Size of the inflated content.
        bytes: Size of the file.
        sha256: SHA-256 of the file in hexadecimal digits; None when not asked for.
    """

    records: int
    odd_lines: int
    uncompressed_bytes: int
    bytes: int
    sha256: str | None = None


def count_records(blocks: Iterable[bytes], *, with_sha256: bool = False) -> FileCount:
    """Count the records of one gzip file.

    Args:
        blocks: The bytes of the file, in blocks of any size.
        with_sha256: Whether to compute the SHA-256 of the file.

    Returns:
        The count; a gzip file without content has 0 records.

    Raises:
        BadFile: The file is not whole, or not gzip of newline-delimited JSON objects.
    """
    digest = _sha256() if with_sha256 else None
    members, lines = _Members(), _Lines()
    size = inflated = 0
    for block in blocks:
        size += len(block)
        if digest is not None:
            digest.update(block)
        for content in members.inflate(block):
            inflated += len(content)
            lines.add(content)
    members.finish()
    lines.finish()
    return FileCount(lines.records, lines.odd, inflated, size, digest.hexdigest() if digest else None)


def _sha256() -> Any:
    import hashlib  # OpenSSL takes as long to load as a small file to count

    return hashlib.sha256()


class _Members:
    """Inflates the members of a gzip file one after the other."""

    def __init__(self) -> None:
        self._member: Any = None  # a decompressor
        self._count = 0
        self._start = b""  # of what could become the next member

    def inflate(self, block: bytes) -> Iterator[bytes]:
        """The content of the next bytes of the file, in blocks of bounded size."""
        view = memoryview(block)
        for begin in range(0, len(view), _INPUT_BYTES):
            data: bytes | memoryview = view[begin : begin + _INPUT_BYTES]
            while data:
                if self._member is None:
                    data = self._begin(bytes(data))
                else:
                    data = yield from self._continue(data)

    def _begin(self, data: bytes) -> bytes:
        """Begin the next member; returns its bytes so far, none while they are too few to know."""
        data = self._start + data
        if self._count:
            data = data.lstrip(b"\0")  # padding, as tapes and block devices leave it
        self._start = b""
        if not data.startswith(_MAGIC):
            if not _MAGIC.startswith(data):
                raise BadFile(Flaw.TRAILING if self._count else Flaw.NOT_GZIP)
            self._start = data
            return b""
        self._member = isal_zlib.decompressobj(_GZIP)
        self._count += 1
        return data

    def _continue(self, data: bytes | memoryview) -> Generator[bytes, None, bytes]:
        """Inflate bytes of the member; returns those behind its end."""
        member = self._member
        behind: bytes
        while True:
            try:
                content = member.decompress(data, _OUTPUT_BYTES)
            except _INFLATE_ERROR as error:
                is_checksum = str(error).startswith(_WRONG_CHECKSUM)
                raise BadFile(Flaw.CHECKSUM if is_checksum else Flaw.CORRUPT) from None
            if content:
                yield content
            if member.eof:
                self._member, behind = None, member.unused_data
                return behind
            data = member.unconsumed_tail
            if not data and len(content) < _OUTPUT_BYTES:
                return b""

    def finish(self) -> None:
        """Check that the file ended where a member did."""
        if self._member is not None or self._start:
            raise BadFile(Flaw.CUT)
        if not self._count:
            raise BadFile(Flaw.EMPTY)


class _Lines:
    """Counts the lines that are not blank, and checks the first and the last of them."""

    def __init__(self) -> None:
        self.records = 0
        self.odd = 0
        self._open = b""  # the line that has not ended, as far as `_bounded` keeps it
        self._last = b""  # the last line that is not blank, once it has ended
        self._is_begun = False  # behind a byte order mark

    def add(self, block: bytes) -> None:
        """Count the lines that end in the next block of the content."""
        content = self._open + block
        if not self._is_begun:
            if len(content) < len(_BOM) and _BOM.startswith(content):
                self._open = content
                return
            self._is_begun, content = True, content.removeprefix(_BOM)
        end = content.rfind(b"\n")
        if end >= 0:
            self._count(content[:end])
        self._open = _bounded(content[end + 1 :].lstrip(_BLANK))

    def finish(self) -> None:
        """Count the line that ends with the content, and check the last one."""
        self._count(self._open)
        if self._last.startswith(b"{") and not _is_sound(self._last):
            raise BadFile(Flaw.LAST_LINE)

    def _count(self, lines: bytes) -> None:
        lines = lines.strip(_BLANK)
        if not lines:
            return
        if not self.records:
            _check_first(lines.partition(b"\n")[0].rstrip(_BLANK))
        records = objects = lines.count(b"\n") + 1
        if not lines.startswith(b"{") or _OTHER_LINE.search(lines):  # blank and odd lines may cost more
            first_bytes = _FIRST_BYTES.findall(lines)
            records, objects = len(first_bytes), first_bytes.count(b"{")
        self.records += records
        self.odd += records - objects
        self._last = lines[lines.rfind(b"\n") + 1 :].lstrip(_BLANK)


def _check_first(line: bytes) -> None:
    """Raise unless it is an object; of a long one only its first byte is looked at."""
    if not line.startswith(b"{") or not (len(line) > _MAX_PARSED_BYTES or _is_object(line)):
        raise BadFile(Flaw.NOT_JSON)


def _is_sound(line: bytes) -> bool:
    """Whether a line that begins an object ends one; of a long one only its last byte is looked at."""
    return line.endswith(b"}") if len(line) > _MAX_PARSED_BYTES else _is_object(line)


def _bounded(line: bytes) -> bytes:
    """The line; of one that is too long to be parsed its beginning, and its last byte that is not blank."""
    kept = _MAX_PARSED_BYTES + 1
    return line if len(line) <= kept else line[:kept] + line[kept:].rstrip(_BLANK)[-1:]


def _is_object(line: bytes) -> bool:
    try:  # numbers of any length, which are not used
        return isinstance(json.loads(line.decode(), parse_int=float), dict)
    except RecursionError:
        return True
    except ValueError:
        return False
