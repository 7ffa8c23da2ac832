"""`dialer campaign`: made from a file, started, watched, halted."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import campaign_file
from cli.session import AsJson, CampaignId, Sure, Why, api, because, confirm, printer
from cli.watching import sentence, waiting
from cli.watching import watch as watched

app = typer.Typer(no_args_is_help=True, help="Make, start, watch, pause and stop campaigns.")
Form = Annotated[Path, typer.Argument(metavar="FILE", help="The campaign, as YAML: `dialer campaign example`.")]
Moment = typer.Option(
    metavar="TIME", help="ISO 8601 with its offset, such as 2026-11-02T09:00:00-05:00; `none` takes it away."
)
Listener = Annotated[str, typer.Option(help="Id of the contact whose variables are spoken.")]
_SHOWN = (
    "id", "name", "state", "reason", "why", "waiting", "state_at", "created_at", "started_at", "start_at", "end_at",
    "blocked_regions", "may",
)  # fmt: skip
_FIGURES = (
    "counts", "outcomes", "dials", "calls_per_minute", "settled_per_minute", "answer_rate", "attempts_per_contact",
    "left", "done_at", "live_answers", "abandoned", "abandon_rate",
)  # fmt: skip


@app.command()
def example(as_json: AsJson = False) -> None:
    """Print a campaign file to begin with."""
    if printer.as_json:
        printer.say(campaign_file.read(campaign_file.EXAMPLE))
    else:
        typer.echo(campaign_file.EXAMPLE.read_text(encoding="utf-8"), nl=False)


@app.command()
def schema(as_json: AsJson = False) -> None:
    """Print the JSON schema of a campaign file, for an editor that checks while you type."""
    found = campaign_file.schema_in(api().get("/openapi.json"))
    printer.say(found) if printer.as_json else typer.echo(json.dumps(found, indent=2))


@app.command()
def create(form: Form, as_json: AsJson = False) -> None:
    """Make a draft: it calls nobody until it is started."""
    made = api().post("/campaigns", campaign_file.read(form))
    printer.say(
        made, f"{made['id']}  {made['name']}: a draft. Add contacts, then `dialer campaign start {made['id']}`."
    )


@app.command(name="list")
def list_all(
    state: Annotated[str | None, typer.Option(help="Only those in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List campaigns."""
    found = api().every("/campaigns", limit=limit, state=state)
    nothing = f"There is no {state} campaign." if state else "There is no campaign yet."
    printer.table(found, ("id", "name", "state", "reason", "created_at"), empty=nothing)


@app.command()
def show(campaign: CampaignId, as_json: AsJson = False) -> None:
    """Show a campaign: what it is doing and why, who waits, its contacts, its pace."""
    seen = api().get(f"/campaigns/{campaign}/live")
    found, figures = seen.pop("campaign"), seen["stats"]
    if printer.as_json:
        printer.say({**found, **seen})
        return
    reason = found["reason"] if found["state"] == "running" else ""  # of all others the sentence says it
    printer.facts({**found, "reason": reason, "why": sentence(found, seen["why"]), "waiting": waiting(seen)}, _SHOWN)
    ends = figures["done_at"] if figures["left"] else None  # of nobody it says this moment
    printer.facts({**figures, "counts": _some(figures["counts"]), "done_at": ends}, _FIGURES)
    printer.table(figures["ended"], ("state", "reason", "contacts"), empty="Nobody is settled yet.")
    if answers := _answers(figures["answers"]):
        printer.table(answers, ("step", "answer", "attempts"), empty="", title="answers")


@app.command()
def watch(
    campaign: CampaignId,
    every: Annotated[float, typer.Option(min=1, help="Seconds between looks.")] = 2,
    as_json: AsJson = False,
) -> None:
    """Watch a campaign until nobody is left who is called by itself, or until Ctrl-C."""
    watched(api(), campaign, every=every, printer=printer)


@app.command()
def change(
    campaign: CampaignId,
    form: Annotated[
        Path, typer.Argument(metavar="FILE", help="YAML with the fields that change; `null` takes one away.")
    ],
    as_json: AsJson = False,
) -> None:
    """Change a campaign: always its name, pace, hours and delays; what it says, while it does not run."""
    changed = api().patch(f"/campaigns/{campaign}", campaign_file.read(form))
    printer.say(changed, f"{changed['id']} is changed.")


@app.command()
def copy(
    campaign: CampaignId, name: Annotated[str, typer.Option(help="Of the copy.")] = "", as_json: AsJson = False
) -> None:
    """Make a new draft with the same form, without contacts."""
    made = api().post(f"/campaigns/{campaign}/copy", {"name": name})
    printer.say(made, f"{made['id']}  {made['name']}: a draft.")


@app.command()
def schedule(
    campaign: CampaignId,
    start: Annotated[str | None, Moment] = None,
    end: Annotated[str | None, Moment] = None,
    as_json: AsJson = False,
) -> None:
    """Let a draft start, or a campaign stop, by itself."""
    now = api().get(f"/campaigns/{campaign}")
    moments = {"start_at": _moment(start, now["start_at"]), "end_at": _moment(end, now["end_at"])}
    made = api().put(f"/campaigns/{campaign}/schedule", moments)
    printer.say(made, f"Starts: {made['start_at'] or 'by hand'}. Ends: {made['end_at'] or 'by hand'}.")


@app.command()
def preview(campaign: CampaignId, contact: Listener = "", as_json: AsJson = False) -> None:
    """Print all that a call can say, as TwiML. Calls nobody."""
    heard = api().post(f"/campaigns/{campaign}/preview", {"contact_id": contact})
    printer.say(heard, "\n\n".join(f"{scene['when']}:\n{scene['twiml']}" for scene in heard["scenes"]))


@app.command(name="test-call")
def place_test_call(
    campaign: CampaignId,
    to: Annotated[str, typer.Option(help="The number to call, such as +12125550100.")],
    contact: Listener = "",
    region: Annotated[str, typer.Option(help="Country of a number without one, such as US.")] = "",
    as_json: AsJson = False,
) -> None:
    """Call one number of your own as the campaign would: through its hours, suppressions and limits."""
    made = api().post(f"/campaigns/{campaign}/test-call", {"to": to, "region": region, "contact_id": contact})
    watch_it = f"`dialer campaign show {made['campaign_id']}` says what became of it."
    printer.say(made, f"{made['campaign_id']} calls it, once, and is {made['state']}. {watch_it}")


@app.command()
def start(campaign: CampaignId, as_json: AsJson = False) -> None:
    """Start a draft: from now on its contacts are called."""
    _ask(campaign, "start", "")


@app.command()
def pause(campaign: CampaignId, reason: Why = "", as_json: AsJson = False) -> None:
    """Pause a campaign; done when no request of it can leave any more."""
    _ask(campaign, "pause", reason)


@app.command()
def resume(campaign: CampaignId, reason: Why = "", as_json: AsJson = False) -> None:
    """Go on with a paused campaign."""
    _ask(campaign, "resume", reason)


@app.command()
def stop(campaign: CampaignId, reason: Why = "", sure: Sure = False, as_json: AsJson = False) -> None:
    """Stop a campaign for good; done when no request of it can leave any more."""
    confirm("A stopped campaign cannot be started again. Stop it?", sure=sure)
    _ask(campaign, "stop", reason)


@app.command()
def archive(campaign: CampaignId, reason: Why = "", as_json: AsJson = False) -> None:
    """Put a draft or a stopped campaign away."""
    _ask(campaign, "archive", reason)


def _ask(campaign: str, verb: str, reason: str) -> None:
    asked = api().post(f"/campaigns/{campaign}/{verb}", because(reason))
    printer.say(asked, f"{asked['name']} is {asked['state']}.")


def _moment(given: str | None, before: str | None) -> str | None:
    if given is None:
        return before
    return None if given == "none" else given


def _answers(counted: dict[str, dict[str, int]]) -> list[dict[str, Any]]:
    return [
        {"step": step, "answer": answer, "attempts": attempts}
        for step, answers in counted.items()
        for answer, attempts in answers.items()
    ]


def _some(counts: dict[str, Any]) -> dict[str, Any]:
    return {state: count for state, count in counts.items() if count}
