{# Days after which Didomi deletes the files of an export, NULL for never: 7 on S3, where the bucket is Didomi's, unless the variable says otherwise. #}
{% macro didomi__retention_days(type_id) -%}
    {%- set days = var('didomi_delivery_retention_days', none) -%}
    {%- if days is none -%}
        case when {{ type_id }} like '%gcp%' then null else 7 end
    {%- else -%}
        nullif({{ didomi__number('didomi_delivery_retention_days') }}, 0)
    {%- endif -%}
{%- endmacro %}

{# A day in UTC, whatever var didomi_timezone says: folders are named so. #}
{% macro didomi__utc_date(expression) %}cast({{ expression }} as date){% endmacro %}
