"""Twilio: one request that is never repeated, and reads that may be."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from requests import ConnectionError as NoConnection
from requests import ConnectTimeout, RequestException, Session
from requests.adapters import HTTPAdapter
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError

from dialer import call_status
from dialer.adapters.clock import SystemClock
from dialer.adapters.signature import FRAGMENT
from dialer.carrier_answers import Answer, NotPlaced, OurFault, Placed, Unsure, meaning
from dialer.errors import Unavailable
from dialer.model import CallRecord, CallReport
from dialer.ports import CallRef, CallRequest
from dialer.secret import Secret

_EVENTS = ["initiated", "ringing", "answered", "completed"]
_PAGE = 1000
_NOT_FOUND, _UNAUTHORIZED = 404, 401
_OVER = 21220  # the call is not in progress


class _HttpClient(TwilioHttpClient):  # type: ignore[misc]  # the client has no types
    """Twilio's own, remembering the status that was on the wire: an error's text may claim another.

    `fresh`: every request has a connection of its own, which is made in time or not used.
    """

    status: int = 0

    def __init__(self, *, fresh: bool) -> None:
        super().__init__(pool_connections=not fresh, max_retries=None)
        self._fresh = fresh

    def request(self, *args: Any, **named: Any) -> Any:
        self.status = 0
        if self._fresh:
            self.session = _punctual()
        try:
            response = super().request(*args, **named)
        finally:
            if self._fresh:
                self.session.close()
        self.status = response.status_code
        return response


def _punctual() -> Session:
    session = Session()
    session.mount("https://", _Punctual())
    session.mount("http://", _Punctual())
    return session


class _Punctual(HTTPAdapter):
    """Nothing is sent over a connection that took longer to make than its timeout.

    That timeout holds for each address of a host and each answer of a handshake, and for no name server: together they
    may take many times as long, and by then somebody may have been told that no request can leave any more.
    """

    def init_poolmanager(self, *args: Any, **named: Any) -> None:
        super().init_poolmanager(*args, **named)
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}


class _InTime(HTTPConnection):
    def connect(self) -> None:
        clock = SystemClock()
        began = clock.monotonic()
        super().connect()
        limit = self.timeout
        if isinstance(limit, int | float) and clock.monotonic() - began > limit:
            self.close()
            raise ConnectTimeoutError(self, f"no connection to {self.host} within {limit:g} s")


class _InTimeTls(_InTime, HTTPSConnection):
    pass


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _InTime


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _InTimeTls


def client(
    account_sid: str, token: Secret, *, api_url: str, connect: timedelta, timeout: timedelta, fresh: bool
) -> Client:
    """Twilio's client without any HTTP retry: `connect` bounds the connection, `timeout` each read and write on it.

    `fresh` opens a new connection for every request. A pooled one may have died while the function was frozen, and a
    request sent into it is a request in doubt.
    """
    http = _HttpClient(fresh=fresh)
    http.timeout = (connect.total_seconds(), timeout.total_seconds())  # its constructor takes one number for both
    if not api_url:
        return Client(account_sid, token.reveal(), http_client=http)
    loopback = Client(account_sid, token.reveal(), http_client=http, environment={"TWILIO_REGION": ""})
    loopback.api.base_url = api_url
    return loopback


class TwilioDialer:
    """Places calls. The attempt's id travels in the URLs: the only place the carrier gives it back from.

    `replaced` is asked when the credentials were refused: whether there are other ones by now.
    """

    def __init__(self, twilio: Client, *, voice_base_url: str, replaced: Callable[[], bool] = lambda: False) -> None:
        self._twilio = twilio
        self._voice_base_url = voice_base_url
        self._replaced = replaced

    def place(self, request: CallRequest) -> Answer:
        answer = self._place(request)
        if isinstance(answer, OurFault) and answer.credentials and self._replaced():
            return NotPlaced(reason="the carrier's credentials were replaced meanwhile")
        return answer

    def _place(self, request: CallRequest) -> Answer:
        about = f"{self._voice_base_url}/voice/{request.contact_id}/{request.attempt_id}"
        try:
            call = self._twilio.calls.create(
                to=request.to,
                from_=request.from_number,
                url=f"{about}/answer{FRAGMENT}",
                status_callback=f"{about}/status{FRAGMENT}",
                status_callback_event=_EVENTS,
                timeout=round(request.ring_timeout.total_seconds()),
                time_limit=round(request.talk_limit.total_seconds()),
                **_detection(request, about),
            )
        except Exception as error:  # noqa: BLE001  whatever it is, a request may have left: it is judged, never raised
            return answer_of(error, on_the_wire=self._twilio.http_client.status)
        if not call.sid:
            return Unsure(reason="accepted without a call id")
        return Placed(sid=call.sid, status=str(call.status), queue_time=call_status.queue_time(str(call.queue_time)))


def _detection(request: CallRequest, about: str) -> dict[str, Any]:
    """Beside the call, which speaks at once; or before it, where the campaign would rather know first."""
    if not request.detect_machine:
        return {}
    detection = {"machine_detection": "DetectMessageEnd" if request.await_beep else "Enable"}
    if request.detect_first:
        return detection
    told = {"async_amd_status_callback": f"{about}/amd{FRAGMENT}", "async_amd_status_callback_method": "POST"}
    return detection | {"async_amd": "true"} | told


def answer_of(error: Exception, *, on_the_wire: int) -> Answer:
    """What an exception of the client proves about the call; by default nothing.

    An error's own status and code come from the reply's text: one that contradicts the wire proves nothing.
    """
    match error:
        case TwilioRestException() | TwilioServiceException() if error.status == on_the_wire:
            code = error.code if isinstance(error.code, int) else None
            return meaning(http_status=on_the_wire, code=code)
        case ConnectTimeout():
            return NotPlaced(reason="no connection in time")
        case NoConnection() if _never_connected(error):
            return NotPlaced(reason="no connection")
    return Unsure(reason=type(error).__name__)


def _never_connected(error: NoConnection) -> bool:
    cause = error.args[0] if error.args else None
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)


class TwilioLiveCalls:
    """Changes calls that are on. Asking twice changes nothing more, so a lost reply is only Unavailable."""

    def __init__(self, twilio: Client, *, voice_base_url: str) -> None:
        self._twilio = twilio
        self._voice_base_url = voice_base_url

    def hang_up(self, sid: str) -> None:
        self._change(sid, status="completed")

    def leave_voicemail(self, ref: CallRef, *, sid: str) -> None:
        about = f"{self._voice_base_url}/voice/{ref.contact_id}/{ref.attempt_id}"
        self._change(sid, url=f"{about}/answer?voicemail=1{FRAGMENT}", method="POST")

    def _change(self, sid: str, **change: str) -> None:
        with answering():
            try:
                self._twilio.calls(sid).update(**change)
            except TwilioRestException as wrong:
                if wrong.code != _OVER:
                    raise


class TwilioWitness:
    """Asks the carrier what became of calls."""

    def __init__(self, twilio: Client) -> None:
        self._twilio = twilio

    def calls_to(self, phone: str, *, from_number: str) -> Sequence[CallRecord]:
        """Without a filter on start or status: a queued call has no start, and would be hidden."""
        with answering():
            listed = self._twilio.calls.list(to=phone, from_=from_number, page_size=_PAGE)
            return [record_of(call, from_number) for call in listed]

    def report(self, sid: str) -> CallReport | None:
        with answering():
            try:
                call = self._twilio.calls(sid).fetch()
            except TwilioRestException as wrong:
                if wrong.status == _NOT_FOUND:
                    return None
                raise
            if not call.status:
                raise Unavailable("the carrier's reply about a call was empty")
            return CallReport(sid=sid, status=str(call.status), answered_by=call.answered_by or "", **_charged(call))

    def mentions(self, sid: str, attempt_id: str) -> bool | None:
        with answering():
            events = self._twilio.calls(sid).events.list()
            urls = [str((event.request or {}).get("url", "")) for event in events]
        return any(attempt_id in url for url in urls) if urls else None

    def cancel(self, sid: str) -> None:
        with answering():
            self._twilio.calls(sid).update(status="canceled")


@contextmanager
def answering() -> Iterator[None]:
    """Turns whatever is not a whole answer into Unavailable: nothing is concluded from it."""
    try:
        yield
    except TwilioRestException as wrong:
        if wrong.status == _UNAUTHORIZED:
            raise Unavailable("the carrier refused the credentials (401)") from wrong
        raise Unavailable(f"the carrier did not answer the question ({wrong.status})") from wrong
    except (TwilioException, RequestException, ValueError, KeyError, TypeError, AttributeError) as wrong:
        raise Unavailable(f"the carrier did not answer the question ({type(wrong).__name__})") from wrong


def record_of(call: Any, from_number: str) -> CallRecord:
    """A call of the carrier's list; ValueError for what is none."""
    if not call.sid or call.date_created is None:
        raise ValueError("a call without id or date")
    return CallRecord(
        sid=call.sid,
        to=str(call.to),
        from_number=from_number,
        status=str(call.status),
        created_at=_utc(call.date_created),
        answered_by=call.answered_by or "",
        **_charged(call),
    )


def _charged(call: Any) -> dict[str, Any]:
    """How long a call was and what it cost, where the carrier knows it by now."""
    return {
        "duration": call_status.duration(str(call.duration or "")),
        "price": call_status.price(str(call.price or "")),
    }


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
