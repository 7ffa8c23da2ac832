"""An operator's hand on a running world: campaigns and lists through the product's own steps.

The world is found by the description that `up` leaves in its state folder, or by `--world FILE`.
"""

import json
import os
import secrets
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer

from dialer import wiring
from dialer.adapters import twiml
from dialer.campaign_form import checked
from dialer.errors import DialerError
from dialer.lifecycle import State
from dialer.list_records import ExportKind
from dialer.model import Contact
from local import audits, runs
from local.environments import Refused

app = typer.Typer(no_args_is_help=True)
campaign = typer.Typer(no_args_is_help=True, help="Create, start, pause, resume, stop and show campaigns.")
app.add_typer(campaign, name="campaign")
lists = typer.Typer(no_args_is_help=True, help="Upload contact lists of any length, and see how far they are.")
app.add_typer(lists, name="list")
export = typer.Typer(no_args_is_help=True, help="Have a campaign's calls, contacts or lists written to a file.")
app.add_typer(export, name="export")

WORLD = typer.Option(
    envvar="DIALER_WORLD", help="The world's description, as `up` prints it; by default the world that is running."
)
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
        EVENT_BUS=world["outputs"]["EventBusName"],
        INTAKE_QUEUE_URL=world["queues"]["IntakeQueue"],
        STORE_BUCKET=world["outputs"]["StoreBucketName"],
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
        wiring.publish()
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
def preview(
    campaign_id: str,
    contact: Annotated[str, typer.Option(help="Id of the contact whose variables are spoken.")] = "",
    world: Annotated[Path | None, WORLD] = None,
) -> None:
    """Print what a person would hear, as TwiML, from every point at which the carrier comes back. Calls nobody."""
    _enter(world)
    with _refusing():
        scenes = wiring.rehearsal().preview(campaign_id, contact_id=contact)
    about = "https://voice.example/voice/preview/preview"
    _print(
        {"campaign_id": campaign_id, "pages": {scene.when: twiml.render(scene.page, about=about) for scene in scenes}}
    )


@campaign.command(name="test-call")
def place_test_call(
    campaign_id: str,
    to: Annotated[str, typer.Argument(help="The number to call.")],
    contact: Annotated[str, typer.Option(help="Id of the contact whose variables are spoken.")] = "",
    region: Annotated[str | None, typer.Option(help="Country of a number written without one, such as US.")] = None,
    world: Annotated[Path | None, WORLD] = None,
) -> None:
    """Place one call as the campaign would, through the very same checks, and print the campaign it is made in."""
    _enter(world)
    with _refusing():
        made = wiring.rehearsal().test_call(campaign_id, to, region=region, contact_id=contact)
    _print({"campaign_id": made.id, "test_of": campaign_id, "state": made.state})


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


@lists.command()
def upload(
    campaign_id: str,
    contacts: Annotated[Path, typer.Argument(help="The list, as CSV with a header row and a `phone` column.")],
    region: Annotated[str | None, typer.Option(help="Country of numbers written without one, such as US.")] = None,
    world: Annotated[Path | None, WORLD] = None,
) -> None:
    """Put a list into the store, from where it is read by itself, and print its id."""
    _enter(world)
    with _refusing():
        uploaded, form = wiring.list_desk().begin_upload(campaign_id, name=contacts.name, region=region)
        post(form.url, form.fields, contacts)
    _print({"list_id": uploaded.id})


@lists.command()
def report(list_id: str, world: Annotated[Path | None, WORLD] = None) -> None:
    """Print how far a list has been read, what became of its rows, and where its rejects are."""
    _enter(world)
    with _refusing():
        desk = wiring.list_desk()
        found = desk.report(list_id)
        link = desk.rejects_link(found)
    told = {"state": found.state, "reason": found.reason, "size": found.size, "offset": found.place.offset}
    _print({"list_id": found.id, **told, "counts": asdict(found.counts), "rejects": link})


@export.command()
def begin(campaign_id: str, kind: ExportKind, world: Annotated[Path | None, WORLD] = None) -> None:
    """Ask for a file of a campaign's calls, contacts or lists, and print its id."""
    _enter(world)
    with _refusing():
        begun = wiring.export_desk().begin(campaign_id, kind)
    _print({"export_id": begun.id})


@export.command(name="show")
def show_export(export_id: str, world: Annotated[Path | None, WORLD] = None) -> None:
    """Print whether a file has been written, and where to fetch it."""
    _enter(world)
    with _refusing():
        desk = wiring.export_desk()
        found = desk.show(export_id)
        link = desk.link(found)
    _print({"export_id": found.id, "state": found.state, "rows": found.rows, "link": link})


def post(url: str, fields: Mapping[str, str], file: Path) -> None:
    """A form with a file behind its fields, as the store wants it, streamed from the disk."""
    edge = secrets.token_hex(16)
    named = f'--{edge}\r\nContent-Disposition: form-data; name="'
    head = "".join(f'{named}{name}"\r\n\r\n{value}\r\n' for name, value in fields.items())
    head += f'{named}file"; filename="list.csv"\r\nContent-Type: text/csv\r\n\r\n'
    tail = f"\r\n--{edge}--\r\n"
    with file.open("rb") as content:
        length = len(head.encode()) + file.stat().st_size + len(tail)
        pieces = chain([head.encode()], iter(lambda: content.read(1 << 20), b""), [tail.encode()])
        headers = {"Content-Type": f"multipart/form-data; boundary={edge}", "Content-Length": str(length)}
        try:
            urllib.request.urlopen(urllib.request.Request(url, pieces, headers), timeout=600).close()
        except urllib.error.HTTPError as refused:
            raise Refused(f"The store does not take {file}: {refused.read(300).decode(errors='replace')}") from None


def everyone(campaign_id: str) -> Iterable[Contact]:
    """All contacts of a campaign."""
    for state in State:
        yield from wiring.views().contacts_in(campaign_id, state, limit=0)


def row(contact: Contact) -> Json:
    return {
        "contact_id": contact.id,
        "campaign_id": contact.campaign_id,
        "phone": contact.listed,
        "numbers": [number.phone for number in contact.numbers] or [contact.listed],
        "state": contact.state,
        "reason": contact.reason,
        "used": contact.used,
        "attempts": [
            {"id": past.id, "to": past.to, "sid": past.sid, "outcome": past.outcome, "answers": past.answers}
            for past in contact.history
        ],
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
