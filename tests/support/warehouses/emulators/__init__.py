"""Snowflake and BigQuery without an account: emulators in environments of their own, behind real HTTP.

They are DuckDB underneath: they prove protocol and dialect, not arithmetic. The two servers teach them the
statement forms that dlt and dbt send; neither dlt, dbt nor the connectors are patched.
"""
