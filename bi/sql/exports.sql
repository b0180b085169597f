-- How each export is now; sort by severity.
select
    coalesce(name, export_id) as export_name,
    health,
    case health
        when 'failing' then 1
        when 'late' then 2
        when 'stuck' then 3
        when 'unknown_schedule' then 4
        when 'no_outcome' then 5
        when 'retired' then 7
        else 6
    end as severity,
    health_reason,
    current_streak,
    failing_since_at,
    last_run_at,
    last_success_at,
    last_success_users,
    expected_next_run_at,
    last_error_kind,
    runs_missed,
    runs_completed_28d,
    runs_failed_28d,
    success_rate_28d,
    last_complete_sync_at
from didomi_marts.didomi__exports
