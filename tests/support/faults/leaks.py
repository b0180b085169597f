"""Where a secret shows: in every byte of a folder, in every row of its DuckDB files, and in whatever else was written."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

import duckdb

from didomi_sandbox import Sandbox


def secrets_of(sandbox: Sandbox) -> set[str]:
    """The key, the secret, and every token that was sent."""
    headers = (request.headers.get("authorization", "") for request in sandbox.requests)
    tokens = {header.removeprefix("Bearer ") for header in headers if header}
    return {sandbox.api_key, sandbox.api_secret, *tokens}


def leaks(secrets: Iterable[str], folder: Path, *texts: str) -> list[str]:
    """Find secrets, also encoded ones.

    Args:
        secrets: What must not show.
        folder: Looked through with all folders in it.
        texts: What was written elsewhere.

    Returns:
        The places where one shows.
    """
    wanted = _disguises(secrets)
    files = [path for path in folder.rglob("*") if path.is_file()]
    places = [(str(path.relative_to(folder)), _content(path)) for path in files]
    places += [(f"row of {path.name}", row) for path in files if path.suffix == ".duckdb" for row in _rows(path)]
    places += [(f"text {number}", text.encode("utf-8", "replace")) for number, text in enumerate(texts)]
    return [where for where, content in places if any(secret in content for secret in wanted)]


def _content(path: Path) -> bytes:
    """What is in a file; of gzip, as far as it goes: the demo has a file that is cut."""
    content, found = path.read_bytes(), b""
    if content[:2] != b"\x1f\x8b":
        return content
    while content:
        member = zlib.decompressobj(wbits=31)
        found += member.decompress(content)
        content = member.unused_data
    return found


def _rows(path: Path) -> Iterator[bytes]:
    """Every row of every table; the file itself is compressed."""
    with duckdb.connect(str(path)) as connection:
        tables = connection.execute("select schema_name, table_name from duckdb_tables()").fetchall()
        for schema, table in tables:
            for row in connection.execute(f'select * from "{schema}"."{table}"').fetchall():
                yield str(row).encode("utf-8", "replace")


def _disguises(secrets: Iterable[str]) -> set[bytes]:
    """The secrets as they are, and as encodings would show them."""
    found = set()
    for secret in secrets:
        found |= {secret.encode(), quote(secret, safe="").encode(), secret[::-1].encode()}
        # Whichever of the three positions it has in what is encoded, the middle is the same.
        found |= {base64.b64encode(b"x" * shift + secret.encode())[4:-4] for shift in range(3)}
    return found
