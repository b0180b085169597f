"""fakesnow's server, taught the statement forms that dlt and dbt send. Runs in .venvs/fakesnow.

python snowflake_server.py PORT
"""

from __future__ import annotations

import re
import sys
import threading
from pathlib import Path

import fakesnow.arrow as fake_arrow
import fakesnow.copy_into as fake_copy
import fakesnow.cursor as fake_cursor
import fakesnow.server
import fakesnow.transforms
import fakesnow.transforms.stage as fake_stage
import pyarrow as pa
import pyarrow.compute as pc
import uvicorn
from snowflake.connector.errors import Error, ProgrammingError
from sqlglot import exp, parse_one
from sqlglot.dialects.snowflake import Snowflake
from sqlglot.tokens import TokenType

QUERY_TAG = re.compile(r"\s*ALTER\s+SESSION\s+(SET|UNSET)\s+QUERY_TAG", re.IGNORECASE)
REMOVE = re.compile(r"\s*(?:REMOVE|RM)\s+'?@([^']+?)'?\s*$", re.IGNORECASE)
PUT = re.compile(r"^\s*PUT\s+('(?:[^']|'')*')\s+'(@[^']+)'(.*)$", re.DOTALL | re.IGNORECASE)
# dbt's unit tests make a temporary table in a schema; DuckDB has them in its catalog `temp` alone.
TEMPORARY = re.compile(
    r"(create\s+or\s+replace)\s+temp(?:orary)?\s+((?:table|view)\s+(?:\w+|\"[^\"]+\")\.)", re.IGNORECASE
)

session = threading.local()  # the connection, database and schema of the COPY at work


def statements(sql):
    """A script's statements: the connector may send several at once."""
    if ";" not in sql:
        return [sql]
    parts, start = [], 0
    for token in Snowflake().tokenize(sql):
        if token.token_type == TokenType.SEMICOLON:
            parts.append(sql[start : token.start])
            start = token.end + 1
    parts.append(sql[start:])
    return [part.strip() for part in parts if part.strip()]


def stage_path(text):
    """`@"S"."%T"/"load"/file` without the quotes that fakesnow does not know."""
    head, *rest = text.split("/")
    return "/".join([head, *(part.strip('"') for part in rest)])


def rewritten(sql):
    if QUERY_TAG.match(sql):
        return "select 'Statement executed successfully.' as status"
    if found := REMOVE.match(sql):  # keep_staged_files=False
        stage, *path = stage_path(found[1]).split("/")
        database, schema, name = fake_stage.parts_from_var(stage, session.database, session.schema)
        Path(fake_stage.internal_dir(f"{database}.{schema}.{name}", "/".join(path))).unlink()
        return "select 'removed' as status"
    if found := PUT.match(sql):
        return f"PUT {found[1]} {stage_path(found[2])}{found[3].replace(',', ' ')}"
    sql = TEMPORARY.sub(r"\1 \2", sql)
    if re.match(r"\s*COPY\s+INTO", sql, re.IGNORECASE):
        sql = re.sub(r"FROM\s+'(@[^']+)'", lambda m: "FROM " + stage_path(m[1]), sql, flags=re.IGNORECASE)
        sql = re.sub(
            r"FILE_FORMAT\s*=\s*\(([^)]*)\)",
            lambda m: "FILE_FORMAT = (" + m[1].replace(",", " ") + ")",
            sql,
            flags=re.IGNORECASE,
        )
        sql = re.sub(r"MATCH_BY_COLUMN_NAME\s*=\s*'(\w+)'", r"MATCH_BY_COLUMN_NAME=\1", sql, flags=re.IGNORECASE)
    return sql


def executing_scripts(original):
    """Take scripts, and answer faults as SQL errors: as HTTP 500 the connector would try again for ever."""

    def execute(self, command, *args, **kwargs):
        for statement in statements(command):
            try:
                result = original(self, rewritten(statement), *args, **kwargs)
            except Error:
                raise
            except Exception as error:
                text = f"fakesnow: {type(error).__name__} {error} in {statement[:300]}"
                raise ProgrammingError(msg=text, errno=9999, sqlstate="99999") from error
        return result

    return execute


def merging(original):
    """Merge with DuckDB's own MERGE, and count what it did as Snowflake does."""

    def execute(self, transformed, params=None):
        if not isinstance(transformed, exp.Merge):
            return original(self, transformed, params)
        actions = [when.args["then"] for when in transformed.args["whens"].expressions]
        transformed.set("returning", exp.Returning(expressions=[exp.column("merge_action")]))
        original(self, transformed, params)
        done = [value.as_py() for value in self._arrow_table.column(0)] if self._arrow_table else []
        counts = {"inserted": done.count("INSERT"), "updated": done.count("UPDATE")}
        if any(isinstance(action, exp.Var) for action in actions):
            counts["deleted"] = done.count("DELETE")
        columns = ", ".join(f'{count}::bigint as "number of rows {name}"' for name, count in counts.items())
        self._duck_conn.execute(f"select {columns}")
        self._arrow_table = self._duck_conn.to_arrow_table()
        self._rowcount, self._last_sql, self._last_params = len(done), f"select {columns}", None
        return None

    return execute


def json_inserts(original):
    """COPY INTO … MATCH_BY_COLUMN_NAME from JSON: one INSERT per file, each key cast to its column's type."""

    def inserts(expression, params, urls, parquet_info=None):
        is_json = isinstance(params.file_format, fake_copy.ReadJSON)
        if not is_json or params.match_by_column_name == fake_copy.MatchByColumnName.NONE:
            return original(expression, params, urls, parquet_info)
        table = fake_copy._extract_table(expression.this)
        columns = fake_copy._describe_table(table, session.connection, session.database, session.schema)
        any_case = params.match_by_column_name == fake_copy.MatchByColumnName.CASE_INSENSITIVE
        fold = str.upper if any_case else str
        target = table.sql(dialect="duckdb")
        return [parse_one(json_insert(target, columns, url, fold), read="duckdb") for url in urls]

    return inserts


def json_insert(target, columns, url, fold):
    found = session.connection.execute("select distinct unnest(json_keys(json)) from read_json_objects(?)", [url])
    keys = {fold(row[0]): row[0] for row in found.fetchall()}
    chosen = {name: json_value(keys[fold(name)], kind) for name, kind in columns if fold(name) in keys}
    if not chosen:  # a file without rows, with which dlt makes a table exist
        return f"insert into {target} select * from {target} where false"
    names = ", ".join(f'"{name}"' for name in chosen)
    return f"insert into {target} ({names}) select {', '.join(chosen.values())} from read_json_objects('{url}')"


def json_value(key, kind):
    path = "'$.\"" + key + "\"'"
    if kind == "JSON":
        return f"nullif(json->{path}, 'null'::JSON)"
    if kind == "BLOB":
        return f"from_base64(json->>{path})"
    return f"cast(json->>{path} as {kind})"


def remembering_copy(original):
    def copy_into(connection, database, schema, *args, **kwargs):
        session.connection, session.database, session.schema = connection, database, schema
        return original(connection, database, schema, *args, **kwargs)

    return copy_into


def null_keeping(original):
    """fakesnow 0.12 sends NULL timestamps as 1970-01-01: its struct has no validity mask."""

    def timestamps(column):
        if isinstance(column, pa.ChunkedArray):
            column = column.combine_chunks()
        struct = original(pc.fill_null(column, pa.scalar(0, column.type)))
        fields = [struct.field(i) for i in range(struct.type.num_fields)]
        return pa.StructArray.from_arrays(fields, fields=list(struct.type), mask=pc.is_null(column))

    return timestamps


def teach():
    cursor = fake_cursor.FakeSnowflakeCursor
    cursor.execute = executing_scripts(cursor.execute)
    cursor._execute = merging(cursor._execute)
    fakesnow.transforms.merge = lambda expression: [expression]
    fake_copy._inserts = json_inserts(fake_copy._inserts)
    fake_copy.copy_into = fake_cursor.copy_into = remembering_copy(fake_copy.copy_into)
    fake_arrow.timestamp_to_sf_struct = null_keeping(fake_arrow.timestamp_to_sf_struct)


if __name__ == "__main__":
    teach()
    uvicorn.run(fakesnow.server.app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
