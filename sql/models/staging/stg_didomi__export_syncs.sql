with

source as (

    {{ didomi__raw_rows(source('didomi', 'export_syncs'), [
        ('deliveries_listed_at', dbt.type_timestamp()),
        ('delivery_requests', dbt.type_bigint()),
        ('deliveries_changed', dbt.type_bigint()),
        ('delivery_bytes_read', dbt.type_bigint()),
        ('delivery_error', dbt.type_string()),
    ]) }}

),

renamed as (

    select
        -- ids
        sync_id,
        run_id,
        export_id,
        organization_id,

        -- how it was read
        mode,
        mode_reason,
        sort,
        is_complete,
        error as error_message,

        -- counts
        {{ didomi__bigint('requests') }} as request_count,
        {{ didomi__bigint('api_total') }} as api_total_count,
        {{ didomi__bigint('rows_received') }} as row_count,
        {{ didomi__bigint('distinct_ids') }} as log_count,
        {{ didomi__bigint('logs_new') }} as new_log_count,
        {{ didomi__bigint('logs_changed') }} as changed_log_count,
        {{ didomi__bigint('logs_pending') }} as pending_log_count,
        {{ didomi__bigint('logs_flagged') }} as flagged_log_count,
        {{ didomi__bigint('logs_quarantined') }} as quarantined_log_count,
        {{ didomi__bigint('logs_missing') }} as missing_log_count,
        {{ didomi__bigint('logs_known') }} as known_log_count,

        -- deliveries
        {{ didomi__bigint('delivery_requests') }} as delivery_request_count,
        {{ didomi__bigint('deliveries_changed') }} as changed_delivery_count,
        {{ didomi__bigint('delivery_bytes_read') }} as delivery_bytes_read,
        delivery_error as delivery_error_message,

        -- times
        {{ didomi__utc('started_at') }} as started_at,
        {{ didomi__utc('finished_at') }} as finished_at,
        {{ didomi__utc('newest_created_at') }} as newest_created_at,
        {{ didomi__utc('deliveries_listed_at') }} as deliveries_listed_at

    from source

)

-- a run whose clock was ahead hides what later ones read
select * from renamed
where coalesce(started_at <= {{ didomi__latest_clock() }}, true)
