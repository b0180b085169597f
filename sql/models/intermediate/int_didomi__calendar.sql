with

exports as (

    select * from {{ ref('int_didomi__exports') }}

),

-- enough for every day from 2000-01-01 (the earliest run with a usable time) until 2089
numbers as (

    {{ didomi__numbers(32768) }}

),

bounds as (

    select
        min(first_run_date) as first_date,
        {{ didomi__as_of_date() }} as last_date
    from exports

)

select
    {{ didomi__add_days('bounds.first_date', 'numbers.step - 1') }} as run_date
from bounds
inner join numbers
    on numbers.step <= {{ didomi__days_between('bounds.first_date', 'bounds.last_date') }} + 1
