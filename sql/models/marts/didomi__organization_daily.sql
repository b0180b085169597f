with

days as (

    select * from {{ ref('didomi__daily_export_success') }}

),

volumes as (

    select * from {{ ref('didomi__daily_user_volume') }}

),

summed as (

    select
        days.organization_id,
        days.run_date,
        count(*) as exports_total,
        sum(case when days.is_failing then 1 else 0 end) as exports_failing,
        sum(days.runs_total) as runs_total,
        sum(days.runs_completed) as runs_completed,
        sum(days.runs_failed) as runs_failed,
        sum(days.runs_pending) as runs_pending,
        sum(days.runs_unknown) as runs_unknown,
        sum(days.runs_missed) as runs_missed,
        sum(days.runs_completed_7d) as runs_completed_7d,
        sum(days.runs_failed_7d) as runs_failed_7d,
        sum(days.runs_completed_28d) as runs_completed_28d,
        sum(days.runs_failed_28d) as runs_failed_28d,
        {{ didomi__sum_users('volumes.users') }} as users_delivered
    from days
    inner join volumes
        on days.export_id = volumes.export_id and days.run_date = volumes.run_date
    group by days.organization_id, days.run_date

)

select
    -- grain
    organization_id,
    run_date,

    -- exports
    {{ didomi__bigint('exports_total') }} as exports_total,
    {{ didomi__bigint('exports_failing') }} as exports_failing,

    -- runs
    {{ didomi__bigint('runs_total') }} as runs_total,
    {{ didomi__bigint('runs_completed') }} as runs_completed,
    {{ didomi__bigint('runs_failed') }} as runs_failed,
    {{ didomi__bigint('runs_pending') }} as runs_pending,
    {{ didomi__bigint('runs_unknown') }} as runs_unknown,
    {{ didomi__bigint('runs_missed') }} as runs_missed,
    {{ didomi__rate('runs_completed', 'runs_completed + runs_failed') }} as success_rate,
    {%- for days in [7, 28] %}
    {{ didomi__bigint('runs_completed_' ~ days ~ 'd') }} as runs_completed_{{ days }}d,
    {{ didomi__bigint('runs_failed_' ~ days ~ 'd') }} as runs_failed_{{ days }}d,
    {{ didomi__rate('runs_completed_' ~ days ~ 'd', 'runs_completed_' ~ days ~ 'd + runs_failed_' ~ days ~ 'd') }} as success_rate_{{ days }}d,
    {%- endfor %}

    -- users
    users_delivered
from summed
