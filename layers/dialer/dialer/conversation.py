"""Conversation: what is said next on a call, and what the person answered (T16 and all that follows it).

Whoever opts out is on the suppression list before a word of it is confirmed, whatever has become of the attempt. Where
nothing can be written down, what was pressed or said is kept in a queue until it can.
"""

from dataclasses import dataclass, replace
from datetime import timedelta

from dialer import call_status, opt_out, script, speech, stream_token
from dialer.answers import OPT_OUT
from dialer.callback import Callback, CallbackReport, report_of
from dialer.errors import DialerError, Unavailable
from dialer.model import FAX, CallPlan, CallReport, Campaign, Contact, OnMachine, Sight
from dialer.ports import CallRef, Campaigns, Hearing, LiveCalls, OptOutQueue, Said, Suppressions
from dialer.script import Place
from dialer.secret import Secret
from dialer.speech import LEAVE, SILENCE, Asks, Hook, Page

LONGEST_ANSWER = 500
_TALKED = timedelta(hours=5)  # longer than any call: until then an agent may tell how it went
_ENDED_WELL = frozenset({"completed", "answered", "bridged"})


@dataclass(frozen=True, kw_only=True)
class Input:
    """What the carrier brings from a call that is on: everything empty means that somebody only goes on."""

    sid: str
    hook: Hook | None = None
    digits: str = ""
    words: str = ""
    recording: str = ""
    reached: str = ""
    """What became of a transfer."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """What an agent on a media stream says of its call."""

    opt_out: bool = False
    name: str = ""
    value: str = ""


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """The parts that talk."""

    callback: Callback
    hearing: Hearing
    campaigns: Campaigns
    suppressions: Suppressions
    live: LiveCalls
    opt_outs: OptOutQueue
    stream_key: Secret

    def answer(self, ref: CallRef, report: CallReport) -> tuple[CallbackReport, Page]:
        """T16: what to say to whoever answered. Of two calls for one attempt only the first may speak."""
        contact, sight = self._whom(ref)
        if contact is None or sight is None:
            return report_of(ref, "unknown"), SILENCE
        of = contact.campaign_id
        if not self.hearing.answer(ref, sid=report.sid):
            return report_of(ref, "hung up", alarm=self._mute(ref, report.sid), campaign_id=of), SILENCE
        if heard := report.answered_by:
            left = _wanted(sight.campaign.call, heard) is OnMachine.VOICEMAIL
            self.hearing.note_machine(ref, sid=report.sid, answered_by=heard, voicemail_left=left)
        return report_of(ref, "speaks", campaign_id=of), self._greeting(ref, contact, sight, heard)

    def go_on(self, ref: CallRef, given: Input) -> tuple[CallbackReport, Page]:
        """A key, words, a recording, or the end of a transfer. An opt-out is written whatever became of the attempt.

        Raises what kept it from being written. The carrier may not repeat it for long enough, so it is kept first.
        """
        try:
            return self._go_on(ref, given)
        except DialerError as cause:
            keep(self.opt_outs, ref, given, cause)
            raise

    def opt_out_late(self, ref: CallRef, said: Said) -> CallbackReport:
        """What nobody could write down when it was pressed or said: whether it opts out is found, and written, now."""
        contact, sight = self._whom(ref)
        if contact is None or sight is None:
            return report_of(ref, "unknown")
        opted_out = self._opts_out(ref, contact, sight.campaign.call, said)
        return report_of(ref, "opted out" if opted_out else "no-op", "kept until now", campaign_id=contact.campaign_id)

    def _go_on(self, ref: CallRef, given: Input) -> tuple[CallbackReport, Page]:
        contact, sight = self._whom(ref)
        if contact is None or sight is None:
            return report_of(ref, "unknown"), SILENCE
        of, plan = contact.campaign_id, sight.campaign.call
        if self._opts_out(ref, contact, plan, _said(given)):
            # Where somebody could still take them.
            in_queue = given.hook is not None and given.hook.asks is Asks.WAITING
            page = LEAVE if in_queue else speech.farewell(plan, contact.vars)
            return report_of(ref, "opted out", campaign_id=of), page
        if not _is_on(contact, ref, given.sid):
            page = self._hear_late(ref, contact, sight, given)
            return report_of(ref, "no-op", "the call is over, or another one", campaign_id=of), page
        match given.hook:
            case None:
                return report_of(ref, "no-op", "another key", campaign_id=of), SILENCE
            case Hook(asks=Asks.FINDING, place=place):
                found = contact.attempt.answered_by if contact.attempt else ""
                page = speech.await_finding(plan, place, answered_by=found)
                return report_of(ref, "goes on", "listens for a machine", campaign_id=of), page
            case Hook(asks=Asks.WAITING, place=place):
                return report_of(ref, "goes on", "waits on", campaign_id=of), speech.wait_on(place)
        asked, place = self._take(ref, sight, given, given.hook)
        report = report_of(ref, "goes on", asked, campaign_id=of)
        return report, self._page(ref, contact, sight, place) if place else SILENCE

    def machine(self, ref: CallRef, report: CallReport) -> CallbackReport:
        """Who answered, heard while the call is on: a machine gets what the campaign has for machines.

        Whoever has pressed a key or spoken by then is a person, whatever the carrier thinks it heard.
        """
        noted = self.callback.machine(ref, report)
        if noted.outcome != "moved" or not call_status.is_machine(report.answered_by):
            return noted
        contact, sight = self._whom(ref)
        asked = sight.campaign.call.script if sight else ()
        if contact is None or contact.attempt is None or script.tell_of_a_person(contact.attempt.answers, asked):
            return replace(noted, detail=f"{report.answered_by}, but somebody has answered us")
        wanted = _wanted(sight.campaign.call, report.answered_by) if sight else OnMachine.GO_ON
        try:
            self._meet(ref, report, wanted)
        except Unavailable as cause:  # it hears the rest of what a person hears: no promise is broken
            return replace(noted, detail=f"{report.answered_by}: {cause}")
        return noted

    def voicemail(self, ref: CallRef, report: CallReport) -> tuple[CallbackReport, Page]:
        """What a machine is told, asked for by the carrier after we sent it here; written down before it is spoken."""
        contact, sight = self._whom(ref)
        if contact is None or sight is None:
            return report_of(ref, "unknown"), SILENCE
        of = contact.campaign_id
        if not _is_on(contact, ref, report.sid) or not self.hearing.note_voicemail(ref, sid=report.sid):
            return report_of(ref, "no-op", "the call is over, or another one", campaign_id=of), SILENCE
        return report_of(ref, "speaks", "voicemail", campaign_id=of), speech.voicemail(
            sight.campaign.call, contact.vars
        )

    def aside(self, ref: CallRef, hook: Hook, *, waited: timedelta) -> tuple[CallbackReport, Page]:
        """What somebody else hears: who takes a transfer, or the person while waiting for that."""
        contact, sight = self._whom(ref)
        if contact is None or sight is None:
            return report_of(ref, "unknown"), SILENCE
        plan = sight.campaign.call
        transfer = script.step_at(speech.script_of(plan), hook.place)
        if not isinstance(transfer, script.Transfer):
            return report_of(ref, "no-op", "no such step", campaign_id=contact.campaign_id), SILENCE
        page = (
            speech.whisper(plan, contact.vars, transfer)
            if hook.asks is Asks.WHISPER
            else speech.hold(plan, transfer, hook.place, waited=waited)
        )
        return report_of(ref, "goes on", hook.asks, campaign_id=contact.campaign_id), page

    def told(self, ref: CallRef, *, token: str, told: Told) -> CallbackReport | None:
        """What an agent says of the call that its token is about; None for any other token."""
        contact, sight = self._whom(ref)
        if contact is None or sight is None:
            return None
        bearer = stream_token.verify(self.stream_key, token, now=sight.now, grace=_TALKED)
        if bearer is None or (bearer.contact_id, bearer.attempt_id) != (ref.contact_id, ref.attempt_id):
            return None
        if told.opt_out:
            self._opt_out(ref, contact, source="agent")
        if told.name in _agents_answers(sight.campaign.call):
            self.hearing.note_answer(ref, name=told.name, value=told.value[:LONGEST_ANSWER])
        return report_of(ref, "opted out" if told.opt_out else "goes on", "agent", campaign_id=contact.campaign_id)

    def _whom(self, ref: CallRef) -> tuple[Contact | None, Sight | None]:
        contact = self.hearing.find(ref.contact_id)
        return contact, self.campaigns.see(contact.campaign_id) if contact else None

    def _greeting(self, ref: CallRef, contact: Contact, sight: Sight, answered_by: str) -> Page:
        """The beginning, unless the carrier listened first and found a machine."""
        plan = sight.campaign.call
        match _wanted(plan, answered_by):
            case OnMachine.HANG_UP:
                return SILENCE
            case OnMachine.VOICEMAIL:
                return speech.voicemail(plan, contact.vars)
        page = self._page(ref, contact, sight, speech.START)
        return speech.held_open(page) if speech.stays_open(plan) and not answered_by else page

    def _page(self, ref: CallRef, contact: Contact, sight: Sight, place: Place) -> Page:
        credentials = _credentials(self.stream_key, ref, sight)
        return speech.page_for(sight.campaign.call, contact.vars, place=place, credentials=credentials)

    def _take(self, ref: CallRef, sight: Sight, given: Input, hook: Hook) -> tuple[str, Place]:
        """Keep what was answered; which step asked, and where the call goes on. No place: it ends."""
        if hook.asks is not Asks.INPUT:
            return "", hook.place
        step = script.step_at(speech.script_of(sight.campaign.call), hook.place)
        match step:
            case script.Menu(choices=choices):
                choice = next((one for one in choices if _chosen(one, given)), None)
                if choice is None:
                    return step.name, hook.place
                self._keep(ref, given, step.name, choice.outcome, call_back=choice.call_back)
                return step.name, script.into(hook.place, script.branch_of(choice.key))
            case script.Ask(name=name):
                self._keep(ref, given, name, given.words or given.digits)
                return name, script.after(hook.place)
            case script.Record(name=name):
                self._keep(ref, given, name, given.recording)
                return name, script.after(hook.place)
            case script.Transfer(name=name):
                taken = self._transferred(ref, sight, given, name)
                return name, () if taken else script.into(hook.place, script.OTHERWISE)
        return "", ()

    def _transferred(self, ref: CallRef, sight: Sight, given: Input, name: str) -> bool:
        """Keep how a transfer ended, and count it; whether somebody took it."""
        taken = given.reached in _ENDED_WELL
        self._keep(ref, given, name, given.reached)
        self.callback.abandon_guard.transferred(ref, sight, somebody=taken)
        return taken

    def _hear_late(self, ref: CallRef, contact: Contact, sight: Sight, given: Input) -> Page:
        """A transfer's end may come behind the end of its call, above all where the person hung up.

        Or behind an opt-out, which has taken its person out of the queue: only there it can be confirmed.
        """
        plan, is_same = sight.campaign.call, _is_same(contact, ref, given.sid)
        own = is_same or any((past.id, past.sid) == (ref.attempt_id, given.sid) for past in contact.history)
        if own and given.hook is not None and given.hook.asks is Asks.INPUT:
            step = script.step_at(speech.script_of(plan), given.hook.place)
            if isinstance(step, script.Transfer) and not self._transferred(ref, sight, given, step.name) and is_same:
                return speech.farewell(plan, contact.vars)
        return SILENCE

    def _keep(self, ref: CallRef, given: Input, name: str, value: str, *, call_back: timedelta | None = None) -> None:
        if value:
            kept = value[:LONGEST_ANSWER]
            self.hearing.note_answer(ref, sid=given.sid, name=name, value=kept, call_back=call_back)

    def _opts_out(self, ref: CallRef, contact: Contact, plan: CallPlan, said: Said) -> bool:
        """Whether this opts out; it is written then."""
        words = speech.tongue_of(plan, contact.vars).opt_out_words
        if not opt_out.is_opt_out(digit=plan.opt_out_digit, words=words, pressed=said.digits, spoken=said.words):
            return False
        by_key = said.digits == plan.opt_out_digit != ""
        self._opt_out(ref, contact, sid=said.sid, source="keypress" if by_key else "speech")
        return True

    def _opt_out(self, ref: CallRef, contact: Contact, *, source: str, sid: str = "") -> None:
        for phone in contact.phones:
            self.suppressions.suppress(phone, scope="global", source=source, reason="opted out on a call")
        self.hearing.note_answer(ref, sid=sid, name=OPT_OUT, value=source)

    def _meet(self, ref: CallRef, report: CallReport, wanted: OnMachine) -> None:
        match wanted:
            case OnMachine.HANG_UP:
                self.live.hang_up(report.sid)
            case OnMachine.VOICEMAIL:
                self.live.leave_voicemail(ref, sid=report.sid)

    def _mute(self, ref: CallRef, sid: str) -> str:
        """Why this call may not speak; no alarm where it is the attempt's own and only its webhook is late."""
        contact = self.hearing.find(ref.contact_id)
        over = contact is not None and any(past.id == ref.attempt_id and past.sid == sid for past in contact.history)
        return "" if over else f"call {sid} has no right to speak"


def keep(opt_outs: OptOutQueue, ref: CallRef, given: Input, cause: DialerError) -> None:
    """What may be an opt-out is kept. Raises the cause, with both reasons, where that fails too."""
    said = _said(given)
    if not (said.digits or said.words):
        return
    try:
        opt_outs.keep(ref, said)
    except Unavailable as silent:
        raise type(cause)(f"{cause}; and what was pressed or said is lost: {silent}") from cause


def _wanted(plan: CallPlan, answered_by: str) -> OnMachine:
    """What whoever answered gets: a machine what the campaign has for machines, and no fax a voicemail."""
    if not call_status.is_machine(answered_by):
        return OnMachine.GO_ON
    deaf = answered_by == FAX and plan.on_machine is OnMachine.VOICEMAIL
    return OnMachine.HANG_UP if deaf else plan.on_machine


def _said(given: Input) -> Said:
    return Said(sid=given.sid, digits=given.digits, words=given.words)


def _is_on(contact: Contact, ref: CallRef, sid: str) -> bool:
    """Whether this call is the attempt's own, and not over; nor has its person opted out meanwhile."""
    attempt = contact.attempt
    return attempt is not None and _is_same(contact, ref, sid) and OPT_OUT not in attempt.answers


def _is_same(contact: Contact, ref: CallRef, sid: str) -> bool:
    attempt = contact.attempt
    return attempt is not None and (attempt.id, attempt.sid) == (ref.attempt_id, sid)


def _chosen(choice: script.Choice, given: Input) -> bool:
    return given.digits == choice.key or opt_out.is_among(choice.words, given.words)


def _agents_answers(plan: CallPlan) -> frozenset[str]:
    streams = (step for step in script.every_step(plan.script) if isinstance(step, script.Stream))
    return frozenset(name for stream in streams for name in stream.answers)


def _credentials(key: Secret, ref: CallRef, sight: Sight) -> dict[str, str]:
    """What an agent is told of the call, with the proof that it was us; made only where a stream may need it."""
    campaign: Campaign = sight.campaign
    if not any(isinstance(step, script.Stream) for step in script.every_step(campaign.call.script)):
        return {}
    token = stream_token.sign(key, contact_id=ref.contact_id, attempt_id=ref.attempt_id, now=sight.now)
    return {
        "campaign_id": campaign.id, "contact_id": ref.contact_id, "attempt_id": ref.attempt_id, "token": token,
    }  # fmt: skip
