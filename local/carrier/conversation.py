"""What is said on an answered call: TwiML fetched from the customer and performed, step by step, in carrier time."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urljoin
from uuid import uuid4

from local.carrier.calls import Call, HungUp
from local.carrier.clock import Clock
from local.carrier.faults import Faults
from local.carrier.media import MediaStream
from local.carrier.params import about, detected
from local.carrier.postman import Letter, Postman
from local.carrier.twiml import Unplayable, Verb, read_twiml

LETTERS_A_SECOND = 15.0
PLAY_SECONDS, DIAL_SECONDS, RECORD_SECONDS, PRESS_SECONDS = 5.0, 20.0, 10.0, 2.0
NOT_TAKEN_SECONDS, SHORTEST_WAIT = 8.0, 1.0
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
                    await self._utter(verb, base)
                case "Hangup" | "Reject" | "Leave":
                    return None
                case "Redirect":
                    return Page(url=urljoin(base, verb.text), method=verb.method)
                case _:
                    if page := await self._ask(verb, base):
                        return page
        return None

    async def _ask(self, verb: Verb, base: str) -> Page | None:
        """A verb that may bring the customer an answer, and then another document; what is not known passes."""
        match verb.name:
            case "Gather":
                return await self._gather(verb, base)
            case "Record":
                return await self._record(verb, base)
            case "Dial":
                return await self._dial(verb, base)
            case "Enqueue":
                return await self._enqueue(verb, base)
            case "Connect":
                await self._connect(verb)
        return None

    async def _utter(self, verb: Verb, base: str) -> None:
        if verb.name == "Play":
            await self._fetch(urljoin(base, verb.text))
        if verb.name != "Pause":
            self.call.heard.append(verb.text)
        await self.wait(_length(verb))

    async def _fetch(self, url: str) -> None:
        """A sound is asked for, where it can be reached without leaving this machine; what comes is not listened to."""
        if self.postman.is_near(url):
            await self.postman.send(self.call, Letter(event="play", url=url, method="GET", params={}))

    async def _gather(self, verb: Verb, base: str) -> Page | None:
        takes = verb.attributes.get("input", "dtmf")
        keys = self.call.listener.presses() if "dtmf" in takes else ""
        words = self.call.listener.speaks() if "speech" in takes and not keys else ""
        if keys:
            return await self._given(verb, base, {"Digits": _entered(verb, keys)})
        if words:
            return await self._given(verb, base, {"SpeechResult": words, "Confidence": "0.9"})
        for prompt in verb.children:
            await self._utter(prompt, base)
        await self.wait(verb.number("timeout", 5))
        empty = verb.attributes.get("actionOnEmptyResult") == "true"
        return _next(verb, base, {"Digits": "", "msg": "Gather End"}, event="keypress") if empty else None

    async def _given(self, verb: Verb, base: str, given: Mapping[str, str]) -> Page:
        """The person is quick: of the prompts they hear the beginning."""
        self.call.heard += [prompt.text for prompt in verb.children if prompt.text]
        await self.wait(PRESS_SECONDS)
        return _next(verb, base, {**given, "msg": "Gather End"}, event="keypress")

    async def _record(self, verb: Verb, base: str) -> Page:
        seconds, key = min(verb.number("maxLength", 3600), RECORD_SECONDS), self.call.listener.presses()
        if key:
            seconds = min(seconds, PRESS_SECONDS)
        await self.wait(seconds)
        recording = (
            f"https://api.twilio.com/2010-04-01/Accounts/{self.call.account_sid}/Recordings/RE{self.call.sid[2:]}"
        )
        return _next(verb, base, {"RecordingUrl": recording, "RecordingDuration": f"{seconds:.0f}", "Digits": key})

    async def _dial(self, verb: Verb, base: str) -> Page | None:
        """Somebody else is called; the fate says what becomes of that. Who takes it hears the whisper first."""
        turns = self.call.listener.transfers
        status = turns.pop(0) if turns else "completed"
        child = f"CA{uuid4().hex}"
        seconds = DIAL_SECONDS if status == "completed" else min(verb.number("timeout", 30), NOT_TAKEN_SECONDS)
        if status == "completed":
            for end in (one for one in verb.children if "url" in one.attributes):
                await self._whisper(end, base, child)
        await self.wait(seconds)
        if "action" not in verb.attributes:
            return None
        told = {"DialCallStatus": status, "DialCallSid": child, "DialCallDuration": f"{seconds:.0f}"}
        return _next(verb, base, told)

    async def _whisper(self, end: Verb, base: str, child: str) -> None:
        extra = {"CallSid": child, "ParentCallSid": self.call.sid, "To": end.text, "Called": end.text}
        url = urljoin(base, end.attributes["url"])
        page = Page(url=url, method=end.method, extra=extra, event="whisper")
        for verb in read_twiml(await self._document(page)):
            await self.wait(_length(verb))

    async def _enqueue(self, verb: Verb, base: str) -> Page | None:
        """The person waits until somebody takes them, or the wait document says to leave."""
        waited, result = 0.0, "bridged"
        asks = urljoin(base, verb.attributes["waitUrl"]) if "waitUrl" in verb.attributes else ""
        while waited < self.call.fate.queue:
            passed, left = await self._wait_in_queue(asks, verb.attributes.get("waitUrlMethod", "POST"), waited)
            waited += passed
            if left:
                result = "leave"
                break
        if result == "bridged":
            await self.wait(DIAL_SECONDS)
        if "action" not in verb.attributes:
            return None
        return _next(verb, base, {"QueueResult": result, "QueueTime": f"{waited:.0f}"})

    async def _wait_in_queue(self, url: str, method: str, waited: float) -> tuple[float, bool]:
        """How long one wait document lasted, with those that its keys led to, and whether the queue was left."""
        begun = self.call.listener.spent
        until = begun + max(0.0, self.call.fate.queue - waited)
        if not url:
            await self._pass(until - begun, until)
            return until - begun, False
        page = Page(url=url, method=method, extra={"QueueTime": f"{waited:.0f}"}, event="wait")
        left = await self._perform_waiting(page, until)
        passed = self.call.listener.spent - begun
        return (passed if left else max(passed, SHORTEST_WAIT)), left

    async def _perform_waiting(self, page: Page, until: float) -> bool:
        """Whether it says to leave the queue. Whoever hangs up here is neither taken nor asked anything more."""
        for verb in read_twiml(await self._document(page)):
            match verb.name:
                case "Leave":
                    return True
                case "Hangup":
                    raise HungUp
                case "Redirect":
                    behind = Page(url=urljoin(page.url, verb.text), method=verb.method, extra=page.extra, event="wait")
                    return await self._perform_waiting(behind, until)
                case "Gather" if keys := self.call.listener.presses():
                    await self._pass(PRESS_SECONDS, until)
                    given = {**(page.extra or {}), "Digits": _entered(verb, keys), "msg": "Gather End"}
                    return await self._perform_waiting(_next(verb, page.url, given, event="keypress"), until)
            await self._pass(_length(verb), until)
        return False

    async def _pass(self, seconds: float, until: float) -> None:
        """Time passes in the queue, until somebody comes."""
        await self.wait(min(seconds, max(0.0, until - self.call.listener.spent)))

    async def _connect(self, verb: Verb) -> None:
        """A media stream lasts until the other end closes it, or the person has had enough."""
        for stream in (one for one in verb.children if one.name == "Stream"):
            await MediaStream(call=self.call, postman=self.postman, verb=stream).last(self.wait)


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
        case "Gather":
            return sum(map(_length, verb.children)) + verb.number("timeout", 5)
    return 0.0


def _entered(verb: Verb, keys: str) -> str:
    finish = verb.attributes.get("finishOnKey", "#")
    entered = keys.split(finish, maxsplit=1)[0] if finish else keys
    return entered[: int(verb.number("numDigits", len(entered)))]
