"""The demo: the whole job against the sandbox, and where to look next."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from didomi_source.errors import ConfigurationError

from . import warehouse
from .options import Options, prepare_environment

if TYPE_CHECKING:
    from didomi_source.sandbox import Fault, Sandbox

RATES = """select
    name, runs_completed_28d, runs_failed_28d, success_rate_28d
from didomi_marts.didomi__exports
order by success_rate_28d nulls last, name"""

VOLUMES = """select
    name, run_date, users, expected_users, is_anomaly
from didomi_marts.didomi__daily_user_volume
join didomi_marts.didomi__exports using (export_id)
where users is not null
qualify row_number() over (partition by export_id order by run_date desc) = 1
order by name"""


def run_demo(folder: Path, *, seed: int, days: int) -> None:
    """Serve made-up exports, load them into `warehouse.duckdb` in a folder, show what came of it.

    Args:
        folder: Where the warehouse goes; it may exist.
        seed: Which history.
        days: How many days of it.

    Raises:
        DidomiError: A step failed.
    """
    from didomi_source import console

    from .run import run

    folder.mkdir(parents=True, exist_ok=True)
    database = folder / warehouse.DUCKDB_FILE
    options = Options(working_dir=folder / ".didomi")
    with _sandbox(seed=seed, days=days) as sandbox, _environment(settings_of(sandbox, database)):
        prepare_environment()
        with console.Steps() as steps:
            summary = run(options, steps.report)
    console.print_summary(summary)
    for title, query in (("Success rates, last 28 days", RATES), ("Users, latest delivery", VOLUMES)):
        columns, rows = _query(database, query)
        console.print_rows(title, columns, rows)
    print(
        f"The warehouse is {database}. Look further with:\n"
        f"  cd {folder} && didomi status\n"
        f'  duckdb {database} "from didomi_marts.didomi__export_runs"\n'
        "  didomi sandbox    (the local API, to try things out)"
    )


def settings_of(sandbox: Sandbox, database: Path) -> dict[str, str]:
    """The environment that points the connector at a sandbox and a DuckDB file."""
    return {
        "SOURCES__DIDOMI__API_KEY": sandbox.api_key,
        "SOURCES__DIDOMI__API_SECRET": sandbox.api_secret,
        "SOURCES__DIDOMI__ORGANIZATION_ID": sandbox.organization_id,
        "SOURCES__DIDOMI__BASE_URL": sandbox.base_url,
        "DESTINATION__DUCKDB__CREDENTIALS": f"duckdb:///{database.absolute()}",
    }


def serve_sandbox(
    *, port: int, seed: int, days: int, exports: int, switches: Sequence[str], faults: Sequence[str]
) -> None:
    """Serve the sandbox until the program ends, and say how to reach it.

    Args:
        port: On 127.0.0.1; 0 takes a free one.
        seed: Which history.
        days: How many days of it.
        exports: How many exports.
        switches: Switches of its behaviour, as `name=value`.
        faults: Faults, as `kind` or `kind:name=value,…`.

    Raises:
        ConfigurationError: There is no such switch or fault, the port is taken, or the extra is missing.
    """
    module = _sandbox_module()

    def on_ready(sandbox: Sandbox) -> None:
        for name, value in settings_of(sandbox, Path(warehouse.DUCKDB_FILE)).items():
            if name.startswith("SOURCES"):
                print(f"export {name}={value}", flush=True)

    try:
        module.run(
            on_ready,
            port=port,
            seed=seed,
            days=days,
            exports=exports,
            behaviour=module.Behaviour(**_pairs(switches, module.Behaviour)),
            faults=[_fault(module, text) for text in faults],
        )
    except OSError as error:
        msg = f"cannot listen on port {port} ({error.strerror}): choose another with --port, or 0"
        raise ConfigurationError(msg) from None


@contextmanager
def _sandbox(*, seed: int, days: int) -> Iterator[Sandbox]:
    module = _sandbox_module()
    with module.serve(module.generate(seed=seed, days=days)) as sandbox:
        yield sandbox


def _sandbox_module() -> Any:
    try:
        from didomi_source import sandbox
    except ImportError:
        msg = "the sandbox is not installed: pip install 'didomi-source[demo]'"
        raise ConfigurationError(msg) from None
    return sandbox


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _query(database: Path, query: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    import duckdb

    with duckdb.connect(str(database), read_only=True) as connection:
        result = connection.execute(query)
        names = [column[0] for column in result.description or ()]
        return names, result.fetchall()


def _fault(module: Any, text: str) -> Fault:
    kind, _, rule = text.partition(":")
    if kind not in module.KINDS:
        msg = f"there is no fault {kind!r}: choose one of {', '.join(sorted(module.KINDS))}"
        raise ConfigurationError(msg)
    return module.Fault(kind, **_pairs(rule.split(",") if rule else [], module.Fault))  # type: ignore[no-any-return]


def _pairs(texts: Sequence[str], kind: Any) -> dict[str, Any]:
    """`name=value` texts as arguments of a dataclass."""
    names = {field.name for field in fields(kind)}
    found: dict[str, Any] = {}
    for text in texts:
        name, given, value = text.partition("=")
        if not given or name not in names:
            msg = f"expected NAME=VALUE with a name of {', '.join(sorted(names))}: {text!r}"
            raise ConfigurationError(msg)
        found[name] = _value(value)
    return found


def _value(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    if text.lower() in ("true", "false", "none"):
        return {"true": True, "false": False, "none": None}[text.lower()]
    return text
