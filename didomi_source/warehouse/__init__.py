"""Everything that knows a database.

target        which warehouse, and dlt's defaults in this process
credentials   the destination's resolved configuration, and where it is
open          a dlt pipeline to load, to read, or for a moment; a DuckDB file that is found and read without dlt
duckdb        a DuckDB file's lock, memory and disk
read          rows of tables and marts
postgres      a role's rights, and one build at a time
errors        errors of dlt and the databases, in one line that says what to do (sqlstate: PostgreSQL's codes)
dbt           build the models, in a process of its own (profiles: its connection; dbt_process: that process;
              dbt_speed: how it starts)
publish       a copy of the marts for readers
files         replace a file at once
"""
