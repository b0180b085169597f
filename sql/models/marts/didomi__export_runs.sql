with

logs as (

    select * from {{ ref('stg_didomi__export_logs') }}

),

first_seen as (

    select * from {{ ref('int_didomi__first_seen') }}

),

exports as (

    select * from {{ ref('stg_didomi__exports') }}

),

complete_syncs as (

    select
        export_id,
        run_id,
        finished_at,
        row_number() over (
            partition by export_id
            order by finished_at, {{ didomi__byte_order('sync_id') }}
        ) as sync_rank
    from {{ ref('stg_didomi__export_syncs') }}
    where is_complete and mode <> 'backfill'

),

first_loads as (

    select
        export_id,
        run_id,
        finished_at
    from complete_syncs
    where sync_rank = 1

),

joined as (

    select
        logs.log_id,
        logs.export_id,
        logs.organization_id,
        logs.status,
        logs.raw_status,
        logs.users,
        logs.error_message,
        logs.created_at,
        logs.updated_at,
        logs.loaded_at,
        logs.missing_since_at,
        coalesce(logs.frequency, exports.frequency) as frequency,
        -- an analytics export has no data kinds; of one whose configuration is not known users are expected
        case
            when exports.data_kinds is not null then ',' || exports.data_kinds || ',' like '%,users,%'
            else coalesce(exports.name, exports.type_id) is null
        end as is_claiming_users,
        logs.status in ('completed', 'failed') as is_settled,
        coalesce(first_seen.first_seen_at, logs.loaded_at) as first_seen_at,
        coalesce(first_seen.first_seen_run_id, logs.run_id) as first_seen_run_id,
        first_seen.settled_seen_at,
        first_seen.unsettled_seen_at,
        first_loads.run_id as first_load_run_id,
        first_loads.finished_at as first_load_finished_at
    from logs
    left join first_seen on logs.log_id = first_seen.log_id
    left join exports on logs.export_id = exports.export_id
    left join first_loads on logs.export_id = first_loads.export_id

),

timed as (

    select
        *,
        coalesce(created_at, first_seen_at) as run_at,
        case when created_at is null then 'first_seen' else 'created_at' end as run_at_source,
        created_at is null and (
            first_load_finished_at is null
            or first_seen_at <= first_load_finished_at
            or first_seen_run_id = first_load_run_id
        ) as is_backfill,
        case
            when not is_settled then null
            when updated_at is not null then updated_at
            when unsettled_seen_at < settled_seen_at then settled_seen_at
        end as settled_at,
        {{ didomi__frequency_number('frequency') }} as frequency_number,
        {{ didomi__frequency_unit('frequency') }} as frequency_unit
    from joined

),

derived as (

    select
        *,
        {{ didomi__local_date('run_at') }} as run_date,
        not is_backfill
        and run_at >= cast('2000-01-01' as {{ didomi__type_timestamp() }})
        and run_at <= {{ didomi__as_of() }} as is_timed,
        {{ didomi__interval_seconds('frequency_number', 'frequency_unit') }} as interval_seconds,
        {{ didomi__interval_months('frequency_number', 'frequency_unit') }} as interval_months,
        case when status = 'failed' then {{ didomi__error_template('error_message') }} end as error_template
    from timed

),

-- logs without a creation time that one load brought: nothing tells their order
loads as (

    select
        export_id,
        first_seen_run_id,
        count(*) as log_count
    from derived
    where is_timed and run_at_source = 'first_seen'
    group by export_id, first_seen_run_id

),

counted as (

    select
        derived.*,
        loads.log_count as runs_of_this_load
    from derived
    left join loads
        on
            derived.run_at_source = 'first_seen'
            and derived.export_id = loads.export_id
            and derived.first_seen_run_id = loads.first_seen_run_id

),

ordered as (

    select
        *,
        {%- set in_order -%}
            partition by export_id, is_timed
            order by run_at, {{ didomi__byte_order('log_id') }}
        {%- endset %}
        row_number() over ({{ in_order }}) as position_in_export,
        lag(run_at) over ({{ in_order }}) as previous_run_at,
        lead(run_at) over ({{ in_order }}) as next_run_at,
        sum(case when status = 'completed' then 1 else 0 end) over (
            {{ in_order }}
            rows between unbounded preceding and current row
        ) as completed_so_far
    from counted

),

streaks as (

    select
        *,
        sum(case when status = 'failed' then 1 else 0 end) over (
            partition by export_id, is_timed, completed_so_far
            order by position_in_export
            rows between unbounded preceding and current row
        ) as failed_since_completed
    from ordered

)

select
    -- ids
    log_id,
    export_id,
    organization_id,

    -- when
    run_at,
    run_at_source,
    run_date,
    is_timed,
    is_backfill,
    is_timed
    and coalesce(previous_run_at <> run_at, true)
    and coalesce(next_run_at <> run_at, true)
    and (run_at_source = 'created_at' or coalesce(runs_of_this_load = 1, false)) as is_order_known,
    case when is_timed then {{ didomi__bigint('position_in_export') }} end as run_number,

    -- outcome
    status,
    raw_status,
    is_settled,
    case when is_settled then status = 'completed' end as is_success,
    users,
    case
        when is_timed and settled_at >= run_at then {{ didomi__seconds_between('run_at', 'settled_at') }}
    end as duration_seconds,
    case when is_timed then {{ didomi__bigint('completed_so_far') }} end as completed_so_far,
    case when is_timed then {{ didomi__bigint('failed_since_completed') }} end as consecutive_failures,
    error_message,
    case when status = 'failed' then {{ didomi__error_kind('error_message') }} end as error_kind,
    error_template,
    {{ dbt.hash('error_template') }} as error_fingerprint,
    case
        when status = 'completed' and error_message is not null then 'completed_with_error'
        when status = 'completed' and users is null and is_claiming_users then 'completed_without_users'
        when status = 'failed' and users > 0 then 'failed_with_users'
    end as contradiction,

    -- schedule
    frequency,
    interval_seconds,
    interval_months,

    -- times
    created_at,
    updated_at,
    first_seen_at,
    settled_at,
    missing_since_at,
    loaded_at
from streaks
