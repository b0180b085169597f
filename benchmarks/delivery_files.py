"""Delivered files of the documented schema, of any size.

One line is one user with the events of the period (developers.didomi.io, batch exports, read 2026-11); the values are
made up. A few thousand different users are repeated, which compresses about as real ones do and is quick to make.
"""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Iterator
from pathlib import Path

_DIFFERENT = 4000
_LEVEL = 6


def user_line(rng: random.Random, events: int = 2) -> bytes:
    """A user with events, as a line of about 2 KB."""
    user_id = f"{rng.getrandbits(128):032x}"
    return json.dumps(
        {
            "user": {
                "id": user_id,
                "organization_id": "acme",
                "organization_user_id": None,
                "country": rng.choice(["FR", "DE", "ES", "IT"]),
                "created_at": f"2026-11-{rng.randrange(1, 28):02}T04:{rng.randrange(60):02}:07.000Z",
                "metadata": {},
            },
            "events": [_event(rng, user_id) for _ in range(events)],
        },
        separators=(",", ":"),
    ).encode()


def _event(rng: random.Random, user_id: str) -> dict[str, object]:
    vendors = [f"c:vendor-{rng.randrange(900)}" for _ in range(40)]
    return {
        "id": f"{rng.getrandbits(128):032x}",
        "type": "consent.given",
        "user": {"id": user_id},
        "parameters": {
            "purposes": {"enabled": ["cookies", "measure_content_performance"], "disabled": ["create_ads_profile"]},
            "vendors": {"enabled": vendors[:30], "disabled": vendors[30:]},
            "action": rng.choice(["click", "scroll", "navigate"]),
        },
        "source": {"type": "sdk-web", "domain": "www.example.com"},
        "created_at": f"2026-11-{rng.randrange(1, 28):02}T11:{rng.randrange(60):02}:12.000Z",
    }


def small_line(rng: random.Random) -> bytes:
    """A line of about 50 bytes, as aggregates have."""
    return b'{"hour":%d,"value":%d,"key":"%08x"}' % (rng.randrange(24), rng.randrange(10**6), rng.getrandbits(32))


def lines(kind: str, count: int, seed: int = 1) -> Iterator[bytes]:
    """Blocks of lines: `users` or `small`."""
    rng = random.Random(seed)
    make = {"users": user_line, "small": small_line}[kind]
    pool = [make(rng) + b"\n" for _ in range(min(_DIFFERENT, count))]
    for begin in range(0, count, len(pool)):
        rng.shuffle(pool)
        yield b"".join(pool[: count - begin])


def write(path: Path, kind: str, count: int, seed: int = 1) -> None:
    """Write one gzip file of so many lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = zlib.compressobj(_LEVEL, zlib.DEFLATED, 31)
    with path.open("wb") as file:
        for block in lines(kind, count, seed):
            file.write(made.compress(block))
        file.write(made.flush())


def write_large_member(path: Path, size: int) -> int:
    """Write one gzip member of at least so many bytes; returns its lines. A flushed block is the same each time."""
    block = b"".join(lines("users", 500))
    made = zlib.compressobj(1, zlib.DEFLATED, -15)
    made.compress(b"")
    begin = made.compress(block) + made.flush(zlib.Z_FULL_FLUSH)
    count = -(-size // len(block))
    checksum = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(b"\x1f\x8b\x08\0\0\0\0\0\0\xff")
        for _ in range(count):
            file.write(begin)
            checksum = zlib.crc32(block, checksum)
        end = zlib.compressobj(1, zlib.DEFLATED, -15).flush()
        file.write(end + checksum.to_bytes(4, "little") + (count * len(block) % 2**32).to_bytes(4, "little"))
    return count * 500
