{#- The keys below the marts: those of the marts, and that every log is one run, are in their own tests. -#}
{%- set keys = {
    'stg_didomi__export_deliveries': ['export_id', 'delivery_date', 'data_kind'],
    'stg_didomi__export_log_history': ['version_id'],
    'stg_didomi__export_log_quarantine': ['quarantine_id'],
    'stg_didomi__export_syncs': ['sync_id'],
    'stg_didomi__exports': ['export_id'],
    'int_didomi__exports': ['export_id'],
    'int_didomi__calendar': ['run_date'],
    'int_didomi__export_days': ['export_id', 'run_date'],
    'int_didomi__missed_runs': ['previous_log_id', 'expected_number'],
} -%}
{%- for model, columns in keys.items() %}
select '{{ model }} has one row per {{ columns | join(", ") }}' as rule
from {{ ref(model) }}
group by {{ columns | join(', ') }}
having count(*) > 1 or count({{ columns | join(') < count(*) or count(') }}) < count(*)
{%- if not loop.last %}

union all
{% endif %}
{%- endfor %}
