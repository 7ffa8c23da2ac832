"""An operator's hand on a running world: campaigns and lists through the product's own steps.

The world is found by the description that `up` leaves in its state folder, or by `--world FILE`.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from dialer import wiring
from dialer.campaign_form import checked
from dialer.errors import DialerError
from dialer.lifecycle import State
from dialer.model import Contact
from local import audits, runs
from local.environments import Refused

app = typer.Typer(no_args_is_help=True)
campaign = typer.Typer(no_args_is_help=True, help="Create, start, pause, resume, stop and show campaigns.")
app.add_typer(campaign, name="campaign")

WORLD = typer.Option(help="The world's description, as `up` prints it; by default the world that is running.")
Json = dict[str, Any]


class Verb(StrEnum):
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"


def enter(world: Json) -> None:
    """Point the product's wiring, in this process, at a world."""
    aws = world["aws"]
    os.environ.update(
        AWS_ENDPOINT_URL=aws["url"],
        AWS_DEFAULT_REGION=aws["region"],
        AWS_ACCESS_KEY_ID=aws["access_key_id"],
        AWS_SECRET_ACCESS_KEY=aws["secret_access_key"],
        MONGODB_URI_PARAMETER=world["parameters"]["mongodb_uri"],
        MONGODB_DATABASE=world["mongodb"]["database"],
        PHONE_HASH_KEY_PARAMETER=world["parameters"]["phone_hash_key"],
        REFILL_QUEUE_URL=world["queues"]["RefillQueue"],
    )


@campaign.command()
def create(
    form: Annotated[Path, typer.Argument(help="The campaign, as JSON.")], world: Annotated[Path | None, WORLD] = None
) -> None:
    """Make a draft campaign and print its id."""
    _enter(world)
    with _refusing():
        wishes = checked(_read(form))
        made = wiring.campaign_office().create(**wishes)
    _print({"campaign_id": made.id})


@campaign.command()
def ask(campaign_id: str, verb: Verb, world: Annotated[Path | None, WORLD] = None) -> None:
    """Start, pause, resume or stop a campaign."""
    _enter(world)
    with _refusing():
        asked = wiring.campaign_office().ask(campaign_id, verb)
    _print({"campaign_id": asked.id, "state": asked.state})


@campaign.command(name="import")
def import_list(
    campaign_id: str,
    contacts: Annotated[Path, typer.Argument(help="The list, as CSV with a header row and a `phone` column.")],
    region: Annotated[str | None, typer.Option(help="Country of numbers written without one, such as US.")] = None,
    world: Annotated[Path | None, WORLD] = None,
) -> None:
    """Bring a contact list into a campaign."""
    _enter(world)
    with _refusing(), contacts.open("rb") as stream:
        report = wiring.intake()(campaign_id, stream, region=region)
    _print(asdict(report))


@campaign.command()
def show(campaign_id: str, world: Annotated[Path | None, WORLD] = None) -> None:
    """Print a campaign's state, its counts, and every contact with how it stands."""
    _enter(world)
    with _refusing():
        progress = wiring.views().progress(campaign_id)
        contacts = [row(contact) for contact in everyone(campaign_id)]
    _print(
        {
            "campaign_id": campaign_id,
            "state": progress.campaign.state,
            "reason": progress.campaign.reason,
            "completed": progress.completed,
            "counts": progress.counts,
            "contacts": contacts,
        }
    )


@campaign.command()
def audit(
    campaign_id: str,
    since: Annotated[datetime | None, typer.Option(help="From then on, UTC; by default the last day.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Before then, UTC; by default now.")] = None,
    world: Annotated[Path | None, WORLD] = None,
) -> None:
    """Hold the carrier's calls against the campaign's attempts; ends with 1 where anything is wrong."""
    described = _read(world or _running())
    end = _utc(until) if until else datetime.now(UTC)
    begin = _utc(since) if since else end - timedelta(days=1)
    window = {"since": begin.isoformat(), "until": end.isoformat()}
    found = audits.whole({"campaign_id": campaign_id, **window}, ask=partial(audits.invoke, described))
    _print(found)
    if any(found["counts"].values()):
        raise typer.Exit(1)


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def everyone(campaign_id: str) -> Iterable[Contact]:
    """All contacts of a campaign."""
    for state in State:
        yield from wiring.views().contacts_in(campaign_id, state, limit=0)


def row(contact: Contact) -> Json:
    return {
        "contact_id": contact.id,
        "campaign_id": contact.campaign_id,
        "phone": contact.phone,
        "state": contact.state,
        "reason": contact.reason,
        "used": contact.used,
        "attempts": [{"id": past.id, "sid": past.sid, "outcome": past.outcome} for past in contact.history],
    }


def _enter(world: Path | None) -> None:
    enter(_read(world or _running()))


def _running() -> Path:
    described = runs.described()
    if len(described) != 1:
        found = "no world is" if not described else f"{len(described)} worlds are"
        raise Refused(f"{found} running: start one with `make up`, or name its description with --world.")
    return described[0]


def _read(path: Path) -> Json:
    try:
        read: Json = json.loads(path.read_text())
    except (OSError, ValueError) as wrong:
        raise Refused(f"{path} cannot be read as JSON: {wrong}") from None
    return read


class _refusing:  # noqa: N801  reads as a word in `with`
    """Turns the product's own errors, and files that cannot be read, into one sentence and exit code 2."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, DialerError):
            raise Refused(str(error)) from None
        if isinstance(error, OSError) and error.filename:
            raise Refused(f"{error.filename} cannot be read: {error.strerror}.") from None


def _print(value: Json) -> None:
    print(json.dumps(value, default=str))
