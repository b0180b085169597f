"""Files that others read while they are written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4


@contextmanager
def replaced_when_complete(path: Path) -> Iterator[Path]:
    """Write a new file beside the old one and rename it at the end, so that readers see one of both, complete.

    A link stays one: the file that it leads to is replaced. A device or a pipe is written to.

    Args:
        path: The file to write; its folder has to exist.

    Yields:
        The path to write to. After an error it is removed, and the old file stays.
    """
    path = path.resolve()
    if path.exists() and not path.is_file():
        yield path
        return
    beside = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        yield beside
        beside.replace(path)
    finally:
        for left in (beside, beside.with_name(f"{beside.name}.wal")):  # DuckDB's write-ahead log
            with suppress(OSError):
                left.unlink(missing_ok=True)
