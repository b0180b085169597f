"""Everything that knows a database: open, read, lock, error messages, dbt, publish."""
