"""The exports of an organization: which there are, and how their configurations become rows without credentials."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from didomi_source import values
from didomi_source.api.client import DidomiClient, Direction
from didomi_source.configuration import environment_name
from didomi_source.errors import ApiError, AuthenticationError, ConfigurationError, Forbidden, NotFound
from didomi_source.schema import Row
from didomi_source.settings import Settings

from .pages import Entry, Page
from .paging import ListReader

logger = logging.getLogger(__name__)

# A field with one of these words in its name could hold a credential.
_CREDENTIALS = ("authentication", "credential", "secret", "password", "token", "privatekey", "accesskey")


def list_exports(client: DidomiClient, settings: Settings) -> list[Row]:
    """Find the exports to read, as rows of `exports` without the run's columns.

    Returns:
        The exports named in the settings; without names all that the API lists.

    Raises:
        ConfigurationError: None are named, and the API lists none or refuses to.
        ApiError: The API cannot be reached.
    """
    try:
        listed = {row["id"]: row for row in _listed(client, settings)}
    except (Forbidden, NotFound) as error:
        if not settings.export_ids:
            raise ConfigurationError(
                f"the exports cannot be listed: name them in {environment_name('export_ids')}, "
                f'e.g. \'["id1", "id2"]\' ({error})'
            ) from None
        listed = {}
    except AuthenticationError:
        raise
    except ApiError as error:
        if not settings.export_ids:
            raise
        logger.warning("the configurations of the exports cannot be read: %s", error)
        listed = {}
    if settings.export_ids:
        unlisted = (export_row({"id": i}, settings.organization_id) for i in settings.export_ids)
        return [listed.get(row["id"], row) for row in unlisted]
    if not listed:
        raise ConfigurationError(
            f"organization {settings.organization_id} has no export that this API key can see: check "
            f"{environment_name('organization_id')}, or name exports in {environment_name('export_ids')}"
        )
    return list(listed.values())


def _listed(client: DidomiClient, settings: Settings) -> list[Row]:
    def fetch(skip: int, limit: int, _direction: Direction | None) -> Page:
        items, total = client.integrations_page(skip, limit)
        return Page([_entry(item) for item in items], total)

    reader = ListReader(fetch, settings.page_size)
    entries = {entry.name: entry.item for page in reader.read() for entry in page if entry.is_readable}
    return [export_row(item, settings.organization_id) for item in entries.values()]


def _entry(item: Any) -> Entry:
    readable = is_export(item)
    name = str(item["id"]) if readable else values.digest(values.canonical(item))
    return Entry(name, None, is_readable=readable, item=item)


def is_export(integration: Any) -> bool:
    """Whether an integration is an export: its type says so, or it has none.

    Source: developers.didomi.io, tutorials (read 2026-11): `batch-exports-s3`, `batch-exports-gcp`,
    `analytics-exports-s3`, `analytics-exports-gcp`.
    """
    identifier = integration.get("id") if isinstance(integration, dict) else None
    if not identifier or isinstance(identifier, bool) or not isinstance(identifier, (str, int)):
        return False
    return "export" in str(integration.get("type_id") or "export")


def is_bare(row: Row) -> bool:
    """Whether only the id of an export is known, since its configuration could not be read."""
    return set(row["raw_export"]) == {"id"}


def export_row(integration: Mapping[str, Any], organization_id: str) -> Row:
    """Make an export's configuration into columns, without fields that could hold a credential."""
    public = _without_credentials(integration)
    canonical = values.canonical(public)
    raw, _ = values.loadable(public, canonical)
    properties = raw.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    kinds = properties.get("data")
    row: Row = {
        "id": values.clean_text(str(integration["id"])),
        "organization_id": values.to_text_or_none(raw.get("organization_id")) or organization_id,
        "name": values.to_text_or_none(raw.get("name")),
        "type_id": values.to_text_or_none(raw.get("type_id")),
        "properties__frequency": values.to_text_or_none(properties.get("frequency")),
        "properties__data": kinds if kinds is None or isinstance(kinds, (dict, list)) else [kinds],
        "created_at": values.to_timestamp(raw.get("created_at")),
        "updated_at": values.to_timestamp(raw.get("updated_at")),
        "raw_export": raw,
        "content_hash": values.digest(canonical),
    }
    return {k: v for k, v in row.items() if v is not None}


def _without_credentials(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            k: _without_credentials(v)
            for k, v in value.items()
            if not any(word in k.lower().replace("_", "").replace("-", "") for word in _CREDENTIALS)
        }
    return [_without_credentials(v) for v in value] if isinstance(value, list) else value
