"""`dialer`: the operator's command line. It speaks only the API: a laptop's world and a deployed one are the same."""

import re
import sys
from typing import Annotated, NoReturn

import typer

from cli import campaigns, contacts, exports, lists, suppressions, tokens
from cli.client import connect
from cli.errors import Misused, Problem
from cli.printing import moment
from cli.profiles import Profile, checked, forget, keep, sendable
from cli.session import AsJson, Sure, Why, api, because, confirm, printer

_PHONE = re.compile(r"\+?(?:[\s().-]*\d){7,15}[\s().-]*")
EPILOG = "Exit codes: 0 done, 1 refused, 2 misused, 3 not allowed, 4 no answer, 130 interrupted."
app = typer.Typer(
    name="dialer",
    help="Run campaigns: nobody is called twice, and nobody is lost.",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(campaigns.app, name="campaign")
app.add_typer(lists.app, name="list")
app.add_typer(contacts.app, name="contact")
app.add_typer(suppressions.app, name="suppress")
app.add_typer(exports.app, name="export")
app.add_typer(tokens.app, name="token")


@app.command()
def login(
    url: Annotated[
        str, typer.Argument(metavar="URL", help="The API's URL: an output of the stack, or `api_url` of `make up`.")
    ],
    token: Annotated[str, typer.Option(help="The token; asked for where it is not given.", envvar="DIALER_TOKEN")] = "",
    as_json: AsJson = False,
) -> None:
    """Keep a URL and a token for the commands that follow.

    DIALER_PROFILE names one of several; DIALER_API_URL and DIALER_TOKEN come before anything kept.
    """
    url = checked(url)
    if not token:
        token = typer.prompt("Token", hide_input=True, err=True)
    token = sendable(token)
    own = connect(url, token).get("/tokens/own")
    path = keep(Profile(url=url, token=token))
    printer.say(own, f"Logged in as {own['name']} ({own['role']}), until {own['expires_at'][:10]}; kept in {path}.")


@app.command()
def logout(as_json: AsJson = False) -> None:
    """Forget the kept token. It stays valid: `dialer token revoke` ends it."""
    found = forget()
    printer.say({"forgotten": found}, "Forgotten." if found else "Nothing was kept.")


@app.command(name="stop-all")
def stop_all(reason: Why = "", sure: Sure = False, as_json: AsJson = False) -> None:
    """Pause every running campaign; done when no request to the carrier can leave any more."""
    confirm("Halt every campaign in this deployment?", sure=sure)
    halted = api().post("/stop-all", because(reason))
    printer.say(
        halted,
        f"{len(halted['paused'])} campaigns paused{': ' if halted['paused'] else ''}{', '.join(halted['paused'])}.",
        f"{_last_dial(halted['last_permit_at'])}; no request leaves after {moment(halted['no_request_after'])}.",
        *([f"{halted['unscheduled']} drafts no longer start by themselves."] if halted["unscheduled"] else []),
    )


def _last_dial(at: str | None) -> str:
    return f"The last dial was granted at {moment(at)}" if at else "No running campaign had dialed yet"


def _no_phone(text: str) -> str:
    """It would be put into a URL. Raises Misused."""
    if _PHONE.fullmatch(text):
        raise Misused("The audit log has no phones, but their hashes: `dialer suppress find PHONE` tells a phone's.")
    return text


@app.command()
def audit(
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 50,
    about: Annotated[
        str,
        typer.Option(
            help="Only what is about this id, or this phone's hash, which `suppress find` tells.", callback=_no_phone
        ),
    ] = "",
    who: Annotated[str, typer.Option(help="Only what this token has done, by its id, which `token list` shows.")] = "",
    as_json: AsJson = False,
) -> None:
    """Show who changed what, when and why."""
    columns = ("at", "name", "what", "about", "reason", "fields", "outcome")
    found = api().every("/audit", limit=limit, about=about or None, who=who or None)
    printer.table(found, columns, empty=_nothing(about, who), one_line="what")


def _nothing(about: str, who: str) -> str:
    asked = [*([f"about {about}"] if about else []), *([f"by {who}"] if who else [])]
    return f"The audit log has nothing {' '.join(asked)}." if asked else "Nothing has been changed yet."


def main() -> None:
    """Every failure is one sentence on standard error and an exit code; no trace is shown to anybody."""
    try:
        app(prog_name="dialer")
    except Problem as problem:
        _fail(problem)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read us has seen enough; Python would complain while it ends
        sys.exit(0)
    except OSError as cause:
        _fail(Misused(f"{cause.filename or 'A file'} cannot be read or written: {cause.strerror or cause}."))


def _fail(problem: Problem) -> NoReturn:
    printer.note(str(problem), "red")
    sys.exit(problem.code)
