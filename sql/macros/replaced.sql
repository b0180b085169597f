{#
  DuckDB replaces a table or a view in one statement. dbt-duckdb creates one beside it, renames both and drops the old one, which is ten
  statements and a fifth of a build. In another project these macros are not used: there dbt prefers its own.
#}
{% materialization table, adapter='duckdb' %}
    {%- set target_relation = didomi__free_name('table') -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks) }}
    {% call statement('main') -%}
    {{ didomi__checked(sql) }}
    create or replace table {{ target_relation }}
    {%- if config.get('contract').enforced %}
    {{ get_table_columns_and_constraints() }};
    insert into {{ target_relation }} {{ get_column_names() }} (
        {{ get_select_subquery(sql) }}
    )
    {%- else %} as (
        {{ sql }}
    )
    {%- endif %};
    {%- endcall %}
    {{ didomi__finished(target_relation) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{% materialization view, adapter='duckdb' %}
    {%- set target_relation = didomi__free_name('view') -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks) }}
    {% call statement('main') -%}
    {{ didomi__checked(sql) }}
    create or replace view {{ target_relation }} as (
        {{ sql }}
    );
    {%- endcall %}
    {{ didomi__finished(target_relation) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
