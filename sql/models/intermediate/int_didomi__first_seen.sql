with

history as (

    select * from {{ ref('stg_didomi__export_log_history') }}

),

ranked as (

    select
        log_id,
        run_id,
        first_observed_at,
        case when status in ('completed', 'failed') then first_observed_at end as settled_observed_at,
        case when status not in ('completed', 'failed') then first_observed_at end as unsettled_observed_at,
        row_number() over (
            partition by log_id
            order by first_observed_at, version_number
        ) as observation_rank
    from history

)

select
    log_id,
    min(first_observed_at) as first_seen_at,
    max(case when observation_rank = 1 then run_id end) as first_seen_run_id,
    min(settled_observed_at) as settled_seen_at,
    min(unsettled_observed_at) as unsettled_seen_at
from ranked
group by log_id
