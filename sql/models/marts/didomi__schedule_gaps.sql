with

missed_runs as (

    select * from {{ ref('int_didomi__missed_runs') }}

),

gaps as (

    select
        export_id,
        organization_id,
        previous_log_id,
        next_log_id,
        started_at,
        ended_at,
        is_open,
        interval_seconds,
        interval_months,
        gap_seconds,
        gap_intervals,
        min(expected_at) as first_missed_at,
        max(expected_at) as last_missed_at,
        count(*) as missed_runs
    from missed_runs
    group by
        export_id,
        organization_id,
        previous_log_id,
        next_log_id,
        started_at,
        ended_at,
        is_open,
        interval_seconds,
        interval_months,
        gap_seconds,
        gap_intervals

)

select
    -- grain
    previous_log_id,
    export_id,
    organization_id,
    next_log_id,

    -- when
    started_at,
    ended_at,
    is_open,

    -- how long
    interval_seconds,
    interval_months,
    {{ didomi__seconds_between(
        'started_at',
        didomi__add_intervals('started_at', '1', 'interval_seconds', 'interval_months')
    ) }} as expected_seconds,
    gap_seconds,
    gap_intervals,

    -- what was missed
    {{ didomi__bigint('missed_runs') }} as missed_runs,
    first_missed_at,
    last_missed_at
from gaps
