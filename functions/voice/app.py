"""Voice function: signed webhooks of the carrier, and opt-outs that could not be written; strangers get 403 or 404."""

import json
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import LambdaFunctionUrlResolver, Response
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.utilities.data_classes import LambdaFunctionUrlEvent
from aws_lambda_powertools.utilities.typing import LambdaContext

from dialer import announcements, call_status, measures, wiring
from dialer.adapters import signature, twiml
from dialer.adapters.mongo import within
from dialer.adapters.opt_out_queue import said_of
from dialer.callback import CallbackReport
from dialer.conversation import Conversation, Input, Told, keep
from dialer.errors import BadSettings, DialerError, Unavailable
from dialer.model import CallReport
from dialer.ports import CallRef
from dialer.speech import Asks, Hook, Page

logger = Logger(service="voice")
app = LambdaFunctionUrlResolver()
PATIENCE_S = 5  # of the ten that the function has


@logger.inject_lambda_context(clear_state=True)
@wiring.invocation()
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """A function URL request, which the carrier repeats unless it gets a 2xx; or a batch of what may be opt-outs."""
    try:
        return _hear_late(event["Records"]) if "Records" in event else app.resolve(event, context)
    finally:
        _publish()


def _hear_late(records: list[dict[str, Any]]) -> dict[str, Any]:
    """What cannot be written down yet returns to the queue.

    By hand, for the webhooks' sake: Powertools' batches, which the call function has, would be imported at every start.
    """
    failed = []
    for record in records:
        try:
            ref, said = said_of(record["body"])
            with logger.append_context_keys(**asdict(ref)), within(PATIENCE_S):
                _tell(wiring.conversation().opt_out_late(ref, said))
        except DialerError as cause:
            if isinstance(cause, BadSettings):
                wiring.distrust()
            logger.warning("not written down yet", extra={"message_id": record["messageId"], "cause": str(cause)})
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def only_signed(app: LambdaFunctionUrlResolver, next_middleware: NextMiddleware) -> Response[str]:
    """Lets through what the carrier signed with our account's token, which may have been replaced a moment ago."""
    if _is_genuine(app.current_event) or (wiring.distrust() and _is_genuine(app.current_event)):
        return next_middleware(app)
    wiring.measure(measures.of_stranger())
    return _empty(HTTPStatus.FORBIDDEN)


def _is_genuine(event: LambdaFunctionUrlEvent) -> bool:
    query = event.raw_query_string
    return signature.is_genuine(
        wiring.twilio_auth_token(),
        url=f"{wiring.voice_base_url()}{event.raw_path}" + (f"?{query}" if query else ""),
        fields=_fields(event),
        signature=event.headers.get("x-twilio-signature", ""),
    )


@app.post("/voice/<contact_id>/<attempt_id>/status", middlewares=[only_signed])
def status(contact_id: str, attempt_id: str) -> Response[str]:
    wiring.demand("voice")  # here, and not where an opt-out may come in: it waits for no setting that it does not need
    _tell(wiring.callback().status(_ref(contact_id, attempt_id), _call()))
    return _empty(HTTPStatus.NO_CONTENT)


@app.post("/voice/<contact_id>/<attempt_id>/answer", middlewares=[only_signed])
def answer(contact_id: str, attempt_id: str) -> Response[str]:
    """The call was answered; or a machine is to be told; or somebody waits, or takes a transfer."""
    wiring.demand("voice")
    ref, hook, talk = _ref(contact_id, attempt_id), _hook(), wiring.conversation()
    if hook is not None and hook.asks in {Asks.WHISPER, Asks.WAIT}:
        report, page = talk.aside(ref, hook, waited=_waited())
    elif "voicemail" in _query():
        report, page = talk.voicemail(ref, _call())
    else:
        report, page = talk.answer(ref, _call())
    _tell(report)
    return _spoken(page, ref)


@app.post("/voice/<contact_id>/<attempt_id>/keypress", middlewares=[only_signed])
def keypress(contact_id: str, attempt_id: str) -> Response[str]:
    """Whatever a call that is on has brought: a key, words, a recording, the end of a transfer."""
    ref, fields = _ref(contact_id, attempt_id), _fields(app.current_event)
    given = Input(
        sid=fields.get("CallSid", ""),
        hook=_hook(),
        digits=fields.get("Digits", ""),
        words=fields.get("SpeechResult", ""),
        recording=fields.get("RecordingUrl", ""),
        reached=fields.get("DialCallStatus", "") or fields.get("QueueResult", ""),
    )
    with within(PATIENCE_S):  # a slow database must leave the time to keep what may be an opt-out
        report, page = _conversation(ref, given).go_on(ref, given)
    _tell(report)
    return _spoken(page, ref)


def _conversation(ref: CallRef, given: Input) -> Conversation:
    """Without its parts, what was said is kept as well."""
    try:
        return wiring.conversation()
    except BadSettings as cause:
        keep(wiring.opt_out_queue(), ref, given, cause)
        raise


@app.post("/voice/<contact_id>/<attempt_id>/amd", middlewares=[only_signed])
def machine(contact_id: str, attempt_id: str) -> Response[str]:
    wiring.demand("voice")
    _tell(wiring.conversation().machine(_ref(contact_id, attempt_id), _call()))
    return _empty(HTTPStatus.NO_CONTENT)


@app.post("/voice/<contact_id>/<attempt_id>/agent")
def agent(contact_id: str, attempt_id: str) -> Response[str]:
    """What the program on a media stream says of its call; the stream's own token is its right to."""
    token = app.current_event.headers.get("authorization", "").removeprefix("Bearer ")
    try:
        told = _told(app.current_event.decoded_body or "")
    except (TypeError, ValueError, RecursionError):
        return _empty(HTTPStatus.UNPROCESSABLE_ENTITY)
    report = wiring.conversation().told(_ref(contact_id, attempt_id), token=token, told=told)
    if report is None:
        wiring.measure(measures.of_stranger())
        return _empty(HTTPStatus.FORBIDDEN)
    _tell(report)
    return _empty(HTTPStatus.NO_CONTENT)


def _told(body: str) -> Told:
    """Raises TypeError or ValueError for all else, a misspelt `opt_out` above all: nobody may think that it was heard.

    By hand, because a function that checks its input with a library starts later, and this path is a rare one.
    """
    told = Told(**json.loads(body))
    kinds = ((told.opt_out, bool), (told.name, str), (told.value, str))
    if any(not isinstance(value, kind) for value, kind in kinds):
        raise TypeError("a field of the wrong kind")
    return replace(told, value=told.value.encode("utf-8", "replace").decode())


@app.exception_handler(Unavailable)  # type: ignore[untyped-decorator]
def try_again(cause: Unavailable) -> Response[str]:
    logger.warning("not written down; the carrier will repeat it", extra={"cause": str(cause)})
    return _empty(HTTPStatus.SERVICE_UNAVAILABLE)


def _ref(contact_id: str, attempt_id: str) -> CallRef:
    logger.append_keys(contact_id=contact_id, attempt_id=attempt_id)  # for every line, also of what went wrong
    return CallRef(contact_id=contact_id, attempt_id=attempt_id)


def _call() -> CallReport:
    fields = _fields(app.current_event)
    return CallReport(
        sid=fields.get("CallSid", ""),
        status=fields.get("CallStatus", ""),
        answered_by=fields.get("AnsweredBy", ""),
        detail=fields.get("SipResponseCode", "") or fields.get("ErrorCode", ""),
        duration=call_status.duration(fields.get("CallDuration", "")),
    )


def _fields(event: LambdaFunctionUrlEvent) -> signature.Fields:
    """The form; a body that is none has no fields, and so no valid signature."""
    try:
        return signature.form(event.decoded_body or "")
    except ValueError:
        return signature.form("")


def _hook() -> Hook | None:
    """Where in the script we are, as we wrote it into the URL ourselves."""
    asked = _query()
    named = next((one for one in Asks if one in asked), None)
    return Hook(asks=named, place=tuple(asked[named].split("."))) if named else None


def _query() -> signature.Fields:
    """The query as it was signed."""
    try:
        return signature.form(app.current_event.raw_query_string)
    except ValueError:
        return signature.form("")


def _waited() -> timedelta:
    with suppress(ValueError, OverflowError):
        return timedelta(seconds=float(_fields(app.current_event).get("QueueTime", "") or 0))
    return timedelta(0)


def _spoken(page: Page, ref: CallRef) -> Response[str]:
    about = f"{wiring.voice_base_url()}/voice/{ref.contact_id}/{ref.attempt_id}"
    return Response(HTTPStatus.OK, "text/xml", twiml.render(page, about=about))


def _empty(status: HTTPStatus) -> Response[str]:
    return Response(status, "text/plain", "")


def _tell(report: CallbackReport) -> None:
    (logger.error if report.alarm else logger.info)("webhook", extra=asdict(report))
    wiring.measure(measures.of_webhook(report))
    wiring.announcer().note(*announcements.of_webhook(report))


def _publish() -> None:
    if untaken := wiring.publish():
        logger.warning("announcements were not taken", extra={"count": untaken})
