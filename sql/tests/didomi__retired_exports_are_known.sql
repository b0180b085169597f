{{ config(enabled=var('didomi_retired_exports') is iterable and var('didomi_retired_exports') | length > 0, severity='warn') }}
-- an id that no export has is most likely misspelt

with

exports as (

    select * from {{ ref('didomi__exports') }}

),

retired as (

    {% for id in var('didomi_retired_exports') -%}
    select {{ dbt.string_literal(dbt.escape_single_quotes(id)) }} as export_id
    {{ 'union all' if not loop.last }}
    {% endfor %}

)

select retired.export_id
from retired
left join exports on retired.export_id = exports.export_id
where exports.export_id is null
