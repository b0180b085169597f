with

runs as (

    select * from {{ ref('didomi__export_runs') }}
    where is_timed

),

missed_runs as (

    select * from {{ ref('int_didomi__missed_runs') }}

),

exports as (

    select * from {{ ref('int_didomi__exports') }}

),

-- an incident is everything that went wrong between two successes
events as (

    select
        export_id,
        completed_so_far,
        run_at as event_at,
        1 as failed_count,
        0 as missed_count,
        run_number as failed_number
    from runs
    where status = 'failed'

    union all

    select
        export_id,
        completed_so_far,
        expected_at as event_at,
        0 as failed_count,
        1 as missed_count,
        null as failed_number
    from missed_runs

),

incidents as (

    select
        export_id,
        completed_so_far,
        min(event_at) as started_at,
        max(event_at) as last_event_at,
        min(case when failed_count = 1 then event_at end) as first_failed_at,
        sum(failed_count) as runs_failed,
        sum(missed_count) as runs_missed,
        max(failed_number) as last_failed_number
    from events
    group by export_id, completed_so_far

),

completed_runs as (

    select * from runs
    where status = 'completed'

),

joined as (

    select
        incidents.export_id,
        exports.organization_id,
        {{ didomi__is_retired('incidents.export_id') }} as is_retired,
        before_incident.log_id as previous_success_log_id,
        incidents.started_at,
        incidents.last_event_at,
        case when incidents.first_failed_at = incidents.started_at then 'failed' else 'missed' end as started_by,
        after_incident.log_id as recovered_log_id,
        after_incident.run_at as recovered_at,
        incidents.runs_failed,
        incidents.runs_missed,
        last_failed.error_kind as last_error_kind,
        last_failed.error_message as last_error_message,
        last_failed.error_fingerprint as last_error_fingerprint
    from incidents
    inner join exports on incidents.export_id = exports.export_id
    left join completed_runs as before_incident
        on
            incidents.export_id = before_incident.export_id
            and incidents.completed_so_far = before_incident.completed_so_far
    left join completed_runs as after_incident
        on
            incidents.export_id = after_incident.export_id
            and incidents.completed_so_far + 1 = after_incident.completed_so_far
    left join runs as last_failed
        on
            incidents.export_id = last_failed.export_id
            and incidents.last_failed_number = last_failed.run_number

)

select
    -- grain: the last success before names an incident for good
    {{ dbt.hash("export_id || '|' || coalesce(previous_success_log_id, '')") }} as incident_id,
    export_id,
    organization_id,

    -- when
    started_at,
    started_by,
    recovered_at,
    recovered_at is null and not is_retired as is_open,
    {{ didomi__seconds_between('started_at', 'recovered_at') }} as seconds_to_recovery,
    {{ didomi__seconds_between('started_at', 'coalesce(recovered_at, case when is_retired then last_event_at else ' ~ didomi__as_of() ~ ' end)') }} as duration_seconds,

    -- what
    {{ didomi__bigint('runs_failed') }} as runs_failed,
    {{ didomi__bigint('runs_missed') }} as runs_missed,
    last_error_kind,
    last_error_message,
    last_error_fingerprint,

    -- between which successes
    previous_success_log_id,
    recovered_log_id
from joined
