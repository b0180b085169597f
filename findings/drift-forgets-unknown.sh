#!/usr/bin/env bash
# Evidently, NannyML, Great Expectations: half of the consents become null, and the drift is 0.0; as the text `unknown` it alarms.
#
# Versions: evidently 0.7.23, nannyml 0.13.1, great_expectations 1.24.1, pandas 2.3.3, Python 3.11.
# Guess: a distribution of yes, no and nothing is another one than that of yes and no; if nothing is left out, all values of one
#   report are shares of the same rows.
# Behaviour: all three leave the rows without a value out before they compare, whatever the measure, without saying so in the
#   result, while a category that was not there before is drift at once. Evidently's report has two shares of "yes" then: half of
#   the known by `CategoryCount`, a quarter of all by `UniqueValueCount`; and all values are "yes or no" by `InListValueCount`,
#   whose count is half of the rows. Nulls have other checks of their own in each library, which nothing here asks for.
# Cost: a release that stops to record the consent of half of the people is the fault that the watch is for, and it is the one
#   that it cannot see. Whether it alarms depends on how the export writes what it does not know: as null, or as a word.
# Output seen (1000 rows against 1000 rows before):
#   as before    Evidently psi 0.0, Jensen-Shannon 0.0, yes 0.50 (and 0.50), yes or no 1.00
#   as before    NannyML   chi2 0.0, jensen_shannon 0.0, l_infinity 0.0, alert False
#   as before    GX        Kullback-Leibler 0.0, success True
#   half null    Evidently psi 0.0, Jensen-Shannon 0.0, yes 0.50 (and 0.25), yes or no 1.00
#   half null    NannyML   chi2 0.0, jensen_shannon 0.0, l_infinity 0.0, alert False
#   half null    GX        Kullback-Leibler 0.0, success True
#   half unknown Evidently psi 4.6, Jensen-Shannon 0.5, yes 0.25 (and 0.25), yes or no 0.50
#   half unknown NannyML   chi2 666.7, jensen_shannon 0.6, l_infinity 0.5, alert True
#   half unknown GX        Kullback-Leibler 2.8, success False
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq evidently==0.7.23 nannyml==0.13.1 great_expectations==1.24.1 pandas==2.3.3

cd "$folder"
export DO_NOT_TRACK=1 GX_ANALYTICS_ENABLED=false NML_DISABLE_USAGE_LOGGING=1 TQDM_DISABLE=1
venv/bin/python -W ignore - <<'PYTHON'
import logging

import evidently
import evidently.metrics
import great_expectations
import nannyml
import pandas

logging.disable(logging.CRITICAL)
seen = []


def frame(values):
    return pandas.DataFrame({"consent": values * 250, "at": pandas.date_range("2026-01-01", periods=1000, freq="min").astype(str)})


BEFORE = frame(["yes", "no", "yes", "no"])
nanny = nannyml.UnivariateDriftCalculator(
    column_names=["consent"],
    treat_as_categorical=["consent"],
    timestamp_column_name="at",
    categorical_methods=["chi2", "jensen_shannon", "l_infinity"],
    chunk_number=1,
).fit(BEFORE)
context = great_expectations.get_context(mode="ephemeral")
batches = context.data_sources.add_pandas("p").add_dataframe_asset("a").add_batch_definition_whole_dataframe("b")


def by_evidently(now):
    column = {"column": "consent"}
    metrics = [
        evidently.metrics.ValueDrift(**column, method="psi"),
        evidently.metrics.ValueDrift(**column, method="jensenshannon"),
        evidently.metrics.CategoryCount(**column, category="yes"),
        evidently.metrics.InListValueCount(**column, values=["yes", "no"]),
        evidently.metrics.UniqueValueCount(**column),
    ]
    run = evidently.Report(metrics).run(evidently.Dataset.from_pandas(now), evidently.Dataset.from_pandas(BEFORE))
    psi, shannon, yes, known, shares = (metric["value"] for metric in run.dict()["metrics"])
    return (
        f"psi {psi:.1f}, Jensen-Shannon {shannon:.1f}, yes {yes['share']:.2f} (and {shares['shares']['yes']:.2f}), "
        f"yes or no {known['share']:.2f}"
    )


def by_nannyml(now):
    found = nanny.calculate(now).filter(period="analysis").to_df()["consent"].iloc[0]
    return ", ".join(f"{method} {found[method, 'value']:.1f}" for method in ("chi2", "jensen_shannon", "l_infinity")) + (
        f", alert {any(found[method, 'alert'] for method in ('chi2', 'jensen_shannon', 'l_infinity'))}"
    )


def by_expectation(now):
    partition = {"values": ["no", "yes"], "weights": [0.5, 0.5]}
    expectation = great_expectations.expectations.ExpectColumnKLDivergenceToBeLessThan(
        column="consent", partition_object=partition, threshold=0.1, tail_weight_holdout=0.001
    )
    result = batches.get_batch({"dataframe": now}).validate(expectation)
    return f"Kullback-Leibler {result.result['observed_value']:.1f}, success {result.success}"


for title, values in {
    "as before": ["yes", "no", "yes", "no"],
    "half null": ["yes", "no", None, None],
    "half unknown": ["yes", "no", "unknown", "unknown"],
}.items():
    now = frame(values)
    for name, by in {"Evidently": by_evidently, "NannyML": by_nannyml, "GX": by_expectation}.items():
        seen.append(f"{title:12} {name:9} {by(now)}")
print(*seen, sep="\n")
assert seen == [
    "as before    Evidently psi 0.0, Jensen-Shannon 0.0, yes 0.50 (and 0.50), yes or no 1.00",
    "as before    NannyML   chi2 0.0, jensen_shannon 0.0, l_infinity 0.0, alert False",
    "as before    GX        Kullback-Leibler 0.0, success True",
    "half null    Evidently psi 0.0, Jensen-Shannon 0.0, yes 0.50 (and 0.25), yes or no 1.00",
    "half null    NannyML   chi2 0.0, jensen_shannon 0.0, l_infinity 0.0, alert False",
    "half null    GX        Kullback-Leibler 0.0, success True",
    "half unknown Evidently psi 4.6, Jensen-Shannon 0.5, yes 0.25 (and 0.25), yes or no 0.50",
    "half unknown NannyML   chi2 666.7, jensen_shannon 0.6, l_infinity 0.5, alert True",
    "half unknown GX        Kullback-Leibler 2.8, success False",
], "the behaviour changed"
PYTHON
