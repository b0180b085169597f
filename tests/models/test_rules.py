"""Each rule of the models has a unit test, which passes on the models and fails when the rule is broken."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from support.models import dbt, oracle, raw

AS_OF = datetime(2026, 11, 23, 7, 0)

# unit test → what is written in its model's SQL, and what would break the rule
BROKEN = {
    "settled_beats_pending_then_newest_update_then_newest_load": [
        ("case when status in ('completed', 'failed') then 0 else 1 end,", ""),
        ("updated_at desc nulls last,", ""),
        ("updated_at desc nulls last", "updated_at desc nulls first"),
        ("loaded_at desc nulls last,", ""),
        ("read_sequence desc nulls last", "read_sequence"),
        ("where version_rank = 1", ""),
    ],
    "any_other_status_is_unknown": [
        ("lower(trim(status))", "status"),
        ("else 'unknown'", "else 'pending'"),
        ("nullif(trim(result), '')", "result"),
        ("at time zone 'UTC'", "at time zone 'Asia/Tokyo'"),
    ],
    "a_log_was_first_seen_at_its_earliest_observation": [
        ("min(first_observed_at)", "max(first_observed_at)"),
        ("order by first_observed_at, version_number", "order by first_observed_at desc"),
        ("status not in", "status in"),
    ],
    "the_longer_of_run_and_configuration_is_in_force": [
        (
            "is_schedule_configured then configured_interval_seconds else run_interval_seconds",
            "false then 0 else run_interval_seconds",
        ),
        (
            "configured_schedules.interval_months * 2629800)\n            > ",
            "configured_schedules.interval_months * 2629800)\n            < ",
        ),
        ("case when is_timed then 0 else 1 end,", ""),
        ("run_at desc", "run_at"),
        ("2629800", "259200"),
        ("full outer join", "left join"),
    ],
    "an_id_without_configuration_and_logs_is_no_export": [
        ("latest_runs.export_id is not null\n", "false\n"),
        ("or quarantine.export_id is not null", ""),
        ("or configured_schedules.created_at is not null", ""),
        ("coalesce(configured_schedules.name, ", "coalesce("),
        ("coalesce(configured_schedules.name, configured_schedules.type_id, ", "coalesce(configured_schedules.name, "),
        ("configured_schedules.frequency, configured_schedules.data_kinds)", "configured_schedules.data_kinds)"),
        (", configured_schedules.data_kinds) is not null", ") is not null"),
    ],
    "the_calendar_ends_on_the_as_of_day": [
        ("at time zone 'Europe/Paris'", "at time zone 'UTC'"),
        ("numbers.step <= ", "numbers.step < "),
    ],
    "every_export_has_every_day_since_its_first_run": [
        ("exports.first_run_date <= calendar.run_date", "exports.first_run_date < calendar.run_date"),
        ("exports.first_run_date <= calendar.run_date", "true"),
    ],
    "a_closed_gap_missed_its_rounded_intervals_less_one": [
        ("floor(gap_intervals + 0.5)", "floor(gap_intervals)"),
        ("floor(gap_intervals + 0.5) as bigint) - 1", "floor(gap_intervals + 0.5) as bigint)"),
        ("order by runs.run_number", "order by runs.run_number desc"),
    ],
    "an_open_gap_counts_once_it_passes_the_late_factor": [
        ("1.25", "1.5"),
        (
            "ceil(gap_intervals - (cast(1.25 as double precision) - 1)) as bigint) - 1",
            "floor(gap_intervals - 0.25) as bigint)",
        ),
        (
            "ceil(gap_intervals - (cast(1.25 as double precision) - 1)) as bigint) - 1",
            "floor(gap_intervals + 0.5) as bigint) - 1",
        ),
    ],
    "a_month_is_a_calendar_month": [
        ("whole_month_steps + cast", "0 * whole_month_steps + cast"),
        ("then month_steps - 1", "then month_steps"),
        ("when interval_months is null then", "when true then 1.0 + 0 * gap_seconds when interval_months is null then"),
    ],
    "the_longer_interval_counts_and_an_unknown_one_claims_nothing": [
        ("when other_nominal_seconds > nominal_seconds then other_interval_seconds", "when false then 0"),
        ("when other_nominal_seconds > nominal_seconds then", "when other_nominal_seconds < nominal_seconds then"),
        (
            "where nominal_seconds is not null and other_nominal_seconds is not null",
            "where nominal_seconds is not null",
        ),
        ("when distances.next_run_at is null then exports.interval_months", "when false then 0"),
    ],
    "skipped_weekdays_expect_nothing": [("in (6, 7)", "in (6)"), ("1900-01-01", "1900-01-02")],
    "run_at_is_creation_else_first_sight": [
        ("coalesce(created_at, first_seen_at) as run_at", "coalesce(first_seen_at, created_at) as run_at"),
        ("when created_at is null then 'first_seen'", "when false then 'first_seen'"),
        ("coalesce(first_seen.first_seen_at, logs.loaded_at)", "first_seen.first_seen_at"),
    ],
    "undated_logs_of_the_first_load_are_backfill": [
        ("created_at is null and (", "(false and "),
        ("and mode <> 'backfill'", ""),
        ("is_complete and", "true and"),
        ("first_load_finished_at is null\n", "false\n"),
        ("or first_seen_at <= first_load_finished_at", ""),
        ("not is_backfill\n", "true\n"),
        ("partition by export_id, is_timed", "partition by export_id"),
    ],
    "a_run_keeps_its_day_and_a_pending_one_breaks_no_streak": [
        ("coalesce(created_at, first_seen_at) as run_at", "coalesce(updated_at, created_at, first_seen_at) as run_at"),
        ("case when status = 'completed' then 1 else 0 end", "case when status <> 'failed' then 1 else 0 end"),
        ("case when status = 'failed' then 1 else 0 end", "case when status <> 'completed' then 1 else 0 end"),
        ("unsettled_seen_at < settled_seen_at", "unsettled_seen_at is null"),
        ("and settled_at >= run_at", ""),
        ("case when is_settled then status = 'completed' end", "status = 'completed'"),
    ],
    "the_order_of_simultaneous_runs_is_unknown": [
        ("and coalesce(previous_run_at <> run_at, true)", ""),
        ("and coalesce(next_run_at <> run_at, true)", ""),
        ("or coalesce(runs_of_this_load = 1, false)", "or true"),
        ("order by run_at, log_id", "order by run_at, log_id desc"),
    ],
    "contradictions_are_reported_not_repaired": [
        ("and users is null and", "and coalesce(users, 0) = 0 and"),
        ("status = 'completed' and error_message is not null", "error_message is not null"),
        ("users > 0", "users is not null"),
        ("status = 'completed' end as is_success", "status = 'completed' and error_message is null end as is_success"),
    ],
    "an_export_that_delivers_no_users_claims_none": [
        ("and is_claiming_users then", "then"),
        ("else coalesce(exports.name, exports.type_id) is null", "else true"),
        ("else coalesce(exports.name, exports.type_id) is null", "else false"),
        ("coalesce(exports.name, exports.type_id)", "exports.name"),
        ("coalesce(exports.name, exports.type_id)", "exports.type_id"),
        ("',' || exports.data_kinds || ',' like '%,users,%'", "exports.data_kinds like '%users%'"),
        ("',' || exports.data_kinds || ',' like '%,users,%'", "true"),
    ],
    "a_frequency_is_a_number_of_units_or_of_days": [
        ("between 1 and 9999", "between 0 and 9999"),
        ("between 1 and 9999", "is not null"),
        ("in ('', 'day', 'days', 'daily')", "in ('day', 'days', 'daily')"),
        ("lower(trim(frequency))", "trim(frequency)"),
        ("coalesce(logs.frequency, exports.frequency)", "logs.frequency"),
        ("([.]0+)?", "([.][0-9]+)?"),
        ("in ('month', 'months', 'monthly')", "in ('month')"),
    ],
    "messages_that_differ_in_ids_share_a_fingerprint": [
        ("'<url>', 'g'", "'\\0', 'g'"),
        ("'arn:", "'urn:"),
        ("[a-z0-9_-]*[0-9][a-z0-9_-]*", "[0-9]+"),
        ("access ?denied|", ""),
        ("else 'other'", "else 'internal'"),
        ("when error_message is null then 'no_message'", ""),
        ("(mon|tue|wed|thu|fri|sat|sun)", "(mon|tue)"),
    ],
    "the_time_zone_moves_run_date_alone": [
        ("at time zone 'Europe/Paris'", "at time zone 'UTC'"),
        ("at time zone 'Europe/Paris'", "at time zone 'Etc/GMT-1'"),
        ("and run_at <= ", "and run_at < "),
        ("run_at >= cast('2000-01-01' as timestamp)", "true"),
        ("2026-03-31 00:00:00.000000", "2026-03-31 02:00:00.000000"),
    ],
    "success_is_completed_of_settled_from_summed_counts": [
        (
            "cast(runs_completed as double precision) / nullif(runs_completed + runs_failed, 0)",
            "cast(runs_completed as double precision) / nullif(runs_total, 0)",
        ),
        (
            "as double precision) / nullif(runs_completed + runs_failed, 0)",
            "as double precision) / greatest(runs_completed + runs_failed, 1)",
        ),
        (
            "runs_completed_7d as double precision) / nullif(runs_completed_7d + runs_failed_7d, 0)",
            "runs_completed_7d as double precision) / nullif(runs_completed_28d, 0)",
        ),
        ("where is_timed", ""),
    ],
    "seven_days_are_seven_days": [
        ("rows between 6 preceding", "rows between 7 preceding"),
        ("rows between 27 preceding", "rows between 6 preceding"),
        ("partition by export_id\n", "\n"),
    ],
    "missing_is_not_failed_and_not_zero": [
        ("when runs_missed > 0 then 'missed'", ""),
        ("last_completed_number > last_failed_number then 'recovered'", "runs_completed > 0 then 'recovered'"),
        ("rows between unbounded preceding", "rows between 1 preceding"),
        ("when runs_pending > 0 then 'pending'", ""),
        ("left join missed_per_day", "inner join missed_per_day"),
    ],
    "users_is_the_last_completed_run_of_the_day": [
        ("order by run_number desc", "order by users desc"),
        ("order by run_number desc", "order by run_number"),
        ("where is_timed and status = 'completed'", "where is_timed"),
        ("where is_timed and status = 'completed'", "where status = 'completed'"),
        ("lag(users, 7)", "lag(users, 1)"),
        ("median(cast(users as", "median(cast(nullif(users, 0) as"),
    ],
    "an_anomaly_is_far_in_share_and_in_robust_deviations": [
        ("> 0.2 * abs", "> 0 * abs"),
        ("> 4)", "> 3)"),
        ("> 4)", "> 5)"),
        ("weekday_mad_users = 0 or", ""),
        ("observation_count >= 3", "observation_count >= 2"),
        ("1.4826", "1"),
    ],
    "the_history_is_eight_weeks_and_the_forecast_four": [
        ("interval 56 days", "interval 63 days"),
        ("interval 28 days", "interval 56 days"),
        ("interval 7 days preceding", "current row"),
        ("interval 6 days", "interval 7 days"),
    ],
    "health_is_the_first_that_applies": [
        ("when runs_overdue > 0 then 'late'", ""),
        (
            "when failed_streak > 0 then 'failing'",
            "when runs_overdue > 0 then 'late' when failed_streak > 0 then 'failing'",
        ),
        (
            "when runs_overdue > 0 then 'late'\n            when runs_stuck > 0 then 'stuck'",
            "when runs_stuck > 0 then 'stuck' when runs_overdue > 0 then 'late'",
        ),
        ("24 * 3600", "25 * 3600"),
        ("24 * 3600", "23 * 3600"),
        ("and missing_since_at is null\n", ""),
        ("when runs_stuck > 0 then 'stuck'", ""),
        ("when completed_streak = 0 then 'no_outcome'", ""),
        ("when coalesce(interval_seconds, interval_months) is null then 'unknown_schedule'", ""),
        ("where run_date = cast", "where run_date < cast"),
    ],
    "an_export_that_is_no_longer_read_is_unread": [
        ("when is_unread then 'unread'", ""),
        ("when is_retired then 'retired'\n", ""),
        ("26 * 3600", "25 * 3600"),
        ("> 26 * 3600", ">= 26 * 3600"),
        (
            "coalesce(sync_totals.last_complete_sync_at, sync_totals.first_synced_at) <",
            "sync_totals.last_complete_sync_at <",
        ),
        ("inner join exports on syncs.export_id = exports.export_id", ""),
        ("last_synced_at > last_complete_sync_at", "true"),
        ("last_synced_at > last_complete_sync_at", "false"),
        ("when failed_streak > 0 then '; its last", "when false then '; its last"),
    ],
    "one_missed_read_leaves_an_export_as_it_was": [
        ("min(syncs.finished_at)", "max(syncs.finished_at)"),
        ("recency = 2", "recency = 1"),
    ],
    "a_late_export_that_was_not_read_since_says_so": [
        ("last_complete_sync_at < expected_next_run_at", "last_complete_sync_at <= expected_next_run_at"),
        ("last_complete_sync_at < expected_next_run_at", "last_synced_at < expected_next_run_at"),
        ("last_complete_sync_at < expected_next_run_at", "false"),
    ],
    "a_retired_export_is_not_judged": [
        ("when is_retired then 'retired'", ""),
        ("when health = 'failing' then failing_since_at end", "when true then failing_since_at end"),
        ("and not (exports.export_id in ('gone''s', 'never-ran', 'no-such-export'))", ""),
        ("and not (export_id in ('gone''s', 'never-ran', 'no-such-export'))", ""),
    ],
    "a_retired_export_ends_with_its_last_run": [
        ("exports.last_run_date >= calendar.run_date", "exports.last_run_date > calendar.run_date"),
        ("not (exports.export_id in ('gone', 'never'))", "true"),
    ],
    "a_retired_export_misses_nothing_any_more": [
        ("where distances.next_run_at is not null or not (exports.export_id in ('gone'))", ""),
        ("where distances.next_run_at is not null or", "where"),
    ],
    "an_incident_of_a_retired_export_is_over": [
        ("recovered_at is null and not is_retired", "recovered_at is null"),
        ("max(event_at) as last_event_at", "min(event_at) as last_event_at"),
        ("when is_retired then last_event_at", "when true then last_event_at"),
    ],
    "the_next_run_skips_weekdays": [
        ("in (6, 7)", "in (7)"),
        ("generate_series(1, 168)", "generate_series(1, 7)"),
        ("or exports.interval_seconds < 86400", ""),
    ],
    "a_period_sums_its_days_and_then_divides": [
        ("1900-01-01", "1899-12-31"),
        ("nullif(runs_completed + runs_failed, 0)", "nullif(runs_total, 0)"),
        ("date_trunc('month'", "date_trunc('week'"),
        ("period_end_date < cast", "period_end_date <= cast"),
    ],
    "an_organization_sums_its_exports_and_then_divides": [
        (
            "cast(runs_completed as double precision) / nullif(runs_completed + runs_failed, 0)",
            "cast(runs_completed as double precision) / nullif(runs_total, 0)",
        ),
        ("sum(volumes.users)", "coalesce(sum(volumes.users), 0)"),
        ("case when days.is_failing then 1", "case when days.is_failing then 0"),
        (
            "group by days.organization_id, days.run_date",
            "group by days.organization_id, days.run_date, days.export_id",
        ),
    ],
    "an_incident_lasts_from_trouble_to_the_next_success": [
        ("incidents.completed_so_far + 1", "incidents.completed_so_far"),
        ("where status = 'failed'", "where status in ('failed', 'pending')"),
        ("min(event_at) as started_at", "max(event_at) as started_at"),
        ("min(case when failed_count = 1 then event_at end)", "min(event_at)"),
        ("max(failed_number)", "min(failed_number)"),
        ("where is_timed", ""),
    ],
    "a_gap_holds_its_missed_runs": [
        ("min(expected_at)", "max(expected_at)"),
        ("count(*) as missed_runs", "1 as missed_runs"),
        (
            "cast(1 * interval_months as bigint) * interval 1 month",
            "cast(30 * interval_months as bigint) * interval 1 day",
        ),
    ],
    "a_bad_file_is_corrupt_and_one_not_reached_unreadable": [
        ("error_message is not null and record_count is null and is_retry_needed then", "is_retry_needed is null then"),
        ("when error_message is not null and record_count is null then 'corrupt'", ""),
        ("and record_count is null and is_retry_needed then", "and is_retry_needed then"),
        ("case when gone_since_at is null then", "case when true then"),
        ("and not is_failed as is_wrong", "as is_wrong"),
    ],
    "missing_is_what_a_listing_in_time_did_not_find": [
        ("undelivered.due_at <= syncs.deliveries_listed_at", "undelivered.settled_at <= syncs.deliveries_listed_at"),
        ("undelivered.due_at <= syncs.deliveries_listed_at", "undelivered.due_at < syncs.deliveries_listed_at"),
        ("undelivered.expires_at >= syncs.deliveries_listed_at", "true"),
        ("when is_proved_missing then 'missing'", ""),
        ("and readings.first_listed_at is not null", ""),
        ("when not is_delivered and due_at > ", "when not is_delivered and expires_at > "),
        ("then 'cmp_hourly_metrics'", "then 'users'"),
        ("when is_delivered then expires_at end as", "when true then expires_at end as"),
        ("max(case when status = 'completed' then run_number end)", "min(run_number)"),
        ("case when verdict = 'missing' then 0 else record_count end", "record_count"),
        ("or (not partition_days.has_claimed_kind and", "or (false and"),
        ("not partition_days.has_claimed_kind and", ""),
        ("and ',' || exports.data_kinds || ',' like '%,users,%'", "and exports.data_kinds is not null"),
        ("and ',' || exports.data_kinds || ',' like '%,users,%'", ""),
        ("and claims.users > 0", ""),
        ("case when has_another_kind then", "case when false then"),
        ("coalesce(settled_at, run_at)", "coalesce(settled_at, first_seen_at)"),
    ],
    "where_files_are_kept_an_older_one_proves_a_missing_delivery": [
        ("first_deliveries.first_date < claims.delivery_date then null", "true then null"),
        ("first_deliveries.first_date < claims.delivery_date then null", "false then null"),
        ("then null else 7 end", "then null else 0 end"),
        ("min(delivery_date)", "max(delivery_date)"),
    ],
    "an_incomplete_delivery_arrives_until_the_grace_has_passed": [
        ("runs_pending > 0", "false"),
        ("2 * 3600", "3 * 3600"),
        ("when not is_complete then 'no_success'", ""),
        ("or listed_at is null", ""),
        ("when not is_complete and is_listed_late then 'not_checked'", ""),
        ("second_listings.listed_at > deliveries.aged", "second_listings.listed_at >= deliveries.aged"),
        ("second_listings.listed_at < deliveries.kept_from_at or", "true or"),
        ("or deliveries.gone_since_at <= second_listings.listed_at", ""),
        ("min(syncs.deliveries_listed_at) as listed_at", "max(syncs.deliveries_listed_at) as listed_at"),
        ("when record_count is null then 'arriving'", ""),
        ("when record_count is null and gone_since_at is not null then 'not_checked'", ""),
        ("gone_since_at is null or is_complete or", "true or"),
        ("gone_since_at is null or is_complete or", "gone_since_at is null or"),
        ("whole_until_at <= gone_since_at", "whole_until_at > gone_since_at"),
        ("exports.retention_days - 1)", "exports.retention_days)"),
        ("and not is_failed as is_wrong", "as is_wrong"),
    ],
    "a_delivery_is_compared_with_the_runs_of_its_day": [
        ("when runs_total = 0 and is_log_list_read then", "when runs_total = 0 then"),
        ("when runs_total = 0 and is_log_list_read then 'unannounced'", ""),
        ("is_complete and coalesce(mode, '') <> 'backfill'", "true"),
        ("is_complete and coalesce(mode, '') <> 'backfill'", "is_complete"),
        ("where is_backfill", "where false"),
        ("when is_failed then 'delivered_although_failed'", ""),
        ("coalesce(claims.runs_failed = claims.runs_total, false)", "coalesce(claims.runs_failed > 0, false)"),
        ("when users is null then 'unclaimed'", ""),
        ("case when users >= 0 then users end", "users"),
        ("case when every_delivery.is_claimed_kind then claims.users end", "claims.users"),
        ("and not partition_days.has_users", ""),
        ("or (deliveries.data_kind = 'unknown'", "or (false"),
        ("record_count = users or", ""),
        (" = users_sum", " = users"),
        ("record_count < users then", "record_count > users then"),
        ("case when is_match then record_count else users end", "users"),
        ("when is_partly_seen then 'not_checked'", ""),
        ("is_seen_late and (record_count < users or ", "is_seen_late and (true or "),
        ("when is_awaited then 'arriving'", ""),
        ("claims.runs_completed > 1", "true"),
        ("and every_delivery.changed_at < claims.settled_at", ""),
        (
            "coalesce(deliveries.first_modified_at, cast(deliveries.delivery_date as timestamp))",
            "deliveries.first_modified_at",
        ),
        ("is_seen_late and (record_count < users or ", "is_seen_late and (record_count < users and "),
        ("and deliveries.first_seen_at < deliveries.kept_from_at", ""),
    ],
    "short_and_more_need_a_match_among_the_seven_deliveries_before": [
        ("when coalesce(recent_matches, 0) = 0 then 'not_comparable'", ""),
        ("rows between 7 preceding", "rows between 6 preceding"),
        ("rows between 7 preceding", "rows between 8 preceding"),
        ("partition by export_id, is_comparable", "partition by is_comparable"),
        ("coalesce(recent_matches, 0)", "recent_matches"),
        ("coalesce(earlier_matches, 0) > 0 or record_count = 0", "coalesce(earlier_matches, 0) > 0"),
        ("coalesce(earlier_matches, 0) > 0 or record_count = 0", "record_count = 0"),
        ("is_match and record_count > 0", "is_match"),
        ("record_count < users and not is_seen_late", "record_count < users"),
    ],
    "the_next_day_takes_a_run_whose_own_day_has_no_delivery": [
        ("then next_day.delivery_date", "then run_days.run_day"),
        ("and next_day_runs.export_id is null", ""),
        ("own.export_id is null and", ""),
        ("when run_at_source = 'first_seen' then 1", "when run_at_source = 'created_at' then 1"),
    ],
    "what_is_not_archived_expires_in_seven_days_on_s3": [
        ("like '%gcp%'", "like '%s3%'"),
        ("else 7 end", "else 6 end"),
        ("and gone_since_at is null", ""),
        ("and archived_at is null", ""),
        ("< 48 * 3600", "<= 48 * 3600"),
        ("and expires_at > cast", "and expires_at >= cast"),
    ],
    "an_export_whose_last_delivery_is_wrong_is_undelivered": [
        ("when wrong_delivery is not null then 'undelivered'", ""),
        ("when failed_streak > 0 then 'failing'\n", ""),
        ("case when is_wrong then 0 else 1 end asc, data_kind", "data_kind"),
        ("is_wrong and is_recent then 1", "is_wrong then 1"),
        ("decided_recency = 1 and is_wrong and is_recent", "decided_recency = 1 and is_wrong"),
        ("decided_recency = 1 and is_wrong", "recency = 1 and is_wrong"),
        ("decided_recency = 1 and is_wrong", "is_wrong"),
        ("'unclaimed') or is_wrong as is_decided", "'unclaimed') as is_decided"),
        ("gone_since_at is null and", ""),
        ("archived_at is null and", ""),
    ],
    "the_same_failure_counts_once": [
        ("count(distinct error_fingerprint)", "count(error_fingerprint)"),
        ("where is_timed and status = 'failed'", "where status = 'failed'"),
        ("max(run_number)", "min(run_number)"),
    ],
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project built with its unit tests on raw tables that exist and are empty: the first run."""
    folder = tmp_path_factory.mktemp("empty")
    raw.write_duckdb(folder / "warehouse.duckdb", {})
    dbt.dbt("--warn-error", "build", folder=folder, variables={"didomi_as_of": str(AS_OF)})
    return folder


@pytest.fixture(scope="module")
def unit_tests(built: Path) -> dict[str, str]:
    """The SQL of each unit test: the model on the given rows, and the expected rows."""
    return {path.stem: path.read_text() for path in (built / "target" / "run").rglob("*.yml/models/*/*.sql")}


def has_passed(sql: str) -> bool:
    with duckdb.connect() as connection:
        rows = connection.execute(sql).fetchall()
    sides: dict[str, Counter[tuple[object, ...]]] = {"actual": Counter(), "expected": Counter()}
    for *row, side in rows:
        sides[side][tuple(row)] += 1
    return sides["actual"] == sides["expected"]


def test_empty_raw_tables_give_empty_marts(built: Path) -> None:
    assert dbt.marts(built / "warehouse.duckdb") == oracle.marts({}, AS_OF) == {name: [] for name in dbt.MARTS}


def test_every_model_but_the_renaming_ones_has_unit_tests(built: Path, unit_tests: dict[str, str]) -> None:
    manifest = json.loads((built / "target" / "manifest.json").read_text())
    tested = {test["model"] for test in manifest["unit_tests"].values()}
    models = {node["name"] for node in manifest["nodes"].values() if node["resource_type"] == "model"}
    renaming = {
        f"stg_didomi__{name}"
        for name in ("export_deliveries", "export_log_history", "export_log_quarantine", "export_syncs", "exports")
    }
    assert models - tested == renaming
    assert unit_tests.keys() == {test["name"] for test in manifest["unit_tests"].values()} == BROKEN.keys()


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_fails_its_unit_test(name: str, unit_tests: dict[str, str]) -> None:
    sql = unit_tests[name]
    assert has_passed(sql)
    for written, broken in BROKEN[name]:
        assert written in sql, written
        assert not has_passed(sql.replace(written, broken)), (written, broken)
