"""A person before a real browser: Debian's chromium, held to the loopback, driven by Playwright."""

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect, sync_playwright

from tests.conftest import missing

ALONE = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)  # fmt: skip
PATIENCE_MS = 30_000
DESKTOP, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}
DROP = """([place, names, text]) => {
    const carried = new DataTransfer();
    for (const name of names) carried.items.add(new File([text], name, {type: "text/csv"}));
    for (const kind of ["dragover", "drop"])
        place.dispatchEvent(new DragEvent(kind, {dataTransfer: carried, bubbles: true, cancelable: true}));
}"""
expect.set_options(timeout=PATIENCE_MS)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The machine's own: Playwright's download of one is not used."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        missing("No chromium on PATH: install it (Debian: apt install chromium), or name one with CHROMIUM.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(ALONE))
        yield browser
        browser.close()


@dataclass
class Visitor:
    """Somebody who has opened the page, and everything that it asked for and complained of."""

    page: Page
    context: BrowserContext
    url: str
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self, view: str = "") -> "Visitor":
        self.page.goto(f"{self.url}/{view}")
        return self

    def sign_in(self, token: str) -> "Visitor":
        self.open()
        self.page.get_by_label("Token").fill(token)
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_role("heading", name="Campaigns")).to_be_visible()
        return self

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def agree(self, name: str, **given: str) -> None:
        """Answers the question that is shown."""
        box = self.page.get_by_role("dialog")
        for field_name, text in given.items():
            box.locator(f"[name={field_name}]").fill(text)
        box.get_by_role("button", name=name, exact=True).click()

    def drop(self, *names: str, text: str) -> None:
        """Files of this text, onto their place."""
        place = self.page.locator("[data-drop]")
        expect(place).to_be_visible()
        self.page.evaluate(DROP, [place.element_handle(), names, text])

    def sees(self, text: str) -> None:
        expect(self.page.locator("body")).to_contain_text(text)

    def news(self, text: str) -> None:
        """What is said for a while, to screen readers too."""
        expect(self.page.locator("#news")).to_contain_text(text)

    def hold(self, path: str) -> Callable[[], Route]:
        """Keeps requests to a path that ends so from leaving; each call waits for the next: `held().continue_()`."""
        kept: list[Route] = []

        def keep(route: Route) -> None:
            kept.append(route)

        def next_one() -> Route:
            self.wait(lambda: kept)
            return kept.pop(0)

        self.page.route(re.compile(f"{path}$"), keep)
        return next_one

    def wait(self, ready: Callable[[], object]) -> None:
        """While the page goes on; it is not heard otherwise."""
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while not ready():
            assert time.monotonic() < deadline
            self.page.wait_for_timeout(50)

    def section(self, title: str) -> Any:
        return self.page.get_by_role("region", name=title, exact=True)

    def wrong(self, label: str) -> str:
        """What is said to be wrong beside a field; empty where nothing is."""
        place = self.page.locator(".field", has=self.page.get_by_label(label, exact=True)).locator(".wrong")
        return str(place.inner_text()) if place.count() else ""

    def figure(self, label: str) -> str:
        """What stands in the header under a label."""
        return str(self.page.locator(f".figures div:has(> dt:text-is('{label}')) b").inner_text())

    def barriers(self) -> list[str]:
        """What keeps somebody with a screen reader or a keyboard out, as axe finds it."""
        found = Axe().run(self.page).response["violations"]
        return [f"{one['id']}: {one['nodes'][0]['html']} {one['nodes'][0]['failureSummary']}" for one in found]

    def picture(self, path: Path, *, whole: bool = False) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=path, full_page=whole)


def visit(browser: Browser, url: str, *, size: dict[str, int] = DESKTOP, dark: bool = False) -> Visitor:
    """A new visitor, whom nobody knows yet."""
    context = browser.new_context(
        viewport=size,  # type: ignore[arg-type]  # a TypedDict of the same
        color_scheme="dark" if dark else "light",
        timezone_id="America/New_York",
    )
    context.set_default_timeout(PATIENCE_MS)
    visitor = Visitor(page=context.new_page(), context=context, url=url)
    visitor.page.on("request", lambda request: visitor.asked.append(request.url))
    visitor.page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
    visitor.page.on(
        "console",
        lambda said: visitor.complaints.append(said.text) if "Content Security Policy" in said.text else None,
    )
    return visitor
