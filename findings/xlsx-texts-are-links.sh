#!/usr/bin/env bash
# Excel files of Polars and pandas: texts that look like links lose their prefix, or their whole cell.
#
# Versions: polars 2.1.0, pandas 3.1.1, XlsxWriter 3.3.1, openpyxl 3.1.5, Python 3.11.
# Guess: a text column is written as its texts; at worst a long one is shown without a link.
# Behaviour: both write through XlsxWriter, which makes a link of each text that begins with https://, ftp://, mailto:,
#   internal: or external:, and writes it without the last three prefixes: 'internal:ads' and 'external:ads' both
#   arrive as 'ads', without a warning. Excel's limits of links are then applied to the texts: a link of more than 2,079
#   characters, and each after the 65,530th of a sheet, is not written at all, text included, with a Python warning.
#   pandas takes XlsxWriter as soon as it is installed; its other engine, openpyxl, keeps every text.
# Cost: page addresses with a consent string or a long query are empty cells, sources are added up as one, and an export
#   of 70,000 rows has 4,470 empty addresses at its end. The option strings_to_urls=False of XlsxWriter keeps them.
# Output seen:
#   polars            ['https://a.example/x', None, 'ads', 'ads', 'dpo@a.example']
#   pandas            ['https://a.example/x', None, 'ads', 'ads', 'dpo@a.example']
#   pandas, openpyxl  ['https://a.example/x', 'https://a.example/?c=A...', 'internal:ads', 'external:ads', 'mailto:dpo@a.example']
#   polars, option    ['https://a.example/x', 'https://a.example/?c=A...', 'internal:ads', 'external:ads', 'mailto:dpo@a.example']
#   warnings: polars 1, pandas 1, pandas, openpyxl 0, polars, option 0
#   70000 addresses: 65530 written, the last in row 65530; 4470 warnings
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq polars==2.1.0 pandas==3.1.1 xlsxwriter==3.3.1 openpyxl==3.1.5

cd "$folder"
venv/bin/python - <<'PYTHON'
import warnings

import openpyxl
import pandas
import polars
import xlsxwriter

TEXTS = [
    "https://a.example/x",
    "https://a.example/?c=" + "A" * 2100,
    "internal:ads",
    "external:ads",
    "mailto:dpo@a.example",
]


def by_polars(texts, path):
    polars.DataFrame({"text": texts}).write_excel(path)


def by_pandas(texts, path):
    pandas.DataFrame({"text": texts}).to_excel(path, index=False)


def by_pandas_openpyxl(texts, path):
    pandas.DataFrame({"text": texts}).to_excel(path, index=False, engine="openpyxl")


def by_polars_option(texts, path):
    with xlsxwriter.Workbook(path, {"strings_to_urls": False}) as workbook:
        polars.DataFrame({"text": texts}).write_excel(workbook)


def written(write, texts):
    path = f"{write.__name__}.xlsx"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        write(texts, path)
    sheet = openpyxl.load_workbook(path, read_only=True).active
    cells = [row[0] for row in sheet.iter_rows(min_row=2, max_row=len(texts) + 1, max_col=1, values_only=True)]
    ignored = [warning for warning in caught if str(warning.message).startswith("Ignoring URL")]
    return cells, len(ignored)


def shown(cell):
    return cell if cell is None or len(cell) < 100 else cell[:22] + "..."


WRITERS = {
    "polars": by_polars,
    "pandas": by_pandas,
    "pandas, openpyxl": by_pandas_openpyxl,
    "polars, option": by_polars_option,
}
results = {name: written(write, TEXTS) for name, write in WRITERS.items()}
seen = [f"{name:17} {[shown(cell) for cell in cells]}" for name, (cells, _) in results.items()]
seen.append("warnings: " + ", ".join(f"{name} {ignored}" for name, (_, ignored) in results.items()))

addresses = [f"https://a.example/{number}" for number in range(1, 70_001)]
cells, ignored = written(by_polars, addresses)
present = [row for row, cell in enumerate(cells, start=1) if cell is not None]
seen.append(f"{len(addresses)} addresses: {len(present)} written, the last in row {present[-1]}; {ignored} warnings")
print(*seen, sep="\n")
LOST = "['https://a.example/x', None, 'ads', 'ads', 'dpo@a.example']"
KEPT = "['https://a.example/x', 'https://a.example/?c=A...', 'internal:ads', 'external:ads', 'mailto:dpo@a.example']"
assert seen == [
    f"polars            {LOST}",
    f"pandas            {LOST}",
    f"pandas, openpyxl  {KEPT}",
    f"polars, option    {KEPT}",
    "warnings: polars 1, pandas 1, pandas, openpyxl 0, polars, option 0",
    "70000 addresses: 65530 written, the last in row 65530; 4470 warnings",
], "the behaviour changed"
PYTHON
