"""Whose call is it? The product writes contact and attempt into the path of its URLs, whatever the host."""

import re
from dataclasses import dataclass
from urllib.parse import unquote

WEBHOOK = re.compile(r"/voice/([^/?#\"'<>\s]+)/([^/?#\"'<>\s]+)/(?:status|answer|keypress|amd)\b")


@dataclass(frozen=True, kw_only=True, slots=True)
class Attribution:
    """`torn`: the URLs of one request name different attempts, so it belongs to none."""

    contact_id: str | None = None
    attempt_id: str | None = None
    torn: bool = False


def attribute(*sources: str) -> Attribution:
    """Read URLs, or TwiML holding URLs; the first that names an attempt speaks."""
    named = [(unquote(contact), unquote(attempt)) for source in sources for contact, attempt in WEBHOOK.findall(source)]
    if not named:
        return Attribution()
    contact_id, attempt_id = named[0]
    return Attribution(contact_id=contact_id, attempt_id=attempt_id, torn=len(set(named)) > 1)
