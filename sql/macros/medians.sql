{#
  CTEs, the last of which is `user_medians`: one row per row of `levels`, days with `users` (NULL where there were none).
  The weekday's history is the eight same weekdays before, the forecast the last four of them; NULL values do not count.
#}
{% macro didomi__user_medians(levels) -%}
    {{ adapter.dispatch('didomi__user_medians', 'didomi')(levels) }}
{%- endmacro %}

{# Not every engine has a median over moving rows: each day's level is written once for every day to whose history it belongs. #}
{% macro default__didomi__user_medians(levels) -%}
numbers as (

    {{ didomi__numbers(28) }}

),

last_28_days as (

    select
        levels.export_id,
        {{ didomi__add_days('levels.run_date', 'numbers.step - 1') }} as run_date,
        levels.users,
        numbers.step as day_number
    from {{ levels }} as levels
    cross join numbers
    where levels.users is not null

),

last_7_days as (

    select * from last_28_days
    where day_number <= 7

),

medians_28d as (

    {{ didomi__median_per_day('last_28_days', 'users') }}

),

medians_7d as (

    {{ didomi__median_per_day('last_7_days', 'users') }}

),

weekdays_before as (

    select
        levels.export_id,
        {{ didomi__add_days('levels.run_date', 'numbers.step * 7') }} as run_date,
        levels.users,
        numbers.step as week_number
    from {{ levels }} as levels
    cross join numbers
    where levels.users is not null and numbers.step <= 8

),

last_four_weekdays as (

    select * from weekdays_before
    where week_number <= 4

),

weekday_medians as (

    {{ didomi__median_per_day('weekdays_before', 'users') }}

),

forecasts as (

    {{ didomi__median_per_day('last_four_weekdays', 'users') }}

),

weekday_deviations as (

    select
        weekdays_before.export_id,
        weekdays_before.run_date,
        abs(weekdays_before.users - weekday_medians.median) as deviation
    from weekdays_before
    inner join weekday_medians
        on
            weekdays_before.export_id = weekday_medians.export_id
            and weekdays_before.run_date = weekday_medians.run_date

),

weekday_mads as (

    {{ didomi__median_per_day('weekday_deviations', 'deviation') }}

),

user_medians as (

    select
        levels.export_id,
        levels.run_date,
        medians_7d.median as users_median_7d,
        medians_28d.median as users_median_28d,
        weekday_medians.median as weekday_median_users,
        weekday_mads.median as weekday_mad_users,
        forecasts.median as expected_users
    from {{ levels }} as levels
    {%- for median in ['medians_7d', 'medians_28d', 'weekday_medians', 'weekday_mads', 'forecasts'] %}
    left join {{ median }}
        on levels.export_id = {{ median }}.export_id and levels.run_date = {{ median }}.run_date
    {%- endfor %}

)
{%- endmacro %}

{# By row number, since not every engine has a median that groups. #}
{% macro didomi__median_per_day(relation, value) -%}
    select
        export_id,
        run_date,
        avg({{ didomi__double(value) }}) as median
    from (
        select
            export_id,
            run_date,
            {{ value }},
            row_number() over (partition by export_id, run_date order by {{ value }}) as value_rank,
            count(*) over (partition by export_id, run_date) as value_count
        from {{ relation }}
        where {{ value }} is not null
    ) as ranked
    where value_rank * 2 between value_count and value_count + 2
    group by export_id, run_date
{%- endmacro %}

{# DuckDB moves a median along: half the time, a tenth of the memory. #}
{% macro duckdb__didomi__user_medians(levels) -%}
user_medians as (

    select
        export_id,
        run_date,
        median({{ didomi__double('users') }}) over last_7_days as users_median_7d,
        median({{ didomi__double('users') }}) over last_28_days as users_median_28d,
        median({{ didomi__double('users') }}) over weekdays_before as weekday_median_users,
        mad({{ didomi__double('users') }}) over weekdays_before as weekday_mad_users,
        median({{ didomi__double('users') }}) over last_four_weekdays as expected_users
    from {{ levels }}
    window
        last_7_days as (partition by export_id order by run_date range between interval 6 days preceding and current row),
        last_28_days as (partition by export_id order by run_date range between interval 27 days preceding and current row),
        weekdays_before as (
            partition by export_id, {{ didomi__iso_weekday('run_date') }}
            order by run_date
            range between interval 56 days preceding and interval 7 days preceding
        ),
        last_four_weekdays as (
            partition by export_id, {{ didomi__iso_weekday('run_date') }}
            order by run_date
            range between interval 28 days preceding and interval 7 days preceding
        )

)
{%- endmacro %}
