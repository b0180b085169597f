{# A seed of expected rows: its columns are those of the mart, row by row. #}
{% test equals_model(model, mart) %}

{%- set columns = [] -%}
{%- if execute -%}
    {%- set types = {} -%}
    {%- for column in adapter.get_columns_in_relation(mart) -%}
        {%- do types.update({column.name | lower: column.dtype}) -%}
    {%- endfor -%}
    {%- for column in adapter.get_columns_in_relation(model) -%}
        {%- do columns.append([column.name | lower, types[column.name | lower]]) -%}
    {%- endfor -%}
{%- endif -%}

with

expected as (

    select
        {%- for name, type in columns %}
        cast({{ name }} as {{ type }}) as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ model }}

),

actual as (

    select
        {%- for name, type in columns %}
        {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ mart }}

),

missing as (

    select * from expected
    {{ dbt.except() }}
    select * from actual

),

unexpected as (

    select * from actual
    {{ dbt.except() }}
    select * from expected

)

select 'missing' as problem, missing.* from missing
union all
select 'unexpected' as problem, unexpected.* from unexpected

{% endtest %}
