"""The tables and their columns; docs/tables.md says what each column means."""

from __future__ import annotations

from typing import Any

Columns = dict[str, dict[str, Any]]
Row = dict[str, Any]

# With flat tables and `dedup_sort`, the only disposition that neither doubles rows nor blocks later runs when a run is
# killed at any point (docs/decisions/0003-merge.md).
WRITE_DISPOSITION = {"disposition": "merge", "strategy": "delete-insert"}


def _columns(**types: str) -> Columns:
    return {name: {"data_type": data_type} for name, data_type in types.items()}


# The columns that dlt adds to each row that is a dict. Its `unique`, which PostgreSQL would enforce, is turned off
# (docs/decisions/0003-merge.md).
OF_DLT: Columns = {
    "_dlt_load_id": {"data_type": "text", "nullable": False},
    "_dlt_id": {"data_type": "text", "nullable": False, "unique": False, "row_key": True},
}

RUN: Columns = _columns(run_id="text", extracted_at="timestamp")

EXPORT_LOGS: Columns = {
    "id": {"data_type": "text", "primary_key": True, "nullable": False},
    **_columns(
        export_id="text",
        organization_id="text",
        status="text",
        config__frequency="text",
        metrics__users="bigint",
        result="text",
        created_at="timestamp",
        updated_at="timestamp",
        raw_log="json",
        flags="json",
        content_hash="text",
    ),
    **RUN,
    "read_sequence": {"data_type": "bigint", "dedup_sort": "desc"},
    "missing_at_source_since": {"data_type": "timestamp"},
}

EXPORT_LOG_HISTORY: Columns = {
    "version_id": {"data_type": "text", "primary_key": True, "nullable": False},
    **_columns(
        log_id="text",
        export_id="text",
        organization_id="text",
        sequence="bigint",
        status="text",
        users="bigint",
        result="text",
    ),
    "first_observed_at": {"data_type": "timestamp", "dedup_sort": "asc"},
    "run_id": {"data_type": "text"},
}

EXPORTS: Columns = {
    "id": {"data_type": "text", "primary_key": True, "nullable": False},
    **_columns(
        organization_id="text",
        name="text",
        type_id="text",
        properties__frequency="text",
        properties__data="json",
        created_at="timestamp",
        updated_at="timestamp",
        raw_export="json",
        content_hash="text",
        run_id="text",
    ),
    "extracted_at": {"data_type": "timestamp", "dedup_sort": "desc"},
}

EXPORT_SYNCS: Columns = {
    "sync_id": {"data_type": "text", "primary_key": True, "nullable": False},
    **_columns(
        run_id="text",
        export_id="text",
        organization_id="text",
        mode="text",
        mode_reason="text",
        sort="text",
        started_at="timestamp",
    ),
    "finished_at": {"data_type": "timestamp", "dedup_sort": "desc"},
    **_columns(
        requests="bigint",
        api_total="bigint",
        rows_received="bigint",
        distinct_ids="bigint",
        logs_new="bigint",
        logs_changed="bigint",
        logs_pending="bigint",
        logs_flagged="bigint",
        logs_quarantined="bigint",
        logs_missing="bigint",
        logs_known="bigint",
        newest_created_at="timestamp",
        is_complete="bool",
        error="text",
        deliveries_listed_at="timestamp",
        delivery_requests="bigint",
        deliveries_changed="bigint",
        delivery_bytes_read="bigint",
        delivery_error="text",
    ),
}

EXPORT_LOG_QUARANTINE: Columns = {
    "fingerprint": {"data_type": "text", "primary_key": True, "nullable": False},
    **_columns(export_id="text", organization_id="text", reason="text", raw_log="text", run_id="text"),
    "quarantined_at": {"data_type": "timestamp", "dedup_sort": "asc"},
}

EXPORT_DELIVERIES: Columns = {
    "delivery_id": {"data_type": "text", "primary_key": True, "nullable": False},
    **_columns(
        export_id="text",
        delivery_date="date",
        data_kind="text",
        is_complete="bool",
        file_count="bigint",
        bytes="bigint",
        records="bigint",
        records_counted="bigint",
        odd_lines="bigint",
        uncompressed_bytes="bigint",
        first_modified_at="timestamp",
        last_modified_at="timestamp",
        files="json",
        listing_hash="text",
        error="text",
        needs_retry="bool",
        archived_to="text",
        archived_at="timestamp",
        first_seen_at="timestamp",
        gone_since="timestamp",
        run_id="text",
    ),
    "extracted_at": {"data_type": "timestamp", "dedup_sort": "desc"},
}

TABLES: dict[str, Columns] = {
    "exports": EXPORTS,
    "export_logs": EXPORT_LOGS,
    "export_log_history": EXPORT_LOG_HISTORY,
    "export_syncs": EXPORT_SYNCS,
    "export_log_quarantine": EXPORT_LOG_QUARANTINE,
    "export_deliveries": EXPORT_DELIVERIES,
}

# What reading the logs brings: each run reads back from one of them what it wrote into another.
LOG_TABLES = frozenset({"export_logs", "export_log_history", "export_log_quarantine", "export_syncs"})

# Partitions and clusters, which BigQuery sets when it creates a table; other destinations ignore them.
BIGQUERY_LAYOUT: dict[str, dict[str, Any]] = {
    "export_logs": {"partition": "created_at", "cluster": ["export_id", "status"]},
}
