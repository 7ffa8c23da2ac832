"""What is said on an answered call: TwiML fetched from the customer and performed, step by step, in carrier time."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urljoin

from local.carrier.calls import Call, HungUp
from local.carrier.clock import Clock
from local.carrier.faults import Faults
from local.carrier.params import about, detected
from local.carrier.postman import Letter, Postman
from local.carrier.twiml import Unplayable, Verb, read_twiml

LETTERS_A_SECOND = 15.0
PLAY_SECONDS, DIAL_SECONDS, RECORD_SECONDS, PRESS_SECONDS = 5.0, 20.0, 10.0, 2.0
MOST_DOCUMENTS = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Where the next TwiML comes from: a URL to ask with these extra fields, or `twiml` at hand."""

    url: str = ""
    method: str = "POST"
    extra: Mapping[str, str] | None = None
    twiml: str = ""
    event: str = "answer"


@dataclass(kw_only=True, slots=True)
class Conversation:
    """Ends by returning: the document was over, a verb hung up, or nothing playable came. HungUp: the person left."""

    call: Call
    postman: Postman
    faults: Faults
    clock: Clock

    async def hold(self, page: Page | None) -> None:
        for _ in range(MOST_DOCUMENTS):
            if page is None:
                return
            page = await self._turn(page)

    async def wait(self, seconds: float) -> None:
        """Time passes on the line; raises HungUp when the person has had enough."""
        listener = self.call.listener
        passing = min(seconds, listener.left)
        await self.clock.sleep(passing)
        listener.spent += passing
        listener.left -= passing
        if listener.left <= 0:
            raise HungUp

    async def _turn(self, page: Page) -> Page | None:
        order = self.call.order
        try:
            return await self._perform(read_twiml(await self._document(page)), page.url)
        except Unplayable:
            return (
                Page(url=order.fallback_url, method=order.fallback_method)
                if order.fallback_url and page.url != order.fallback_url
                else None
            )

    async def _document(self, page: Page) -> str:
        if page.twiml:
            return page.twiml
        params = about(self.call, str(self.call.status)) | dict(page.extra or {})
        if self.call.order.detects_at_once:
            params |= detected(self.call)
        letter = Letter(event=page.event, url=page.url, method=page.method, params=params)
        reply = await self.postman.send(self.call, await self._struck(letter))
        if not reply.good:
            raise Unplayable(f"11200 HTTP retrieval failure: {reply.status}")
        return reply.body

    async def _struck(self, letter: Letter) -> Letter:
        rule = self.faults.on_callback(letter.event, self.call.order.to, ("duplicate", "delay"))
        if rule and rule.kind == "duplicate":
            for _ in range(rule.copies - 1):
                await self.postman.send(self.call, replace(letter, fault=rule.kind))
        elif rule:
            await Clock().sleep(rule.seconds)
            return replace(letter, fault=rule.kind)
        return letter

    async def _perform(self, verbs: tuple[Verb, ...], base: str) -> Page | None:
        for verb in verbs:
            match verb.name:
                case "Say" | "Play" | "Pause":
                    await self.wait(_length(verb))
                case "Gather":
                    if page := await self._gather(verb, base):
                        return page
                case "Record":
                    return await self._record(verb, base)
                case "Dial":
                    await self.wait(DIAL_SECONDS)
                    if "action" in verb.attributes:
                        return _next(verb, base, {"DialCallStatus": "completed", "DialCallDuration": "20"})
                case "Redirect":
                    return Page(url=urljoin(base, verb.text), method=verb.method)
                case "Hangup" | "Reject":
                    return None
        return None

    async def _gather(self, verb: Verb, base: str) -> Page | None:
        keys = self.call.listener.digits
        if keys and "dtmf" in verb.attributes.get("input", "dtmf"):
            await self.wait(PRESS_SECONDS)
            return _next(verb, base, {"Digits": _entered(verb, keys.pop(0)), "msg": "Gather End"}, event="keypress")
        for prompt in verb.children:
            await self.wait(_length(prompt))
        await self.wait(verb.number("timeout", 5))
        empty = verb.attributes.get("actionOnEmptyResult") == "true"
        return _next(verb, base, {"Digits": "", "msg": "Gather End"}, event="keypress") if empty else None

    async def _record(self, verb: Verb, base: str) -> Page:
        seconds = min(verb.number("maxLength", 3600), RECORD_SECONDS)
        await self.wait(seconds)
        recording = (
            f"https://api.twilio.com/2010-04-01/Accounts/{self.call.account_sid}/Recordings/RE{self.call.sid[2:]}"
        )
        return _next(verb, base, {"RecordingUrl": recording, "RecordingDuration": f"{seconds:.0f}", "Digits": ""})


def _next(verb: Verb, base: str, extra: Mapping[str, str], *, event: str = "action") -> Page:
    """The verb's `action`, or else the document it stands in."""
    return Page(url=urljoin(base, verb.attributes.get("action", "")), method=verb.method, extra=extra, event=event)


def _length(verb: Verb) -> float:
    match verb.name:
        case "Say":
            return max(1.0, len(verb.text) / LETTERS_A_SECOND) * max(1.0, verb.number("loop", 1))
        case "Play":
            return PLAY_SECONDS * max(1.0, verb.number("loop", 1))
        case "Pause":
            return verb.number("length", 1)
    return 0.0


def _entered(verb: Verb, keys: str) -> str:
    finish = verb.attributes.get("finishOnKey", "#")
    entered = keys.split(finish, maxsplit=1)[0] if finish else keys
    return entered[: int(verb.number("numDigits", len(entered)))]
