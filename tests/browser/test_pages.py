"""The explorer in a real Chromium: what its visitors see, on a wide screen, a phone and zoomed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from tests.browser.site import LONG_KEY, Site, serving

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
CHROMIUM = "/usr/bin/chromium"
AXE = Path(__file__).parent.parent.parent / ".venv" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDE = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 740}
ZOOMED = {"width": 640, "height": 400}  # what 200% leaves of a wide screen, in CSS pixels


@dataclass
class Visit:
    """A page in a browser, and everything that went wrong in it."""

    page: Page
    url: str
    faults: list[str] = field(default_factory=list)
    shown: int = 0  # pages
    icons: int = 0  # each page asks for its icon when all else is there

    def __post_init__(self) -> None:
        self.page.on("domcontentloaded", self._shown)
        self.page.on("requestfinished", self._finished)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("requestfailed", lambda request: self.faults.append(f"lost {request.url}"))
        self.page.on("request", self._request)

    def go(self, path: str) -> int:
        """Open a page and wait until all of it is there; return its HTTP status."""
        reply = self.page.goto(self.url + path)
        assert reply is not None
        self.settle()
        return reply.status

    def arrive(self, path: str) -> None:
        """Wait until a page that was asked for otherwise is there, all of it."""
        self.page.wait_for_url(self.url + path)
        self.settle()

    def settle(self) -> None:
        """Wait for what is still on its way: whoever leaves a page cuts it off."""
        while self.icons < self.shown:
            self.page.wait_for_event("requestfinished")

    def ask(self, script: str) -> Any:
        return self.page.evaluate(script)

    def _shown(self, _: Page) -> None:
        self.shown += 1

    def _finished(self, request: Request) -> None:
        self.icons += request.url == f"{self.url}/icon.svg"

    def _console(self, message: ConsoleMessage) -> None:
        self.faults.append(f"{self.page.url}: {message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith(f"{self.url}/"):
            self.faults.append(f"{self.page.url} asks {request.url}")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("node")) as site:
        yield site


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def visit(chromium: Browser, site: Site, **settings: Any) -> Visit:
    context = chromium.new_context(**{"viewport": WIDE, **settings})
    return Visit(context.new_page(), site.url)


@pytest.mark.parametrize(("scheme", "locale"), [("light", "en-GB"), ("dark", "zh-CN")])
def test_every_page_is_whole_and_fit_for_everybody(
    chromium: Browser, site: Site, scheme: str, locale: str
) -> None:
    """No errors, nothing from elsewhere, and nothing that axe-core finds."""
    seen = visit(chromium, site, color_scheme=scheme, locale=locale)
    axe = AXE.read_text()
    found: list[str] = []
    for path in site.pages:
        assert seen.go(path) == 200, path
        seen.ask(axe)
        result = seen.ask(f"axe.run({{runOnly: {RULES}, resultTypes: ['violations']}})")
        found += [
            f"{path}: {fault['id']}: {fault['nodes'][0]['html'][:200]}"
            for fault in result["violations"]
        ]
    assert found == []
    assert seen.faults == []


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
@pytest.mark.parametrize("size", [PHONE, ZOOMED], ids=["phone", "zoomed"])
def test_no_page_is_wider_than_the_screen(
    chromium: Browser, site: Site, size: dict[str, int], locale: str
) -> None:
    seen = visit(chromium, site, viewport=size, locale=locale)
    wide = {}
    for path in site.pages:
        seen.go(path)
        width = seen.ask("document.scrollingElement.scrollWidth")
        if width > size["width"]:
            wide[path] = width
    assert wide == {}


def test_sentences_stand_apart(chromium: Browser, site: Site) -> None:
    """By a space in English; by none in Chinese, whose full stop is as wide as a character."""
    texts = "Array.from(document.querySelectorAll('p, li, td, caption'), each => each.textContent)"
    for locale, wrong in (("en-GB", r"[a-z0-9]\.[A-Z]"), ("zh-CN", r"。\s+\S")):
        seen = visit(chromium, site, locale=locale)
        for path in site.pages:
            seen.go(path)
            found = [text for text in seen.ask(texts) if re.search(wrong, text)]
            assert found == [], path


def test_every_link_answers(chromium: Browser, site: Site) -> None:
    seen = visit(chromium, site)
    links: set[str] = set()
    for path in site.pages:
        seen.go(path)
        links.update(seen.ask("[...document.querySelectorAll('[href]')].map(item => item.href)"))
    fetched = {link.partition("#")[0] for link in links}
    assert all(link.startswith(f"{site.url}/") for link in fetched)
    assert len(fetched) > 100
    replies = {link: seen.page.request.get(link).status for link in sorted(fetched)}
    assert {link: status for link, status in replies.items() if status != 200} == {}
    seen.go("/docs")
    fragments = {link.partition("#")[2] for link in links if "/docs#" in link} - {""}
    assert [name for name in fragments if seen.page.locator(f"id={name}").count() != 1] == []


def test_chinese_is_drawn_and_not_boxes(chromium: Browser, site: Site) -> None:
    """Signs for which there is no font all look alike."""
    seen = visit(chromium, site)
    seen.go("/registers/provinces")
    assert seen.page.get_by_text("北京市", exact=True).is_visible()
    assert seen.page.locator("h1").inner_text().startswith("省级行政区 Provinces")
    drawn = seen.ask(
        """() => {
            const canvas = document.createElement('canvas');
            const pen = canvas.getContext('2d', {willReadFrequently: true});
            const family = getComputedStyle(document.body).fontFamily;
            return [...'北京市登记册区块'].map(sign => {
                pen.clearRect(0, 0, 64, 64);
                pen.font = '40px ' + family;
                pen.fillText(sign, 4, 48);
                return pen.getImageData(0, 0, 64, 64).data.join();
            });
        }"""
    )
    assert len(set(drawn)) == 8


def test_the_language_is_switched_and_stays(chromium: Browser, site: Site) -> None:
    seen = visit(chromium, site, locale="en-GB")
    seen.go("/registers/counties")
    assert seen.ask("document.documentElement.lang") == "en"
    seen.page.get_by_role("link", name="中文").click()
    seen.arrive("/registers/counties?lang=zh")
    assert seen.ask("document.documentElement.lang") == "zh-Hans"
    assert seen.page.get_by_text("记录，按键排序。").is_visible()
    seen.page.get_by_role("link", name="共同决定").click()
    seen.arrive("/decisions")
    assert seen.page.locator("h1").inner_text() == "共同决定"
    seen.page.get_by_role("link", name="English").click()
    seen.arrive("/decisions?lang=en")
    seen.go("/")
    assert seen.page.get_by_role("heading", name="Newest blocks").is_visible()
    assert seen.faults == []


def test_the_search_finds(chromium: Browser, site: Site) -> None:
    seen = visit(chromium, site)
    for wanted, path in (
        ("1", "/blocks/1"),
        (site.transaction, f"/transactions/{site.transaction}"),
        ("provinces", "/registers/provinces"),
        ("provinces/11", "/registers/provinces/11"),
        (f"long/{LONG_KEY}", f"/registers/long/{LONG_KEY}"),
    ):
        seen.go("/")
        seen.page.get_by_role("searchbox").fill(wanted)
        seen.page.get_by_role("button", name="Find").click()
        seen.arrive(path)
        assert seen.page.url == site.url + path
        assert seen.page.locator("h1").count() == 1
    seen.page.get_by_role("searchbox").fill(site.block_hash)
    seen.page.keyboard.press("Enter")
    seen.arrive("/blocks/*")
    assert seen.page.get_by_text(site.block_hash).is_visible()
    assert seen.faults == []
    seen.page.get_by_role("searchbox").fill("nowhere")
    seen.page.keyboard.press("Enter")
    seen.arrive("/registers/nowhere")
    assert seen.page.locator("h1").inner_text() == "Not found"


def test_the_keyboard_alone_is_enough(chromium: Browser, site: Site) -> None:
    seen = visit(chromium, site, java_script_enabled=False)
    seen.go("/registers/provinces")
    seen.page.keyboard.press("Tab")
    skip = seen.page.get_by_text("Skip to the content")
    box = skip.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    seen.page.keyboard.press("Enter")
    seen.page.keyboard.press("Tab")
    seen.page.keyboard.press("Enter")
    seen.page.wait_for_url("**/registers/provinces/11")
    assert seen.page.get_by_text("北京市", exact=True).is_visible()
