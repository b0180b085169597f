with

volumes as (

    select * from {{ ref('didomi__daily_user_volume') }}

),

days as (

    select * from {{ ref('didomi__daily_export_success') }}

),

runs as (

    select * from {{ ref('didomi__export_runs') }}

),

joined as (

    select
        days.export_id,
        days.runs_completed,
        volumes.export_id as volume_export_id,
        volumes.log_id,
        volumes.users,
        runs.users as run_users,
        runs.status as run_status
    from days
    left join volumes
        on days.export_id = volumes.export_id and days.run_date = volumes.run_date
    left join runs on volumes.log_id = runs.log_id

)

select 'one row per export and day' as rule, export_id as where_it_fails
from volumes
group by export_id, run_date
having count(*) > 1

union all

select 'the days are those of didomi__daily_export_success' as rule, export_id as where_it_fails
from joined
where volume_export_id is null

union all

select 'a day has users only through its completed run' as rule, export_id as where_it_fails
from joined
where
    (runs_completed > 0) <> (log_id is not null)
    or run_status <> 'completed'
    or users <> run_users
    or (users is null) <> (run_users is null)

union all

select 'the change is against one week before' as rule, export_id as where_it_fails
from volumes
where users_change <> {{ didomi__double('users') }} - {{ didomi__double('users_7d_before') }}

union all

select 'an anomaly has users, a history and enough observations' as rule, export_id as where_it_fails
from volumes
where
    is_anomaly and (
        users is null
        or weekday_median_users is null
        or observation_count < {{ var('didomi_anomaly_min_observations') }}
        or abs(robust_z) <= {{ var('didomi_anomaly_deviations') }}
        or abs(deviation_rate) <= {{ var('didomi_anomaly_min_change_rate') }}
    )
