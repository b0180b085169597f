-- From the first failed or missed run to the next success; those without an end are open.
select
    incidents.started_at,
    incidents.recovered_at,
    incidents.is_open,
    coalesce(exports.name, incidents.export_id) as export_name,
    incidents.started_by,
    incidents.runs_failed,
    incidents.runs_missed,
    incidents.duration_seconds / 3600.0 as duration_hours,
    incidents.last_error_kind,
    incidents.last_error_message
from didomi_marts.didomi__export_incidents as incidents
inner join didomi_marts.didomi__exports as exports on incidents.export_id = exports.export_id
