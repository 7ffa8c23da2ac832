"""An operator with nothing but the deployed API's URL and a token."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Said:
    status: int
    body: Json


@dataclass(frozen=True, kw_only=True)
class Office:
    """`office.ask("POST", "/stop-all")`"""

    url: str
    token: str

    def ask(self, method: str, path: str, body: Json | None = None, **headers: str) -> Said:
        told = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data, told, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                return Said(status=reply.status, body=json.loads(reply.read()))
        except urllib.error.HTTPError as refused:
            return Said(status=refused.code, body=json.loads(refused.read()))

    def do(self, method: str, path: str, body: Json | None = None, **headers: str) -> Json:
        said = self.ask(method, path, body, **headers)
        assert said.status < 300, said
        return said.body
