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

numbers as (

    {{ didomi__numbers(28) }}

),

-- each day's level, once for every day whose last 7 or 28 days it belongs to
last_28_days as (

    select
        levels.export_id,
        {{ didomi__add_days('levels.run_date', 'numbers.step - 1') }} as run_date,
        levels.users,
        numbers.step as day_number
    from levels
    cross join numbers
    where levels.users is not null

),

last_7_days as (

    select * from last_28_days
    where day_number <= 7

),

medians_28d as (

    {{ didomi__median_per('last_28_days', ['export_id', 'run_date'], 'users') }}

),

medians_7d as (

    {{ didomi__median_per('last_7_days', ['export_id', 'run_date'], 'users') }}

),

-- each day's level, once for each of the eight later days of its weekday
weekdays_before as (

    select
        levels.export_id,
        {{ didomi__add_days('levels.run_date', 'numbers.step * 7') }} as run_date,
        levels.users,
        numbers.step as week_number
    from levels
    cross join numbers
    where levels.users is not null and numbers.step <= 8

),

last_four_weekdays as (

    select * from weekdays_before
    where week_number <= 4

),

weekday_medians as (

    {{ didomi__median_per('weekdays_before', ['export_id', 'run_date'], 'users') }}

),

forecasts as (

    {{ didomi__median_per('last_four_weekdays', ['export_id', 'run_date'], 'users') }}

),

weekday_deviations as (

    select
        weekdays_before.export_id,
        weekdays_before.run_date,
        abs(weekdays_before.users - weekday_medians.median) as deviation
    from weekdays_before
    inner join weekday_medians
        on
            weekdays_before.export_id = weekday_medians.export_id
            and weekdays_before.run_date = weekday_medians.run_date

),

weekday_mads as (

    {{ didomi__median_per('weekday_deviations', ['export_id', 'run_date'], 'deviation') }}

),

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
        medians_7d.median as users_median_7d,
        medians_28d.median as users_median_28d,
        weekday_medians.median as weekday_median_users,
        weekday_mads.median as weekday_mad_users,
        forecasts.median as expected_users
    from compared
    left join medians_7d
        on compared.export_id = medians_7d.export_id and compared.run_date = medians_7d.run_date
    left join medians_28d
        on compared.export_id = medians_28d.export_id and compared.run_date = medians_28d.run_date
    left join weekday_medians
        on compared.export_id = weekday_medians.export_id and compared.run_date = weekday_medians.run_date
    left join weekday_mads
        on compared.export_id = weekday_mads.export_id and compared.run_date = weekday_mads.run_date
    left join forecasts
        on compared.export_id = forecasts.export_id and compared.run_date = forecasts.run_date

),

-- 1.4826 times the median absolute deviation is the standard deviation of normal noise
scored as (

    select
        *,
        case
            when observation_count >= {{ var('didomi_anomaly_min_observations') }}
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
        observation_count >= {{ var('didomi_anomaly_min_observations') }}
        and abs(users - weekday_median_users) > {{ var('didomi_anomaly_min_change_rate') }} * abs(weekday_median_users)
        and (weekday_mad_users = 0 or abs(robust_z) > {{ var('didomi_anomaly_deviations') }}),
        false
    ) as is_anomaly
from scored
