"""Data goes one way, and so do the imports; what comes after the marts reads marts only."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from didomi_source.schema import TABLES

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "didomi_source"
# A module imports from further down only; those of one line do not know each other, unless they are one folder.
TIERS = (
    ("cli",),
    ("console",),
    ("alerts", "signals"),
    ("job", "report"),
    ("deliveries",),
    ("source",),
    ("sync",),
    ("arrow", "client", "known"),
    ("rows",),
    ("exports", "extra"),
    ("auth", "envelope", "paging", "rate_limit", "schema", "settings", "transport"),
    ("marks",),
    ("errors", "values"),
)
RANKS = {room: rank for rank, tier in enumerate(TIERS) for room in tier}
CONNECTOR = {room for tier in TIERS[TIERS.index(("source",)) :] for room in tier}
FOLDERS = {"alerts", "cli", "deliveries", "job", "report", "sandbox", "signals"}
# What reads or writes the raw tables: all of it comes before the marts.
BEFORE_THE_MARTS = {"deliveries.known", "job.copy", "job.progress", "job.run", "known", "schema", "source"}


def module_of(path: Path) -> str:
    """`job.run`; the package itself is an empty text."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").rstrip(".")


MODULES = {module_of(path): ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))}


def room_of(module: str) -> str:
    return module.split(".", maxsplit=1)[0]


def imports_of(module: str) -> set[str]:
    """The modules of ours that a module imports: at the top, inside functions, and for types alone."""
    package = module.split(".") if module in FOLDERS else module.split(".")[:-1]
    found = set()
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = [node.module] if node.module else []
            if node.level:
                base = ["didomi_source", *package[: len(package) - node.level + 1], *base]
            names = [".".join([*base, alias.name]) for alias in node.names]
        else:
            continue
        found |= {name.removeprefix("didomi_source.") for name in names if name.startswith("didomi_source.")}
    return {next(m for m in (name, name.rpartition(".")[0], "") if m in MODULES) for name in found}


def goes_down(module: str, imported: str) -> bool:
    """Whether an import goes the way that data comes from."""
    room, other = room_of(module), room_of(imported)
    if room == other and room in FOLDERS:
        return True
    if other == "sandbox":
        return room in ("cli", "job")  # which start it
    if room == "sandbox":
        return False
    return RANKS[room] < RANKS[other] or {room, other} == {"job", "report"}


def texts_of(module: str) -> Iterator[str]:
    """The texts in a module's code, without its docstrings; the parts of an f-string are one text."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    tree = MODULES[module]
    skipped = {
        id(node.body[0].value) for node in ast.walk(tree) if isinstance(node, documented) and ast.get_docstring(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "?" for part in node.values)


def test_every_module_has_a_place() -> None:
    """A new module is put into a line of TIERS, so that it is known what it may import."""
    assert {room_of(module) for module in MODULES if module} == RANKS.keys() | {"sandbox"}


def test_imports_go_one_way() -> None:
    """cli → job → source → sync → client → (auth, paging, rate_limit) → errors, and source → schema; no way back."""
    up = {(m, i) for m in MODULES if m for i in imports_of(m) if i and not goes_down(m, i)}
    assert up == set()


@pytest.mark.parametrize(
    ("module", "imported"),
    [("source", "sync"), ("source", "schema"), ("sync", "client"), ("client", "auth"), ("client", "paging"),
     ("client", "rate_limit"), ("paging", "errors"), ("cli.load", "job.check"), ("job.run", "source")],
)  # fmt: skip
def test_the_arrows_are_there(module: str, imported: str) -> None:
    """The imports that the picture shows exist: those that are looked for above are found at all."""
    assert imported in imports_of(module)


def test_the_package_itself_shows_the_connector_only() -> None:
    """`didomi_source` hands out the source, and the request that it takes."""
    assert imports_of("") == {"source", "sync"}


def test_the_source_needs_nothing_but_the_connector() -> None:
    """In a pipeline of somebody else's, neither job nor command line nor sandbox are loaded."""
    code = "import sys; from didomi_source import didomi_source; print(*(m for m in sys.modules if m[:14] == 'didomi_source.'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert {name.removeprefix("didomi_source.") for name in done.stdout.split()} == CONNECTOR


def test_what_comes_after_the_marts_reads_marts_only() -> None:
    """No module names a raw table in a query, or as a table to read, but those that come before the marts."""
    names = "|".join(TABLES)
    query = re.compile(rf"\b(from|join)\s+(\S+\.)?[{{\"]?({names})\b")
    reading = {
        module
        for module in MODULES
        for text in texts_of(module)
        if (text in TABLES.keys() - {"exports"} or query.search(text)) and room_of(module) != "sandbox"
    }
    assert reading == BEFORE_THE_MARTS


def test_only_staging_reads_raw_tables() -> None:
    """Of the models, those of staging rename the columns once, and the others build on them."""
    models = (ROOT / "sql" / "models").rglob("*.sql")
    reading = {path.parent.name for path in models if re.search(r"\bsource\(", path.read_text())}
    assert reading == {"staging"}


def test_only_the_command_line_prints() -> None:
    """A connector that prints would spoil the output of whoever imports it."""
    printing = {
        room_of(module)
        for module, tree in MODULES.items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print")
        or (isinstance(node, ast.Attribute) and node.attr in ("stdout", "stderr") and ast.unparse(node.value) == "sys")
    }
    assert printing == {"cli", "console"}


@pytest.mark.parametrize("document", ["CONTRIBUTING.md", "pyproject.toml"])
def test_documents_name_files_that_exist(document: str) -> None:
    """A path of the tests or the models that is named for a contributor leads somewhere: to this file, for one."""
    named = re.findall(r"\b(?:tests|sql|docs)/[\w/.-]*\w", (ROOT / document).read_text())
    assert "tests/unit/test_architecture.py" in named
    assert [path for path in named if not (ROOT / path).exists()] == []
