"""Answers that can be counted: the few that a script, or the carrier, has words for.

What people say in their own words, recordings, and what a program tells of its call may be anything, and anybody's: of
these only how many there are.
"""

from collections.abc import Iterator

from dialer.script import Menu, Script, Transfer, every_step

KeptAnswer = tuple[str, str]
"""The name it is kept under, and what is kept."""
OPT_OUT = "opt_out"
"""The name under which an opt-out is kept among the answers."""
OTHER = "other"
"""What is counted of every other answer."""
_OPT_OUTS = ("keypress", "speech", "agent")
_ENDS_OF_CALLS = ("completed", "answered", "busy", "no-answer", "failed", "canceled")
_ENDS_IN_QUEUES = (
    "bridged", "bridging-in-process", "hangup", "leave", "redirected", "redirected-from-bridged", "queue-full", "error",
    "system-error",
)  # fmt: skip


def countable(script: Script) -> frozenset[KeptAnswer]:
    """Choices of its menus, ends of its transfers, and the ways to opt out."""
    return frozenset(_countable(script))


def _countable(script: Script) -> Iterator[KeptAnswer]:
    yield from ((OPT_OUT, way) for way in _OPT_OUTS)
    for step in every_step(script):
        match step:
            case Menu(name=name, choices=choices):
                yield from ((name, choice.outcome) for choice in choices)
            case Transfer(name=name):
                yield from ((name, end) for end in (*_ENDS_OF_CALLS, *_ENDS_IN_QUEUES))
