"""The command `dialer`, as the README puts it on the path."""

import subprocess
from pathlib import Path

from local.environments import COMMAND

COMPLETES = """
set -e
dialer --install-completion >/dev/null
source ~/.bashrc
for typed in "dialer camp" "dialer campaign st" "dialer campaign pause --rea"; do
  COMP_WORDS=($typed); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  _dialer_completion dialer
  echo "${COMPREPLY[@]}"
done
"""


def test_a_shell_that_was_taught_completes_commands_and_options(tmp_path: Path) -> None:
    path = f"{COMMAND.parent}:/usr/bin:/bin"
    done = subprocess.run(
        ["bash", "-c", COMPLETES],
        env={"HOME": str(tmp_path), "PATH": path, "LANG": "C.UTF-8"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.split() == ["campaign", "start", "stop", "--reason"]


def test_nothing_else_is_put_on_the_path_with_it() -> None:
    assert [one.name for one in COMMAND.parent.iterdir()] == ["dialer"]
