"""Pins every environment: pip-compile turns the extras of pyproject.toml into requirements/*.txt."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from local.environments import LOCAL, ROOT, interpreter

# Which extras make which environment. Only dev holds what runs in production; a function finds that in its layer.
EXTRAS = {"dev": ["dev", "mongod"]} | {
    name: [name] for name in ("sam", "ministack", "lambda", "lock", "checkov", "installer")
}
LAYERS = (ROOT / "layers" / "dependencies", ROOT / "layers" / "intake")
OPTIONS = [
    "--quiet",
    "--strip-extras",
    "--no-header",
    "--allow-unsafe",
    "--annotation-style=line",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--no-emit-trusted-host",
]


def main(arguments: list[str]) -> None:
    """Run on Python 3.11: what resolves there installs on 3.12 and 3.13 too."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for name, wanted in EXTRAS.items():
        lines = [line for extra in wanted for line in extras[extra]]
        if name == "dev":
            lines += [line for layer in LAYERS for line in _required(layer)]
        _pin(ROOT / "requirements" / f"{name}.txt", lines, arguments)
    # What is shipped is what was tested.
    tested = ["--constraint", str(ROOT / "requirements" / "dev.txt")]
    for layer in LAYERS:
        _pin(layer / "lock.txt", _required(layer), [*arguments, *tested])


def _required(layer: Path) -> list[str]:
    return (layer / "requirements.txt").read_text().splitlines()


def _pin(target: Path, lines: list[str], arguments: list[str]) -> None:
    print(f"{target.relative_to(ROOT)} …", file=sys.stderr)
    compile_ = [
        str(interpreter("lock")),
        "-m",
        "piptools",
        "compile",
        *OPTIONS,
        *arguments,
        "--output-file",
        str(target),
    ]
    subprocess.run([*compile_, "-"], input="\n".join(lines), text=True, cwd=LOCAL, check=True)
    source = "pyproject.toml" if target.parent.name == "requirements" else "requirements.txt"
    pinned = target.read_text().replace("-r -", source)
    target.write_text(re.sub(r"(?m)(, )?-c \S+dev\.txt(, )?", "", pinned))


if __name__ == "__main__":
    main(sys.argv[1:])
