with

runs as (

    select * from {{ ref('didomi__export_runs') }}

),

logs as (

    select * from {{ ref('stg_didomi__export_logs') }}

),

timed_totals as (

    select
        export_id,
        count(*) as runs_total,
        count(distinct run_number) as run_numbers,
        max(run_number) as last_run_number
    from runs
    where is_timed
    group by export_id

),

counts as (

    select
        (select count(*) from runs) as runs_total,
        (select count(*) from logs) as logs_total

)

select 'one row per log' as rule, log_id as where_it_fails
from runs
group by log_id
having count(*) > 1

union all

select 'every log is a run' as rule, {{ didomi__text('logs_total - runs_total') }} as where_it_fails
from counts
where logs_total <> runs_total

union all

select 'timed runs are numbered 1, 2, …' as rule, export_id as where_it_fails
from timed_totals
where runs_total <> run_numbers or runs_total <> last_run_number

union all

select 'status, is_settled and is_success agree' as rule, log_id as where_it_fails
from runs
where
    status not in ('completed', 'failed', 'pending', 'unknown')
    or is_settled <> (status in ('completed', 'failed'))
    or is_settled <> (is_success is not null)
    or is_success <> (status = 'completed')

union all

select 'run_at_source says what run_at is' as rule, log_id as where_it_fails
from runs
where run_at <> case run_at_source when 'created_at' then created_at when 'first_seen' then first_seen_at else loaded_at end

union all

select 'untimed runs have no place and no duration' as rule, log_id as where_it_fails
from runs
where
    (is_backfill and is_timed)
    or is_timed = (run_number is null)
    or is_timed = (consecutive_failures is null)
    or (not is_timed and (is_order_known or duration_seconds is not null))

union all

select 'durations are not negative' as rule, log_id as where_it_fails
from runs
where duration_seconds < 0

union all

select 'a streak is 0 on success and grows by one on failure' as rule, log_id as where_it_fails
from (
    select
        log_id,
        status,
        consecutive_failures,
        lag(consecutive_failures, 1, 0) over (partition by export_id order by run_number) as failures_before
    from runs
    where is_timed
) as neighbours
where
    consecutive_failures <> case
        when status = 'completed' then 0
        when status = 'failed' then failures_before + 1
        else failures_before
    end

union all

select 'only failed runs have an error kind' as rule, log_id as where_it_fails
from runs
where (status = 'failed') = (error_kind is null)
