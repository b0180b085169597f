with

configured as (

    select * from {{ ref('stg_didomi__exports') }}

),

runs as (

    select * from {{ ref('didomi__export_runs') }}

),

quarantine as (

    select distinct export_id from {{ ref('stg_didomi__export_log_quarantine') }}

),

ranked_runs as (

    select
        export_id,
        organization_id,
        frequency,
        interval_seconds,
        interval_months,
        min(case when is_timed then run_date end) over (partition by export_id) as first_run_date,
        max(case when is_timed then run_date end) over (partition by export_id) as last_run_date,
        row_number() over (
            partition by export_id
            order by
                case when is_timed then 0 else 1 end,
                run_at desc,
                {{ didomi__byte_order('log_id') }} desc
        ) as recency
    from runs

),

latest_runs as (

    select * from ranked_runs
    where recency = 1

),

parsed as (

    select
        *,
        {{ didomi__frequency_number('frequency') }} as frequency_number,
        {{ didomi__frequency_unit('frequency') }} as frequency_unit
    from configured

),

configured_schedules as (

    select
        *,
        {{ didomi__interval_seconds('frequency_number', 'frequency_unit') }} as interval_seconds,
        {{ didomi__interval_months('frequency_number', 'frequency_unit') }} as interval_months
    from parsed

),

joined as (

    select
        coalesce(configured_schedules.export_id, latest_runs.export_id) as export_id,
        coalesce(configured_schedules.organization_id, latest_runs.organization_id) as organization_id,
        configured_schedules.name,
        configured_schedules.type_id,
        configured_schedules.data_kinds,
        configured_schedules.created_at,
        latest_runs.first_run_date,
        latest_runs.last_run_date,
        coalesce(latest_runs.frequency, configured_schedules.frequency) as frequency,
        -- the configuration decides where there is no run, or where it asks for a longer interval
        latest_runs.export_id is null
        or coalesce(
            {{ didomi__nominal_seconds('configured_schedules.interval_seconds', 'configured_schedules.interval_months') }}
            > {{ didomi__nominal_seconds('latest_runs.interval_seconds', 'latest_runs.interval_months') }},
            false
        ) as is_schedule_configured,
        latest_runs.interval_seconds as run_interval_seconds,
        latest_runs.interval_months as run_interval_months,
        configured_schedules.interval_seconds as configured_interval_seconds,
        configured_schedules.interval_months as configured_interval_months
    from configured_schedules
    full outer join latest_runs on configured_schedules.export_id = latest_runs.export_id
    left join quarantine on configured_schedules.export_id = quarantine.export_id
    -- an id of which there is neither a configuration nor a log was mistyped
    where
        latest_runs.export_id is not null
        or quarantine.export_id is not null
        or coalesce(configured_schedules.name, configured_schedules.type_id, configured_schedules.frequency, configured_schedules.data_kinds) is not null
        or configured_schedules.created_at is not null

)

select
    export_id,
    organization_id,
    name,
    type_id,
    data_kinds,
    created_at,
    first_run_date,
    last_run_date,
    frequency,
    case when is_schedule_configured then configured_interval_seconds else run_interval_seconds end as interval_seconds,
    case when is_schedule_configured then configured_interval_months else run_interval_months end as interval_months
from joined
