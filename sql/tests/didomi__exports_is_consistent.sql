with

exports as (

    select * from {{ ref('didomi__exports') }}

),

runs as (

    select * from {{ ref('didomi__export_runs') }}

),

days as (

    select * from {{ ref('didomi__daily_export_success') }}

),

runs_per_export as (

    select
        export_id,
        count(*) as runs_total
    from runs
    group by export_id

),

days_per_export as (

    select
        export_id,
        sum(runs_total) as runs_total,
        sum(runs_missed) as runs_missed
    from days
    group by export_id

)

select 'one row per export' as rule, export_id as where_it_fails
from exports
group by export_id
having count(*) > 1

union all

select 'totals are the logs' as rule, runs_per_export.export_id as where_it_fails
from runs_per_export
left join exports on runs_per_export.export_id = exports.export_id
where runs_per_export.runs_total <> coalesce(exports.runs_total, 0)

union all

select 'totals are the days and what has no day' as rule, exports.export_id as where_it_fails
from exports
left join days_per_export on exports.export_id = days_per_export.export_id
where
    exports.runs_total <> coalesce(days_per_export.runs_total, 0) + exports.runs_untimed
    or exports.runs_missed <> coalesce(days_per_export.runs_missed, 0)

union all

select 'counts add up to the total' as rule, export_id as where_it_fails
from exports
where
    runs_total <> runs_completed + runs_failed + runs_pending + runs_unknown
    or runs_stuck > runs_pending
    or runs_overdue > runs_missed

union all

select 'rates lie in 0 to 1' as rule, export_id as where_it_fails
from exports
where
    success_rate < 0 or success_rate > 1
    or success_rate_7d < 0 or success_rate_7d > 1
    or success_rate_28d < 0 or success_rate_28d > 1
    or (success_rate is null) <> (runs_completed + runs_failed = 0)

union all

select 'health is one of nine and fits the streak' as rule, export_id as where_it_fails
from exports
where
    health not in ('unread', 'failing', 'undelivered', 'late', 'stuck', 'unknown_schedule', 'no_outcome', 'healthy', 'retired')
    or (health = 'failing') <> (health not in ('retired', 'unread') and current_streak_status is not null and current_streak_status = 'failed')
    or (health = 'healthy' and (current_streak_status is null or current_streak_status <> 'completed'))
    or (health = 'failing') <> (failing_since_at is not null)
    or (health = 'retired' and (runs_overdue > 0 or runs_stuck > 0 or expected_next_run_at is not null))

union all

select 'times are in order' as rule, export_id as where_it_fails
from exports
where
    first_run_at > last_run_at
    or last_success_at > last_run_at
    or last_failure_at > last_run_at
    or failing_since_at > last_failure_at
