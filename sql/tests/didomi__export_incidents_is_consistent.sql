with

incidents as (

    select * from {{ ref('didomi__export_incidents') }}

),

runs as (

    select * from {{ ref('didomi__export_runs') }}
    where is_timed

),

exports as (

    select * from {{ ref('didomi__exports') }}

),

incidents_per_export as (

    select
        export_id,
        sum(runs_failed) as runs_failed,
        sum(runs_missed) as runs_missed,
        sum(case when is_open then 1 else 0 end) as open_incidents
    from incidents
    group by export_id

),

failed_per_export as (

    select
        export_id,
        sum(case when status = 'failed' then 1 else 0 end) as runs_failed
    from runs
    group by export_id

)

select 'incident_id is unique' as rule, incident_id as where_it_fails
from incidents
group by incident_id
having count(*) > 1

union all

select 'every failed and every missed run is in one incident' as rule, exports.export_id as where_it_fails
from exports
left join incidents_per_export on exports.export_id = incidents_per_export.export_id
left join failed_per_export on exports.export_id = failed_per_export.export_id
where
    coalesce(incidents_per_export.runs_failed, 0) <> coalesce(failed_per_export.runs_failed, 0)
    or coalesce(incidents_per_export.runs_missed, 0) <> exports.runs_missed
    or incidents_per_export.open_incidents > 1

union all

select 'a failing or late export has an open incident' as rule, exports.export_id as where_it_fails
from exports
left join incidents_per_export on exports.export_id = incidents_per_export.export_id
where exports.health in ('failing', 'late') and coalesce(incidents_per_export.open_incidents, 0) <> 1

union all

select 'an incident holds something and ends after its start' as rule, incident_id as where_it_fails
from incidents
where
    runs_failed + runs_missed = 0
    or started_by not in ('failed', 'missed')
    or (is_open and recovered_at is not null)
    or (recovered_at is null) <> (recovered_log_id is null)
    or (recovered_at is null) <> (seconds_to_recovery is null)
    or seconds_to_recovery < 0
    or seconds_to_recovery <> duration_seconds
    or (runs_failed = 0) <> (last_error_kind is null)

union all

select 'an incident without a recovery is open, unless its export is retired' as rule, incidents.incident_id as where_it_fails
from incidents
inner join exports on incidents.export_id = exports.export_id
where incidents.recovered_at is null and incidents.is_open = (exports.health = 'retired')
