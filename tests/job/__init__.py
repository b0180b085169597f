"""The job, run as a schedule runs it: against the sandbox over HTTP, into a real DuckDB file, with real dbt."""
