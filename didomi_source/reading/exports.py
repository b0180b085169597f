"""How the configuration of an export becomes a row of `exports`, without anything that could be a credential."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from didomi_source import values
from didomi_source.schema import Row

# Anything under these names could hold a credential.
_CREDENTIALS = ("authentication", "credential", "secret", "password", "token", "privatekey", "accesskey")


def is_export(integration: Any) -> bool:
    """Whether an integration is an export: its type says so, or does not say anything.

    Source: developers.didomi.io, tutorials (read 2026-11): `batch-exports-s3`, `batch-exports-gcp`,
    `analytics-exports-s3`, `analytics-exports-gcp`.
    """
    identifier = integration.get("id") if isinstance(integration, dict) else None
    if not identifier or isinstance(identifier, bool) or not isinstance(identifier, (str, int)):
        return False
    return "export" in str(integration.get("type_id") or "export")


def is_bare(row: Row) -> bool:
    """Whether nothing is known of an export but its id, because its configuration could not be read."""
    return set(row["raw_export"]) == {"id"}


def export_row(integration: Mapping[str, Any], organization_id: str) -> Row:
    """Make an export's configuration into columns, without anything that could be a credential."""
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
