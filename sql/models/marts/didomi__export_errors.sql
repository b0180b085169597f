with

failures as (

    select * from {{ ref('didomi__export_runs') }}
    where is_timed and status = 'failed'

),

exports as (

    select * from {{ ref('int_didomi__exports') }}

),

grouped as (

    select
        export_id,
        error_kind,
        run_date,
        count(*) as failures,
        count(distinct error_fingerprint) as distinct_errors,
        min(run_at) as first_failure_at,
        max(run_at) as last_failure_at,
        max(run_number) as last_run_number
    from failures
    group by export_id, error_kind, run_date

)

select
    -- grain
    grouped.export_id,
    exports.organization_id,
    grouped.error_kind,
    grouped.run_date,

    -- how often
    {{ didomi__bigint('grouped.failures') }} as failures,
    {{ didomi__bigint('grouped.distinct_errors') }} as distinct_errors,
    grouped.first_failure_at,
    grouped.last_failure_at,

    -- the latest as an example
    failures.log_id as example_log_id,
    failures.error_message as example_message,
    failures.error_fingerprint as example_fingerprint
from grouped
inner join exports on grouped.export_id = exports.export_id
inner join failures
    on
        grouped.export_id = failures.export_id
        and grouped.last_run_number = failures.run_number
