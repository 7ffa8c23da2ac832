"""The page's files: small, named by their contents, kept for good, and allowed to load and ask nothing else."""

import base64
import gzip
import re
from typing import Any

import pytest

import page
from dialer.caps import PRESETS
from dialer.model import Purpose, Voice
from tests.functions.conftest import Stack
from tests.functions.operators import request

MOST_BYTES = 150_000


def sent(stack: Stack, path: str, **headers: str) -> Any:
    return stack.invoke("api", request("GET", path, **headers))


def body(reply: Any) -> bytes:
    raw = base64.b64decode(reply["body"]) if reply["isBase64Encoded"] else reply["body"].encode()
    return gzip.decompress(raw) if reply["headers"].get("Content-Encoding") == "gzip" else raw


def test_anybody_gets_the_page_and_it_is_asked_for_anew_each_time(stack: Stack) -> None:
    reply = sent(stack, "/", accept_encoding="gzip, br")
    assert (reply["statusCode"], reply["headers"]["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert reply["headers"]["Cache-Control"] == "no-cache"
    assert body(reply) == body(sent(stack, "/"))


def test_the_page_names_files_that_are_there_and_may_be_kept_for_good(stack: Stack) -> None:
    html = body(sent(stack, "/")).decode()
    named = re.findall(r'(?:href|src)="(/page/[^"]+)"', html)
    assert len(named) == len(page.assets()) == 4
    for path in named:
        for encoding in ("gzip", "identity"):
            reply = sent(stack, path, accept_encoding=encoding)
            assert (reply["statusCode"], reply["headers"]["Cache-Control"]) == (200, page.FOR_GOOD)
            assert body(reply) == page.assets()[path.rpartition("/")[2]].content


def test_a_name_follows_from_what_is_in_the_file() -> None:
    names = {page.hashed("page.js", content) for content in (b"one", b"two", b"one")}
    assert len(names) == 2
    assert all(re.fullmatch(r"page\.[0-9a-f]{12}\.js", name) for name in names)


def test_all_of_it_is_small(stack: Stack) -> None:
    files = [base64.b64decode(sent(stack, "/", accept_encoding="gzip")["body"])]
    files += [asset.packed for asset in page.assets().values()]
    assert 20_000 < sum(map(len, files)) < MOST_BYTES


def test_the_page_may_load_its_own_files_and_ask_its_own_api_and_the_store_and_nothing_else(stack: Stack) -> None:
    headers = sent(stack, "/")["headers"]
    policy = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
    assert {name: value for name, value in policy.items() if name != "connect-src"} == {
        "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self'",
        "form-action": "'none'", "base-uri": "'none'", "frame-ancestors": "'none'",
    }  # fmt: skip
    ours, store = policy["connect-src"].split()
    assert ours == "'self'"
    assert re.fullmatch(r"https://[a-z0-9.-]*amazonaws\.com", store)
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_nothing_of_the_page_stands_in_line_or_comes_from_elsewhere() -> None:
    """No script, no style and no handler in the HTML; markup is never made of data; and no address of anybody's."""
    html = (page.STATIC / "index.html").read_text()
    assert not re.search(r"<script(?![^>]* src=)|<style| style=| on\w+=|//", html)
    ours = "".join((page.STATIC / "modules" / f"{name}.js").read_text() for name in page.MODULES)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", ours)
    assert set(re.findall(r"https?://[^\s\"'`]+", ours)) == {"http://www.w3.org/2000/svg"}
    assert "localStorage" not in ours


def test_the_form_offers_every_cap_purpose_and_voice_that_there_is() -> None:
    words = (page.STATIC / "modules" / "words.js").read_text()
    for name, known in (("CAPS", PRESETS), ("PURPOSES", Purpose), ("VOICES", Voice)):
        told = words.partition(f"export const {name} = [")[2].partition("];")[0]
        assert set(re.findall(r'^  \["([a-z-]+)",', told, re.MULTILINE)) == {str(one) for one in known}


@pytest.mark.parametrize("library", ["uplot", "js-yaml"])
def test_a_library_comes_with_its_licence(library: str) -> None:
    assert "Permission is hereby granted" in (page.STATIC / "vendor" / f"{library}.LICENSE").read_text()
    assert (page.STATIC / "vendor" / f"{library}.js").stat().st_size > 10_000


@pytest.mark.parametrize(
    "path", ["/page/", "/page/page.js", "/page/../access.py", "/page/%2e%2e%2faccess.py", "/page/x/y"]
)
def test_only_the_page_s_own_files_are_given_out(stack: Stack, path: str) -> None:
    assert sent(stack, path)["statusCode"] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_the_page_is_there_to_be_read(stack: Stack, method: str) -> None:
    assert stack.invoke("api", request(method, "/"))["statusCode"] == 401
    assert stack.invoke("api", request(method, "/page/page.js"))["statusCode"] == 401
