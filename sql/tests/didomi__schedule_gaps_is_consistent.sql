with

gaps as (

    select * from {{ ref('didomi__schedule_gaps') }}

),

exports as (

    select * from {{ ref('didomi__exports') }}

),

gaps_per_export as (

    select
        export_id,
        sum(missed_runs) as missed_runs,
        sum(case when is_open then missed_runs else 0 end) as open_missed_runs
    from gaps
    group by export_id

)

select 'previous_log_id is unique' as rule, previous_log_id as where_it_fails
from gaps
group by previous_log_id
having count(*) > 1

union all

select 'the gaps hold the missed and the overdue runs of an export' as rule, exports.export_id as where_it_fails
from exports
left join gaps_per_export on exports.export_id = gaps_per_export.export_id
where
    exports.runs_missed <> coalesce(gaps_per_export.missed_runs, 0)
    or exports.runs_overdue <> coalesce(gaps_per_export.open_missed_runs, 0)

union all

select 'a gap is longer than expected, and what it missed lies in it' as rule, previous_log_id as where_it_fails
from gaps
where
    missed_runs < 1
    or gap_intervals <= 1
    or missed_runs > gap_intervals
    or gap_seconds <= expected_seconds
    or first_missed_at <= started_at
    or first_missed_at > last_missed_at
    or last_missed_at >= ended_at
    or is_open <> (ended_at is null)
    or is_open <> (next_log_id is null)
