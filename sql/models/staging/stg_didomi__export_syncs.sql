with

source as (

    select * from {{ source('didomi', 'export_syncs') }}

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

        -- times
        {{ didomi__utc('started_at') }} as started_at,
        {{ didomi__utc('finished_at') }} as finished_at,
        {{ didomi__utc('newest_created_at') }} as newest_created_at

    from source

)

select * from renamed
