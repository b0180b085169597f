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
inner join calendar on exports.first_run_date <= calendar.run_date
