-- Each export on each day. Rates of more than one row: sum(completed) / sum(completed + failed), never an average.
select
    days.run_date,
    coalesce(exports.name, days.export_id) as export_name,
    days.day_status,
    days.runs_completed,
    days.runs_failed,
    days.runs_missed,
    days.runs_pending,
    days.runs_completed_7d,
    days.runs_failed_7d,
    days.success_rate_7d,
    days.runs_completed_28d,
    days.runs_failed_28d,
    days.success_rate_28d
from didomi_marts.didomi__daily_export_success as days
inner join didomi_marts.didomi__exports as exports on days.export_id = exports.export_id
