"""The page of what each event came to under `sam local invoke`, made from one run and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass

from local.environments import ROOT

_HEAD = """\
# Every event under `sam local invoke`

Written by `make sam-local WRITE=docs/sam-local.md`, from a run of every file in `events/` as it stands: in containers,
beside the local world, on loopback. This run's image calls itself {system}. Times are this machine's, and each function
started cold.

Before each event the database held one running campaign and one person, as `local/event_people.py` says: due for a
tick, claimed for the call function, in a call for the voice function, and silent for too long for reconcile. The voice
function was given the address and the token with which the files are signed; both belong to nobody, and elsewhere every
one of these webhooks is a stranger's. The call messages are from March 2026, so no line can be taken for them any more:
what is shown is how a message is put off that comes too late, and how one is dropped whose contact nobody knows.
"""


@dataclass(frozen=True, kw_only=True)
class Invoked:
    """One event, and what its function logged and answered."""

    event: str
    function: str
    said: str

    @property
    def command(self) -> str:
        return f"sam local invoke {self.function} --event events/{self.event}.json"

    @property
    def answered(self) -> bool:
        return bool(self.said.strip()) and '"errorMessage"' not in self.said and "timed out" not in self.said


def written(invoked: Sequence[Invoked], *, system: str) -> str:
    return "\n".join([_HEAD.format(system=system), *map(section, invoked)])


def section(one: Invoked) -> str:
    return f"## {one.event}\n\n```\n$ {one.command}\n{one.said.replace(f'{ROOT}/', '').strip()}\n```\n"
