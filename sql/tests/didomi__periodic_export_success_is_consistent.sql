with

periods as (

    select * from {{ ref('didomi__periodic_export_success') }}

),

days as (

    select * from {{ ref('didomi__daily_export_success') }}

),

days_per_export as (

    select
        export_id,
        count(*) as day_count,
        sum(runs_completed) as runs_completed,
        sum(runs_failed) as runs_failed,
        sum(runs_total) as runs_total,
        sum(runs_missed) as runs_missed
    from days
    group by export_id

),

periods_per_export as (

    select
        export_id,
        period,
        sum(day_count) as day_count,
        sum(runs_completed) as runs_completed,
        sum(runs_failed) as runs_failed,
        sum(runs_total) as runs_total,
        sum(runs_missed) as runs_missed
    from periods
    group by export_id, period

)

select 'one row per export and period' as rule, export_id as where_it_fails
from periods
group by export_id, period, period_start_date
having count(*) > 1

union all

select 'every export has weeks and months' as rule, days_per_export.export_id as where_it_fails
from days_per_export
left join periods_per_export on days_per_export.export_id = periods_per_export.export_id
group by days_per_export.export_id
having count(periods_per_export.period) <> 2

union all

select 'sums of weeks and of months are sums of days' as rule, periods_per_export.export_id as where_it_fails
from periods_per_export
left join days_per_export on periods_per_export.export_id = days_per_export.export_id
where
    periods_per_export.day_count <> coalesce(days_per_export.day_count, 0)
    or periods_per_export.runs_completed <> coalesce(days_per_export.runs_completed, 0)
    or periods_per_export.runs_failed <> coalesce(days_per_export.runs_failed, 0)
    or periods_per_export.runs_total <> coalesce(days_per_export.runs_total, 0)
    or periods_per_export.runs_missed <> coalesce(days_per_export.runs_missed, 0)

union all

select 'counts add up to the total, rates lie in 0 to 1' as rule, export_id as where_it_fails
from periods
where
    runs_total <> runs_completed + runs_failed + runs_pending + runs_unknown
    or success_rate < 0 or success_rate > 1
    or (success_rate is null) <> (runs_completed + runs_failed = 0)

union all

select 'a week is Monday to Sunday, a month its days' as rule, export_id as where_it_fails
from periods
where
    period not in ('week', 'month')
    or day_count > {{ didomi__days_between('period_start_date', 'period_end_date') }} + 1
    or (period = 'week' and {{ didomi__iso_weekday('period_start_date') }} <> 1)
    or (period = 'week' and {{ didomi__days_between('period_start_date', 'period_end_date') }} <> 6)
    or (period = 'month' and extract(day from period_start_date) <> 1)
    or (period = 'month' and extract(day from {{ didomi__add_days('period_end_date', 1) }}) <> 1)
