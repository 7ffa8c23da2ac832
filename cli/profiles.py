"""Profiles: which API, with which token. The environment comes first, then the file that `login` writes."""

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import typer

from cli.errors import Denied, Misused

URL, TOKEN, PROFILE, FOLDER = "DIALER_API_URL", "DIALER_TOKEN", "DIALER_PROFILE", "DIALER_CONFIG_DIR"
NOBODY = "You are not logged in: run `dialer login URL`, or set DIALER_API_URL and DIALER_TOKEN."
_SENDABLE = re.compile(r"[!-~]+")  # in a header; as the page has it
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True, kw_only=True)
class Profile:
    url: str
    token: str = field(repr=False)


def current() -> Profile:
    """Raises Denied where nobody has logged in."""
    if os.environ.get(URL) and os.environ.get(TOKEN):
        return Profile(url=checked(os.environ[URL]), token=sendable(os.environ[TOKEN]))
    kept = _kept().get(name())
    if kept is None:
        raise Denied(NOBODY)
    return Profile(url=checked(kept["url"]), token=sendable(kept["token"]))


def name() -> str:
    return os.environ.get(PROFILE) or "default"


def keep(profile: Profile) -> Path:
    """In a file that only its owner can read."""
    path = _path()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    everyone = {**_kept(), name(): {"url": profile.url, "token": profile.token}}
    _write(path, everyone)
    return path


def forget() -> bool:
    everyone = _kept()
    found = everyone.pop(name(), None)
    if found is not None:
        _write(_path(), everyone)
    return found is not None


def checked(url: str) -> str:
    """A token is a secret: it goes over TLS, or not off this machine. Raises Misused."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.username:
        raise Misused(f"{url!r} is not the URL of an API, such as https://….lambda-url.eu-central-1.on.aws")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise Misused("A token is sent over https only; plain http is for an API on this machine.")
    return url.rstrip("/")


def sendable(token: str) -> str:
    """Without the space around it. Raises Misused where no header can hold it."""
    token = token.strip()
    if not _SENDABLE.fullmatch(token):
        raise Misused("This cannot be a token: it has a space in it, or a letter beyond A to Z. Copy it again.")
    return token


def _path() -> Path:
    return Path(os.environ.get(FOLDER) or typer.get_app_dir("dialer")) / "credentials.json"


def _kept() -> dict[str, dict[str, str]]:
    try:
        return {name: _both(one) for name, one in json.loads(_path().read_text()).items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError, KeyError, TypeError):  # no JSON, or of another shape
        raise Misused(f"{_path()} cannot be read: remove it and log in again.") from None


def _both(one: dict[str, Any]) -> dict[str, str]:
    both = {part: one[part] for part in ("url", "token")}
    if not all(isinstance(text, str) for text in both.values()):
        raise TypeError("a URL and a token are text")
    return both


def _write(path: Path, everyone: dict[str, dict[str, str]]) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    arriving = path.with_suffix(f".{os.getpid()}")
    arriving.unlink(missing_ok=True)
    arriving.touch(mode=0o600, exist_ok=False)
    arriving.write_text(json.dumps(everyone))
    arriving.rename(path)
