"""Signed posts: requests of one kind, by the thousand, without what a client does around each of them.

botocore signs and urllib3 carries. The client's serializer, endpoint rules, events, parser and retries take as much of
the processor again, and a tick spends most of its time on its requests to the queue.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError
from botocore.handlers import add_recursion_detection_header
from botocore.hooks import first_non_none_response
from botocore.httpsession import get_cert_path
from botocore.utils import get_environ_proxies
from urllib3 import PoolManager, Timeout
from urllib3.exceptions import ConnectTimeoutError, EmptyPoolError, HTTPError, NewConnectionError

from dialer.errors import Unavailable

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.credentials import Credentials

_OK = 200
_NOTHING_LEFT = (BotoCoreError, NewConnectionError, ConnectTimeoutError, EmptyPoolError)


class SignedPosts:
    """To a service that speaks JSON, where its client would send them, and as patiently."""

    def __init__(self, client: "BaseClient", credentials: "Credentials") -> None:
        meta: Any = client.meta
        config = meta.config
        service, self._credentials, self._events = meta.service_model, credentials, meta.events
        self._signed_for = (service.signing_name, meta.region_name)
        self._service, self._target = service.service_id.hyphenize(), service.metadata["targetPrefix"]
        self._type = f"application/x-amz-json-{service.metadata['jsonVersion']}"
        self._url = f"{meta.endpoint_url}/"
        self._patience = config.read_timeout
        self._behind_a_proxy = bool(get_environ_proxies(self._url))
        manager = PoolManager(
            maxsize=config.max_pool_connections,
            block=True,
            timeout=Timeout(connect=config.connect_timeout, read=config.read_timeout),
            ca_certs=get_cert_path(True),
        )
        self._connections = manager.connection_from_url(self._url)

    def post(self, operation: str, asked: Mapping[str, Any]) -> dict[str, Any] | None:
        """The answer to one request, sent once; None where nothing has left, for lack of a connection, say.

        Raises Unavailable for anything but a plain success; the request may have arrived. The client knows how to read
        errors, and when to try again.
        """
        if self._behind_a_proxy:
            return None  # only the client finds its way
        headers = {"X-Amz-Target": f"{self._target}.{operation}", "Content-Type": self._type}
        add_recursion_detection_header({"headers": headers})  # a trace, which the queue hands on
        request = AWSRequest("POST", self._url, headers=headers, data=json.dumps(asked))
        try:
            SigV4Auth(self._credentials.get_frozen_credentials(), *self._signed_for).add_auth(request)
            status, content = self._sent(operation, request.prepare())
        except _NOTHING_LEFT:
            return None
        except (HTTPError, ValueError) as cause:
            raise Unavailable(f"{operation} was not answered") from cause
        with suppress(ValueError):
            if status == _OK and isinstance(answer := json.loads(content), dict):
                return answer
        raise Unavailable(f"{operation} was not answered plainly")

    def _sent(self, operation: str, request: Any) -> tuple[int, bytes]:
        """Whoever stands in the client's way to the wire stands in ours: an emulator in this process."""
        heard = self._events.emit(f"before-send.{self._service}.{operation}", request=request)
        if instead := first_non_none_response(heard):
            return instead.status_code, instead.content
        reply = self._connections.urlopen(
            "POST",
            "/",
            body=request.body,
            headers=dict(request.headers),
            retries=False,
            pool_timeout=self._patience,
        )
        return reply.status, reply.data
