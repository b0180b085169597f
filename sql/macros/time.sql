{# Any timestamp → the zoneless UTC time of the models, whatever the session's time zone. #}
{% macro didomi__utc(expression) %}{{ return(adapter.dispatch('didomi__utc', 'didomi')(expression)) }}{% endmacro %}

{% macro default__didomi__utc(expression) %}cast({{ expression }} as timestamp with time zone) at time zone 'UTC'{% endmacro %}

{% macro bigquery__didomi__utc(expression) %}cast({{ expression }} as timestamp){% endmacro %}

{% macro snowflake__didomi__utc(expression) %}cast(convert_timezone('UTC', {{ expression }}) as timestamp_ntz){% endmacro %}


{# "Now" as one literal for the whole build: var didomi_as_of, else the start of the dbt run. #}
{% macro didomi__as_of() -%}
    {%- set given = var('didomi_as_of', none) -%}
    {%- if given is none -%}
        {%- set as_of = run_started_at -%}
    {%- else -%}
        {%- set text = given | string | replace('Z', '+00:00') -%}
        {%- if not modules.re.match('^\\d{4}-\\d{2}-\\d{2}([T ]\\d{2}:\\d{2}(:\\d{2}([.]\\d{3}(\\d{3})?)?)?([+-]\\d{2}:\\d{2})?)?$', text) -%}
            {{ exceptions.raise_compiler_error("didomi_as_of is '" ~ given ~ "': write it as 2026-11-23 or 2026-11-23T06:00:00Z") }}
        {%- endif -%}
        {#- dbt 2 asks for seconds -#}
        {%- if text | length > 10 and (text | length == 16 or text[16] in '+-') -%}
            {%- set text = text[:16] ~ ':00' ~ text[16:] -%}
        {%- endif -%}
        {%- set as_of = modules.datetime.datetime.fromisoformat(text) -%}
    {%- endif -%}
    {{ didomi__literal_time(as_of) }}
{%- endmacro %}


{# The latest time that a clock can have written that is right, or a day ahead. #}
{% macro didomi__latest_clock() -%}
    {{ didomi__add_seconds('greatest(' ~ didomi__as_of() ~ ', ' ~ didomi__literal_time(run_started_at) ~ ')', '86400') }}
{%- endmacro %}


{% macro didomi__literal_time(at) -%}
    {%- if at.tzinfo is not none -%}
        {%- set at = at.astimezone(modules.pytz.utc) -%}
    {%- endif -%}
    cast('{{ at.strftime("%Y-%m-%d %H:%M:%S.%f")[:26] }}' as {{ didomi__type_timestamp() }})
{%- endmacro %}


{# The calendar day of a UTC time in var didomi_timezone. #}
{% macro didomi__local_date(expression) -%}
    {%- set timezone = var('didomi_timezone') -%}
    {%- set advice = "didomi_timezone is '" ~ timezone ~ "': write a name such as UTC or Europe/Paris" -%}
    {#- dbt 2 has no list of them; in any case of letters pytz knows a zone that a warehouse may not -#}
    {%- if try_or_compiler_error(advice, modules.pytz.timezone, timezone) | string != timezone -%}
        {{ exceptions.raise_compiler_error(advice) }}
    {%- endif -%}
    {{ adapter.dispatch('didomi__local_date', 'didomi')(expression, timezone) }}
{%- endmacro %}

{% macro default__didomi__local_date(expression, timezone) -%}
    {%- if timezone == 'UTC' -%}
        cast({{ expression }} as date)
    {%- else -%}
        cast({{ expression }} at time zone 'UTC' at time zone '{{ timezone }}' as date)
    {%- endif -%}
{%- endmacro %}

{% macro bigquery__didomi__local_date(expression, timezone) %}date({{ expression }}, '{{ timezone }}'){% endmacro %}

{% macro snowflake__didomi__local_date(expression, timezone) -%}
    {%- if timezone == 'UTC' -%}
        cast({{ expression }} as date)
    {%- else -%}
        cast(convert_timezone('UTC', '{{ timezone }}', {{ expression }}) as date)
    {%- endif -%}
{%- endmacro %}

{% macro didomi__as_of_date() %}{{ didomi__local_date(didomi__as_of()) }}{% endmacro %}


{# Whole seconds from one time to a later one; both are cut to the second first. #}
{% macro didomi__seconds_between(earlier, later) -%}
    {{ adapter.dispatch('didomi__seconds_between', 'didomi')(earlier, later) }}
{%- endmacro %}

{% macro default__didomi__seconds_between(earlier, later) -%}
    {{ didomi__bigint(dbt.datediff(earlier, later, 'second')) }}
{%- endmacro %}

{% macro postgres__didomi__seconds_between(earlier, later) -%}
    {{ didomi__bigint('floor(extract(epoch from ' ~ later ~ ')) - floor(extract(epoch from ' ~ earlier ~ '))') }}
{%- endmacro %}

{% macro didomi__days_between(earlier, later) -%}
    {{ didomi__bigint(dbt.datediff(earlier, later, 'day')) }}
{%- endmacro %}


{% macro didomi__add_days(date, number) -%}
    cast({{ dbt.dateadd('day', number, date) }} as date)
{%- endmacro %}

{% macro didomi__add_seconds(time, number) -%}
    {{ adapter.dispatch('didomi__add_seconds', 'didomi')(time, number) }}
{%- endmacro %}

{% macro default__didomi__add_seconds(time, number) -%}
    {{ dbt.dateadd('second', number, time) }}
{%- endmacro %}

{% macro bigquery__didomi__add_seconds(time, number) -%}
    timestamp_add({{ time }}, interval {{ number }} second)
{%- endmacro %}


{# Calendar months: 31 January and one month is the last day of February. #}
{% macro didomi__add_months(time, number) -%}
    {{ adapter.dispatch('didomi__add_months', 'didomi')(time, number) }}
{%- endmacro %}

{% macro default__didomi__add_months(time, number) -%}
    {{ dbt.dateadd('month', number, time) }}
{%- endmacro %}

{% macro bigquery__didomi__add_months(time, number) -%}
    timestamp(datetime_add(datetime({{ time }}), interval {{ number }} month))
{%- endmacro %}


{# ISO: 1 is Monday, 7 is Sunday. Counted from a Monday, because weekday functions differ. #}
{% macro didomi__iso_weekday(date) -%}
    mod({{ didomi__days_between("cast('1900-01-01' as date)", date) }}, 7) + 1
{%- endmacro %}

{% macro didomi__week_start(date) -%}
    {{ didomi__add_days(date, '-(' ~ didomi__iso_weekday(date) ~ ' - 1)') }}
{%- endmacro %}

{% macro didomi__month_start(date) -%}
    cast({{ dbt.date_trunc('month', date) }} as date)
{%- endmacro %}


{# 1 to `upper_bound`, as bigint. #}
{% macro didomi__numbers(upper_bound) -%}
    {%- if target.type == 'postgres' -%}
    select step from generate_series({{ didomi__bigint(1) }}, {{ upper_bound }}) as step
    {%- else -%}
    select {{ didomi__bigint('generated_number') }} as step
    from ({{ dbt.generate_series(upper_bound) }}) as series
    {%- endif -%}
{%- endmacro %}
