-- Users of each export on each day. A level: take one day or a mean of days, never a sum of them.
select
    days.run_date,
    coalesce(exports.name, days.export_id) as export_name,
    days.users,
    days.expected_users,
    days.users_median_28d,
    days.is_anomaly
from didomi_marts.didomi__daily_user_volume as days
inner join didomi_marts.didomi__exports as exports on days.export_id = exports.export_id
where days.users is not null
