{# 64 bits everywhere: dbt.type_float() is 32 bits on DuckDB. #}
{% macro didomi__type_double() %}{{ return(adapter.dispatch('didomi__type_double', 'didomi')()) }}{% endmacro %}

{% macro default__didomi__type_double() %}double precision{% endmacro %}

{% macro bigquery__didomi__type_double() %}float64{% endmacro %}


{# A time without a zone that is always UTC; BigQuery's timestamp is UTC by itself. #}
{% macro didomi__type_timestamp() %}{{ return(adapter.dispatch('didomi__type_timestamp', 'didomi')()) }}{% endmacro %}

{% macro default__didomi__type_timestamp() %}timestamp{% endmacro %}

{% macro snowflake__didomi__type_timestamp() %}timestamp_ntz{% endmacro %}


{% macro didomi__bigint(expression) %}cast({{ expression }} as {{ dbt.type_bigint() }}){% endmacro %}

{% macro didomi__double(expression) %}cast({{ expression }} as {{ didomi__type_double() }}){% endmacro %}

{% macro didomi__text(expression) %}cast({{ expression }} as {{ dbt.type_string() }}){% endmacro %}


{# Counts are summed first and divided once; nothing to divide by is NULL. #}
{% macro didomi__rate(numerator, denominator) -%}
    {{ didomi__double(numerator) }} / nullif({{ denominator }}, 0)
{%- endmacro %}


{# A sum of bigints that no number of users overflows, as a double: exact up to 2^53. #}
{% macro didomi__sum_users(expression) -%}
    {{ didomi__double(adapter.dispatch('didomi__exact_sum', 'didomi')(expression)) }}
{%- endmacro %}

{% macro default__didomi__exact_sum(expression) %}sum({{ expression }}){% endmacro %}

{% macro bigquery__didomi__exact_sum(expression) %}sum(cast({{ expression }} as bignumeric)){% endmacro %}
