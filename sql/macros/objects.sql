{#
  Tables and views of PostgreSQL that stay, with the views, grants, policies and indexes that others made on them: dbt's own `table` and `view`
  replace them by new ones and drop the old ones with `cascade`. Each sends one statement.
#}

{# The rows are replaced, and the columns become those of the contract. Until it commits, readers read the old rows. #}
{% materialization didomi_table, adapter='postgres' %}
    {%- set target_relation = didomi__free_name('table') -%}
    {%- set exists = load_cached_relation(this) is not none -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks) }}
    {% call statement('main') -%}
    set local jit = off; -- compiling takes seconds, the queries a tenth of one
    {%- if exists %}
    {{ didomi__checked(sql) }}
    lock table {{ target_relation }} in exclusive mode;
    delete from {{ target_relation }};
    {{ didomi__alter_columns(target_relation) }}
    insert into {{ target_relation }} ({{ model.columns.keys() | join(', ') }}) {{ get_select_subquery(sql) }};
    {%- else %}
    {{ get_create_table_as_sql(False, target_relation, sql) }}
    {%- endif %}
    {%- endcall %}
    {%- if not exists %}
    {%- do create_indexes(target_relation) -%}
    {%- endif %}
    {%- do apply_grants(target_relation, config.get('grants'), should_revoke=exists) -%}
    {{ didomi__finished(target_relation) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{# Where a new version has other columns, the view is dropped, without `cascade`: a view of somebody's that reads it is an error. #}
{% materialization didomi_view, adapter='postgres' %}
    {%- set target_relation = didomi__free_name('view') -%}
    {%- set exists = load_cached_relation(this) is not none -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks) }}
    {% call statement('main') -%}
    {{ didomi__checked(sql) }}
    do $didomi$
    begin
        create or replace view {{ target_relation }} as ({{ sql }});
    exception when invalid_table_definition then
        drop view {{ target_relation }};
        create view {{ target_relation }} as ({{ sql }});
    end
    $didomi$;
    {%- endcall %}
    {%- do apply_grants(target_relation, config.get('grants'), should_revoke=exists) -%}
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

{# Gives an empty table the columns of the model. Nothing cascades: a view of somebody's that reads a column that goes is an error. #}
{% macro didomi__alter_columns(relation) %}
    do $didomi$
    declare
        changes text;
    begin
        with

        wanted (name, type, is_required) as (

            values
            {%- for column in model.columns.values() %}
            (
                '{{ column.name }}',
                cast('{{ api.Column.translate_type(column.data_type) }}' as regtype),
                {{ (column.constraints | selectattr('type', 'equalto', 'not_null') | list | length > 0) | lower }}
            ){{ ',' if not loop.last }}
            {%- endfor %}

        ),

        found as (

            select
                cast(attname as text) as name,
                cast(atttypid as regtype) as type,
                attnotnull as is_required
            from pg_catalog.pg_attribute
            where attrelid = cast('{{ relation }}' as regclass) and attnum > 0 and not attisdropped

        ),

        actions as (

            select format('drop column %I', name) as action from found
            where name not in (select name from wanted)
            union all
            select format('add column %I %s', name, type) from wanted
            where name not in (select name from found)
            union all
            select format('alter column %I type %s using null', wanted.name, wanted.type)
            from wanted
            inner join found on wanted.name = found.name
            where wanted.type != found.type
            union all
            select format('alter column %I %s not null', wanted.name, case when wanted.is_required then 'set' else 'drop' end)
            from wanted
            left join found on wanted.name = found.name
            where wanted.is_required != coalesce(found.is_required, false)

        )

        select string_agg(action, ', ') into changes from actions;
        if changes is not null then
            execute 'alter table {{ relation }} ' || changes;
        end if;
    end
    $didomi$;
{%- endmacro %}
