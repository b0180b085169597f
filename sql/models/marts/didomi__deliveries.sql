with

exports as (

    select
        *,
        {{ didomi__retention_days('type_id') }} as retention_days,
        case
            when data_kinds is null and coalesce(name, type_id) is not null then 'cmp_hourly_metrics'
            else 'users'
        end as expected_kind
    from {{ ref('int_didomi__exports') }}

),

-- a delivery loses files by their age, maybe from its last day on; what is there three days after its end is kept
aged as (

    select
        deliveries.*,
        {%- set came_at = "coalesce(deliveries.first_modified_at, cast(deliveries.delivery_date as " ~ didomi__type_timestamp() ~ "))" %}
        {{ didomi__add_seconds(came_at, '(exports.retention_days - 1) * 86400') }} as whole_until_at,
        {{ didomi__add_seconds(came_at, 'exports.retention_days * 86400') }} as aged_from_at,
        {{ didomi__add_seconds(came_at, '(exports.retention_days + 3) * 86400') }} as kept_from_at,
        coalesce(deliveries.last_modified_at, deliveries.first_seen_at) as changed_at
    from {{ ref('stg_didomi__export_deliveries') }} as deliveries
    left join exports on deliveries.export_id = exports.export_id

),

-- what was removed before it was complete, and not by its age, was not delivered
deliveries as (

    select *
    from aged
    where gone_since_at is null or is_complete or coalesce(whole_until_at <= gone_since_at, false)

),

all_runs as (

    select * from {{ ref('didomi__export_runs') }}

),

syncs as (

    select * from {{ ref('stg_didomi__export_syncs') }}

),

runs as (

    select
        export_id,
        log_id,
        run_number,
        run_at_source,
        status,
        case when users >= 0 then users end as users,
        {{ didomi__utc_date('run_at') }} as run_day,
        coalesce(settled_at, first_seen_at) as settled_at,
        coalesce(settled_at, run_at) as ended_at
    from all_runs
    where is_timed

),

-- until then logs without a time came, of which nobody knows the day
undated as (

    select
        export_id,
        max(first_seen_at) as undated_until_at
    from all_runs
    where is_backfill
    group by export_id

),

readings as (

    select
        export_id,
        max(case when is_complete and coalesce(mode, '') <> 'backfill' then finished_at end) as last_read_at,
        min(deliveries_listed_at) as first_listed_at,
        max(deliveries_listed_at) as last_listed_at
    from syncs
    group by export_id

),

-- when an incomplete delivery was listed again, past the grace
second_listings as (

    select
        deliveries.export_id,
        deliveries.delivery_date,
        deliveries.data_kind,
        min(syncs.deliveries_listed_at) as listed_at
    from deliveries
    inner join syncs
        on
            deliveries.export_id = syncs.export_id
            and {{ didomi__add_seconds('deliveries.changed_at', didomi__number('didomi_delivery_grace_hours') ~ ' * 3600') }} <= syncs.deliveries_listed_at
    where not deliveries.is_complete
    group by deliveries.export_id, deliveries.delivery_date, deliveries.data_kind

),

run_days as (

    select
        export_id,
        run_day,
        count(*) as runs_total,
        sum(case when status = 'completed' then 1 else 0 end) as runs_completed,
        sum(case when status = 'failed' then 1 else 0 end) as runs_failed,
        sum(case when status = 'pending' then 1 else 0 end) as runs_pending,
        max(case when status = 'completed' then run_number end) as last_completed_number,
        max(case when status = 'completed' then settled_at end) as settled_at,
        max(case when status = 'completed' then ended_at end) as ended_at,
        {{ didomi__sum_users("case when status = 'completed' then users end") }} as users_sum,
        max(case when run_at_source = 'first_seen' then 1 else 0 end) = 1 as is_day_estimated
    from runs
    group by export_id, run_day

),

partition_days as (

    select
        export_id,
        delivery_date,
        max(case when data_kind = 'users' then 1 else 0 end) = 1 as has_users,
        max(case when data_kind in ('users', 'unknown') then 1 else 0 end) = 1 as has_claimed_kind
    from deliveries
    group by export_id, delivery_date

),

-- the run's day, else the next one where that has a delivery and no run
claims as (

    select
        run_days.*,
        runs.log_id,
        runs.users,
        case
            when own.export_id is null and next_day.export_id is not null and next_day_runs.export_id is null
                then next_day.delivery_date
            else run_days.run_day
        end as delivery_date
    from run_days
    left join runs on run_days.export_id = runs.export_id and run_days.last_completed_number = runs.run_number
    left join partition_days as own on run_days.export_id = own.export_id and run_days.run_day = own.delivery_date
    left join partition_days as next_day
        on run_days.export_id = next_day.export_id and {{ didomi__add_days('run_days.run_day', 1) }} = next_day.delivery_date
    left join run_days as next_day_runs
        on run_days.export_id = next_day_runs.export_id and {{ didomi__add_days('run_days.run_day', 1) }} = next_day_runs.run_day

),

first_deliveries as (

    select
        export_id,
        min(delivery_date) as first_date
    from partition_days
    group by export_id

),

-- where files are kept, nobody knows how long: before the first delivery that is there, they may have been deleted, and
-- only a listing within a week counts
undelivered as (

    select
        claims.*,
        partition_days.export_id is not null as has_another_kind,
        {{ didomi__add_seconds('claims.settled_at', didomi__number('didomi_delivery_grace_hours') ~ ' * 3600') }} as due_at,
        {{
            didomi__add_seconds(
                'claims.ended_at',
                '86400 * coalesce(exports.retention_days, case when first_deliveries.first_date < claims.delivery_date then null else 7 end)'
            )
        }} as expires_at
    from claims
    inner join exports on claims.export_id = exports.export_id
    inner join readings on claims.export_id = readings.export_id
    left join first_deliveries on claims.export_id = first_deliveries.export_id
    left join partition_days on claims.export_id = partition_days.export_id and claims.delivery_date = partition_days.delivery_date
    where
        claims.runs_completed > 0
        and readings.first_listed_at is not null
        and (
            partition_days.export_id is null
            -- files of another kind are not the users that the log claims
            or (not partition_days.has_claimed_kind and ',' || exports.data_kinds || ',' like '%,users,%' and claims.users > 0)
        )

),

-- what was not there when it should have been
proofs as (

    select distinct
        undelivered.export_id,
        undelivered.delivery_date
    from undelivered
    inner join syncs
        on
            undelivered.export_id = syncs.export_id
            and undelivered.due_at <= syncs.deliveries_listed_at
            and coalesce(undelivered.expires_at >= syncs.deliveries_listed_at, true)

),

delivered as (

    select
        deliveries.export_id,
        deliveries.delivery_date,
        deliveries.data_kind,
        true as is_delivered,
        false as has_another_kind,
        false as is_proved_missing,
        deliveries.is_complete,
        deliveries.is_retry_needed,
        deliveries.error_message,
        deliveries.file_count,
        deliveries.file_bytes,
        deliveries.record_count,
        deliveries.first_modified_at,
        deliveries.last_modified_at,
        deliveries.changed_at,
        coalesce(deliveries.first_seen_at > deliveries.aged_from_at and deliveries.first_seen_at < deliveries.kept_from_at, false) as is_seen_late,
        second_listings.listed_at,
        coalesce(
            second_listings.listed_at > deliveries.aged_from_at
            and (second_listings.listed_at < deliveries.kept_from_at or deliveries.gone_since_at <= second_listings.listed_at),
            false
        ) as is_listed_late,
        deliveries.archived_to,
        deliveries.archived_at,
        deliveries.gone_since_at,
        {{ didomi__add_seconds('deliveries.first_modified_at', 'exports.retention_days * 86400') }} as expires_at,
        cast(null as {{ didomi__type_timestamp() }}) as due_at,
        -- files right below the date are users, unless those have a folder of their own
        deliveries.data_kind = 'users'
        or (deliveries.data_kind = 'unknown' and not partition_days.has_users and coalesce(exports.expected_kind, 'users') = 'users')
            as is_claimed_kind
    from deliveries
    inner join partition_days on deliveries.export_id = partition_days.export_id and deliveries.delivery_date = partition_days.delivery_date
    left join exports on deliveries.export_id = exports.export_id
    left join second_listings
        on
            deliveries.export_id = second_listings.export_id
            and deliveries.delivery_date = second_listings.delivery_date
            and deliveries.data_kind = second_listings.data_kind

),

not_delivered as (

    select
        undelivered.export_id,
        undelivered.delivery_date,
        exports.expected_kind as data_kind,
        false as is_delivered,
        undelivered.has_another_kind,
        proofs.export_id is not null as is_proved_missing,
        false as is_complete,
        false as is_retry_needed,
        cast(null as {{ dbt.type_string() }}) as error_message,
        cast(null as {{ dbt.type_bigint() }}) as file_count,
        cast(null as {{ dbt.type_bigint() }}) as file_bytes,
        cast(null as {{ dbt.type_bigint() }}) as record_count,
        cast(null as {{ didomi__type_timestamp() }}) as first_modified_at,
        cast(null as {{ didomi__type_timestamp() }}) as last_modified_at,
        cast(null as {{ didomi__type_timestamp() }}) as changed_at,
        false as is_seen_late,
        cast(null as {{ didomi__type_timestamp() }}) as listed_at,
        false as is_listed_late,
        cast(null as {{ dbt.type_string() }}) as archived_to,
        cast(null as {{ didomi__type_timestamp() }}) as archived_at,
        cast(null as {{ didomi__type_timestamp() }}) as gone_since_at,
        undelivered.expires_at,
        undelivered.due_at,
        exports.expected_kind = 'users' as is_claimed_kind
    from undelivered
    inner join exports on undelivered.export_id = exports.export_id
    left join proofs on undelivered.export_id = proofs.export_id and undelivered.delivery_date = proofs.delivery_date

),

every_delivery as (

    select * from delivered
    union all
    select * from not_delivered

),

joined as (

    select
        every_delivery.*,
        exports.organization_id,
        claims.log_id,
        claims.is_day_estimated,
        {{ didomi__bigint('coalesce(claims.runs_completed, 0)') }} as runs_completed,
        {{ didomi__bigint('coalesce(claims.runs_failed, 0)') }} as runs_failed,
        {{ didomi__bigint('coalesce(claims.runs_pending, 0)') }} as runs_pending,
        coalesce(claims.runs_total, 0) as runs_total,
        coalesce(claims.runs_failed = claims.runs_total, false) as is_failed,
        -- the files of a further run of the day may be on their way
        coalesce(
            claims.runs_completed > 1
            and every_delivery.changed_at < claims.settled_at
            and {{ didomi__add_seconds('claims.settled_at', didomi__number('didomi_delivery_grace_hours') ~ ' * 3600') }} > readings.last_listed_at,
            false
        ) as is_awaited,
        case when every_delivery.is_claimed_kind then claims.users end as users,
        case when every_delivery.is_claimed_kind then claims.users_sum end as users_sum,
        -- the list was read when the log would have been in it, and no log is without its day
        coalesce(
            {{ didomi__add_seconds('every_delivery.changed_at', didomi__number('didomi_delivery_grace_hours') ~ ' * 3600') }} < readings.last_read_at,
            false
        )
        and coalesce({{ didomi__utc_date('undated.undated_until_at') }} < every_delivery.delivery_date, true) as is_log_list_read
    from every_delivery
    left join claims on every_delivery.export_id = claims.export_id and every_delivery.delivery_date = claims.delivery_date
    left join exports on every_delivery.export_id = exports.export_id
    left join readings on every_delivery.export_id = readings.export_id
    left join undated on every_delivery.export_id = undated.export_id

),

compared as (

    select
        *,
        coalesce(record_count = users or {{ didomi__double('record_count') }} = users_sum, false) as is_match,
        coalesce(
            is_seen_late and (record_count < users or {{ didomi__double('record_count') }} < users_sum), false
        ) as is_partly_seen,
        coalesce(is_complete and (record_count >= users or (record_count < users and not is_seen_late)), false) as is_comparable
    from joined

),

proved as (

    select
        *,
        -- that nothing is nothing proves nothing
        sum(case when is_match and record_count > 0 then 1 else 0 end) over (
            partition by export_id, is_comparable
            order by delivery_date, data_kind
            rows between 7 preceding and 1 preceding
        ) as recent_matches,
        sum(case when is_match and record_count > 0 then 1 else 0 end) over (
            partition by export_id, is_comparable
            order by delivery_date, data_kind
            rows between unbounded preceding and 1 preceding
        ) as earlier_matches
    from compared

),

judged as (

    select
        *,
        case
            -- where each file is counted, the error is that of the archive
            when error_message is not null and record_count is null and is_retry_needed then 'unreadable'
            when error_message is not null and record_count is null then 'corrupt'
            when is_proved_missing then 'missing'
            when not is_delivered and expires_at <= {{ didomi__as_of() }} then 'not_checked'
            when not is_delivered and due_at > {{ didomi__as_of() }} then 'arriving'
            when not is_delivered then 'not_checked'
            when
                not is_complete and (
                    runs_pending > 0
                    or {{ didomi__add_seconds('changed_at', didomi__number('didomi_delivery_grace_hours') ~ ' * 3600') }} > {{ didomi__as_of() }}
                    or listed_at is null
                ) then 'arriving'
            when not is_complete and is_listed_late then 'not_checked'
            when not is_complete then 'no_success'
            when runs_total = 0 and is_log_list_read then 'unannounced'
            when is_failed then 'delivered_although_failed'
            when record_count is null and gone_since_at is not null then 'not_checked'
            when record_count is null then 'arriving'
            when users is null then 'unclaimed'
            when is_match then 'as_claimed'
            when is_partly_seen then 'not_checked'
            when is_awaited then 'arriving'
            {%- if not didomi__is_set('didomi_deliveries_comparable') %}
            when coalesce(recent_matches, 0) = 0 then 'not_comparable'
            {%- endif %}
            when record_count < users then 'short'
            else 'more'
        end as verdict,
        case when is_match then record_count else users end as claimed_records
    from proved

)

select
    -- which
    export_id,
    organization_id,
    delivery_date,
    data_kind,

    -- how it is
    verdict,
    case verdict
        when 'unreadable' then error_message || case when gone_since_at is null then ' (it is tried again)' else ' (it is gone)' end
        when 'corrupt' then error_message
        when 'missing' then
            coalesce({{ didomi__text('claimed_records') }} || ' records claimed', 'the run completed')
            || case when has_another_kind then ', files of another kind only' else ', no files' end
        when 'not_checked' then
            case
                when is_delivered and (is_partly_seen or not is_complete) then 'files may have been deleted before they were listed'
                when is_delivered then 'the files were gone before they were counted'
                when expires_at <= {{ didomi__as_of() }} then 'nothing was listed before it may have been deleted'
                else 'nothing was listed since it should have been there'
            end
        when 'arriving' then
            case
                when not is_delivered then 'the run has just completed'
                when is_complete and record_count is null then 'complete, not counted yet'
                when is_complete then 'another run of the day has just completed'
                else 'not complete yet'
            end
        when 'no_success' then 'files, but no _SUCCESS'
        when 'unannounced' then 'no run of that day'
        when 'delivered_although_failed' then 'complete, though each run of that day failed'
        when 'unclaimed' then
            case
                when runs_total = 0 then 'no run of that day has been read yet'
                else 'no number of users to compare with'
            end
        when 'as_claimed' then {{ didomi__text('record_count') }} || ' records, as claimed'
        else
            {{ didomi__text('record_count') }} || ' records, ' || {{ didomi__text('claimed_records') }} || ' claimed'
            || case
                when verdict <> 'not_comparable' then ''
                when earlier_matches > 0 then '; none of the last 7 complete deliveries has matched, as one before them did'
                else '; none of the last 7 complete deliveries has matched'
            end
    end as verdict_reason,
    (
        verdict in ('unreadable', 'corrupt', 'missing', 'no_success', 'short', 'more')
        -- an export that was comparable has not become well, and whatever is claimed, nothing is too few
        or (verdict = 'not_comparable' and (coalesce(earlier_matches, 0) > 0 or record_count = 0))
    )
    and not is_failed as is_wrong,

    -- records
    claimed_records,
    record_count as delivered_records,
    claimed_records - case when verdict = 'missing' then 0 else record_count end as missing_records,

    -- runs of the day
    log_id,
    runs_completed,
    runs_failed,
    runs_pending,
    is_day_estimated,

    -- files
    is_complete,
    file_count,
    file_bytes,
    error_message,
    first_modified_at,
    last_modified_at,

    -- how long
    case when is_delivered then expires_at end as expires_at,
    coalesce(
        is_delivered
        and gone_since_at is null
        and archived_at is null
        and expires_at > {{ didomi__as_of() }}
        and {{ didomi__seconds_between(didomi__as_of(), 'expires_at') }} < 48 * 3600,
        false
    ) as is_about_to_expire,
    gone_since_at,
    archived_to,
    archived_at
from judged
