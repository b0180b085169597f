#!/usr/bin/env bash
# StatsForecast is told "freq=D" and the date of each row, and still counts rows: a day without rows moves the weekdays.
#
# Versions: statsforecast 2.1.1, mlforecast 1.1.0, statsmodels 0.15.0, utilsforecast 0.2.17, pandas 2.3.3, Python 3.11.
# Guess: with the frequency and the dates at hand a row is placed by its date, so that a day that is not there is a gap, and
#   the forecast for Monday is made of Mondays; or the gap raises.
# Behaviour: only the last date is used, to date the forecast. The values go to the models as an array without gaps, so
#   "seven days ago" is seven rows ago. The last week lacks its Thursday: the forecast for Monday is that of the Sunday
#   before, for Tuesday Monday's. Nothing warns. MLForecast, of the same makers and for the same frame, raises, and so
#   does the forecast of statsmodels. With `fill_gaps` and a value for the gaps, the weekdays are right.
# Cost: `group by day` has no row for a day without events, which is every Sunday of many customers, and one outage of a
#   load. The forecast's total looks right; budgets and alarms by weekday are a day off, or drift through the week.
# Output seen:
#   SeasonalNaive, all days      Mon 10, Tue 20, Wed 30, Thu 40, Fri 50, Sat 60, Sun 70
#   SeasonalNaive, no Thursday   Mon 70, Tue 10, Wed 20, Thu 30, Fri 50, Sat 60, Sun 70
#   SeasonalNaive, no Sundays    Sun 60, Mon 10, Tue 20, Wed 30, Thu 40, Fri 50, Sat 60
#   window average, all days     Mon 10, Tue 20, Wed 30, Thu 40, Fri 50, Sat 60, Sun 70
#   window average, no Thursday  Mon 70, Tue 10, Wed 20, Thu 30, Fri 43, Sat 53, Sun 63
#   window average, no Sundays   Sun 50, Mon 40, Tue 30, Wed 20, Thu 30, Fri 40, Sat 50
#   SeasonalNaive, Sundays are 0 Mon 10, Tue 20, Wed 30, Thu 40, Fri 50, Sat 60, Sun 0
#   mlforecast, all days         Mon 10, Tue 20, Wed 30, Thu 40, Fri 50, Sat 60, Sun 70
#   mlforecast, no Thursday      ValueError
#   mlforecast, no Sundays       ValueError
#   statsmodels, all days        Mon 10, Tue 20, Wed 30, Thu 40, Fri 50, Sat 60, Sun 70
#   statsmodels, no Thursday     ValueError
#   statsmodels, no Sundays      ValueError
#   0 warnings of statsforecast
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq statsforecast==2.1.1 mlforecast==1.1.0 statsmodels==0.15.0 utilsforecast==0.2.17 \
    pandas==2.3.3

cd "$folder"
cat > program.py <<'PYTHON'
import warnings

import pandas
from mlforecast import MLForecast
from sklearn.linear_model import LinearRegression
from statsforecast import StatsForecast
from statsforecast.models import SeasonalNaive, SeasonalWindowAverage
from statsmodels.tsa.api import ExponentialSmoothing
from utilsforecast.preprocessing import fill_gaps

# Four weeks, Monday to Sunday: 10 events on a Monday, 20 on a Tuesday, and so on.
days = pandas.DataFrame(
    {"unique_id": "events", "ds": pandas.date_range("2026-09-07", "2026-10-04"), "y": [10.0, 20, 30, 40, 50, 60, 70] * 4}
)
FRAMES = {
    "all days": days,
    "no Thursday": days[days["ds"] != "2026-10-01"],
    "no Sundays": days[days["ds"].dt.day_name() != "Sunday"],
}
filled = fill_gaps(FRAMES["no Sundays"], freq="D", end="2026-10-04").fillna({"y": 0})


def by_statsforecast(model):
    return lambda frame: StatsForecast([model], freq="D").forecast(df=frame, h=7)


def by_mlforecast(frame):
    return MLForecast([LinearRegression()], freq="D", lags=[7]).fit(frame).predict(7)


def by_statsmodels(frame):
    series = frame.set_index("ds")["y"]
    forecast = ExponentialSmoothing(series, seasonal="add", seasonal_periods=7).fit().forecast(7)
    return pandas.DataFrame({"unique_id": "events", "ds": forecast.index, "forecast": forecast.to_numpy()})


def line(title, forecast, frame):
    try:
        found = forecast(frame)
    except ValueError as error:
        return f"{title:28} {type(error).__name__}"
    names = found["ds"].dt.day_name().str[:3]
    return f"{title:28} " + ", ".join(f"{day} {value:.0f}" for day, value in zip(names, found.iloc[:, 2]))


with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    naive = by_statsforecast(SeasonalNaive(7))
    average = by_statsforecast(SeasonalWindowAverage(season_length=7, window_size=3))
    seen = [line(f"SeasonalNaive, {name}", naive, frame) for name, frame in FRAMES.items()]
    seen += [line(f"window average, {name}", average, frame) for name, frame in FRAMES.items()]
    seen += [line("SeasonalNaive, Sundays are 0", naive, filled)]
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    for library, forecast in (("mlforecast", by_mlforecast), ("statsmodels", by_statsmodels)):
        seen += [line(f"{library}, {name}", forecast, frame) for name, frame in FRAMES.items()]
seen.append(f"{len(caught)} warnings of statsforecast")
print(*seen, sep="\n")
assert seen == [
    "SeasonalNaive, all days      Mon 10, Tue 20, Wed 30, Thu 40, Fri 50, Sat 60, Sun 70",
    "SeasonalNaive, no Thursday   Mon 70, Tue 10, Wed 20, Thu 30, Fri 50, Sat 60, Sun 70",
    "SeasonalNaive, no Sundays    Sun 60, Mon 10, Tue 20, Wed 30, Thu 40, Fri 50, Sat 60",
    "window average, all days     Mon 10, Tue 20, Wed 30, Thu 40, Fri 50, Sat 60, Sun 70",
    "window average, no Thursday  Mon 70, Tue 10, Wed 20, Thu 30, Fri 43, Sat 53, Sun 63",
    "window average, no Sundays   Sun 50, Mon 40, Tue 30, Wed 20, Thu 30, Fri 40, Sat 50",
    "SeasonalNaive, Sundays are 0 Mon 10, Tue 20, Wed 30, Thu 40, Fri 50, Sat 60, Sun 0",
    "mlforecast, all days         Mon 10, Tue 20, Wed 30, Thu 40, Fri 50, Sat 60, Sun 70",
    "mlforecast, no Thursday      ValueError",
    "mlforecast, no Sundays       ValueError",
    "statsmodels, all days        Mon 10, Tue 20, Wed 30, Thu 40, Fri 50, Sat 60, Sun 70",
    "statsmodels, no Thursday     ValueError",
    "statsmodels, no Sundays      ValueError",
    "0 warnings of statsforecast",
], "the behaviour changed"
PYTHON
venv/bin/python program.py
