"""Data goes one way, and so do the imports; what comes after the marts reads marts only."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from didomi_source.schema import TABLES

ROOT = Path(__file__).parents[1]
PACKAGES = ("didomi_source", "didomi_sandbox")
# Room → the rooms right below it. A module imports from its own room, and from those that the arrows lead to.
ARROWS = {
    "cli": ("job", "report", "notify", "metrics", "didomi_sandbox"),
    "report": ("health",),
    "notify": ("health",),
    "metrics": ("health",),
    "job": ("source", "deliveries", "warehouse"),
    "health": ("warehouse",),
    "source": ("reading",),
    "reading": ("api", "read_back", "switches"),
    "deliveries": ("configuration", "read_back", "switches", "values"),
    "api": ("settings", "values"),
    "warehouse": ("configuration", "values"),
    "settings": ("configuration",),
    "configuration": ("errors", "dlt_compat"),
    "values": ("errors",),
    "read_back": ("errors", "schema", "dlt_compat", "values"),
    "switches": ("errors", "schema", "dlt_compat"),
    "schema": (),
    "errors": (),
    "dlt_compat": (),
    "didomi_sandbox": (),
}
CONNECTOR = {
    "source", "reading", "read_back", "switches", "api", "settings", "configuration", "values", "schema", "errors",
    "dlt_compat",
}  # fmt: skip
# Where settings are declared, dlt's classes are needed at import.
DECLARING = {"deliveries.settings", "settings", "configuration"}
# What reads or writes the raw tables: all of it comes before the marts.
BEFORE_THE_MARTS = {
    "deliveries.known",
    "job.copy",
    "job.verify",
    "reading.destination",
    "schema",
    "source",
}


def module_of(path: Path) -> str:
    """`job.run`, `didomi_sandbox.app`; the package itself is an empty text."""
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    return name.removeprefix("didomi_source").lstrip(".")


PATHS = {module_of(path): path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))}
MODULES = {module: ast.parse(path.read_text()) for module, path in PATHS.items()}


def room_of(module: str) -> str:
    return module.split(".", maxsplit=1)[0]


def reached_from(room: str) -> set[str]:
    """The rooms that a module of a room may import from, its own included."""
    return {room}.union(*map(reached_from, ARROWS[room]))


def imports_of(module: str) -> set[str]:
    """The modules of ours that a module imports: at the top, inside functions, and for types alone."""
    path = PATHS[module]
    package = list(path.relative_to(ROOT).parent.parts)
    found = set()
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = [node.module] if node.module else []
            if node.level:
                base = [*package[: len(package) - node.level + 1], *base]
            names = [".".join([*base, alias.name]) for alias in node.names]
        else:
            continue
        ours = (name for name in names if name.split(".", maxsplit=1)[0] in PACKAGES)
        found |= {name.removeprefix("didomi_source").lstrip(".") for name in ours}
    return {next(m for m in (name, name.rpartition(".")[0], "") if m in MODULES) for name in found}


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


def test_every_module_has_a_room() -> None:
    """A new module is put into a room, so that it is known what it may import."""
    assert {room_of(module) for module in MODULES if module} == ARROWS.keys()


def test_imports_follow_the_arrows() -> None:
    """cli → job → source → reading → api → errors, and cli → report, notify, metrics → health → warehouse."""
    allowed = {room: reached_from(room) for room in ARROWS}
    others = {(m, i) for m in MODULES if m for i in imports_of(m) if room_of(i) not in allowed[room_of(m)]}
    assert others == set()


@pytest.mark.parametrize(
    ("module", "imported"),
    [("source", "reading.packages"), ("source", "schema"), ("reading.sync", "api.client"), ("api.client", "api.auth"),
     ("reading.pages", "errors"), ("job.load", "source"), ("job.run", "warehouse.dbt"), ("health.judge", "health.status"),
     ("report", "warehouse.open"), ("cli.demo", "didomi_sandbox")],
)  # fmt: skip
def test_the_arrows_are_there(module: str, imported: str) -> None:
    """The imports that the picture shows exist: those that are looked for above are found at all."""
    assert imported in imports_of(module)


def test_no_module_imports_itself_through_others() -> None:
    """No circle anywhere, for types neither; an exception would be named by its path."""
    TopologicalSorter({module: imports_of(module) - {module} for module in MODULES}).prepare()


def test_the_package_itself_shows_the_connector_only() -> None:
    """`didomi_source` hands out the two sources, and the request that the first one takes."""
    assert imports_of("") == {"source", "deliveries.source", "reading.plan"}


def test_the_source_needs_nothing_but_the_connector() -> None:
    """In a pipeline of somebody else's, neither job nor command line nor sandbox are loaded."""
    code = "import sys; from didomi_source import didomi_source; print(*(m for m in sys.modules if m[:7] == 'didomi_'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = {name.removeprefix("didomi_source").lstrip(".") for name in done.stdout.split()}
    assert {room_of(module) for module in loaded if module} == CONNECTOR


def test_what_comes_after_the_marts_reads_marts_only() -> None:
    """No module names a raw table in a query, or as a table to read, but those that come before the marts."""
    names = "|".join(TABLES)
    query = re.compile(rf"\b(from|join)\s+(\S+\.)?[{{\"]?({names})\b")
    reading = {
        module
        for module in MODULES
        for text in texts_of(module)
        if (text in TABLES.keys() - {"exports"} or query.search(text)) and room_of(module) != "didomi_sandbox"
    }
    assert reading == BEFORE_THE_MARTS


def test_only_staging_reads_raw_tables() -> None:
    """Of the models, those of staging rename the columns once, and the others build on them."""
    models = (ROOT / "sql" / "models").rglob("*.sql")
    reading = {path.parent.name for path in models if re.search(r"\bsource\(", path.read_text())}
    assert reading == {"staging"}


def inner_names_of_dlt(module: str) -> set[str]:
    """The names that a module imports from modules inside dlt."""
    return {
        alias.name
        for node in ast.walk(MODULES[module])
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("dlt.")
        for alias in node.names
    }


def test_inner_names_of_dlt_are_in_one_place() -> None:
    """A new release of dlt may move them: `dlt_compat` lists each."""
    assert {
        (module, name)
        for module in MODULES
        if module not in DECLARING | {"dlt_compat"}
        for name in inner_names_of_dlt(module)
    } == set()


def test_only_the_command_line_prints() -> None:
    """A connector that prints would spoil the output of whoever imports it."""
    printing = {
        room_of(module)
        for module, tree in MODULES.items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print")
        or (isinstance(node, ast.Attribute) and node.attr in ("stdout", "stderr") and ast.unparse(node.value) == "sys")
    }
    assert printing == {"cli"}


@pytest.mark.parametrize("document", ["CONTRIBUTING.md", "pyproject.toml"])
def test_documents_name_files_that_exist(document: str) -> None:
    """A path of the tests or the models that is named for a contributor leads somewhere: to this file, for one."""
    named = re.findall(r"\b(?:tests|sql|docs)/[\w/.-]*\w", (ROOT / document).read_text())
    assert "tests/test_architecture.py" in named
    assert [path for path in named if not (ROOT / path).exists()] == []
