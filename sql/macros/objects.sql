{#
  Pre-hook of the marts on PostgreSQL, which drops with a table the views, grants, policies and indexes of others: the table stays, its columns
  become those of this version, and its rows are deleted in the transaction that inserts the new ones. Until it commits, readers read the old rows.
#}
{% macro didomi__replace_rows(relation) -%}
    {%- if target.type == 'postgres' and is_incremental() -%}
    {%- set changes = run_query(didomi__column_changes(relation)).columns[0].values() -%}
    lock table {{ relation }} in exclusive mode;
    delete from {{ relation }};
    {%- if changes %}
    alter table {{ relation }} {{ changes | join(', ') }};
    {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# What `alter table` has to do to an empty table of PostgreSQL for it to have the columns of the model. Nothing cascades: a view of somebody's is an error. #}
{% macro didomi__column_changes(relation) -%}
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

    )

    select format('drop column %I', name) from found
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
{%- endmacro %}
