CREATE TABLE `proj`.`didomi_raw`.`exports` (
`id` STRING  NOT NULL,
`organization_id` STRING  ,
`name` STRING  ,
`type_id` STRING  ,
`properties__frequency` STRING  ,
`properties__data` JSON  ,
`created_at` TIMESTAMP  ,
`updated_at` TIMESTAMP  ,
`raw_export` JSON  ,
`content_hash` STRING  ,
`run_id` STRING  ,
`extracted_at` TIMESTAMP  ,
`_dlt_load_id` STRING  NOT NULL,
`_dlt_id` STRING  NOT NULL);

DELETE FROM `proj`.`didomi_raw`.`exports` AS d WHERE EXISTS (SELECT 1 FROM `proj`.`didomi_raw_staging`.`exports` AS s WHERE d.`id` = s.`id`);

INSERT INTO `proj`.`didomi_raw`.`exports`(`id`, `organization_id`, `name`, `type_id`, `properties__frequency`, `properties__data`, `created_at`, `updated_at`, `raw_export`, `content_hash`, `run_id`, `extracted_at`, `_dlt_load_id`, `_dlt_id`)
                SELECT `id`, `organization_id`, `name`, `type_id`, `properties__frequency`, `properties__data`, `created_at`, `updated_at`, `raw_export`, `content_hash`, `run_id`, `extracted_at`, `_dlt_load_id`, `_dlt_id`
                    FROM (
                        SELECT ROW_NUMBER() OVER (partition BY `id` ORDER BY `extracted_at` DESC) AS _dlt_dedup_rn, `id`, `organization_id`, `name`, `type_id`, `properties__frequency`, `properties__data`, `created_at`, `updated_at`, `raw_export`, `content_hash`, `run_id`, `extracted_at`, `_dlt_load_id`, `_dlt_id`
                        FROM `proj`.`didomi_raw_staging`.`exports`
                    ) AS _dlt_dedup_numbered WHERE _dlt_dedup_rn = 1 AND (1 = 1);

CREATE TABLE `proj`.`didomi_raw`.`export_logs` (
`id` STRING  NOT NULL,
`export_id` STRING  ,
`organization_id` STRING  ,
`status` STRING  ,
`config__frequency` STRING  ,
`metrics__users` INT64  ,
`result` STRING  ,
`created_at` TIMESTAMP  ,
`updated_at` TIMESTAMP  ,
`raw_log` JSON  ,
`flags` JSON  ,
`content_hash` STRING  ,
`run_id` STRING  ,
`extracted_at` TIMESTAMP  ,
`read_sequence` INT64  ,
`missing_at_source_since` TIMESTAMP  ,
`_dlt_load_id` STRING  NOT NULL,
`_dlt_id` STRING  NOT NULL)
PARTITION BY DATE(`created_at`)
CLUSTER BY `export_id`, `status`;

ALTER TABLE `proj`.`didomi_raw`.`export_logs`
ADD COLUMN `metrics__further` FLOAT64;

DELETE FROM `proj`.`didomi_raw`.`export_logs` AS d WHERE EXISTS (SELECT 1 FROM `proj`.`didomi_raw_staging`.`export_logs` AS s WHERE d.`id` = s.`id`);

INSERT INTO `proj`.`didomi_raw`.`export_logs`(`id`, `export_id`, `organization_id`, `status`, `config__frequency`, `metrics__users`, `result`, `created_at`, `updated_at`, `raw_log`, `flags`, `content_hash`, `run_id`, `extracted_at`, `read_sequence`, `missing_at_source_since`, `_dlt_load_id`, `_dlt_id`)
                SELECT `id`, `export_id`, `organization_id`, `status`, `config__frequency`, `metrics__users`, `result`, `created_at`, `updated_at`, `raw_log`, `flags`, `content_hash`, `run_id`, `extracted_at`, `read_sequence`, `missing_at_source_since`, `_dlt_load_id`, `_dlt_id`
                    FROM (
                        SELECT ROW_NUMBER() OVER (partition BY `id` ORDER BY `read_sequence` DESC) AS _dlt_dedup_rn, `id`, `export_id`, `organization_id`, `status`, `config__frequency`, `metrics__users`, `result`, `created_at`, `updated_at`, `raw_log`, `flags`, `content_hash`, `run_id`, `extracted_at`, `read_sequence`, `missing_at_source_since`, `_dlt_load_id`, `_dlt_id`
                        FROM `proj`.`didomi_raw_staging`.`export_logs`
                    ) AS _dlt_dedup_numbered WHERE _dlt_dedup_rn = 1 AND (1 = 1);

CREATE TABLE `proj`.`didomi_raw`.`export_log_history` (
`version_id` STRING  NOT NULL,
`log_id` STRING  ,
`export_id` STRING  ,
`organization_id` STRING  ,
`sequence` INT64  ,
`status` STRING  ,
`users` INT64  ,
`result` STRING  ,
`first_observed_at` TIMESTAMP  ,
`run_id` STRING  ,
`_dlt_load_id` STRING  NOT NULL,
`_dlt_id` STRING  NOT NULL);

DELETE FROM `proj`.`didomi_raw`.`export_log_history` AS d WHERE EXISTS (SELECT 1 FROM `proj`.`didomi_raw_staging`.`export_log_history` AS s WHERE d.`version_id` = s.`version_id`);

INSERT INTO `proj`.`didomi_raw`.`export_log_history`(`version_id`, `log_id`, `export_id`, `organization_id`, `sequence`, `status`, `users`, `result`, `first_observed_at`, `run_id`, `_dlt_load_id`, `_dlt_id`)
                SELECT `version_id`, `log_id`, `export_id`, `organization_id`, `sequence`, `status`, `users`, `result`, `first_observed_at`, `run_id`, `_dlt_load_id`, `_dlt_id`
                    FROM (
                        SELECT ROW_NUMBER() OVER (partition BY `version_id` ORDER BY `first_observed_at` ASC) AS _dlt_dedup_rn, `version_id`, `log_id`, `export_id`, `organization_id`, `sequence`, `status`, `users`, `result`, `first_observed_at`, `run_id`, `_dlt_load_id`, `_dlt_id`
                        FROM `proj`.`didomi_raw_staging`.`export_log_history`
                    ) AS _dlt_dedup_numbered WHERE _dlt_dedup_rn = 1 AND (1 = 1);

CREATE TABLE `proj`.`didomi_raw`.`export_syncs` (
`sync_id` STRING  NOT NULL,
`run_id` STRING  ,
`export_id` STRING  ,
`organization_id` STRING  ,
`mode` STRING  ,
`mode_reason` STRING  ,
`sort` STRING  ,
`started_at` TIMESTAMP  ,
`finished_at` TIMESTAMP  ,
`requests` INT64  ,
`api_total` INT64  ,
`rows_received` INT64  ,
`distinct_ids` INT64  ,
`logs_new` INT64  ,
`logs_changed` INT64  ,
`logs_pending` INT64  ,
`logs_flagged` INT64  ,
`logs_quarantined` INT64  ,
`logs_missing` INT64  ,
`logs_known` INT64  ,
`newest_created_at` TIMESTAMP  ,
`is_complete` BOOL  ,
`error` STRING  ,
`deliveries_listed_at` TIMESTAMP  ,
`delivery_requests` INT64  ,
`deliveries_changed` INT64  ,
`delivery_bytes_read` INT64  ,
`delivery_error` STRING  ,
`_dlt_load_id` STRING  NOT NULL,
`_dlt_id` STRING  NOT NULL);

DELETE FROM `proj`.`didomi_raw`.`export_syncs` AS d WHERE EXISTS (SELECT 1 FROM `proj`.`didomi_raw_staging`.`export_syncs` AS s WHERE d.`sync_id` = s.`sync_id`);

INSERT INTO `proj`.`didomi_raw`.`export_syncs`(`sync_id`, `run_id`, `export_id`, `organization_id`, `mode`, `mode_reason`, `sort`, `started_at`, `finished_at`, `requests`, `api_total`, `rows_received`, `distinct_ids`, `logs_new`, `logs_changed`, `logs_pending`, `logs_flagged`, `logs_quarantined`, `logs_missing`, `logs_known`, `newest_created_at`, `is_complete`, `error`, `deliveries_listed_at`, `delivery_requests`, `deliveries_changed`, `delivery_bytes_read`, `delivery_error`, `_dlt_load_id`, `_dlt_id`)
                SELECT `sync_id`, `run_id`, `export_id`, `organization_id`, `mode`, `mode_reason`, `sort`, `started_at`, `finished_at`, `requests`, `api_total`, `rows_received`, `distinct_ids`, `logs_new`, `logs_changed`, `logs_pending`, `logs_flagged`, `logs_quarantined`, `logs_missing`, `logs_known`, `newest_created_at`, `is_complete`, `error`, `deliveries_listed_at`, `delivery_requests`, `deliveries_changed`, `delivery_bytes_read`, `delivery_error`, `_dlt_load_id`, `_dlt_id`
                    FROM (
                        SELECT ROW_NUMBER() OVER (partition BY `sync_id` ORDER BY `finished_at` DESC) AS _dlt_dedup_rn, `sync_id`, `run_id`, `export_id`, `organization_id`, `mode`, `mode_reason`, `sort`, `started_at`, `finished_at`, `requests`, `api_total`, `rows_received`, `distinct_ids`, `logs_new`, `logs_changed`, `logs_pending`, `logs_flagged`, `logs_quarantined`, `logs_missing`, `logs_known`, `newest_created_at`, `is_complete`, `error`, `deliveries_listed_at`, `delivery_requests`, `deliveries_changed`, `delivery_bytes_read`, `delivery_error`, `_dlt_load_id`, `_dlt_id`
                        FROM `proj`.`didomi_raw_staging`.`export_syncs`
                    ) AS _dlt_dedup_numbered WHERE _dlt_dedup_rn = 1 AND (1 = 1);

CREATE TABLE `proj`.`didomi_raw`.`export_log_quarantine` (
`fingerprint` STRING  NOT NULL,
`export_id` STRING  ,
`organization_id` STRING  ,
`reason` STRING  ,
`raw_log` STRING  ,
`run_id` STRING  ,
`quarantined_at` TIMESTAMP  ,
`_dlt_load_id` STRING  NOT NULL,
`_dlt_id` STRING  NOT NULL);

DELETE FROM `proj`.`didomi_raw`.`export_log_quarantine` AS d WHERE EXISTS (SELECT 1 FROM `proj`.`didomi_raw_staging`.`export_log_quarantine` AS s WHERE d.`fingerprint` = s.`fingerprint`);

INSERT INTO `proj`.`didomi_raw`.`export_log_quarantine`(`fingerprint`, `export_id`, `organization_id`, `reason`, `raw_log`, `run_id`, `quarantined_at`, `_dlt_load_id`, `_dlt_id`)
                SELECT `fingerprint`, `export_id`, `organization_id`, `reason`, `raw_log`, `run_id`, `quarantined_at`, `_dlt_load_id`, `_dlt_id`
                    FROM (
                        SELECT ROW_NUMBER() OVER (partition BY `fingerprint` ORDER BY `quarantined_at` ASC) AS _dlt_dedup_rn, `fingerprint`, `export_id`, `organization_id`, `reason`, `raw_log`, `run_id`, `quarantined_at`, `_dlt_load_id`, `_dlt_id`
                        FROM `proj`.`didomi_raw_staging`.`export_log_quarantine`
                    ) AS _dlt_dedup_numbered WHERE _dlt_dedup_rn = 1 AND (1 = 1);
