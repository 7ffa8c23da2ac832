"""The page of what each event came to under `sam local invoke`, made from one run: docs/sam-local.md."""

import json
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from dialer.tokens import WRITTEN
from local.environments import ROOT

LONGEST_BODY = 1000
_WIDTH = 120
_PHONE = re.compile(r"(?<![\w-])(\+\d{4})\d{5,9}(\d\d)(?!\d)")

_HEAD = (
    "# Every event under `sam local invoke`",
    """Written by `make sam-local WRITE=docs/sam-local.md`, from a run of every file in `events/` as it stands: in
    containers, beside the local world, on loopback. This run's image calls itself {system}. Times are this machine's,
    and each function started cold. Phone numbers and the secret of a token are not shown here, and of the body of an
    answer only the first {longest} characters.""",
    """Before each event the database held one running campaign that may call at any hour and one person, as
    `local/event_people.py` says: due for a tick, claimed for the call function, in a call for the voice function,
    and silent for too long for reconcile; where the event is the bus's news of a pause, the campaign had been
    paused. The carrier simulator knows nothing of that person's call. The voice function was given the address and
    the token with which the files are signed, and the database the operator whose token they bring; they belong to
    nobody, and elsewhere every one of these requests is a stranger's. The call messages are from March 2026, so no
    line can be taken for them any more: what is shown is how a message is put off that comes too late, and how one
    is dropped whose contact nobody knows. Nobody has uploaded the lists and asked for the export of which the
    intake function's messages speak.""",
)


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
    told = (" ".join(part.split()).format(system=system, longest=LONGEST_BODY) for part in _HEAD)
    head = "\n\n".join(textwrap.fill(part, _WIDTH, break_on_hyphens=False) for part in told)
    return "\n".join([f"{head}\n", *map(section, invoked)])


def section(one: Invoked) -> str:
    return f"## {one.event}\n\n```\n$ {one.command}\n{_shown(one.said)}\n```\n"


def _shown(said: str) -> str:
    """As it was said, but for whatever would give somebody away, and bodies that nobody reads to their end."""
    *logged, answer = said.replace(f"{ROOT}/", "").strip().splitlines()
    text = "\n".join([*map(str.rstrip, logged), _shortened(answer)])
    return _PHONE.sub(r"\1…\2", WRITTEN.sub(r"dial_\1_…", text))


def _shortened(answer: str) -> str:
    told = json.loads(answer)
    body = told.get("body", "")
    if len(body) <= LONGEST_BODY:
        return answer
    more = f"… and {len(body) - LONGEST_BODY:,} characters more"
    return json.dumps({**told, "body": body[:LONGEST_BODY] + more}, ensure_ascii=False)
