"""What the results say, in the files where people read it: the page, its picture, and the README's figures."""

import re
from pathlib import Path

from benchmarks import page, picture
from benchmarks.figures import Results
from local.environments import ROOT

README = ROOT / "README.md"
_FIGURES = re.compile(r"(<!-- make bench writes these lines -->\n)(.*?)(<!-- to here -->)", re.DOTALL)


def published(results: Results) -> dict[Path, str]:
    """Each file as it has to be; the README stays as it is around its figures."""
    quoted = _FIGURES.sub(lambda found: f"{found[1]}{page.quoted(results)}{found[3]}", README.read_text())
    files = {ROOT / "docs" / "benchmarks.md": page.written(results), README: quoted}
    drawing = picture.claims(results)
    return files | ({ROOT / "docs" / "claims.svg": drawing} if drawing else {})
