"""One writer at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from didomi_source.errors import DestinationError, RunLocked


@contextmanager
def run_lock(working_dir: Path) -> Iterator[None]:
    """Lock a working directory, which is created if need be.

    The operating system releases the lock when the process ends, however it ends.

    Raises:
        RunLocked: Another run holds it.
        DestinationError: The directory cannot be written to.
    """
    try:
        working_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FileLock(working_dir / "run.lock", timeout=0)
        lock.acquire()
    except Timeout:
        raise RunLocked(f"another run is at work in {working_dir.absolute()}: wait for it to end, or stop it") from None
    except (OSError, NotImplementedError) as error:  # the latter: a file system without locks
        reason = getattr(error, "strerror", None) or str(error)
        raise DestinationError(
            f"cannot write to {working_dir.absolute()} ({reason}): "
            "run in another folder, or choose one with --working-dir"
        ) from None
    try:
        yield
    finally:
        lock.release()
