"""sqlfluff on compiled SQL, in the dialect of the warehouse it was compiled for."""

from __future__ import annotations

from pathlib import Path

from sqlfluff.core import FluffConfig, Linter

from support.models import dbt


def violations(folder: Path, dialect: str) -> list[str]:
    """What sqlfluff finds in a target folder's compiled models and data tests; what it cannot parse is among it."""
    config = FluffConfig.from_path(str(dbt.SQL), overrides={"dialect": dialect})
    # what lies in a folder named as a YAML file is the given and expected rows of a unit test
    files = [path for path in sorted((folder / "target" / "compiled").rglob("*.sql")) if ".yml/" not in path.as_posix()]
    assert len(files) == 32
    linter = Linter(config=config)
    return [
        f"{path.name}:{found.line_no} {found.rule_code()} {found.desc()}"
        for path in files
        for found in linter.lint_string(path.read_text(), fname=str(path), config=config).get_violations()
    ]
