with

days as (

    select * from {{ ref('int_didomi__export_days') }}

),

runs as (

    select * from {{ ref('didomi__export_runs') }}
    where is_timed and status = 'completed'

),

ranked_runs as (

    select
        export_id,
        run_date,
        log_id,
        users,
        row_number() over (
            partition by export_id, run_date
            order by run_number desc
        ) as run_rank
    from runs

),

levels as (

    select
        days.export_id,
        days.organization_id,
        days.run_date,
        ranked_runs.log_id,
        ranked_runs.users
    from days
    left join ranked_runs
        on
            days.export_id = ranked_runs.export_id
            and days.run_date = ranked_runs.run_date
            and ranked_runs.run_rank = 1

),

{{ didomi__user_medians('levels') }},

compared as (

    select
        *,
        lag(users, 7) over (partition by export_id order by run_date) as users_7d_before,
        count(users) over (
            partition by export_id
            order by run_date
            rows between 56 preceding and 1 preceding
        ) as observation_count
    from levels

),

joined as (

    select
        compared.*,
        user_medians.users_median_7d,
        user_medians.users_median_28d,
        user_medians.weekday_median_users,
        user_medians.weekday_mad_users,
        user_medians.expected_users
    from compared
    inner join user_medians
        on compared.export_id = user_medians.export_id and compared.run_date = user_medians.run_date

),

-- 1.4826 times the median absolute deviation is the standard deviation of normal noise
scored as (

    select
        *,
        case
            when observation_count >= {{ didomi__number('didomi_anomaly_min_observations') }}
                then (users - weekday_median_users) / nullif(1.4826 * weekday_mad_users, 0)
        end as robust_z
    from joined

)

select
    -- grain
    export_id,
    organization_id,
    run_date,

    -- the level
    log_id,
    users,
    users_7d_before,
    {{ didomi__double('users') }} - {{ didomi__double('users_7d_before') }} as users_change,
    ({{ didomi__double('users') }} - {{ didomi__double('users_7d_before') }}) / nullif(users_7d_before, 0) as users_change_rate,
    users_median_7d,
    users_median_28d,

    -- what was to be expected
    expected_users,
    weekday_median_users,
    weekday_mad_users,
    observation_count,
    (users - weekday_median_users) / nullif(weekday_median_users, 0) as deviation_rate,
    robust_z,
    coalesce(
        observation_count >= {{ didomi__number('didomi_anomaly_min_observations') }}
        and abs(users - weekday_median_users) > {{ didomi__number('didomi_anomaly_min_change_rate') }} * abs(weekday_median_users)
        and (weekday_mad_users = 0 or abs(robust_z) > {{ didomi__number('didomi_anomaly_deviations') }}),
        false
    ) as is_anomaly
from scored
