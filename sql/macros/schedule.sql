{# How a frequency is read: `<number> <unit>`, a bare number of days, or a bare unit. Everything else is unknown. #}
{% macro didomi__frequency_unit(frequency) -%}
    {{ didomi__regexp_replace('lower(trim(' ~ frequency ~ '))', '^[0-9]+([.]0+)? *', '') }}
{%- endmacro %}

{% macro didomi__frequency_number(frequency) -%}
    {%- set digits_then_x = didomi__regexp_replace('lower(trim(' ~ frequency ~ '))', '[^0-9]', 'x') -%}
    {%- set digits = dbt.split_part(digits_then_x, "'x'", 1) -%}
    {{ didomi__bigint("coalesce(nullif(substr(" ~ digits ~ ", 1, 5), ''), '1')") }}
{%- endmacro %}

{# Four digits are enough for any schedule, and none of the products overflows. #}
{% macro didomi__is_frequency_number(number) %}{{ number }} between 1 and 9999{% endmacro %}

{# Seconds of an interval of fixed length, else NULL. #}
{% macro didomi__interval_seconds(number, unit) -%}
    case
        when not ({{ didomi__is_frequency_number(number) }}) then null
        when {{ unit }} in ('hour', 'hours', 'hourly') then {{ number }} * 3600
        when {{ unit }} in ('', 'day', 'days', 'daily') then {{ number }} * 86400
        when {{ unit }} in ('week', 'weeks', 'weekly') then {{ number }} * 604800
    end
{%- endmacro %}

{# Calendar months of an interval, else NULL. #}
{% macro didomi__interval_months(number, unit) -%}
    case
        when not ({{ didomi__is_frequency_number(number) }}) then null
        when {{ unit }} in ('month', 'months', 'monthly') then {{ number }}
        when {{ unit }} in ('year', 'years', 'yearly') then {{ number }} * 12
    end
{%- endmacro %}

{# Only for telling the longer of two intervals: a month counts as 30.4375 days. #}
{% macro didomi__nominal_seconds(seconds, months) -%}
    coalesce({{ seconds }}, {{ months }} * 2629800)
{%- endmacro %}

{# A time moved by `number` intervals. #}
{% macro didomi__add_intervals(time, number, seconds, months) -%}
    case
        when {{ months }} is not null then {{ didomi__add_months(time, number ~ ' * ' ~ months) }}
        else {{ didomi__add_seconds(time, number ~ ' * ' ~ seconds) }}
    end
{%- endmacro %}

{% macro didomi__is_skipped_weekday(date) -%}
    {%- set skipped = var('didomi_skip_weekdays') -%}
    {%- if skipped | reject('in', [1, 2, 3, 4, 5, 6, 7]) | list -%}
        {{ exceptions.raise_compiler_error("didomi_skip_weekdays is " ~ skipped ~ ": write a list of ISO weekdays, 1 (Monday) to 7 (Sunday)") }}
    {%- endif -%}
    {%- if skipped -%}
        {{ didomi__iso_weekday(date) }} in ({{ skipped | join(', ') }})
    {%- else -%}
        false
    {%- endif -%}
{%- endmacro %}

{# Whether nothing is expected of an export any more. #}
{% macro didomi__is_retired(export_id) -%}
    {%- set retired = var('didomi_retired_exports') -%}
    {%- if retired is string or retired is mapping or retired is not iterable or retired | reject('string') | list -%}
        {{ exceptions.raise_compiler_error("didomi_retired_exports is " ~ retired ~ ": write a list of export ids, each as a text") }}
    {%- endif -%}
    {%- if retired -%}
        {{ export_id }} in (
        {%- for id in retired -%}
            {{ dbt.string_literal(dbt.escape_single_quotes(id)) }}{{ ', ' if not loop.last }}
        {%- endfor -%}
        )
    {%- else -%}
        false
    {%- endif -%}
{%- endmacro %}
