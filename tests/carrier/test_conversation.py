"""What the carrier does on an answered call: whispers, queues, streams, spoken answers, and what was heard of it."""

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from tests.carrier.conftest import TOKEN, Connect, Dial, StartCarrier
from tests.carrier.receiver import Receiver

Messages = list[dict[str, Any]]


@dataclass
class Agent:
    """A program behind a websocket: keeps what it is told, and hangs up after its mark and so many sounds; 0: never."""

    hangs_up_after: int = 3
    told: Messages = field(default_factory=list)
    url: str = ""
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    def open(self) -> None:
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def events(self) -> list[str]:
        return [one["event"] for one in self.told if one["event"] != "media"]

    async def _start(self) -> None:
        app = web.Application()
        app.router.add_get("/agent", self._talk)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"ws://127.0.0.1:{self._runner.addresses[0][1]}/agent"

    async def _talk(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        sounds = 0
        async for message in socket:
            assert message.type is WSMsgType.TEXT
            said = json.loads(message.data)
            self.told.append(said)
            sounds += said["event"] == "media"
            if said["event"] == "start":
                await socket.send_json({"event": "mark", "streamSid": said["streamSid"], "mark": {"name": "first"}})
            if 0 < self.hangs_up_after <= sounds and "mark" in self.events():
                await socket.close()
        return socket


@pytest.fixture
def agent() -> Iterator[Agent]:
    agent = Agent()
    agent.open()
    yield agent
    agent.close()


def streaming(url: str) -> str:
    parameter = '<Parameter name="token" value="v1.x"/>'
    return f'<Response><Connect><Stream url="{url}">{parameter}</Stream></Connect><Redirect>after</Redirect></Response>'


def test_a_stream_tells_the_agent_what_it_must_know_and_goes_on_when_the_agent_closes(
    carrier: StartCarrier, connect: Connect, receiver: Receiver, dial: Dial, phone: str, agent: Agent
) -> None:
    ours = carrier()
    ours.set_fates({phone: {"kind": "human", "talk": 5000, "digits": ["5"]}})
    receiver.answers["/answer"] = streaming(agent.url)
    call = dial(connect(ours), phone)
    ours.wait_idle()
    assert len(receiver.about("/after")) == 1
    connected, start, key, mark = [one for one in agent.told if one["event"] != "media"]
    assert (connected["event"], connected["protocol"]) == ("connected", "Call")
    assert (start["start"]["callSid"], start["start"]["customParameters"]) == (call.sid, {"token": "v1.x"})
    assert (key["dtmf"]["digit"], mark["mark"]) == ("5", {"name": "first"})
    (record,) = [one for one in ours.ledger() if one["kind"] == "stream" and one["sid"] == call.sid]
    assert (record["error"], record["received"]) == (None, {"mark": 1})
    assert record["sent"]["media"] >= 3  # its close crosses with the next sound


def test_a_person_who_leaves_ends_the_stream_and_the_agent_is_told(
    carrier: StartCarrier, connect: Connect, receiver: Receiver, dial: Dial, phone: str, agent: Agent
) -> None:
    ours = carrier()
    agent.hangs_up_after = 0
    ours.set_fates({phone: {"kind": "human", "talk": 20}})
    receiver.answers["/answer"] = streaming(agent.url)
    call = dial(connect(ours), phone)
    ours.wait_idle()
    assert (call.fetch().duration, receiver.about("/after")) == ("20", [])
    assert agent.events()[-1] == "stop"


@pytest.mark.parametrize("url", ["ws://127.0.0.1:9/agent", "wss://agent.example/a", "nothing"])
def test_a_stream_that_cannot_be_opened_is_written_down_and_the_call_goes_on(
    carrier: StartCarrier, connect: Connect, receiver: Receiver, dial: Dial, phone: str, url: str
) -> None:
    ours = carrier()
    receiver.answers["/answer"] = streaming(url)
    call = dial(connect(ours), phone)
    ours.wait_idle()
    assert len(receiver.about("/after")) == 1
    (record,) = [one for one in ours.ledger() if one["kind"] == "stream" and one["sid"] == call.sid]
    assert record["error"]


def test_words_answer_where_words_are_listened_to_and_no_key_is_pressed(
    carrier: StartCarrier, connect: Connect, receiver: Receiver, dial: Dial, phone: str
) -> None:
    ours = carrier()
    ours.set_fates({phone: {"kind": "human", "talk": 500, "digits": ["", "2"], "says": ["yes please", "no"]}})
    receiver.answers["/answer"] = '<Response><Gather input="dtmf speech" action="keypress"/></Response>'
    receiver.answers["/keypress"] = (
        '<Response><Gather action="keypress"/><Gather input="speech" action="keypress"/><Hangup/></Response>'
    )
    dial(connect(ours), phone)
    ours.wait_idle()
    given = [(got.params.get("Digits"), got.params.get("SpeechResult")) for got in receiver.about("/keypress")]
    assert given == [(None, "yes please"), ("2", None), (None, "no")]


@pytest.mark.parametrize("ended", ["completed", "busy", "no-answer", "failed"])
def test_a_transfer_ends_as_its_fate_says_and_who_takes_it_hears_the_whisper(
    carrier: StartCarrier, connect: Connect, receiver: Receiver, dial: Dial, phone: str, ended: str
) -> None:
    ours = carrier()
    ours.set_fates({phone: {"kind": "human", "talk": 500, "transfers": [ended]}})
    receiver.answers |= {
        "/answer": '<Response><Dial action="dialed"><Number url="whisper">+15551112222</Number></Dial></Response>',
        "/whisper": "<Response><Say>A call.</Say></Response>",
    }
    call = dial(connect(ours), phone)
    ours.wait_idle()
    (dialed,) = receiver.about("/dialed")
    assert dialed.params["DialCallStatus"] == ended
    whispers = receiver.about("/whisper")
    assert len(whispers) == (ended == "completed")
    for whisper in whispers:
        assert (whisper.params["ParentCallSid"], whisper.params["To"]) == (call.sid, "+15551112222")
        assert whisper.params["CallSid"] == dialed.params["DialCallSid"] != call.sid
        assert whisper.signed_with(TOKEN)


@pytest.mark.parametrize(("leaves_at", "result"), [(20, "leave"), (9999, "bridged")])
def test_a_queue_is_waited_in_until_somebody_comes_or_the_document_leaves(
    carrier: StartCarrier, connect: Connect, receiver: Receiver, dial: Dial, phone: str, leaves_at: int, result: str
) -> None:
    ours = carrier()
    ours.set_fates({phone: {"kind": "human", "talk": 500, "queue": 60}})
    receiver.answers["/answer"] = '<Response><Enqueue waitUrl="wait" action="queued">support</Enqueue></Response>'
    receiver.answers["/wait"] = lambda got: (
        200,
        "<Response><Leave/></Response>"
        if int(got.params["QueueTime"]) >= leaves_at
        else "<Response><Pause length='5'/></Response>",
    )
    dial(connect(ours), phone)
    ours.wait_idle()
    (queued,) = receiver.about("/queued")
    assert (queued.params["QueueResult"], queued.params["QueueTime"]) == (result, str(min(leaves_at, 60)))


@pytest.mark.parametrize(
    ("says", "result", "waited"),
    [("<Leave/>", "leave", "2"), ("<Redirect>hold</Redirect>", "bridged", "60"), ("<Pause/>", "bridged", "60")],
)
def test_a_key_is_taken_in_a_queue_and_what_it_leads_to_may_leave(
    carrier: StartCarrier, connect: Connect, receiver: Receiver, dial: Dial, phone: str,
    says: str, result: str, waited: str,
) -> None:  # fmt: skip
    ours = carrier()
    ours.set_fates({phone: {"kind": "human", "talk": 500, "queue": 60, "digits": ["5"]}})
    receiver.answers |= {
        "/answer": '<Response><Enqueue waitUrl="hold" action="queued">support</Enqueue></Response>',
        "/hold": '<Response><Gather numDigits="1" timeout="5" action="keypress"/></Response>',
        "/keypress": f"<Response>{says}</Response>",
    }
    dial(connect(ours), phone)
    ours.wait_idle()
    assert [got.params["Digits"] for got in receiver.about("/keypress")] == ["5"]
    (queued,) = receiver.about("/queued")
    assert (queued.params["QueueResult"], queued.params["QueueTime"]) == (result, waited)


def test_whoever_is_hung_up_on_in_a_queue_is_not_taken(
    carrier: StartCarrier, connect: Connect, receiver: Receiver, dial: Dial, phone: str
) -> None:
    ours = carrier()
    ours.set_fates({phone: {"kind": "human", "talk": 500, "queue": 60}})
    receiver.answers |= {
        "/answer": '<Response><Enqueue waitUrl="hold" action="queued">support</Enqueue></Response>',
        "/hold": '<Response><Pause length="5"/><Hangup/></Response>',
    }
    call = dial(connect(ours), phone)
    ours.wait_idle()
    assert (call.fetch().duration, receiver.about("/queued")) == ("5", [])


def test_a_key_ends_a_recording(
    carrier: StartCarrier, connect: Connect, receiver: Receiver, dial: Dial, phone: str
) -> None:
    ours = carrier()
    ours.set_fates({phone: {"kind": "human", "talk": 500, "digits": ["9"]}})
    receiver.answers["/answer"] = '<Response><Record action="recorded"/></Response>'
    dial(connect(ours), phone)
    ours.wait_idle()
    (recorded,) = receiver.about("/recorded")
    assert (recorded.params["Digits"], recorded.params["RecordingDuration"]) == ("9", "2")


def test_a_sound_on_this_machine_is_fetched_and_all_that_was_heard_is_told(
    carrier: StartCarrier, connect: Connect, receiver: Receiver, dial: Dial, phone: str
) -> None:
    ours = carrier()
    sound = f"{receiver.url}/tune.mp3"
    receiver.answers["/answer"] = (
        f"<Response><Say>One.</Say><Gather><Say>Two.</Say></Gather><Play>{sound}</Play>"
        "<Play>https://sounds.example/far.mp3</Play></Response>"
    )
    call = dial(connect(ours), phone)
    ours.wait_idle()
    (heard,) = [one["heard"] for one in ours.calls() if one["sid"] == call.sid]
    assert heard == ["One.", "Two.", sound, "https://sounds.example/far.mp3"]
    assert [got.method for got in receiver.about("/tune.mp3")] == ["GET"]
