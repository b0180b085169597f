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

{# The relation of this model, for a table or a view; what is there and is the other of both is dropped. #}
{% macro didomi__free_name(type) %}
    {%- set existing = load_cached_relation(this) -%}
    {%- if existing is not none and existing.type != type -%}
    {%- do adapter.drop_relation(existing) -%}
    {%- endif -%}
    {{ return(this.incorporate(type=type)) }}
{% endmacro %}

{% macro didomi__checked(sql) %}
    {%- if config.get('contract').enforced %}{{ get_assert_columns_equivalent(sql) }}{% endif -%}
{% endmacro %}

{% macro didomi__finished(relation) %}
    {%- do persist_docs(relation, model) -%}
    {{ run_hooks(post_hooks) }}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
{% endmacro %}
