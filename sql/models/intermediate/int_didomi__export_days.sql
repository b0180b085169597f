with

exports as (

    select * from {{ ref('int_didomi__exports') }}

),

calendar as (

    select * from {{ ref('int_didomi__calendar') }}

)

select
    exports.export_id,
    exports.organization_id,
    calendar.run_date
from exports
inner join calendar
    on
        exports.first_run_date <= calendar.run_date
        and (exports.last_run_date >= calendar.run_date or not ({{ didomi__is_retired('exports.export_id') }}))
