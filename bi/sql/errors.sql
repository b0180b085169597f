-- Failures of each export and day by kind, with one message of each.
select
    errors.run_date,
    coalesce(exports.name, errors.export_id) as export_name,
    errors.error_kind,
    errors.failures,
    errors.example_message
from didomi_marts.didomi__export_errors as errors
inner join didomi_marts.didomi__exports as exports on errors.export_id = exports.export_id
