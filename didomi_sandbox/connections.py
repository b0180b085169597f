"""Faults of the connection: answers that are cut, never end, are slow or huge."""

from __future__ import annotations

import asyncio
import json
import zlib
from typing import TYPE_CHECKING

from .faults import Kind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from .answers import Answer
    from .faults import Scene
    from .wire import Wire

    Send = Callable[[Wire, Answer], Awaitable[None]]

_MEGABYTE = 1 << 20
_GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


def _sent(name: str, send: Send, *, replaces: bool = False) -> Kind:
    def play(_: Scene, answer: Answer) -> Answer:
        answer.send = send
        answer.from_gateway = replaces
        return answer

    return Kind(name, play, replaces=replaces)


async def _half(wire: Wire, answer: Answer) -> None:
    body = answer.payload()
    await wire.head(answer.status, answer.headers, len(body))
    wire.write(body[: len(body) // 2])


async def _reset_mid_body(wire: Wire, answer: Answer) -> None:
    await _half(wire, answer)
    # A reset discards what is still in the buffers.
    await asyncio.sleep(0.02)
    await wire.reset()


async def _short_body(wire: Wire, answer: Answer) -> None:
    await _half(wire, answer)
    await wire.close()


async def _hang_mid_body(wire: Wire, answer: Answer) -> None:
    await _half(wire, answer)
    await wire.closed()


async def _hang_after_head(wire: Wire, answer: Answer) -> None:
    await wire.head(answer.status, answer.headers, len(answer.payload()))
    await wire.closed()


async def _unfinished_chunks(wire: Wire, answer: Answer) -> None:
    answer.headers["Transfer-Encoding"] = "chunked"
    body = answer.payload()
    await wire.head(answer.status, answer.headers, None)
    wire.write(b"%x\r\n%s\r\n" % (len(body), body))
    await wire.close()


def drip(seconds: float = 1.0) -> Kind:
    """The body, one byte at a time, with a pause of so many seconds before each."""

    async def send(wire: Wire, answer: Answer) -> None:
        body = answer.payload()
        await wire.head(answer.status, answer.headers, len(body))
        for byte in body:
            await asyncio.sleep(seconds)
            if not wire.is_open:
                break
            wire.write(bytes([byte]))
        await wire.close()

    return _sent("drip", send)


def drip_head(seconds: float = 1.0) -> Kind:
    """A head that never ends: one header after the other, with a pause of so many seconds between two."""

    async def send(wire: Wire, _: Answer) -> None:
        wire.write(b"HTTP/1.1 200 OK\r\n")
        number = 0
        while wire.is_open:
            wire.write(b"X-Still-There-%d: yes\r\n" % number)
            number += 1
            await asyncio.sleep(seconds)
        await wire.closed()

    return _sent("drip_head", send)


def gzip_bomb(megabytes: int = 1024) -> Kind:
    """A small gzip body that inflates to a valid and nearly empty JSON document of so many megabytes."""

    async def send(wire: Wire, answer: Answer) -> None:
        answer.headers["Content-Encoding"] = "gzip"
        await wire.stream(answer.status, answer.headers, _bomb(answer.payload(), megabytes))

    return _sent("gzip_bomb", send)


async def _bomb(payload: bytes, megabytes: int) -> AsyncIterator[bytes]:
    """A gzip stream: the payload's first byte, blanks, and its rest."""
    blanks = b" " * _MEGABYTE
    # After a full flush a block is independent of the others: it is compressed once and sent any number of times.
    packed = _deflate(blanks)
    checksum = zlib.crc32(payload[:1])
    yield _GZIP_HEAD + _deflate(payload[:1])
    for _ in range(megabytes):
        checksum = zlib.crc32(blanks, checksum)
        yield packed
    checksum = zlib.crc32(payload[1:], checksum)
    size = (len(payload) + megabytes * _MEGABYTE) & 0xFFFFFFFF
    last = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    yield last.compress(payload[1:]) + last.flush() + checksum.to_bytes(4, "little") + size.to_bytes(4, "little")


def _deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush(zlib.Z_FULL_FLUSH)


def huge_page(megabytes: int = 300) -> Kind:
    """A page of at least so many megabytes: copies of its first log, each with an id of its own."""

    async def send(wire: Wire, answer: Answer) -> None:
        await wire.stream(answer.status, answer.headers, _many(answer, megabytes * _MEGABYTE))

    return _sent("huge_page", send)


async def _many(answer: Answer, size: int) -> AsyncIterator[bytes]:
    log = json.loads(answer.items[0]) if answer.items else {}
    before, after = json.dumps({**log, "id": "#"}, separators=(",", ":")).encode().split(b"#", 1)
    empty = type(answer)(answer.status, envelope=answer.envelope, items=[]).payload()
    head, tail = empty[:-2], empty[-2:]
    yield head
    sent, number = 0, 0
    while sent < size:
        items = [b"%shuge-%09d%s" % (before, n, after) for n in range(number, number + 2000)]
        chunk = (b"," if number else b"") + b",".join(items)
        number += len(items)
        sent += len(chunk)
        yield chunk
    yield tail


CONNECTION_KINDS = (
    _sent("reset", lambda wire, _: wire.reset(), replaces=True),
    _sent("closed", lambda wire, _: wire.close(), replaces=True),
    _sent("hang", lambda wire, _: wire.closed(), replaces=True),
    _sent("reset_mid_body", _reset_mid_body),
    _sent("short_body", _short_body),
    _sent("unfinished_chunks", _unfinished_chunks),
    _sent("hang_after_head", _hang_after_head),
    _sent("hang_mid_body", _hang_mid_body),
    drip(),
    drip_head(),
    gzip_bomb(),
    huge_page(),
)
"""The kinds of this module, with their usual arguments."""
