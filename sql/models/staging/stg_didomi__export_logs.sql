with

source as (

    select * from {{ source('didomi', 'export_logs') }}

),

renamed as (

    select
        -- ids
        id as log_id,
        export_id,
        organization_id,
        run_id,

        -- outcome
        case
            when lower(trim(status)) in ('pending', 'completed', 'failed') then lower(trim(status))
            else 'unknown'
        end as status,
        status as raw_status,
        nullif(trim(config__frequency), '') as frequency,
        {{ didomi__bigint('metrics__users') }} as users,
        nullif(trim(result), '') as error_message,

        -- times
        {{ didomi__utc('created_at') }} as created_at,
        {{ didomi__utc('updated_at') }} as updated_at,
        {{ didomi__utc('extracted_at') }} as loaded_at,
        {{ didomi__utc('missing_at_source_since') }} as missing_since_at,
        {{ didomi__bigint('read_sequence') }} as read_sequence

    from source

),

ranked as (

    select
        *,
        row_number() over (
            partition by log_id
            order by
                case when status in ('completed', 'failed') then 0 else 1 end,
                updated_at desc nulls last,
                loaded_at desc nulls last,
                read_sequence desc nulls last
        ) as version_rank
    from renamed

)

select
    log_id,
    export_id,
    organization_id,
    run_id,
    status,
    raw_status,
    frequency,
    users,
    error_message,
    created_at,
    updated_at,
    loaded_at,
    missing_since_at
from ranked
where version_rank = 1
