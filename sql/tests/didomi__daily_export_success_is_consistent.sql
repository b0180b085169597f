with

days as (

    select * from {{ ref('didomi__daily_export_success') }}

),

runs as (

    select * from {{ ref('didomi__export_runs') }}
    where is_timed

),

missed_runs as (

    select * from {{ ref('int_didomi__missed_runs') }}

),

per_export as (

    select
        export_id,
        count(*) as day_count,
        count(distinct run_date) as dates,
        min(run_date) as first_date,
        max(run_date) as last_date,
        sum(runs_total) as runs_total,
        sum(runs_missed) as runs_missed
    from days
    group by export_id

),

runs_per_export as (

    select
        export_id,
        count(*) as runs_total,
        max(run_date) as last_run_date
    from runs
    group by export_id

),

missed_per_export as (

    select
        export_id,
        count(*) as runs_missed
    from missed_runs
    group by export_id

)

select 'one row per export and day, without holes' as rule, export_id as where_it_fails
from per_export
where
    day_count <> dates
    or day_count <> {{ didomi__days_between('first_date', 'last_date') }} + 1

union all

select 'all end on the as-of day, a retired one with its last run' as rule, per_export.export_id as where_it_fails
from per_export
inner join runs_per_export on per_export.export_id = runs_per_export.export_id
where
    per_export.last_date
    <> case
        when {{ didomi__is_retired('per_export.export_id') }} then runs_per_export.last_run_date
        else (select max(days.run_date) from days where not ({{ didomi__is_retired('days.export_id') }}))
    end

union all

select 'daily sums are the timed runs' as rule, runs_per_export.export_id as where_it_fails
from runs_per_export
left join per_export on runs_per_export.export_id = per_export.export_id
where runs_per_export.runs_total <> coalesce(per_export.runs_total, 0)

union all

select 'daily sums are the missed runs' as rule, missed_per_export.export_id as where_it_fails
from missed_per_export
left join per_export on missed_per_export.export_id = per_export.export_id
where missed_per_export.runs_missed <> coalesce(per_export.runs_missed, 0)

union all

select 'counts add up to the total' as rule, export_id as where_it_fails
from days
where runs_total <> runs_completed + runs_failed + runs_pending + runs_unknown

union all

select 'rates lie in 0 to 1, and are NULL exactly when nothing settled' as rule, export_id as where_it_fails
from days
where
    success_rate < 0 or success_rate > 1
    or success_rate_7d < 0 or success_rate_7d > 1
    or success_rate_28d < 0 or success_rate_28d > 1
    or (success_rate is null) <> (runs_completed + runs_failed = 0)
    or (success_rate_7d is null) <> (runs_completed_7d + runs_failed_7d = 0)
    or (success_rate_28d is null) <> (runs_completed_28d + runs_failed_28d = 0)

union all

select 'a day is in its week, a week in its month' as rule, export_id as where_it_fails
from days
where
    runs_completed > runs_completed_7d or runs_completed_7d > runs_completed_28d
    or runs_failed > runs_failed_7d or runs_failed_7d > runs_failed_28d

union all

select 'the word for the day fits its counts' as rule, export_id as where_it_fails
from days
where
    day_status not in ('completed', 'recovered', 'failed', 'pending', 'unknown', 'missed', 'no_run')
    or (day_status in ('missed', 'no_run')) <> (runs_total = 0)
    or (day_status in ('completed', 'recovered') and runs_completed = 0)
    or (day_status in ('failed', 'recovered') and runs_failed = 0)
