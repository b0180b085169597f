"""Whether everything that a run needs is in place, looked at one thing after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from didomi_source.errors import DidomiError

from . import warehouse
from .options import Options, load_settings, prepare_environment


class Finding(NamedTuple):
    """One thing looked at: whether it is in place, and what to know or do."""

    subject: str
    is_good: bool
    text: str
    exit_code: int = 0


def check(options: Options) -> Iterator[Finding]:
    """Look at the settings, the API, each export, and the destination.

    Yields:
        A finding for each, as soon as it is known; what depends on a failed one is left out.
    """
    prepare_environment()
    yield from _check_api(options)
    yield from _check_destination(options)


def _check_api(options: Options) -> Iterator[Finding]:
    from didomi_source.client import DidomiClient
    from didomi_source.source import list_exports

    try:
        settings = load_settings(options.export_ids)
    except DidomiError as error:
        yield _failed("settings", error)
        return
    yield Finding("settings", True, f"organization {settings.organization_id}, {settings.base_url}")
    client = DidomiClient(settings)
    try:
        client.authenticate()
        yield Finding("login", True, "the API accepts the key")
        exports = list_exports(client, settings)
    except DidomiError as error:
        yield _failed("login" if not client.is_authenticated else "exports", error)
        return
    for export in exports:
        subject = f"export {export['id']}"
        try:
            _, total = client.logs_page(export["id"], 0, 1, None)
        except DidomiError as error:
            yield _failed(subject, error)
        else:
            size = "readable" if total is None else f"{total} logs"
            yield Finding(subject, True, f"{size}, {export.get('name') or 'without a name'}")
    client.close()


def _check_destination(options: Options) -> Iterator[Finding]:
    try:
        pipeline = warehouse.open_pipeline(options)
        where = warehouse.describe(pipeline)
        warehouse.wait_until_writable(pipeline, seconds=0)
        warehouse.connect(pipeline)
    except DidomiError as error:
        yield _failed("destination", error)
    else:
        yield Finding("destination", True, f"{where}, dataset {options.dataset}")
        warehouse.close(pipeline)


def _failed(subject: str, error: DidomiError) -> Finding:
    return Finding(subject, False, str(error), error.exit_code)
