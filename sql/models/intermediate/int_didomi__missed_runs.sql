with

runs as (

    select * from {{ ref('didomi__export_runs') }}
    where is_timed

),

exports as (

    select * from {{ ref('int_didomi__exports') }}

),

-- each run and what came after it: the next run, or nothing until now
distances as (

    select
        runs.export_id,
        runs.log_id as previous_log_id,
        runs.completed_so_far,
        runs.run_at as started_at,
        runs.interval_seconds,
        runs.interval_months,
        lead(runs.log_id) over (partition by runs.export_id order by runs.run_number) as next_log_id,
        lead(runs.run_at) over (partition by runs.export_id order by runs.run_number) as next_run_at,
        lead(runs.interval_seconds) over (partition by runs.export_id order by runs.run_number) as next_interval_seconds,
        lead(runs.interval_months) over (partition by runs.export_id order by runs.run_number) as next_interval_months
    from runs

),

-- the interval after the gap: of the next run, or the one in force while there is none
neighbours as (

    select
        distances.export_id,
        exports.organization_id,
        distances.previous_log_id,
        distances.next_log_id,
        distances.completed_so_far,
        distances.started_at,
        distances.next_run_at as ended_at,
        distances.next_run_at is null as is_open,
        distances.interval_seconds,
        distances.interval_months,
        case
            when distances.next_run_at is null then exports.interval_seconds
            else distances.next_interval_seconds
        end as other_interval_seconds,
        case
            when distances.next_run_at is null then exports.interval_months
            else distances.next_interval_months
        end as other_interval_months
    from distances
    inner join exports on distances.export_id = exports.export_id
    where distances.next_run_at is not null or not ({{ didomi__is_retired('exports.export_id') }})

),

nominal as (

    select
        *,
        coalesce(ended_at, {{ didomi__as_of() }}) as measured_until_at,
        {{ didomi__nominal_seconds('interval_seconds', 'interval_months') }} as nominal_seconds,
        {{ didomi__nominal_seconds('other_interval_seconds', 'other_interval_months') }} as other_nominal_seconds
    from neighbours

),

-- the longer interval counts; one that is unknown on either side claims nothing
chosen as (

    select
        export_id,
        organization_id,
        previous_log_id,
        next_log_id,
        completed_so_far,
        started_at,
        ended_at,
        measured_until_at,
        is_open,
        greatest(nominal_seconds, other_nominal_seconds) as nominal_seconds,
        case
            when other_nominal_seconds > nominal_seconds then other_interval_seconds
            else interval_seconds
        end as interval_seconds,
        case
            when other_nominal_seconds > nominal_seconds then other_interval_months
            else interval_months
        end as interval_months,
        {{ didomi__seconds_between('started_at', 'measured_until_at') }} as gap_seconds
    from nominal
    where nominal_seconds is not null and other_nominal_seconds is not null

),

-- February is 0.92 of a nominal month: no shorter gap can hold a missed run
long_enough as (

    select
        *,
        {{ didomi__bigint('floor(' ~ didomi__rate(dbt.datediff('started_at', 'measured_until_at', 'month'), 'interval_months') ~ ')') }} as month_steps
    from chosen
    where gap_seconds * 10 > nominal_seconds * 9

),

stepped as (

    select
        *,
        case
            when {{ didomi__add_months('started_at', 'month_steps * interval_months') }} > measured_until_at then month_steps - 1
            else month_steps
        end as whole_month_steps
    from long_enough

),

-- the gap in intervals; a calendar month is as long as the month that it falls into
measured as (

    select
        *,
        case
            when interval_months is null then {{ didomi__rate('gap_seconds', 'interval_seconds') }}
            else whole_month_steps + {{ didomi__rate(
                didomi__seconds_between(
                    didomi__add_months('started_at', 'whole_month_steps * interval_months'),
                    'measured_until_at'
                ),
                didomi__seconds_between(
                    didomi__add_months('started_at', 'whole_month_steps * interval_months'),
                    didomi__add_months('started_at', '(whole_month_steps + 1) * interval_months')
                )
            ) }}
        end as gap_intervals
    from stepped

),

counted as (

    select
        *,
        case
            when is_open then {{ didomi__bigint('ceil(gap_intervals - (' ~ didomi__double(didomi__number('didomi_late_factor')) ~ ' - 1))') }} - 1
            else {{ didomi__bigint('floor(gap_intervals + 0.5)') }} - 1
        end as expected_runs
    from measured

),

-- no gap since 2000-01-01 holds more hours until 2029; as many as the longest one needs
longest as (

    select max(expected_runs) as expected_runs from counted

),

numbers as (

    select series.step
    from ({{ didomi__numbers(262144) }}) as series
    inner join longest on series.step <= longest.expected_runs

),

-- one row per run that should have been
expected as (

    select
        counted.*,
        numbers.step as expected_number,
        {{ didomi__add_intervals('counted.started_at', 'numbers.step', 'counted.interval_seconds', 'counted.interval_months') }} as expected_at
    from counted
    inner join numbers on counted.expected_runs >= numbers.step

),

dated as (

    select
        *,
        {{ didomi__local_date('expected_at') }} as expected_date
    from expected

)

select
    export_id,
    organization_id,
    previous_log_id,
    next_log_id,
    completed_so_far,
    started_at,
    ended_at,
    is_open,
    gap_seconds,
    gap_intervals,
    interval_seconds,
    interval_months,
    expected_number,
    expected_at,
    expected_date
from dated
where not ({{ didomi__is_skipped_weekday('expected_date') }})
