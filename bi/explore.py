"""A notebook to look around in the marts.

    pip install marimo altair duckdb polars pyarrow
    DIDOMI_WAREHOUSE=warehouse.duckdb marimo edit bi/explore.py

It opens the file read-only, and only while a query runs.
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Didomi exports")


@app.cell
def _():
    import os
    from pathlib import Path

    import altair as alt
    import duckdb
    import marimo as mo

    warehouse = os.environ.get("DIDOMI_WAREHOUSE", "warehouse.duckdb")
    queries = Path(__file__).parent / "sql"

    def read(name):
        """Run one of the queries in bi/sql."""
        with duckdb.connect(warehouse, read_only=True) as connection:
            return connection.execute((queries / f"{name}.sql").read_text()).pl()

    return alt, mo, read


@app.cell
def _(mo, read):
    exports = read("exports").sort("severity", "export_name")
    mo.vstack([mo.md(f"# {len(exports)} exports, {(exports['health'] == 'failing').sum()} failing"), exports])
    return (exports,)


@app.cell
def _(exports, mo):
    names = exports["export_name"].to_list()
    chosen = mo.ui.multiselect(names, value=names, label="Exports")
    chosen
    return (chosen,)


@app.cell
def _(alt, chosen, mo, read):
    days = read("daily_success")
    days = days.filter(days["export_name"].is_in(chosen.value))
    calendar = (
        alt.Chart(days)
        .mark_rect()
        .encode(x="run_date:T", y=alt.Y("export_name:N", title=None), color="day_status:N", tooltip=["day_status"])
        .properties(width="container", title="Every day in one word")
    )
    rates = (
        alt.Chart(days)
        .mark_line(interpolate="step-after")
        .encode(
            x="run_date:T",
            y=alt.Y("success_rate_28d:Q", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])),
            color="export_name:N",
        )
        .properties(width="container", title="Success rate over 28 days")
    )
    mo.vstack([calendar, rates])
    return


@app.cell
def _(alt, chosen, mo, read):
    users = read("daily_users")
    users = users.filter(users["export_name"].is_in(chosen.value))
    anomalies = users.filter(users["is_anomaly"]).sort("run_date", descending=True)
    lines = alt.Chart(users).mark_line().encode(x="run_date:T", y="users:Q", color="export_name:N")
    points = alt.Chart(anomalies).mark_point(color="red", size=80).encode(x="run_date:T", y="users:Q")
    title = "Users delivered; red where they are far from expected"
    mo.vstack([(lines + points).properties(width="container", title=title), anomalies])
    return


@app.cell
def _(chosen, mo, read):
    incidents = read("incidents")
    incidents = incidents.filter(incidents["export_name"].is_in(chosen.value)).sort("started_at", descending=True)
    mo.vstack([mo.md("## Incidents"), incidents])
    return


if __name__ == "__main__":
    app.run()
