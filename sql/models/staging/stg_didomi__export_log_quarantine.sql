with

source as (

    select * from {{ source('didomi', 'export_log_quarantine') }}

),

renamed as (

    select
        -- ids
        fingerprint as quarantine_id,
        export_id,
        organization_id,
        run_id,

        -- what
        reason,
        {{ didomi__text('raw_log') }} as raw_log,

        -- times
        {{ didomi__utc('quarantined_at') }} as quarantined_at

    from source

)

select * from renamed
