"""Page: the operators' live page. Files beside this module, under names that change when their contents do.

Whoever opens `/` gets an HTML file that names one style sheet, one script and one file of libraries; these may be kept
for good. The page holds no data: it asks this API as any other caller does, with a token that somebody types in.
"""

import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import LambdaFunctionUrlRouter

from dialer import wiring
from problems import NoSuchPath

router = LambdaFunctionUrlRouter()  # type: ignore[no-untyped-call]
STATIC = Path(__file__).parent / "static"
MODULES = (
    "words", "dom", "times", "api", "charts", "dialogs", "login", "campaigns", "campaign", "contact", "create", "main",
)  # fmt: skip
"""In the order in which they need each other: joined, they are one script, and one request."""
_SOURCES = {
    "page.css": ("vendor/uplot.css", "page.css"),
    "libraries.js": ("vendor/uplot.js", "vendor/js-yaml.js"),
    "page.js": tuple(f"modules/{name}.js" for name in MODULES),
    "icon.svg": ("icon.svg",),
}
_KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".html": "text/html; charset=utf-8",
}
_IMPORT = re.compile(r'^import (\{[^}]*\}) from "\./(\w+)\.js";$', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:const|class|function|async function) (\w+))", re.MULTILINE)
FOR_GOOD = "public, max-age=31536000, immutable"
_ASK_FIRST = "no-cache"


@dataclass(frozen=True, kw_only=True)
class Asset:
    """A file as it is sent."""

    name: str
    content: bytes
    packed: bytes
    """The same, compressed."""

    @property
    def kind(self) -> str:
        return _KINDS[Path(self.name).suffix]


@router.get("/", include_in_schema=False, enable_validation=False)
def index() -> Response[bytes]:
    """The page itself, asked for anew each time; it is small."""
    return _sent(_asset("index.html", _named(_read("index.html")).encode()), _ASK_FIRST)


@router.get("/page/<name>", include_in_schema=False, enable_validation=False)
def file(name: str) -> Response[bytes]:
    """One of the files that the page names; another version of it is no longer there."""
    found = assets().get(name)
    if found is None:
        raise NoSuchPath
    return _sent(found, FOR_GOOD)


@cache
def assets() -> dict[str, Asset]:
    """By the name that is in the page: `page.0123456789ab.css`."""
    whole = {name: _joined(name, parts).encode() for name, parts in _SOURCES.items()}
    return {known: _asset(known, whole[name]) for name, known in _names(whole).items()}


def policy(store: str) -> str:
    """What the page may load, and whom it may ask: this API, and the store that takes uploads and has the files."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            f"connect-src 'self' {store}",
            "form-action 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


def _joined(name: str, parts: tuple[str, ...]) -> str:
    texts = [_read(part) for part in parts]
    if name == "page.js":
        texts = ['"use strict";', *map(_scoped, MODULES, texts)]
    return "\n".join(texts)


def _scoped(name: str, text: str) -> str:
    """A module as a function of its own: what it imports is there already, what it exports is what it returns."""
    exported = ", ".join(found[2] for found in _EXPORT.finditer(text))
    body = _EXPORT.sub(r"\1", _IMPORT.sub(r"const \1 = $\2;", text))
    return f"const ${name} = (() => {{\n{body}return {{ {exported} }};\n}})();\n"


def _read(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")


def _names(whole: dict[str, bytes]) -> dict[str, str]:
    return {name: hashed(name, content) for name, content in whole.items()}


def hashed(name: str, content: bytes) -> str:
    stem, dot, suffix = name.partition(".")
    return f"{stem}.{hashlib.sha256(content).hexdigest()[:12]}{dot}{suffix}"


def _named(html: str) -> str:
    """`{{page.css}}` in the HTML is that file's present name."""
    for name in assets():
        stem, _, suffix = name.split(".")
        html = html.replace(f"{{{{{stem}.{suffix}}}}}", f"/page/{name}")
    return html


def _asset(name: str, content: bytes) -> Asset:
    return Asset(name=name, content=content, packed=gzip.compress(content, 9, mtime=0))


def _sent(asset: Asset, cache_control: str) -> Response[bytes]:
    takes = router.current_event.headers.get("accept-encoding", "")
    packed = "gzip" in takes
    headers = {"Cache-Control": cache_control, "Vary": "Accept-Encoding"}
    if packed:
        headers["Content-Encoding"] = "gzip"
    if asset.name == "index.html":
        headers["Content-Security-Policy"] = policy(wiring.store_origin())
    return Response(200, asset.kind, asset.packed if packed else asset.content, headers=headers)
