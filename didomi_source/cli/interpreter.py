"""Settings of CPython for a process that ends soon and allocates rows by the thousand."""

from __future__ import annotations

import atexit
import gc
import sys


class _WithoutExtras:
    """Hides what dlt and pyarrow import only because another package has installed it, and nothing here uses."""

    names = ("numpy", "pandas", "sqlalchemy")

    @classmethod
    def find_spec(cls, name: str, *_: object) -> None:
        """The first finder that Python asks for a module."""
        if name in cls.names:
            raise ModuleNotFoundError(name, name=name)


def tune() -> None:
    """Run the garbage collector and switch threads less often, and import nothing that is not used."""
    gc.set_threshold(50_000)  # objects between two collections, 700 by default: rows and imports leave few cycles
    atexit.register(gc.freeze)  # so that the final collection has nothing to traverse
    sys.meta_path.insert(0, _WithoutExtras)
    sys.setswitchinterval(0.05)  # seconds, 0.005 by default: fewer GIL hand-overs between reading and packing
