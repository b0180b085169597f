with

errors as (

    select * from {{ ref('didomi__export_errors') }}

),

days as (

    select * from {{ ref('didomi__daily_export_success') }}

),

errors_per_day as (

    select
        export_id,
        run_date,
        sum(failures) as failures
    from errors
    group by export_id, run_date

)

select 'one row per export, kind and day' as rule, export_id as where_it_fails
from errors
group by export_id, error_kind, run_date
having count(*) > 1

union all

select 'failures are the failed runs of the day' as rule, days.export_id as where_it_fails
from days
left join errors_per_day
    on days.export_id = errors_per_day.export_id and days.run_date = errors_per_day.run_date
where days.runs_failed <> coalesce(errors_per_day.failures, 0)

union all

select 'distinct errors and times fit the failures' as rule, export_id as where_it_fails
from errors
where
    failures < 1
    or distinct_errors > failures
    or (error_kind = 'no_message') <> (distinct_errors = 0)
    or (error_kind = 'no_message') <> (example_message is null)
    or first_failure_at > last_failure_at
