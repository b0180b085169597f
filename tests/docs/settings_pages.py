"""The class `Settings` in README's table, in .dlt/ and in the files that `didomi init` writes.

python tests/docs/settings_pages.py     writes them (`make settings`)
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from dlt.common.configuration import is_secret_hint

from didomi_source.configuration import SECTION
from didomi_source.settings import Settings

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "didomi_source" / "cli" / "templates"
# What a file shows for a setting that has no default, or an empty one.
_EXAMPLES = {"organization_id": "your-organization", "export_ids": ["id1", "id2"]}
_TABLE = re.compile(r"(?<=<!-- settings: written by `make settings` -->\n).*?(?=<!-- end of settings -->)", re.DOTALL)
_IN_TOML = re.compile(rf"(?<=\[{re.escape(SECTION)}\]\n).*?\n(?=\n)", re.DOTALL)


def described(documented: type | Callable[..., Any]) -> dict[str, str]:
    """The arguments in a docstring, with their descriptions."""
    (block,) = re.findall(r"^ {4}Args:\n(.*?)\n\n", documented.__doc__ or "", re.DOTALL | re.MULTILINE)
    return dict(re.findall(r"^ {8}(\w+): (.+)$", block, re.MULTILINE))


def secrets() -> set[str]:
    """The settings that dlt reads from secret places only."""
    return {name for name, hint in Settings.get_resolvable_fields().items() if is_secret_hint(hint)}


def table() -> str:
    """The table of README."""
    rows = [
        f"| `{name}` | {_default(name, value)} | {described(Settings)[name].removesuffix('.')} |\n"
        for name, value in Settings().items()
    ]
    return "".join([f"\n| setting of `{SECTION}` | default | description |\n|---|---|---|\n", *rows, "\n"])


def _default(name: str, value: Any) -> str:
    if value is None:
        return "required"
    return "all" if name == "export_ids" else f"`{json.dumps(value)}`"


def in_config() -> str:
    """The settings of config.toml, each with its default and commented out."""
    shown = {name: _EXAMPLES.get(name, value) for name, value in Settings().items() if name not in secrets()}
    lines = {name: f"# {name} = {json.dumps(value)}" for name, value in shown.items()}
    width = max(map(len, lines.values()))
    return "".join(f"{line:{width}}  # {described(Settings)[name].removesuffix('.')}\n" for name, line in lines.items())


def in_secrets() -> str:
    """The secrets of example.secrets.toml, to be filled in."""
    return "".join(f'{name} = ""\n' for name in Settings() if name in secrets())


def pages() -> Iterator[tuple[Path, str]]:
    """Each file with its content as it has to be."""
    readme = ROOT / "README.md"
    yield readme, _TABLE.sub(lambda _: table(), readme.read_text())
    for name, section in (("config.toml", in_config()), ("example.secrets.toml", in_secrets())):
        text = _IN_TOML.sub(lambda _, section=section: section, (TEMPLATES / name).read_text(), count=1)
        yield TEMPLATES / name, text
        yield ROOT / ".dlt" / name, text


if __name__ == "__main__":
    for path, text in pages():
        path.write_text(text)
