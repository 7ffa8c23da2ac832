"""The judge knows nothing of the product: what both believed wrongly, neither would find."""

import ast
from collections.abc import Iterator
from pathlib import Path

from local.carrier import judge


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_the_carrier_imports_nothing_of_ours_but_itself() -> None:
    files = list(Path(judge.__file__).parent.rglob("*.py"))
    ours = {
        name
        for file in files
        for name in imported(file)
        if name.split(".")[0] in ("dialer", "functions", "local", "cli")
    }
    assert len(files) > 20
    assert all(name.startswith("local.carrier") for name in ours)
