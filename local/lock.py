"""Pins every environment: pip-compile turns the extras of pyproject.toml into requirements/*.txt."""

import subprocess
import sys
import tomllib

from local.environments import LOCAL, ROOT, interpreter

# Which extras make which environment. Only dev holds what runs in production; a function finds that in its layer.
EXTRAS = {"dev": ["dev", "mongod"], "sam": ["sam"], "ministack": ["ministack"], "lambda": ["lambda"], "lock": ["lock"]}
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
            lines += (ROOT / "layers/dependencies/requirements.txt").read_text().splitlines()
        _pin(name, lines, arguments)


def _pin(name: str, lines: list[str], arguments: list[str]) -> None:
    target = ROOT / "requirements" / f"{name}.txt"
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
    target.write_text(target.read_text().replace("-r -", "pyproject.toml"))


if __name__ == "__main__":
    main(sys.argv[1:])
