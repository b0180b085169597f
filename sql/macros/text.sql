{# Patterns are POSIX-like and hold no backslash (write [0-9], not \d): the four engines read them alike. #}
{% macro didomi__pattern(pattern) -%}
    {%- if '\\' in pattern -%}
        {{ exceptions.raise_compiler_error("the pattern '" ~ pattern ~ "' holds a backslash: write [0-9] for \\d, [.] for \\.") }}
    {%- endif -%}
    {{ dbt.string_literal(dbt.escape_single_quotes(pattern)) }}
{%- endmacro %}

{% macro didomi__regexp_matches(text, pattern) -%}
    {{ adapter.dispatch('didomi__regexp_matches', 'didomi')(text, pattern) }}
{%- endmacro %}

{% macro default__didomi__regexp_matches(text, pattern) %}{{ text }} ~ {{ didomi__pattern(pattern) }}{% endmacro %}

{% macro duckdb__didomi__regexp_matches(text, pattern) %}regexp_matches({{ text }}, {{ didomi__pattern(pattern) }}){% endmacro %}

{% macro bigquery__didomi__regexp_matches(text, pattern) %}regexp_contains({{ text }}, {{ didomi__pattern(pattern) }}){% endmacro %}

{# Snowflake's regexp_like matches whole texts; 's' lets the dot match a line break. #}
{% macro snowflake__didomi__regexp_matches(text, pattern) -%}
    regexp_like({{ text }}, {{ didomi__pattern('.*(' ~ pattern ~ ').*') }}, 's')
{%- endmacro %}


{# Every occurrence is replaced. #}
{% macro didomi__regexp_replace(text, pattern, replacement) -%}
    {{ adapter.dispatch('didomi__regexp_replace', 'didomi')(text, pattern, replacement) }}
{%- endmacro %}

{% macro default__didomi__regexp_replace(text, pattern, replacement) -%}
    regexp_replace({{ text }}, {{ didomi__pattern(pattern) }}, {{ didomi__pattern(replacement) }}, 'g')
{%- endmacro %}

{% macro bigquery__didomi__regexp_replace(text, pattern, replacement) -%}
    regexp_replace({{ text }}, {{ didomi__pattern(pattern) }}, {{ didomi__pattern(replacement) }})
{%- endmacro %}

{% macro snowflake__didomi__regexp_replace(text, pattern, replacement) -%}
    {{ bigquery__didomi__regexp_replace(text, pattern, replacement) }}
{%- endmacro %}


{# Orders texts by their bytes; a PostgreSQL database may sort by its own language. #}
{% macro didomi__byte_order(column) %}{{ return(adapter.dispatch('didomi__byte_order', 'didomi')(column)) }}{% endmacro %}

{% macro default__didomi__byte_order(column) %}{{ column }}{% endmacro %}

{% macro postgres__didomi__byte_order(column) %}{{ column }} collate "C"{% endmacro %}


{# A JSON list of words → the words, separated by commas: ["users", "events"] → users,events #}
{% macro didomi__json_words(column) -%}
    {%- set ns = namespace(text=adapter.dispatch('didomi__json_text', 'didomi')(column)) -%}
    {%- for mark in ['[', ']', '"', ' '] -%}
        {%- set ns.text = "replace(" ~ ns.text ~ ", '" ~ mark ~ "', '')" -%}
    {%- endfor -%}
    {#- BigQuery makes a text of NULL, too -#}
    nullif({{ ns.text }}, 'null')
{%- endmacro %}

{% macro default__didomi__json_text(column) %}{{ didomi__text(column) }}{% endmacro %}

{% macro bigquery__didomi__json_text(column) %}to_json_string({{ column }}){% endmacro %}

{% macro snowflake__didomi__json_text(column) %}to_json({{ column }}){% endmacro %}
