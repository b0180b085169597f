CREATE TABLE "didomi_raw"."exports" (
"id" varchar  NOT NULL,
"organization_id" varchar  ,
"name" varchar  ,
"type_id" varchar  ,
"properties__frequency" varchar  ,
"properties__data" json  ,
"created_at" timestamp with time zone  ,
"updated_at" timestamp with time zone  ,
"raw_export" json  ,
"content_hash" varchar  ,
"run_id" varchar  ,
"extracted_at" timestamp with time zone  ,
"_dlt_load_id" varchar  NOT NULL,
"_dlt_id" varchar  NOT NULL);

DELETE FROM "didomi_raw"."exports" as d WHERE EXISTS (SELECT 1 FROM "didomi_raw_staging"."exports" as s WHERE d."id" = s."id");

INSERT INTO "didomi_raw"."exports"("id", "organization_id", "name", "type_id", "properties__frequency", "properties__data", "created_at", "updated_at", "raw_export", "content_hash", "run_id", "extracted_at", "_dlt_load_id", "_dlt_id")
                SELECT "id", "organization_id", "name", "type_id", "properties__frequency", "properties__data", "created_at", "updated_at", "raw_export", "content_hash", "run_id", "extracted_at", "_dlt_load_id", "_dlt_id"
                    FROM (
                        SELECT ROW_NUMBER() OVER (partition BY "id" ORDER BY "extracted_at" DESC) AS _dlt_dedup_rn, "id", "organization_id", "name", "type_id", "properties__frequency", "properties__data", "created_at", "updated_at", "raw_export", "content_hash", "run_id", "extracted_at", "_dlt_load_id", "_dlt_id"
                        FROM "didomi_raw_staging"."exports"
                    ) AS _dlt_dedup_numbered WHERE _dlt_dedup_rn = 1 AND (1 = 1);

CREATE TABLE "didomi_raw"."export_logs" (
"id" varchar  NOT NULL,
"export_id" varchar  ,
"organization_id" varchar  ,
"status" varchar  ,
"config__frequency" varchar  ,
"metrics__users" bigint  ,
"result" varchar  ,
"created_at" timestamp with time zone  ,
"updated_at" timestamp with time zone  ,
"raw_log" json  ,
"flags" json  ,
"content_hash" varchar  ,
"run_id" varchar  ,
"extracted_at" timestamp with time zone  ,
"read_sequence" bigint  ,
"missing_at_source_since" timestamp with time zone  ,
"_dlt_load_id" varchar  NOT NULL,
"_dlt_id" varchar  NOT NULL);

ALTER TABLE "didomi_raw"."export_logs"
ADD COLUMN "metrics__further" double precision;

DELETE FROM "didomi_raw"."export_logs" as d WHERE EXISTS (SELECT 1 FROM "didomi_raw_staging"."export_logs" as s WHERE d."id" = s."id");

INSERT INTO "didomi_raw"."export_logs"("id", "export_id", "organization_id", "status", "config__frequency", "metrics__users", "result", "created_at", "updated_at", "raw_log", "flags", "content_hash", "run_id", "extracted_at", "read_sequence", "missing_at_source_since", "_dlt_load_id", "_dlt_id")
                SELECT "id", "export_id", "organization_id", "status", "config__frequency", "metrics__users", "result", "created_at", "updated_at", "raw_log", "flags", "content_hash", "run_id", "extracted_at", "read_sequence", "missing_at_source_since", "_dlt_load_id", "_dlt_id"
                    FROM (
                        SELECT ROW_NUMBER() OVER (partition BY "id" ORDER BY "read_sequence" DESC) AS _dlt_dedup_rn, "id", "export_id", "organization_id", "status", "config__frequency", "metrics__users", "result", "created_at", "updated_at", "raw_log", "flags", "content_hash", "run_id", "extracted_at", "read_sequence", "missing_at_source_since", "_dlt_load_id", "_dlt_id"
                        FROM "didomi_raw_staging"."export_logs"
                    ) AS _dlt_dedup_numbered WHERE _dlt_dedup_rn = 1 AND (1 = 1);

CREATE TABLE "didomi_raw"."export_log_history" (
"version_id" varchar  NOT NULL,
"log_id" varchar  ,
"export_id" varchar  ,
"organization_id" varchar  ,
"sequence" bigint  ,
"status" varchar  ,
"users" bigint  ,
"result" varchar  ,
"first_observed_at" timestamp with time zone  ,
"run_id" varchar  ,
"_dlt_load_id" varchar  NOT NULL,
"_dlt_id" varchar  NOT NULL);

DELETE FROM "didomi_raw"."export_log_history" as d WHERE EXISTS (SELECT 1 FROM "didomi_raw_staging"."export_log_history" as s WHERE d."version_id" = s."version_id");

INSERT INTO "didomi_raw"."export_log_history"("version_id", "log_id", "export_id", "organization_id", "sequence", "status", "users", "result", "first_observed_at", "run_id", "_dlt_load_id", "_dlt_id")
                SELECT "version_id", "log_id", "export_id", "organization_id", "sequence", "status", "users", "result", "first_observed_at", "run_id", "_dlt_load_id", "_dlt_id"
                    FROM (
                        SELECT ROW_NUMBER() OVER (partition BY "version_id" ORDER BY "first_observed_at" ASC) AS _dlt_dedup_rn, "version_id", "log_id", "export_id", "organization_id", "sequence", "status", "users", "result", "first_observed_at", "run_id", "_dlt_load_id", "_dlt_id"
                        FROM "didomi_raw_staging"."export_log_history"
                    ) AS _dlt_dedup_numbered WHERE _dlt_dedup_rn = 1 AND (1 = 1);

CREATE TABLE "didomi_raw"."export_syncs" (
"sync_id" varchar  NOT NULL,
"run_id" varchar  ,
"export_id" varchar  ,
"organization_id" varchar  ,
"mode" varchar  ,
"mode_reason" varchar  ,
"sort" varchar  ,
"started_at" timestamp with time zone  ,
"finished_at" timestamp with time zone  ,
"requests" bigint  ,
"api_total" bigint  ,
"rows_received" bigint  ,
"distinct_ids" bigint  ,
"logs_new" bigint  ,
"logs_changed" bigint  ,
"logs_pending" bigint  ,
"logs_flagged" bigint  ,
"logs_quarantined" bigint  ,
"logs_missing" bigint  ,
"logs_known" bigint  ,
"newest_created_at" timestamp with time zone  ,
"is_complete" boolean  ,
"error" varchar  ,
"deliveries_listed_at" timestamp with time zone  ,
"delivery_requests" bigint  ,
"deliveries_changed" bigint  ,
"delivery_bytes_read" bigint  ,
"delivery_error" varchar  ,
"_dlt_load_id" varchar  NOT NULL,
"_dlt_id" varchar  NOT NULL);

DELETE FROM "didomi_raw"."export_syncs" as d WHERE EXISTS (SELECT 1 FROM "didomi_raw_staging"."export_syncs" as s WHERE d."sync_id" = s."sync_id");

INSERT INTO "didomi_raw"."export_syncs"("sync_id", "run_id", "export_id", "organization_id", "mode", "mode_reason", "sort", "started_at", "finished_at", "requests", "api_total", "rows_received", "distinct_ids", "logs_new", "logs_changed", "logs_pending", "logs_flagged", "logs_quarantined", "logs_missing", "logs_known", "newest_created_at", "is_complete", "error", "deliveries_listed_at", "delivery_requests", "deliveries_changed", "delivery_bytes_read", "delivery_error", "_dlt_load_id", "_dlt_id")
                SELECT "sync_id", "run_id", "export_id", "organization_id", "mode", "mode_reason", "sort", "started_at", "finished_at", "requests", "api_total", "rows_received", "distinct_ids", "logs_new", "logs_changed", "logs_pending", "logs_flagged", "logs_quarantined", "logs_missing", "logs_known", "newest_created_at", "is_complete", "error", "deliveries_listed_at", "delivery_requests", "deliveries_changed", "delivery_bytes_read", "delivery_error", "_dlt_load_id", "_dlt_id"
                    FROM (
                        SELECT ROW_NUMBER() OVER (partition BY "sync_id" ORDER BY "finished_at" DESC) AS _dlt_dedup_rn, "sync_id", "run_id", "export_id", "organization_id", "mode", "mode_reason", "sort", "started_at", "finished_at", "requests", "api_total", "rows_received", "distinct_ids", "logs_new", "logs_changed", "logs_pending", "logs_flagged", "logs_quarantined", "logs_missing", "logs_known", "newest_created_at", "is_complete", "error", "deliveries_listed_at", "delivery_requests", "deliveries_changed", "delivery_bytes_read", "delivery_error", "_dlt_load_id", "_dlt_id"
                        FROM "didomi_raw_staging"."export_syncs"
                    ) AS _dlt_dedup_numbered WHERE _dlt_dedup_rn = 1 AND (1 = 1);

CREATE TABLE "didomi_raw"."export_log_quarantine" (
"fingerprint" varchar  NOT NULL,
"export_id" varchar  ,
"organization_id" varchar  ,
"reason" varchar  ,
"raw_log" varchar  ,
"run_id" varchar  ,
"quarantined_at" timestamp with time zone  ,
"_dlt_load_id" varchar  NOT NULL,
"_dlt_id" varchar  NOT NULL);

DELETE FROM "didomi_raw"."export_log_quarantine" as d WHERE EXISTS (SELECT 1 FROM "didomi_raw_staging"."export_log_quarantine" as s WHERE d."fingerprint" = s."fingerprint");

INSERT INTO "didomi_raw"."export_log_quarantine"("fingerprint", "export_id", "organization_id", "reason", "raw_log", "run_id", "quarantined_at", "_dlt_load_id", "_dlt_id")
                SELECT "fingerprint", "export_id", "organization_id", "reason", "raw_log", "run_id", "quarantined_at", "_dlt_load_id", "_dlt_id"
                    FROM (
                        SELECT ROW_NUMBER() OVER (partition BY "fingerprint" ORDER BY "quarantined_at" ASC) AS _dlt_dedup_rn, "fingerprint", "export_id", "organization_id", "reason", "raw_log", "run_id", "quarantined_at", "_dlt_load_id", "_dlt_id"
                        FROM "didomi_raw_staging"."export_log_quarantine"
                    ) AS _dlt_dedup_numbered WHERE _dlt_dedup_rn = 1 AND (1 = 1);
