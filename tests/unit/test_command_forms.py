"""Every command of the command line, found by walking it: none forgets what all of them have."""

from collections.abc import Iterator
from typing import Any

import pytest
import typer

from cli.app import app


def commands(group: Any, *before: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *before, name)
        else:
            yield " ".join((*before, name)), command


COMMANDS = dict(commands(typer.main.get_command(app)))


def test_the_walk_finds_every_group() -> None:
    assert {name.partition(" ")[0] for name in COMMANDS} >= {
        "campaign",
        "list",
        "contact",
        "suppress",
        "export",
        "token",
    }
    assert len(COMMANDS) > 30


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_speaks_json_and_says_what_it_does(name: str) -> None:
    command = COMMANDS[name]
    assert "--json" in {word for parameter in command.params for word in parameter.opts}
    assert command.help
