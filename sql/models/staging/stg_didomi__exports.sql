with

source as (

    select * from {{ source('didomi', 'exports') }}

),

renamed as (

    select
        -- ids
        id as export_id,
        organization_id,

        -- configuration
        name,
        type_id,
        nullif(trim(properties__frequency), '') as frequency,
        {{ didomi__json_words('properties__data') }} as data_kinds,

        -- times
        {{ didomi__utc('created_at') }} as created_at,
        {{ didomi__utc('updated_at') }} as updated_at,
        {{ didomi__utc('extracted_at') }} as loaded_at

    from source

)

select * from renamed
