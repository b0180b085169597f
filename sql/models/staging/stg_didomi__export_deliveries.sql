with

source as (

    {{ didomi__raw_rows(source('didomi', 'export_deliveries'), [
        ('delivery_id', dbt.type_string()),
        ('export_id', dbt.type_string()),
        ('delivery_date', 'date'),
        ('data_kind', dbt.type_string()),
        ('is_complete', dbt.type_boolean()),
        ('file_count', dbt.type_bigint()),
        ('bytes', dbt.type_bigint()),
        ('records', dbt.type_bigint()),
        ('records_counted', dbt.type_bigint()),
        ('odd_lines', dbt.type_bigint()),
        ('uncompressed_bytes', dbt.type_bigint()),
        ('first_modified_at', dbt.type_timestamp()),
        ('last_modified_at', dbt.type_timestamp()),
        ('error', dbt.type_string()),
        ('needs_retry', dbt.type_boolean()),
        ('archived_to', dbt.type_string()),
        ('archived_at', dbt.type_timestamp()),
        ('first_seen_at', dbt.type_timestamp()),
        ('gone_since', dbt.type_timestamp()),
        ('run_id', dbt.type_string()),
        ('extracted_at', dbt.type_timestamp()),
    ]) }}

),

renamed as (

    select
        -- ids
        delivery_id,
        export_id,
        run_id,
        cast(delivery_date as date) as delivery_date,
        coalesce(data_kind, 'unknown') as data_kind,

        -- what
        coalesce(is_complete, false) as is_complete,
        {{ didomi__bigint('file_count') }} as file_count,
        {{ didomi__bigint('bytes') }} as file_bytes,
        {{ didomi__bigint('uncompressed_bytes') }} as uncompressed_bytes,
        {{ didomi__bigint('records') }} as record_count,
        {{ didomi__bigint('records_counted') }} as counted_record_count,
        {{ didomi__bigint('odd_lines') }} as odd_line_count,
        error as error_message,
        coalesce(needs_retry, false) as is_retry_needed,
        archived_to,

        -- times
        {{ didomi__utc('first_modified_at') }} as first_modified_at,
        {{ didomi__utc('last_modified_at') }} as last_modified_at,
        {{ didomi__utc('archived_at') }} as archived_at,
        {{ didomi__utc('first_seen_at') }} as first_seen_at,
        {{ didomi__utc('gone_since') }} as gone_since_at,
        {{ didomi__utc('extracted_at') }} as loaded_at

    from source

),

ranked as (

    select
        *,
        row_number() over (
            partition by export_id, delivery_date, data_kind
            order by loaded_at desc nulls last
        ) as version_rank
    from renamed

)

select
    delivery_id,
    export_id,
    run_id,
    delivery_date,
    data_kind,
    is_complete,
    file_count,
    file_bytes,
    uncompressed_bytes,
    record_count,
    counted_record_count,
    odd_line_count,
    error_message,
    is_retry_needed,
    archived_to,
    first_modified_at,
    last_modified_at,
    archived_at,
    first_seen_at,
    gone_since_at,
    loaded_at
from ranked
where version_rank = 1
