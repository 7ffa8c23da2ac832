"""The client: one session with the API; what it may repeat is repeated, what it refuses is one sentence."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from cli.errors import Denied, Refused, Unreachable

Json = dict[str, Any]
_CONNECT_S, _READ_S = 5, 60  # pause and stop are answered only when no request can leave any more
_PAGE = 200
_STRANGE = (
    "The API does not know this token, or it has ended: run `dialer login URL` with a good one, or set DIALER_TOKEN."
)


class _Patience(Retry):
    """Repeats what the API says may be repeated: too fast, not now, the same request still being answered."""

    RETRY_AFTER_STATUS_CODES = frozenset(
        {HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
    )


def _session(*, once: tuple[str, ...]) -> requests.Session:
    made = requests.Session()
    patience = _Patience(
        total=5, backoff_factor=0.3, allowed_methods=None, raise_on_status=False, respect_retry_after_header=True
    )
    for scheme in ("http://", "https://"):
        made.mount(scheme, HTTPAdapter(max_retries=patience))
    for url in once:
        made.mount(url, HTTPAdapter(max_retries=0))
    return made


@dataclass(frozen=True, kw_only=True)
class Api:
    """A deployed API and a token for it.

    Every POST but those that make a token carries an Idempotency-Key: a reply that is lost on the way back costs
    nothing, since the request that is sent again gets the same answer.
    """

    url: str
    token: str = field(repr=False)
    session: requests.Session = field(repr=False)

    def get(self, path: str, **params: object) -> Json:
        return self._ask("GET", path, params={name: value for name, value in params.items() if value is not None})

    def post(self, path: str, body: Json | None = None) -> Json:
        return self._ask("POST", path, json=body or {}, headers=_key(path))

    def put(self, path: str, body: Json) -> Json:
        return self._ask("PUT", path, json=body)

    def patch(self, path: str, body: Json) -> Json:
        return self._ask("PATCH", path, json=body)

    def delete(self, path: str) -> Json:
        return self._ask("DELETE", path)

    def every(self, path: str, *, limit: int | None = None, **params: object) -> Iterator[Json]:
        """The items of all pages, or the first so many, each page asked for when it is reached."""
        left, cursor = limit, ""
        while left is None or left > 0:
            page = self.get(path, limit=min(_PAGE, left or _PAGE), cursor=cursor or None, **params)
            yield from page["items"][:left]
            cursor = page["next"]
            left = None if left is None else left - len(page["items"])
            if not cursor:
                return

    def _ask(self, method: str, path: str, headers: dict[str, str] | None = None, **request: Any) -> Json:
        try:
            reply = self.session.request(
                method,
                f"{self.url}{path}",
                headers={"Authorization": f"Bearer {self.token}", **(headers or {})},
                timeout=(_CONNECT_S, _READ_S),
                allow_redirects=False,
                **request,
            )
        except requests.RequestException as cause:
            raise Unreachable(f"The API at {self.url} does not answer ({type(cause).__name__}).") from None
        return _told(self.url, reply)


def connect(url: str, token: str) -> Api:
    url = url.rstrip("/")
    return Api(url=url, token=token, session=_session(once=(f"{url}/tokens",)))


def _key(path: str) -> dict[str, str]:
    return {} if path == "/tokens" else {"Idempotency-Key": str(uuid.uuid4())}


def _told(url: str, reply: requests.Response) -> Json:
    try:
        body = reply.json()
    except requests.JSONDecodeError:
        body = None
    if reply.ok and isinstance(body, dict):
        return body
    if not isinstance(body, dict) or "detail" not in body:
        raise Unreachable(f"What answers at {url} is no dialer's API (HTTP {reply.status_code}).")
    sentence = str(body["detail"])
    if reply.status_code == HTTPStatus.UNAUTHORIZED:
        raise Denied(_STRANGE)
    if reply.status_code == HTTPStatus.FORBIDDEN:
        raise Denied(sentence)
    if reply.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR or reply.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        raise Unreachable(sentence)
    raise Refused(sentence)
