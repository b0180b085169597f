with

days as (

    select * from {{ ref('didomi__daily_export_success') }}

),

dated as (

    select
        *,
        {{ didomi__week_start('run_date') }} as week_start_date,
        {{ didomi__month_start('run_date') }} as month_start_date
    from days

),

periods as (

    select
        *,
        'week' as period,
        week_start_date as period_start_date,
        {{ didomi__add_days('week_start_date', 6) }} as period_end_date
    from dated

    union all

    select
        *,
        'month' as period,
        month_start_date as period_start_date,
        {{ didomi__add_days(didomi__add_months('month_start_date', 1), -1) }} as period_end_date
    from dated

),

summed as (

    select
        export_id,
        organization_id,
        period,
        period_start_date,
        period_end_date,
        count(*) as day_count,
        sum(runs_total) as runs_total,
        sum(runs_completed) as runs_completed,
        sum(runs_failed) as runs_failed,
        sum(runs_pending) as runs_pending,
        sum(runs_unknown) as runs_unknown,
        sum(runs_missed) as runs_missed
    from periods
    group by export_id, organization_id, period, period_start_date, period_end_date

)

select
    -- grain
    export_id,
    organization_id,
    period,
    period_start_date,
    period_end_date,
    period_end_date < {{ didomi__as_of_date() }} as is_period_over,
    {{ didomi__bigint('day_count') }} as day_count,

    -- what happened
    {{ didomi__bigint('runs_total') }} as runs_total,
    {{ didomi__bigint('runs_completed') }} as runs_completed,
    {{ didomi__bigint('runs_failed') }} as runs_failed,
    {{ didomi__bigint('runs_pending') }} as runs_pending,
    {{ didomi__bigint('runs_unknown') }} as runs_unknown,
    {{ didomi__bigint('runs_missed') }} as runs_missed,
    {{ didomi__rate('runs_completed', 'runs_completed + runs_failed') }} as success_rate
from summed
