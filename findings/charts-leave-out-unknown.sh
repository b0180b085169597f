#!/usr/bin/env bash
# Plotly Express, seaborn and hvPlot leave out the rows whose colour has no value: a third of the answers is two thirds.
#
# Versions: plotly 7.1.0, seaborn 0.13.2, hvplot 0.12.2, altair 6.3.0, plotnine 0.15.9, lets-plot 4.11.0, vl-convert-python
#   1.9.0.post1, polars 2.1.0, pandas 3.1.1, Python 3.11.
# Guess: `color="consent"` colours rows, it does not choose them: a row without a consent is a bar of its own, grey at the
#   least, and all charts of the day add up to its rows. What pandas leaves out of a group, Polars keeps.
# Behaviour: these three group by the colour and drop the group without a value, of a Polars frame too, in bars, lines, areas,
#   histograms, facets and animations, without a warning or an entry in the legend. Percentages are of what is left. Plotly's
#   pie keeps them, so that the two charts of one column differ. Altair, plotnine and lets-plot draw them.
# Cost: no consent asked, no answer, no country: the rows without a value are those that a chart of consents is made for. The
#   rate of consent reads as 67% and is 33%. The total of the bar looks right where there is no number to compare it to.
# Output seen (a day of 2 yes, 1 no, 3 without a value; what is drawn, of a pandas and a Polars frame, for seaborn by to_pandas):
#   plotly bar          [2, 1] [2, 1]
#   plotly line         [2, 1] [2, 1]
#   plotly area         [2, 1] [2, 1]
#   plotly percent      ['yes 66.7', 'no 33.3'] ['yes 66.7', 'no 33.3']
#   plotly facets       [2, 1] [2, 1]
#   plotly pie          [2, 1, 3] [2, 1, 3]
#   seaborn count       [2, 1] [2, 1]
#   seaborn objects     [2, 1] [2, 1]
#   seaborn percent     [33.3, 66.7] [33.3, 66.7]
#   hvplot              ['yes', 'no'] ['yes', 'no']
#   altair              ['2 yes', '1 no', '3 null'] ['2 yes', '1 no', '3 null']
#   plotnine            [2, 1, 3] [2, 1, 3]
#   lets-plot           [2, 1, 3] [2, 1, 3]
#   0 warnings
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq plotly==7.1.0 seaborn==0.13.2 hvplot==0.12.2 altair==6.3.0 plotnine==0.15.9 lets-plot==4.11.0 \
    vl-convert-python==1.9.0.post1 polars==2.1.0 pandas==3.1.1 pyarrow==26.0.1

cd "$folder"
cat > program.py <<'PYTHON'
import base64
import json
import re
import warnings

import matplotlib

matplotlib.use("Agg")
import altair
import hvplot.pandas
import hvplot.polars
import lets_plot
import numpy
import pandas
import plotly.express
import plotnine
import polars
import seaborn
import seaborn.objects
import vl_convert
from matplotlib import pyplot

ROWS = {"day": ["Monday"] * 6, "consent": ["yes", "yes", "no", None, None, None], "rows": [1] * 6}
SUMS = {"day": ["Monday"] * 3, "consent": ["yes", "no", None], "rows": [2, 1, 3]}


def by_plotly(kind, **more):
    """The values of each trace that Plotly's JavaScript gets."""

    def draw(frame):
        figure = json.loads(getattr(plotly.express, kind)(frame(SUMS), **more).to_json())
        packed = [trace["values" if kind == "pie" else "y"] for trace in figure["data"]]
        return [int(number) for part in packed for number in numpy.frombuffer(base64.b64decode(part["bdata"]), part["dtype"])]

    return draw


def plotly_percent(frame):
    figure = plotly.express.histogram(frame(SUMS), x="day", y="rows", color="consent", barnorm="percent")
    assert figure.layout.barnorm == "percent"
    sums = {trace.name: sum(trace.y) for trace in figure.data}
    return [f"{name} {100 * number / sum(sums.values()):.1f}" for name, number in sums.items()]


def heights(axes, scale=1):
    found = [round(float(bar.get_height()) * scale, 1) for bar in axes.patches if bar.get_height()]
    pyplot.close("all")
    return [int(height) if height.is_integer() else height for height in found]


def to_seaborn(frame):
    return frame(ROWS) if frame is pandas.DataFrame else frame(ROWS).to_pandas()


def seaborn_count(frame):
    return heights(seaborn.countplot(to_seaborn(frame), x="day", hue="consent"))


def seaborn_objects(frame):
    bars = seaborn.objects.Bar(), seaborn.objects.Count(), seaborn.objects.Stack()
    plot = seaborn.objects.Plot(to_seaborn(frame), x="day", color="consent").add(*bars).plot()
    return heights(plot._figure.axes[0])


def seaborn_percent(frame):
    return heights(seaborn.histplot(to_seaborn(frame), x="day", hue="consent", multiple="fill"), 100)


def by_hvplot(frame):
    return list(frame(SUMS).hvplot.scatter("day", "rows", by="consent").keys())


def by_altair(frame):
    chart = altair.Chart(frame(ROWS)).mark_bar().encode(x="day", y="count()", color="consent")
    drawn = vl_convert.vegalite_to_svg(chart.to_dict())
    return [f"{count} {consent}" for count, consent in re.findall(r"Records: (\d+); consent: (\w+)", drawn)]


def by_plotnine(frame):
    plot = plotnine.ggplot(frame(ROWS), plotnine.aes("day", fill="consent")) + plotnine.geom_bar()
    bars = plot.draw().axes[0].collections[0].get_paths()
    pyplot.close("all")
    return sorted((round(float(numpy.ptp(bar.vertices[:, 1]))) for bar in bars), key=[2, 1, 3].index)


def by_lets_plot(frame):
    plot = lets_plot.ggplot(frame(ROWS), lets_plot.aes("day", fill="consent")) + lets_plot.geom_bar()
    drawn = plot.to_svg()
    bars = re.findall(r'<rect x="([\d.]+)" y="[\d.]+" height="([\d.]+)" width="([\d.]+)"', drawn)
    broad = [float(height) for _, height, width in bars if float(width) > 100]
    return sorted((round(height / min(broad)) for height in broad), key=[2, 1, 3].index)


CHARTS = {
    "plotly bar": by_plotly("bar", x="day", y="rows", color="consent"),
    "plotly line": by_plotly("line", x="day", y="rows", color="consent"),
    "plotly area": by_plotly("area", x="day", y="rows", color="consent"),
    "plotly percent": plotly_percent,
    "plotly facets": by_plotly("bar", x="day", y="rows", facet_col="consent"),
    "plotly pie": by_plotly("pie", names="consent", values="rows"),
    "seaborn count": seaborn_count,
    "seaborn objects": seaborn_objects,
    "seaborn percent": seaborn_percent,
    "hvplot": by_hvplot,
    "altair": by_altair,
    "plotnine": by_plotnine,
    "lets-plot": by_lets_plot,
}
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for title, draw in CHARTS.items():
        print(f"{title:19} {draw(pandas.DataFrame)} {draw(polars.DataFrame)}", flush=True)
about = [warning for warning in caught if re.search("null|None|missing|dropp", str(warning.message), re.I)]
print(f"{len(about)} warnings")
PYTHON
venv/bin/python program.py 2>log.txt | tee seen.txt || { tail -n 20 log.txt; exit 1; }
diff seen.txt - <<'TEXT' || { echo "the behaviour changed"; exit 1; }
plotly bar          [2, 1] [2, 1]
plotly line         [2, 1] [2, 1]
plotly area         [2, 1] [2, 1]
plotly percent      ['yes 66.7', 'no 33.3'] ['yes 66.7', 'no 33.3']
plotly facets       [2, 1] [2, 1]
plotly pie          [2, 1, 3] [2, 1, 3]
seaborn count       [2, 1] [2, 1]
seaborn objects     [2, 1] [2, 1]
seaborn percent     [33.3, 66.7] [33.3, 66.7]
hvplot              ['yes', 'no'] ['yes', 'no']
altair              ['2 yes', '1 no', '3 null'] ['2 yes', '1 no', '3 null']
plotnine            [2, 1, 3] [2, 1, 3]
lets-plot           [2, 1, 3] [2, 1, 3]
0 warnings
TEXT
