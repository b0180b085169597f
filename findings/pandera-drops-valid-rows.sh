#!/usr/bin/env bash
# pandera's drop_invalid_rows removes valid rows that share the label of an invalid one, and keeps or drops NaN by engine.
#
# Versions: pandera 0.35.0, pandas 3.1.1, polars 2.1.0, Python 3.11.
# Guess: the rows that fail a check go and the others stay; pandas and Polars agree on the same rows.
# Behaviour: in pandas the rows are dropped by their index label. After concat of two pages each label stands for two
#   rows: one rate of 7.0 takes a valid rate of the other page with it. With an index on the log's export, one bad log takes
#   every log of that export. reset_index before validation, or Polars, loses the bad row only. NaN passes the
#   range check in pandas, where it is null, and is dropped in Polars.
# Cost: the option is meant for pages of an API: what it removes it does not count or log. The more pages are put
#   together, the more valid rows go with each bad one: 30 pages, one bad log, 29 good ones lost.
# Output seen:
#   pandas, two pages put together: [0.1, 0.3]
#   pandas, the same after reset_index: [0.1, 0.3, 0.4]
#   polars, the same: [0.1, 0.3, 0.4]
#   pandas, the export as index: [0.1]
#   pandas, thirty pages: 60 rows, 1 invalid, 30 kept
#   NaN and None: pandas [0.1, nan, nan], polars [0.1, None]
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq "pandera[pandas,polars]==0.35.0" pandas==3.1.1 polars==2.1.0

cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import pandas
import pandera.pandas
import pandera.polars
import polars

IN_RANGE = pandera.pandas.Check.in_range(0, 1)
by_pandas = pandera.pandas.DataFrameSchema(
    {"rate": pandera.pandas.Column(float, IN_RANGE, nullable=True)}, drop_invalid_rows=True
)
by_polars = pandera.polars.DataFrameSchema(
    {"rate": pandera.polars.Column(float, pandera.polars.Check.in_range(0, 1), nullable=True)}, drop_invalid_rows=True
)


def kept(frame):
    return by_pandas.validate(frame, lazy=True)["rate"].tolist()


def kept_by_polars(rates):
    return by_polars.validate(polars.DataFrame({"rate": rates}), lazy=True)["rate"].to_list()


pages = [pandas.DataFrame({"rate": [0.1, 7.0]}), pandas.DataFrame({"rate": [0.3, 0.4]})]
together = pandas.concat(pages)
thirty = pandas.concat([pages[0], *[pages[1]] * 29])
by_export = pandas.DataFrame({"rate": [0.1, 7.0, 0.3, 0.4]}, index=["a", "b", "b", "b"])
nothing = [0.1, float("nan"), None]
seen = [
    f"pandas, two pages put together: {kept(together)}",
    f"pandas, the same after reset_index: {kept(together.reset_index(drop=True))}",
    f"polars, the same: {kept_by_polars([0.1, 7.0, 0.3, 0.4])}",
    f"pandas, the export as index: {kept(by_export)}",
    f"pandas, thirty pages: {len(thirty)} rows, 1 invalid, {len(kept(thirty))} kept",
    f"NaN and None: pandas {kept(pandas.DataFrame({'rate': nothing}))}, polars {kept_by_polars(nothing)}",
]
print(*seen, sep="\n")
assert seen == [
    "pandas, two pages put together: [0.1, 0.3]",
    "pandas, the same after reset_index: [0.1, 0.3, 0.4]",
    "polars, the same: [0.1, 0.3, 0.4]",
    "pandas, the export as index: [0.1]",
    "pandas, thirty pages: 60 rows, 1 invalid, 30 kept",
    "NaN and None: pandas [0.1, nan, nan], polars [0.1, None]",
], "the behaviour changed"
PYTHON
