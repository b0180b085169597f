{#
  The rows of a raw table that an earlier version of the loader may not have made: what is missing is there and empty, a table without rows,
  a column that is NULL. `columns` is a list of (name, type). Offline (`dbt compile --no-introspect`) everything is taken to be there.
#}
{% macro didomi__raw_rows(relation, columns) -%}
    {%- set ns = namespace(missing=[], found=relation) -%}
    {%- if execute and (flags.INTROSPECT is not defined or flags.INTROSPECT) -%}
        {%- set ns.found = adapter.get_relation(database=relation.database, schema=relation.schema, identifier=relation.identifier) -%}
        {%- if ns.found -%}
            {%- set names = adapter.get_columns_in_relation(ns.found) | map(attribute='name') | map('lower') | list -%}
            {%- set ns.missing = columns | rejectattr(0, 'in', names) | list -%}
        {%- else -%}
            {%- set ns.missing = columns -%}
        {%- endif -%}
    {%- endif -%}
    {%- if ns.found -%}
    select
        *
        {%- for name, type in ns.missing %},
        cast(null as {{ type }}) as {{ name }}
        {%- endfor %}
    from {{ relation }}
    {%- else -%}
    select
        {%- for name, type in ns.missing %}
        cast(null as {{ type }}) as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from (select 1 as nothing) as no_table
    where nothing = 0
    {%- endif -%}
{%- endmacro %}
