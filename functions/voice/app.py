"""Voice function: signed webhooks of the carrier; strangers get a quiet 403 or 404."""

from dataclasses import asdict
from http import HTTPStatus

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import LambdaFunctionUrlResolver, Response
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.utilities.data_classes import LambdaFunctionUrlEvent
from aws_lambda_powertools.utilities.typing import LambdaContext

from dialer import announcements, call_status, measures, wiring
from dialer.adapters import signature, twiml
from dialer.callback import CallbackReport
from dialer.errors import Unavailable
from dialer.model import CallReport
from dialer.ports import CallRef
from dialer.speech import HangUp, Speech

logger = Logger(service="voice")
app = LambdaFunctionUrlResolver()


@logger.inject_lambda_context(clear_state=True)
@wiring.invocation()
def handler(event: dict[str, object], context: LambdaContext) -> dict[str, object]:
    """A function URL request. The carrier repeats what does not get a 2xx."""
    try:
        return app.resolve(event, context)
    finally:
        _publish()


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
    _tell(wiring.callback().status(_ref(contact_id, attempt_id), _call()))
    return _empty(HTTPStatus.NO_CONTENT)


@app.post("/voice/<contact_id>/<attempt_id>/answer", middlewares=[only_signed])
def answer(contact_id: str, attempt_id: str) -> Response[str]:
    report, words = wiring.callback().answer(_ref(contact_id, attempt_id), _call())
    _tell(report)
    return _spoken(words, f"{wiring.voice_base_url()}/voice/{contact_id}/{attempt_id}/keypress{signature.FRAGMENT}")


@app.post("/voice/<contact_id>/<attempt_id>/keypress", middlewares=[only_signed])
def keypress(contact_id: str, attempt_id: str) -> Response[str]:
    digits = _fields(app.current_event).get("Digits", "")
    report, words = wiring.callback().keypress(_ref(contact_id, attempt_id), digits=digits)
    _tell(report)
    return _spoken(words, "")


@app.post("/voice/<contact_id>/<attempt_id>/amd", middlewares=[only_signed])
def machine(contact_id: str, attempt_id: str) -> Response[str]:
    _tell(wiring.callback().machine(_ref(contact_id, attempt_id), _call()))
    return _empty(HTTPStatus.NO_CONTENT)


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


def _spoken(words: Speech | HangUp, keypress_url: str) -> Response[str]:
    return Response(HTTPStatus.OK, "text/xml", twiml.render(words, keypress_url=keypress_url))


def _empty(status: HTTPStatus) -> Response[str]:
    return Response(status, "text/plain", "")


def _tell(report: CallbackReport) -> None:
    (logger.error if report.alarm else logger.info)("webhook", extra=asdict(report))
    wiring.measure(measures.of_webhook(report))
    wiring.announcer().note(*announcements.of_webhook(report))


def _publish() -> None:
    if untaken := wiring.publish():
        logger.warning("announcements were not taken", extra={"count": untaken})
