#!/usr/bin/env bash
# From the 5,001st row Altair's error says to enable VegaFusion: then `datum.country == "de"` finds no row of a Polars frame.
#
# Versions: altair 6.3.0, vegafusion 2.0.3, vl-convert-python 1.9.0.post1, polars 2.1.0, pandas 3.1.1, pyarrow 26.0.1,
#   Python 3.11.
# Guess: VegaFusion computes the same numbers elsewhere, so that a chart is drawn the same with and without it; whether
#   the rows are in Polars or pandas matters even less.
# Behaviour: it runs the filters as SQL does. A text column of Polars and a category of pandas are no "same type" as the
#   'de' of the filter, so `===`, which Altair makes of Python's ==, is false everywhere, and its negation true; of a
#   category so is `==`. For rows without a value, JavaScript has null < 10 and null != 'de' true and null + 1 = 1, where
#   VegaFusion has nothing. A median of whole numbers is cut to a whole number. Nothing warns.
# Cost: a report grows over 5,000 rows, or one line is added to make it small, and its countries are empty or all there;
#   rows without a value leave the counts. Whoever compares two charts of one specification sees two numbers.
# Output seen:
#   as Python writes country == "de"        Vega 2, VegaFusion with polars 0, pandas 2, pandas category 0
#   as Python writes country != "de"        Vega 4, VegaFusion with polars 0, pandas 2, pandas category 0
#   as Python writes ~(country == "de")     Vega 4, VegaFusion with polars 6, pandas 4, pandas category 6
#   the text datum.country == 'de'          Vega 2, VegaFusion with polars 2, pandas 2, pandas category 0
#   the text datum.country != 'de'          Vega 4, VegaFusion with polars 2, pandas 2, pandas category 0
#   as Python writes actions < 10           Vega 5, VegaFusion with polars 3, pandas 3, pandas category 3
#   the mean of datum.actions + 1           Vega 6.5, VegaFusion with polars 9.25, pandas 9.25, pandas category 9.25
#   the median of 1, 2, 3, 4, 5, 6          Vega 3.5, VegaFusion with polars 3, pandas 3, pandas category 3
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq altair==6.3.0 vegafusion==2.0.3 vl-convert-python==1.9.0.post1 polars==2.1.0 \
    pandas==3.1.1 pyarrow==26.0.1

cd "$folder"
venv/bin/python - <<'PYTHON'
import pathlib
import re

import altair
import pandas
import polars

rows = {
    "user": [1, 2, 3, 4, 5, 6],
    "country": ["de", "fr", None, "de", None, "it"],
    "actions": [1, None, 20, 5, None, 7],
}
FRAMES = {
    "polars": polars.DataFrame(rows),
    "pandas": pandas.DataFrame(rows),
    "pandas category": pandas.DataFrame(rows).astype({"country": "category"}),
}
datum = altair.datum


def filtered(condition):
    return lambda chart: chart.transform_filter(condition).encode(text="count()")


CHARTS = {
    'as Python writes country == "de"': filtered(datum.country == "de"),
    'as Python writes country != "de"': filtered(datum.country != "de"),
    'as Python writes ~(country == "de")': filtered(~(datum.country == "de")),
    "the text datum.country == 'de'": filtered("datum.country == 'de'"),
    "the text datum.country != 'de'": filtered("datum.country != 'de'"),
    "as Python writes actions < 10": filtered(datum.actions < 10),
    "the mean of datum.actions + 1": lambda chart: chart.transform_calculate(y="datum.actions + 1").encode(text="mean(y):N"),
    "the median of 1, 2, 3, 4, 5, 6": lambda chart: chart.encode(text="median(user):N"),
}


def drawn(transformer, frame, make):
    altair.data_transformers.enable(transformer)
    make(altair.Chart(frame).mark_text()).save("chart.svg")
    [text] = re.findall(r"<text[^>]*>([^<]*)</text>", pathlib.Path("chart.svg").read_text())
    return text


def line(title, make):
    [vega] = {drawn("default", frame, make) for frame in FRAMES.values()}
    fused = ", ".join(f"{name} {drawn('vegafusion', frame, make)}" for name, frame in FRAMES.items())
    return f"{title:39} Vega {vega}, VegaFusion with {fused}"


seen = [line(title, make) for title, make in CHARTS.items()]
print(*seen, sep="\n")
assert seen == [
    'as Python writes country == "de"        Vega 2, VegaFusion with polars 0, pandas 2, pandas category 0',
    'as Python writes country != "de"        Vega 4, VegaFusion with polars 0, pandas 2, pandas category 0',
    'as Python writes ~(country == "de")     Vega 4, VegaFusion with polars 6, pandas 4, pandas category 6',
    "the text datum.country == 'de'          Vega 2, VegaFusion with polars 2, pandas 2, pandas category 0",
    "the text datum.country != 'de'          Vega 4, VegaFusion with polars 2, pandas 2, pandas category 0",
    "as Python writes actions < 10           Vega 5, VegaFusion with polars 3, pandas 3, pandas category 3",
    "the mean of datum.actions + 1           Vega 6.5, VegaFusion with polars 9.25, pandas 9.25, pandas category 9.25",
    "the median of 1, 2, 3, 4, 5, 6          Vega 3.5, VegaFusion with polars 3, pandas 3, pandas category 3",
], "the behaviour changed"

altair.data_transformers.enable("default")
try:
    altair.Chart(polars.DataFrame({"x": range(5001)})).mark_point().encode(x="x").to_dict()
    message = ""
except altair.MaxRowsError as error:
    message = str(error)
assert 'alt.data_transformers.enable("vegafusion")' in message, "the behaviour changed"
PYTHON
