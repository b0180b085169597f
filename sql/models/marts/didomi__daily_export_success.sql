with

days as (

    select * from {{ ref('int_didomi__export_days') }}

),

runs as (

    select * from {{ ref('didomi__export_runs') }}
    where is_timed

),

missed_runs as (

    select * from {{ ref('int_didomi__missed_runs') }}

),

runs_per_day as (

    select
        export_id,
        run_date,
        count(*) as runs_total,
        sum(case when status = 'completed' then 1 else 0 end) as runs_completed,
        sum(case when status = 'failed' then 1 else 0 end) as runs_failed,
        sum(case when status = 'pending' then 1 else 0 end) as runs_pending,
        sum(case when status = 'unknown' then 1 else 0 end) as runs_unknown,
        max(case when status = 'completed' then run_number end) as last_completed_number,
        max(case when status = 'failed' then run_number end) as last_failed_number
    from runs
    group by export_id, run_date

),

missed_per_day as (

    select
        export_id,
        expected_date,
        count(*) as runs_missed
    from missed_runs
    group by export_id, expected_date

),

joined as (

    select
        days.export_id,
        days.organization_id,
        days.run_date,
        coalesce(runs_per_day.runs_total, 0) as runs_total,
        coalesce(runs_per_day.runs_completed, 0) as runs_completed,
        coalesce(runs_per_day.runs_failed, 0) as runs_failed,
        coalesce(runs_per_day.runs_pending, 0) as runs_pending,
        coalesce(runs_per_day.runs_unknown, 0) as runs_unknown,
        coalesce(missed_per_day.runs_missed, 0) as runs_missed,
        coalesce(runs_per_day.last_completed_number, 0) as last_completed_number,
        coalesce(runs_per_day.last_failed_number, 0) as last_failed_number
    from days
    left join runs_per_day
        on days.export_id = runs_per_day.export_id and days.run_date = runs_per_day.run_date
    left join missed_per_day
        on days.export_id = missed_per_day.export_id and days.run_date = missed_per_day.expected_date

),

rolled as (

    select
        *,
        {%- for days in [7, 28] %}
        sum(runs_completed) over (
            partition by export_id
            order by run_date
            rows between {{ days - 1 }} preceding and current row
        ) as runs_completed_{{ days }}d,
        sum(runs_failed) over (
            partition by export_id
            order by run_date
            rows between {{ days - 1 }} preceding and current row
        ) as runs_failed_{{ days }}d,
        {%- endfor %}
        max(last_completed_number) over (
            partition by export_id
            order by run_date
            rows between unbounded preceding and current row
        ) as completed_number_so_far,
        max(last_failed_number) over (
            partition by export_id
            order by run_date
            rows between unbounded preceding and current row
        ) as failed_number_so_far
    from joined

)

select
    -- grain
    export_id,
    organization_id,
    run_date,

    -- what happened
    case
        when runs_completed > 0 and runs_failed = 0 then 'completed'
        when last_completed_number > last_failed_number then 'recovered'
        when runs_failed > 0 then 'failed'
        when runs_pending > 0 then 'pending'
        when runs_unknown > 0 then 'unknown'
        when runs_missed > 0 then 'missed'
        else 'no_run'
    end as day_status,
    failed_number_so_far > completed_number_so_far as is_failing,
    {{ didomi__bigint('runs_total') }} as runs_total,
    {{ didomi__bigint('runs_completed') }} as runs_completed,
    {{ didomi__bigint('runs_failed') }} as runs_failed,
    {{ didomi__bigint('runs_pending') }} as runs_pending,
    {{ didomi__bigint('runs_unknown') }} as runs_unknown,
    {{ didomi__bigint('runs_missed') }} as runs_missed,
    {{ didomi__rate('runs_completed', 'runs_completed + runs_failed') }} as success_rate,

    -- the last 7 and 28 days, this one included
    {%- for days in [7, 28] %}
    {{ didomi__bigint('runs_completed_' ~ days ~ 'd') }} as runs_completed_{{ days }}d,
    {{ didomi__bigint('runs_failed_' ~ days ~ 'd') }} as runs_failed_{{ days }}d,
    {{ didomi__rate('runs_completed_' ~ days ~ 'd', 'runs_completed_' ~ days ~ 'd + runs_failed_' ~ days ~ 'd') }} as success_rate_{{ days }}d
    {%- if not loop.last %},{% endif %}
    {%- endfor %}
from rolled
