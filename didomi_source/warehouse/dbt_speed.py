"""What makes dbt 1 start faster, in one place: where a release has moved what is changed here, dbt is only slower."""

from __future__ import annotations

import atexit
import gc
import importlib.metadata
import importlib.util
import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

_IDLE = 0  # psycopg2's TRANSACTION_STATUS_IDLE
_PACKAGES = ("dbt-core", "dbt-common", "dbt-adapters", "dbt-duckdb", "dbt-postgres", "dbt-bigquery", "dbt-snowflake")


def tune(folder: Path) -> None:
    """Change how dbt starts in this process, before it is imported.

    Args:
        folder: Where what was computed is kept for the next start, if it cannot be kept with the installation.
    """
    gc.set_threshold(500_000)  # objects between two collections, 700 by default: dbt leaves few cycles
    atexit.register(gc.freeze)  # so that the final collection has nothing to traverse: 50 MB of dbt's objects
    kept = _folder_of_installation() or folder / "start"
    for change in (
        _compile_serializers_when_used,
        _drop_debug_events,
        _keep_connections,
        partial(_keep_schemas, kept),
        partial(_keep_templates, kept),
    ):
        with suppress(ImportError, AttributeError):
            change()


def _folder_of_installation() -> Path | None:
    """A folder beside Python's bytecode, if that may be written: what is kept depends on the packages alone, too."""
    folder = Path(importlib.util.cache_from_source(__file__)).with_name("dbt")
    if sys.dont_write_bytecode:
        return None
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    return folder if os.access(folder, os.W_OK) else None


def _compile_serializers_when_used() -> None:
    """Have mashumaro write the (de)serializers of dbt's 500 dataclasses when they are called: most never are."""
    base: Any = import_module("mashumaro.config").BaseConfig
    if not hasattr(base, "lazy_compilation"):
        raise AttributeError
    base.lazy_compilation = True


def _drop_debug_events() -> None:
    """Drop the events that are written nowhere: dbt renders each for each of its logs, and asks for its level then."""
    manager: Any = import_module("dbt_common.events.event_manager").EventManager
    debug = import_module("dbt_common.events.base_types").EventLevel.DEBUG
    fire = manager.fire_event

    def fire_event(self: Any, e: Any, level: Any = None, *rest: Any, **options: Any) -> None:
        if (level or e.level_tag()) != debug:
            fire(self, e, level, *rest, **options)

    manager.fire_event = fire_event


def _keep_connections() -> None:
    """Keep the connection of each thread from one model to the next: PostgreSQL takes five round trips to connect."""
    manager: Any = import_module("dbt.adapters.base.connections").BaseConnectionManager
    release = manager.release

    def keep(self: Any) -> None:
        connection = self.get_if_exists()
        is_open = connection is not None and connection.state == "open" and not connection.transaction_open
        if not is_open or self.TYPE != "postgres" or connection.handle.get_transaction_status() != _IDLE:
            release(self)

    manager.release = keep


def _keep_templates(folder: Path) -> None:
    """Keep the code that Jinja makes of macros in its own cache, which it uses for templates from files only."""
    jinja: Any = import_module("jinja2")
    cache = jinja.FileSystemBytecodeCache(str(folder))
    versions = _versions()
    compile_ = jinja.Environment.compile

    def compile_once(self: Any, source: Any, name: Any = None, filename: Any = None, *rest: Any, **options: Any) -> Any:
        if not isinstance(source, str) or rest or options:
            return compile_(self, source, name, filename, *rest, **options)
        plain = {key: value for key, value in vars(self).items() if isinstance(value, (str, bool, int, type(None)))}
        kind = (versions, type(self).__qualname__, sorted(self.extensions), sorted(plain.items()), name)
        try:
            key = f"{sha256(repr(kind).encode()).hexdigest()}{sha256(source.encode()).hexdigest()}"
            bucket = cache.get_bucket(self, key, filename, source)  # Jinja compares the source, too
        except Exception:  # noqa: BLE001 - whatever pickle and marshal raise for a file that is damaged
            return compile_(self, source, name, filename)
        if bucket.code is None:
            bucket.code = compile_(self, source, name, filename)
            with suppress(OSError):
                folder.mkdir(mode=0o700, exist_ok=True)
                cache.set_bucket(bucket)
        return bucket.code

    jinja.Environment.compile = compile_once


def _keep_schemas(folder: Path) -> None:
    """Keep the JSON schemas of project and profile: dbt computes them from its classes in each start."""
    module: Any = import_module("dbt_common.dataclass_schema")
    module.build_json_schema = _kept(module.build_json_schema, folder)


class _Schema(dict[str, Any]):
    """A JSON schema, as dbt asks for it."""

    def to_dict(self) -> dict[str, Any]:
        return dict(self)


def _kept(build: Callable[..., Any], folder: Path) -> Callable[..., Any]:
    """The function, which looks for the schema of a class in a file of these versions before it computes it."""
    file = folder / f"schemas-{_versions()}.json"
    try:
        kept: dict[str, Any] = dict(json.loads(file.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        kept = {}

    def schema_of(cls: type, *arguments: Any, **options: Any) -> Any:
        if arguments or options:
            return build(cls, *arguments, **options)
        name = f"{cls.__module__}.{cls.__qualname__}"
        if name not in kept:
            kept[name] = build(cls).to_dict()
            with suppress(OSError, TypeError):
                folder.mkdir(mode=0o700, exist_ok=True)
                file.write_text(json.dumps(kept), "utf-8")
        return _Schema(kept[name])

    return schema_of


def _versions() -> str:
    """A digest of the versions of everything that has a part in what is kept."""
    names = (*_PACKAGES, "mashumaro", "jinja2")
    installed = {
        dist.name.lower(): dist.version for name in names for dist in importlib.metadata.distributions(name=name)
    }
    return sha256(repr((sys.version, sorted(installed.items()))).encode()).hexdigest()[:16]
