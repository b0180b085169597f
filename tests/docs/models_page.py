"""The tables of sql/README.md, from the YAML beside each model.

python tests/docs/models_page.py     writes them into sql/README.md
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

SQL = Path(__file__).parents[2] / "sql"
PAGE = SQL / "README.md"
LAYERS = ("marts", "intermediate", "staging")
_TYPES = {"string": "text", "bigint": "integer", "date": "date", "boolean": "boolean"}
_GENERATED = re.compile(r"(<!-- (\w+): written by [^>]* -->\n).*?(?=<!-- end of \2 -->)", re.DOTALL)


def models(layer: str) -> list[dict[str, Any]]:
    """What the YAML files of a layer say of its models."""
    files = sorted((SQL / "models" / layer).glob("*didomi__*.yml"))
    return [model for file in files for model in yaml.safe_load(file.read_text()).get("models", [])]


def kind(data_type: str) -> str:
    """A column's type in a word that holds on every warehouse."""
    if "timestamp" in data_type:
        return "timestamp"
    return "number" if "float64" in data_type else _TYPES[data_type]


def table(model: dict[str, Any]) -> str:
    """One model as Markdown."""
    rows = [
        f"| `{column['name']}` | {kind(column['data_type'])} | {column['description'].strip().replace('|', chr(92) + '|')} |"
        for column in model["columns"]
    ]
    head = [f"### `{model['name']}`", "", " ".join(model["description"].split()), ""]
    return "\n".join([*head, "| column | type | what |", "|---|---|---|", *rows, "", ""])


def rewritten(page: str) -> str:
    """The page with its tables written anew."""
    return _GENERATED.sub(lambda found: found[1] + "\n" + "".join(map(table, models(found[2]))), page)


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text()))
