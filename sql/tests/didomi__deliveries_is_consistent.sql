with

deliveries as (

    select * from {{ ref('didomi__deliveries') }}

),

listed as (

    select * from {{ ref('stg_didomi__export_deliveries') }}

)

select 'one row per export, date and kind' as rule, export_id as where_it_fails
from deliveries
group by export_id, delivery_date, data_kind
having count(*) > 1 or count(export_id) < count(*)

union all

select 'every delivery that is listed, or was complete, is one row' as rule, listed.export_id as where_it_fails
from listed
left join deliveries
    on
        listed.export_id = deliveries.export_id
        and listed.delivery_date = deliveries.delivery_date
        and listed.data_kind = deliveries.data_kind
where deliveries.export_id is null and (listed.gone_since_at is null or listed.is_complete)

union all

select 'the verdict fits the records' as rule, export_id as where_it_fails
from deliveries
where
    (verdict = 'as_claimed' and coalesce(delivered_records <> claimed_records, true))
    or (verdict = 'short' and coalesce(delivered_records >= claimed_records, true))
    or (verdict = 'more' and coalesce(delivered_records <= claimed_records, true))
    or (verdict = 'missing' and delivered_records is not null)
    or (verdict in ('corrupt', 'unreadable') and error_message is null)
    or (verdict = 'no_success' and is_complete)

union all

select 'what expires is there and is not archived' as rule, export_id as where_it_fails
from deliveries
where is_about_to_expire and (archived_at is not null or gone_since_at is not null or expires_at is null)
