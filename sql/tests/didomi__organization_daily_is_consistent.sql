with

organization_days as (

    select * from {{ ref('didomi__organization_daily') }}

),

days as (

    select * from {{ ref('didomi__daily_export_success') }}

),

organization_totals as (

    select
        coalesce(organization_id, '') as organization_id,
        sum(exports_total) as export_days,
        sum(runs_completed) as runs_completed,
        sum(runs_failed) as runs_failed,
        sum(runs_total) as runs_total,
        sum(runs_missed) as runs_missed
    from organization_days
    group by coalesce(organization_id, '')

),

day_totals as (

    select
        coalesce(organization_id, '') as organization_id,
        count(*) as export_days,
        sum(runs_completed) as runs_completed,
        sum(runs_failed) as runs_failed,
        sum(runs_total) as runs_total,
        sum(runs_missed) as runs_missed
    from days
    group by coalesce(organization_id, '')

)

select 'one row per organization and day' as rule, organization_id as where_it_fails
from organization_days
group by organization_id, run_date
having count(*) > 1

union all

select 'sums of an organization are sums of its exports' as rule, day_totals.organization_id as where_it_fails
from day_totals
left join organization_totals on day_totals.organization_id = organization_totals.organization_id
where
    day_totals.export_days <> coalesce(organization_totals.export_days, 0)
    or day_totals.runs_completed <> coalesce(organization_totals.runs_completed, 0)
    or day_totals.runs_failed <> coalesce(organization_totals.runs_failed, 0)
    or day_totals.runs_total <> coalesce(organization_totals.runs_total, 0)
    or day_totals.runs_missed <> coalesce(organization_totals.runs_missed, 0)

union all

select 'counts add up, rates lie in 0 to 1' as rule, organization_id as where_it_fails
from organization_days
where
    runs_total <> runs_completed + runs_failed + runs_pending + runs_unknown
    or exports_failing > exports_total
    or success_rate < 0 or success_rate > 1
    or success_rate_7d < 0 or success_rate_7d > 1
    or success_rate_28d < 0 or success_rate_28d > 1
    or (success_rate is null) <> (runs_completed + runs_failed = 0)
    or (success_rate_7d is null) <> (runs_completed_7d + runs_failed_7d = 0)
    or (success_rate_28d is null) <> (runs_completed_28d + runs_failed_28d = 0)
