with

source as (

    select * from {{ source('didomi', 'export_log_history') }}

),

renamed as (

    select
        -- ids
        version_id,
        log_id,
        export_id,
        organization_id,
        run_id,

        -- state
        {{ didomi__bigint('sequence') }} as version_number,
        case
            when lower(trim(status)) in ('pending', 'completed', 'failed') then lower(trim(status))
            else 'unknown'
        end as status,
        status as raw_status,
        {{ didomi__bigint('users') }} as users,
        nullif(trim(result), '') as error_message,

        -- times
        {{ didomi__utc('first_observed_at') }} as first_observed_at

    from source

)

select * from renamed
