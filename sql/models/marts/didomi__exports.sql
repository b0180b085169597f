with

exports as (

    select * from {{ ref('int_didomi__exports') }}

),

runs as (

    select * from {{ ref('didomi__export_runs') }}

),

missed_runs as (

    select * from {{ ref('int_didomi__missed_runs') }}

),

days as (

    select * from {{ ref('didomi__daily_export_success') }}
    where run_date = {{ didomi__as_of_date() }}

),

syncs as (

    select * from {{ ref('stg_didomi__export_syncs') }}

),

deliveries as (

    select * from {{ ref('didomi__deliveries') }}

),

quarantine as (

    select * from {{ ref('stg_didomi__export_log_quarantine') }}

),

run_totals as (

    select
        export_id,
        count(*) as runs_total,
        sum(case when status = 'completed' then 1 else 0 end) as runs_completed,
        sum(case when status = 'failed' then 1 else 0 end) as runs_failed,
        sum(case when status = 'pending' then 1 else 0 end) as runs_pending,
        sum(case when status = 'unknown' then 1 else 0 end) as runs_unknown,
        sum(case when is_timed then 0 else 1 end) as runs_untimed,
        sum(case when contradiction is not null then 1 else 0 end) as runs_contradictory,
        sum(case when missing_since_at is not null then 1 else 0 end) as runs_missing_at_source,
        min(case when is_timed then run_at end) as first_run_at,
        min(case when status = 'pending' then run_at end) as oldest_pending_at,
        max(run_number) as last_run_number,
        max(case when status = 'completed' then run_number end) as last_completed_number,
        max(case when status = 'failed' then run_number end) as last_failed_number,
        -- a log that is gone from the source can never settle, and of a retired export nobody waits for one
        sum(
            case
                when
                    status = 'pending'
                    and missing_since_at is null
                    and not ({{ didomi__is_retired('export_id') }})
                    and {{ didomi__seconds_between('run_at', didomi__as_of()) }} > {{ didomi__number('didomi_pending_grace_hours') }} * 3600
                    then 1
                else 0
            end
        ) as runs_stuck
    from runs
    group by export_id

),

streaks as (

    select
        run_totals.export_id,
        sum(case when runs.run_number > coalesce(run_totals.last_failed_number, 0) and runs.status = 'completed' then 1 else 0 end) as completed_streak,
        sum(case when runs.run_number > coalesce(run_totals.last_completed_number, 0) and runs.status = 'failed' then 1 else 0 end) as failed_streak,
        min(case when runs.run_number > coalesce(run_totals.last_completed_number, 0) and runs.status = 'failed' then runs.run_at end) as failing_since_at
    from run_totals
    inner join runs on run_totals.export_id = runs.export_id
    group by run_totals.export_id

),

last_runs as (

    select
        run_totals.export_id,
        max(case when runs.run_number = run_totals.last_run_number then runs.run_at end) as last_run_at,
        max(case when runs.run_number = run_totals.last_run_number then runs.status end) as last_run_status,
        max(case when runs.run_number = run_totals.last_completed_number then runs.run_at end) as last_success_at,
        max(case when runs.run_number = run_totals.last_completed_number then runs.users end) as last_success_users,
        max(case when runs.run_number = run_totals.last_failed_number then runs.run_at end) as last_failure_at,
        max(case when runs.run_number = run_totals.last_failed_number then runs.error_kind end) as last_error_kind,
        max(case when runs.run_number = run_totals.last_failed_number then runs.error_message end) as last_error_message
    from run_totals
    inner join runs
        on
            run_totals.export_id = runs.export_id
            and runs.run_number in (run_totals.last_run_number, run_totals.last_completed_number, run_totals.last_failed_number)
    group by run_totals.export_id

),

missed_totals as (

    select
        export_id,
        count(*) as runs_missed,
        sum(case when is_open then 1 else 0 end) as runs_overdue
    from missed_runs
    group by export_id

),

-- seven days or longer intervals, or a week of hours, find a day that is not skipped, if the schedule ever meets one
numbers as (

    {{ didomi__numbers(168) }}

),

expected_runs as (

    select
        exports.export_id,
        {{ didomi__add_intervals('last_runs.last_run_at', 'numbers.step', 'exports.interval_seconds', 'exports.interval_months') }} as expected_at
    from exports
    inner join last_runs on exports.export_id = last_runs.export_id
    inner join numbers on numbers.step <= 7 or exports.interval_seconds < 86400
    where
        coalesce(exports.interval_seconds, exports.interval_months) is not null
        and not ({{ didomi__is_retired('exports.export_id') }})

),

next_runs as (

    select
        export_id,
        min(expected_at) as expected_next_run_at
    from expected_runs
    where not ({{ didomi__is_skipped_weekday(didomi__local_date('expected_at')) }})
    group by export_id

),

sync_totals as (

    select
        export_id,
        min(finished_at) as first_synced_at,
        max(finished_at) as last_synced_at,
        max(case when is_complete and coalesce(mode, '') <> 'backfill' then finished_at end) as last_complete_sync_at
    from syncs
    group by export_id

),

complete_runs as (

    select
        syncs.run_id,
        min(syncs.finished_at) as read_at,
        row_number() over (order by min(syncs.finished_at) desc) as recency
    from syncs
    inner join exports on syncs.export_id = exports.export_id
    where syncs.is_complete and coalesce(syncs.mode, '') <> 'backfill'
    group by syncs.run_id

),

-- of the last two runs that read an export completely
reads as (

    select
        max(case when recency = 1 then read_at end) as last_read_at,
        max(case when recency = 2 then read_at end) as second_last_read_at
    from complete_runs

),

decided_deliveries as (

    select
        *,
        verdict not in ('arriving', 'not_checked', 'not_comparable', 'unannounced', 'unclaimed') or is_wrong as is_decided,
        delivery_date > {{ didomi__add_days(didomi__utc_date(didomi__as_of()), -7) }} as is_recent
    from deliveries

),

-- the newest first: of all, and of those that are known to be right or wrong
ranked_deliveries as (

    select
        *,
        {%- set newest_first -%}
            order by delivery_date desc, case when is_wrong then 0 else 1 end asc, data_kind asc
        {%- endset %}
        row_number() over (partition by export_id {{ newest_first }}) as recency,
        row_number() over (partition by export_id, is_decided {{ newest_first }}) as decided_recency
    from decided_deliveries

),

delivery_totals as (

    select
        export_id,
        max(case when recency = 1 then verdict end) as last_delivery_verdict,
        sum(case when is_wrong and is_recent then 1 else 0 end) as deliveries_wrong_7d,
        min(
            case when gone_since_at is null and archived_at is null and expires_at > {{ didomi__as_of() }} then expires_at end
        ) as next_expiry_at,
        max(
            case when is_decided and decided_recency = 1 and is_wrong and is_recent
                then {{ didomi__text('delivery_date') }} || ' (' || data_kind || '): ' || verdict_reason
            end
        ) as wrong_delivery
    from ranked_deliveries
    group by export_id

),

quarantine_totals as (

    select
        export_id,
        count(*) as logs_quarantined
    from quarantine
    group by export_id

),

joined as (

    select
        exports.export_id,
        exports.organization_id,
        exports.name,
        exports.type_id,
        exports.data_kinds,
        exports.frequency,
        exports.interval_seconds,
        exports.interval_months,
        exports.created_at,
        {{ didomi__is_retired('exports.export_id') }} as is_retired,
        run_totals.first_run_at,
        run_totals.oldest_pending_at,
        last_runs.last_run_at,
        last_runs.last_run_status,
        last_runs.last_success_at,
        last_runs.last_success_users,
        last_runs.last_failure_at,
        last_runs.last_error_kind,
        last_runs.last_error_message,
        streaks.failing_since_at,
        next_runs.expected_next_run_at,
        days.runs_completed_7d,
        days.runs_failed_7d,
        days.success_rate_7d,
        days.runs_completed_28d,
        days.runs_failed_28d,
        days.success_rate_28d,
        sync_totals.last_synced_at,
        sync_totals.last_complete_sync_at,
        delivery_totals.last_delivery_verdict,
        {{ didomi__bigint('delivery_totals.deliveries_wrong_7d') }} as deliveries_wrong_7d,
        delivery_totals.next_expiry_at,
        delivery_totals.wrong_delivery,
        coalesce(
            coalesce(sync_totals.last_complete_sync_at, sync_totals.first_synced_at) < reads.second_last_read_at
            and {{ didomi__seconds_between('coalesce(sync_totals.last_complete_sync_at, sync_totals.first_synced_at)', 'reads.last_read_at') }}
            > {{ didomi__number('didomi_unread_hours') }} * 3600,
            false
        ) as is_unread,
        {{ didomi__seconds_between('last_runs.last_run_at', didomi__as_of()) }} as seconds_since_last_run,
        {{ didomi__seconds_between('last_runs.last_success_at', didomi__as_of()) }} as seconds_since_last_success,
        {{ didomi__seconds_between('sync_totals.last_complete_sync_at', didomi__as_of()) }} as seconds_since_complete_sync,
        {%- for column in [
            'run_totals.runs_total', 'run_totals.runs_completed', 'run_totals.runs_failed', 'run_totals.runs_pending',
            'run_totals.runs_unknown', 'run_totals.runs_untimed', 'run_totals.runs_contradictory',
            'run_totals.runs_missing_at_source', 'run_totals.runs_stuck', 'missed_totals.runs_missed',
            'missed_totals.runs_overdue', 'streaks.completed_streak', 'streaks.failed_streak', 'quarantine_totals.logs_quarantined'
        ] %}
        {{ didomi__bigint('coalesce(' ~ column ~ ', 0)') }} as {{ column.split('.')[1] }}{{ ',' if not loop.last }}
        {%- endfor %}
    from exports
    left join run_totals on exports.export_id = run_totals.export_id
    left join streaks on exports.export_id = streaks.export_id
    left join last_runs on exports.export_id = last_runs.export_id
    left join missed_totals on exports.export_id = missed_totals.export_id
    left join next_runs on exports.export_id = next_runs.export_id
    left join days on exports.export_id = days.export_id
    left join sync_totals on exports.export_id = sync_totals.export_id
    cross join reads
    left join delivery_totals on exports.export_id = delivery_totals.export_id
    left join quarantine_totals on exports.export_id = quarantine_totals.export_id

),

judged as (

    select
        *,
        case
            when is_retired then 'retired'
            when is_unread then 'unread'
            when failed_streak > 0 then 'failing'
            when wrong_delivery is not null then 'undelivered'
            when runs_overdue > 0 then 'late'
            when runs_stuck > 0 then 'stuck'
            when coalesce(interval_seconds, interval_months) is null then 'unknown_schedule'
            when completed_streak = 0 then 'no_outcome'
            else 'healthy'
        end as health
    from joined

)

select
    -- which
    export_id,
    organization_id,
    name,
    type_id,
    data_kinds,
    frequency,
    interval_seconds,
    interval_months,
    created_at,

    -- how it is
    health,
    case health
        when 'retired' then 'named in didomi_retired_exports'
        when 'unread' then
            case
                when last_complete_sync_at is null then 'never read completely'
                else
                    case when last_synced_at > last_complete_sync_at then 'not read completely for ' else 'not read for ' end
                    || {{ didomi__text(didomi__bigint('floor(' ~ didomi__rate('seconds_since_complete_sync', 3600) ~ ')')) }} || ' hours'
            end
            || ', though other exports were'
            || case when failed_streak > 0 then '; its last settled run failed' else '' end
        when 'failing' then
            {{ didomi__text('failed_streak') }}
            || case when failed_streak = 1 then ' failed run' else ' failed runs in a row' end
            || ' (' || last_error_kind || ')'
        when 'undelivered' then 'delivery of ' || wrong_delivery
        when 'late' then
            'no run for ' || {{ didomi__text(didomi__bigint('floor(' ~ didomi__rate('seconds_since_last_run', 3600) ~ ')')) }} || ' hours, '
            || {{ didomi__text('runs_overdue') }} || ' overdue'
            -- nobody has looked since it was due: it may have run
            || case
                when last_complete_sync_at < expected_next_run_at then
                    ', but not read completely for '
                    || {{ didomi__text(didomi__bigint('floor(' ~ didomi__rate('seconds_since_complete_sync', 3600) ~ ')')) }} || ' hours'
                else ''
            end
        when 'stuck' then
            {{ didomi__text('runs_stuck') }}
            || case when runs_stuck = 1 then ' run' else ' runs' end
            || ' pending for more than {{ didomi__number('didomi_pending_grace_hours') }} hours'
        when 'unknown_schedule' then
            coalesce('the frequency "' || frequency || '" cannot be read', 'no frequency is known')
        when 'no_outcome' then 'no run with a known time has settled yet'
        else 'the last settled run succeeded'
    end as health_reason,

    -- streak
    case when failed_streak > 0 then 'failed' when completed_streak > 0 then 'completed' end as current_streak_status,
    failed_streak + completed_streak as current_streak,
    case when health = 'failing' then failing_since_at end as failing_since_at,

    -- last and next
    first_run_at,
    last_run_at,
    last_run_status,
    last_success_at,
    last_success_users,
    seconds_since_last_success,
    last_failure_at,
    last_error_kind,
    last_error_message,
    oldest_pending_at,
    expected_next_run_at,

    -- counts
    runs_total,
    runs_completed,
    runs_failed,
    runs_pending,
    runs_unknown,
    runs_untimed,
    runs_missed,
    runs_overdue,
    runs_stuck,
    runs_contradictory,
    runs_missing_at_source,
    logs_quarantined,

    -- rates
    {{ didomi__rate('runs_completed', 'runs_completed + runs_failed') }} as success_rate,
    runs_completed_7d,
    runs_failed_7d,
    success_rate_7d,
    runs_completed_28d,
    runs_failed_28d,
    success_rate_28d,

    -- deliveries
    last_delivery_verdict,
    deliveries_wrong_7d,
    next_expiry_at,

    -- loading
    last_synced_at,
    last_complete_sync_at
from judged
