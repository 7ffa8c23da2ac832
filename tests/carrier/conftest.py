"""A real carrier process, a real Twilio client, a real receiver of its callbacks."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from local.carrier.control import Carrier, running
from tests.carrier.receiver import Receiver

SID, TOKEN = "AC" + "1" * 32, "the-token"
FROM = "+15550009999"
SCALE = 0.002
NUMBERS = count(15551230000)

StartCarrier = Callable[..., Carrier]
Connect = Callable[..., Client]
Dial = Callable[..., Any]


@pytest.fixture(scope="session")
def shared_carrier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Carrier]:
    with running(tmp_path_factory.mktemp("carrier"), account_sid=SID, token=TOKEN, time_scale=SCALE) as carrier:
        yield carrier


@pytest.fixture
def carrier(shared_carrier: Carrier, tmp_path: Path) -> Iterator[StartCarrier]:
    """`carrier()` is the shared one with nothing scripted; `carrier(cps=2)` starts one of its own."""
    with ExitStack() as started:

        def start(**options: object) -> Carrier:
            if options:
                given = {"time_scale": SCALE} | options
                return started.enter_context(running(tmp_path / "state", account_sid=SID, token=TOKEN, **given))
            shared_carrier.set_fates()
            shared_carrier.set_faults()
            return shared_carrier

        yield start
    shared_carrier.set_faults()


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Clients that speak to a carrier, closed at the end."""
    sessions = ExitStack()

    def client(carrier: Carrier, *, sid: str = SID, token: str = TOKEN, timeout: float = 5.0) -> Client:
        http = TwilioHttpClient(timeout=timeout)
        sessions.callback(http.session.close)
        twilio = Client(sid, token, http_client=http)
        twilio.api.base_url = carrier.url
        return twilio

    with sessions:
        yield client


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def phone() -> str:
    """A number nobody else in these tests uses."""
    return f"+{next(NUMBERS)}"


@pytest.fixture
def dial(receiver: Receiver) -> Dial:
    """Create a call as the product would, for contact `c1` and attempt `a1` unless told otherwise."""

    def create(client: Client, to: str, *, contact: str = "c1", attempt: str = "a1", **more: Any) -> Any:
        about = f"{receiver.url}/voice/{contact}/{attempt}"
        asked = {
            "url": f"{about}/answer",
            "status_callback": f"{about}/status",
            "status_callback_event": ["initiated", "ringing", "answered", "completed"],
        }
        return client.calls.create(to=to, from_=FROM, **(asked | more))

    return create
