"""The timeline of a run in a real Chromium, opened from its file: seen, clicked, typed at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, sync_playwright

from netsim.__main__ import main
from netsim.picture.record import Record
from netsim.picture.sequence import diagram
from netsim.picture.timeline import page as timeline
from tests.browser.test_pages import AXE, CHROMIUM, PHONE, RULES, WIDE, ZOOMED
from tests.netsim.scripted import FAILS_AT, FAILURE, NODES, scripted

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
HUGE_MESSAGES = 20_000
FRAME_MS_MAX = 400  # ten times what it takes on an idle machine


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A record written by hand, drawn: what lies where follows from it alone."""
    out = tmp_path_factory.mktemp("pictures")
    verdict = f"I-1 does not hold at n1, at {FAILS_AT} s"
    text = timeline(scripted(), "Run of nobody", ["seed 7"], verdict)
    (out / "timeline.html").write_text(text, encoding="utf-8")
    drawn = diagram(scripted(), "Run of nobody", None, None)
    (out / "sequence.svg").write_text(drawn, encoding="utf-8")
    return out


@pytest.fixture(scope="module")
def planted_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A planted bug's failing run, drawn; which run it is changes with the product."""
    out = tmp_path_factory.mktemp("planted")
    assert main(["picture", "--plant", "second-vote", "--out", str(out)]) == 1
    return out


@pytest.fixture(scope="module")
def whole_nodes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A planted bug's failing run of gear 2, drawn from the bytes of its streams."""
    out = tmp_path_factory.mktemp("gear2")
    bug = ["--seed", "0", "--plant", "vote-before-write"]
    assert main(["gear2", *bug, "--picture", str(out)]) == 1
    return out


class Visit:
    """A file in a browser, and everything that went wrong in it."""

    def __init__(self, chromium: Browser, file: Path, **settings: Any) -> None:
        self.faults: list[str] = []
        context = chromium.new_context(**{"viewport": WIDE, "offline": True, **settings})
        self.page: Page = context.new_page()
        self.page.on("console", lambda message: self.faults.append(message.text))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", self._request)
        self.url = file.as_uri()
        self.page.goto(self.url)
        self.ready()

    def _request(self, request: Request) -> None:
        if request.url != self.url and not request.url.startswith("data:"):
            self.faults.append(f"asks {request.url}")

    def ready(self) -> None:
        """Wait until what was asked for is drawn."""
        self.page.evaluate(
            "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
        self.ready()

    def details(self) -> str:
        return self.page.locator("#details").inner_text()

    def span(self) -> tuple[float, float]:
        return tuple(float(self.page.locator(f"#{name}").input_value()) for name in ("from", "to"))  # type: ignore[return-value]

    def ask(self, script: str) -> Any:
        return self.page.evaluate(script)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_whole_and_fit_for_everybody(chromium: Browser, pictures: Path, scheme: str) -> None:
    """No errors, nothing from elsewhere, and nothing that axe-core finds."""
    seen = Visit(chromium, pictures / "timeline.html", color_scheme=scheme)
    seen.page.locator("summary").nth(0).click()
    seen.page.locator("summary").nth(1).click()
    seen.ask("choose(all.find(item => /^Append .* \\d+-\\d+@/.test(item.text)))")
    box = seen.page.locator("#details")
    assert box.evaluate("box => box.scrollHeight > box.clientHeight")
    seen.ask(AXE.read_text())
    result = seen.ask(f"axe.run({{runOnly: {RULES}, resultTypes: ['violations']}})")
    assert [f"{each['id']}: {each['nodes'][0]['html']}" for each in result["violations"]] == []
    assert seen.faults == []


def test_it_opens_at_the_failure_with_a_column_for_each_node(
    chromium: Browser, pictures: Path
) -> None:
    seen = Visit(chromium, pictures / "timeline.html")
    names = seen.page.locator("#head span").all_inner_texts()
    assert names == NODES
    assert seen.page.locator("#verdict").inner_text().startswith("I-1 does not hold at n1")
    begin, end = seen.span()
    assert begin < FAILS_AT < end
    assert FAILURE in seen.details()
    assert "n1 is\nleader t2\nit has\ncommitted 5, certified 4" in seen.details()
    assert _colours(seen) > 50  # a blank canvas has one colour


def test_a_planted_run_opens_at_its_failure(chromium: Browser, planted_run: Path) -> None:
    seen = Visit(chromium, planted_run / "timeline.html")
    verdict = seen.page.locator("#verdict").inner_text()
    found = re.fullmatch(r"I-1 does not hold at (\w+), at ([\d.]+) s: (leads term .*)", verdict)
    assert found is not None
    node, at, what = found.groups()
    head = (planted_run / "events.txt").read_text(encoding="utf-8").splitlines()[0]
    assert seen.page.locator("#head span").all_inner_texts() == head.split()[1:]
    begin, end = seen.span()
    assert begin < float(at) < end
    assert f"node\n{node}\nwhat\nI-1 at {node}: {what}\n" in seen.details()
    assert re.search(rf"\n{node} is\n.*leader t\d+", seen.details())
    assert _colours(seen) > 50
    seen.ask("choose(all.find(item => item.text.startsWith('Vote ') && item.to >= 0))")
    for words in ("granted: ", "term: ", "store: ", "fate\n"):
        assert words in seen.details()
    seen.page.locator("#whole").click()
    seen.ready()
    shown = seen.ask("Number(document.getElementById('stage').dataset.shown)")
    assert shown == seen.ask("view.items.length") > 0
    assert seen.faults == []


def test_a_run_of_whole_nodes_is_drawn_by_the_same_page(
    chromium: Browser, whole_nodes: Path
) -> None:
    seen = Visit(chromium, whole_nodes / "timeline.html")
    verdict = seen.page.locator("#verdict").inner_text()
    found = re.fullmatch(r"I-9 does not hold at (\w+), at ([\d.]+) s: its vote .*", verdict)
    assert found is not None
    node, at = found.groups()
    begin, end = seen.span()
    assert begin < float(at) < end
    assert f"{node} is\ncandidate t1" in seen.details()
    assert _colours(seen) > 50
    x, y = seen.ask(
        """() => {
            const vote = all.find(item => item.text.startsWith('PreVote ') && item.arrivals.length);
            const [x0, y0, x1, y1] = chart.lines(vote)[0];
            return [x0 + (x1 - x0) * 0.4, y0 + (y1 - y0) * 0.4];
        }"""
    )
    seen.page.locator("#chart").hover(position={"x": x, "y": y})
    seen.ready()
    assert "PreVote t1 yes" in (seen.page.locator("#chart").get_attribute("title") or "")
    seen.page.locator("#chart").click(position={"x": x, "y": y})
    for words in ("granted: true", "pre: true", "ms later", "fate\nsent"):
        assert words in seen.details()
    seen.page.get_by_text("Nodes, kinds and legend").click()
    seen.page.get_by_label("greetings").uncheck()
    kinds = seen.ask("[...new Set(view.items.filter(item => item.message).map(item => item.kind))]")
    assert "votes" in kinds
    assert "greetings" not in kinds
    seen.ask(AXE.read_text())
    result = seen.ask(f"axe.run({{runOnly: {RULES}, resultTypes: ['violations']}})")
    assert [each["id"] for each in result["violations"]] == []
    assert seen.faults == []


@pytest.mark.parametrize(("width", "more"), [(900, True), (1600, False)])
def test_columns_out_of_sight_are_hinted_at(
    chromium: Browser, tmp_path: Path, width: int, more: bool
) -> None:
    record = Record()
    for number in range(8):
        record.stepped(0.1, f"n{number}", "follower", 1, 0, 0)
    file = tmp_path / "wide.html"
    file.write_text(timeline(record, "Run", ["facts"], "holds"), encoding="utf-8")
    seen = Visit(chromium, file, viewport={"width": width, "height": 800})
    hinted = "document.getElementById('stage').classList.contains('more')"
    assert seen.ask(hinted) is more
    seen.page.locator("#columns").evaluate("box => { box.scrollLeft = box.scrollWidth; }")
    seen.ready()
    assert seen.ask(hinted) is False


def _colours(seen: Visit) -> int:
    """Count the colours of what the chart shows."""
    drawn = seen.ask(
        """() => {
            const canvas = document.getElementById('chart');
            const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
            return new Set(new Uint32Array(pixels.data.buffer)).size;
        }"""
    )
    return int(drawn)


def test_each_fate_has_its_line(chromium: Browser, pictures: Path) -> None:
    """From the sender's column at its time to the receiver's at its own, or to a cross before."""
    seen = Visit(chromium, pictures / "timeline.html")
    drawn = seen.ask(
        """() => all.filter(item => item.message && item.at >= 3 && item.at < 3.2).map(item => {
            const near = (x, node) => Math.abs(x - chart.column.get(node)) < 8;
            const ways = chart.lines(item).map(([x0, y0, x1, y1, dashed, crossed], at) => [
                near(x0, item.node) && y0 === chart.y(item.at),
                near(x1, item.to) && y1 === chart.y(item.arrivals[at]?.[0]), dashed, crossed]);
            return [item.fate, ...ways];
        })"""
    )
    arrow, dashed, crossed = [True, True, False, False], [True, True, True, False], [True, False]
    assert drawn == [
        ["sent", arrow],
        ["doubled", dashed, dashed],
        ["overtaken", dashed],
        ["lost", [*crossed, False, True]],
        ["held", dashed],
        ["cut", [*crossed, False, True]],
        ["held", [True, True, True, True]],  # to a life that has ended
    ]


def test_a_click_shows_a_message_in_full(chromium: Browser, pictures: Path) -> None:
    seen = Visit(chromium, pictures / "timeline.html")
    x, y = seen.ask(
        """() => {
            const vote = all.find(item => item.text === 'Vote t2 yes a19099');
            const [x0, y0, x1, y1] = chart.lines(vote)[0];
            return [x0 + (x1 - x0) * 0.4, y0 + (y1 - y0) * 0.4];
        }"""
    )
    seen.page.locator("#chart").click(position={"x": x, "y": y})
    told = seen.details()
    for words in (
        "Vote t2 yes",
        "from\nn2",
        "to\nn1",
        "granted: true",
        "term: 2",
        "arrives\n3.676094 s, 26.1 ms later",
        "candidate t2",
    ):
        assert words in told
    chosen = seen.page.locator("#list [aria-selected=true]")
    assert "n2 → n1 Vote t2 yes a19099" in chosen.inner_text()
    seen.page.locator("#list [role=option]").nth(3).click()
    assert seen.details() != told


def test_the_keyboard_alone_is_enough(chromium: Browser, pictures: Path) -> None:
    seen = Visit(chromium, pictures / "timeline.html")
    for _ in range(20):
        seen.press("Tab")
        if seen.ask("document.activeElement.id") == "columns":
            break
    assert seen.ask("document.activeElement.id") == "columns"
    seen.press("ArrowUp")
    assert "is leader in term 2" in seen.details()
    before = seen.span()
    seen.press("+", "+")
    assert seen.span()[1] - seen.span()[0] < before[1] - before[0]
    seen.press("0")
    assert seen.span()[0] == 0.0
    seen.press("Escape")
    assert "Nothing chosen" in seen.details()
    seen.press("+", "+", "+")
    first = seen.ask("view.items.findIndex(item => item.at >= view.begin)")
    assert first > 0
    assert seen.ask("document.getElementById('list').scrollTop") == first * 24
    seen.press("f")
    assert "I-1 at n1" in seen.details()


def test_filters_by_node_kind_text_and_time(chromium: Browser, pictures: Path) -> None:
    seen = Visit(chromium, pictures / "timeline.html")
    page = seen.page
    page.get_by_text("Nodes, kinds and legend").click()
    page.get_by_label("certificates").uncheck()
    page.get_by_label("o0").uncheck()
    seen.ready()
    assert page.locator("#head span").all_inner_texts() == ["n0", "n1", "n2"]
    kinds = seen.ask("[...new Set(view.items.filter(item => item.message).map(item => item.kind))]")
    assert "certificates" not in kinds
    assert "votes" in kinds
    page.get_by_role("searchbox").fill("AskVote")
    texts = seen.ask("view.items.filter(item => item.message).map(item => item.text)")
    assert texts == ["AskVote t2 last 6@1"] * 2
    page.locator("#from").fill("1")
    page.locator("#to").fill("2")
    page.locator("#to").press("Enter")
    page.locator("#find").focus()
    seen.ready()
    assert seen.span() == (1.0, 2.0)
    assert seen.faults == []


@pytest.mark.parametrize("size", [PHONE, ZOOMED, WIDE], ids=["phone", "zoomed", "wide"])
def test_the_page_is_no_wider_than_the_screen(
    chromium: Browser, pictures: Path, size: dict[str, int]
) -> None:
    seen = Visit(chromium, pictures / "timeline.html", viewport=size)
    seen.page.get_by_text("Nodes, kinds and legend").click()
    assert seen.ask("document.scrollingElement.scrollWidth") <= size["width"]


def test_twenty_thousand_messages_do_not_freeze_it(chromium: Browser, tmp_path: Path) -> None:
    record = Record()
    for number in range(HUGE_MESSAGES):
        at, sender = number / 100, number % 9
        record.stepped(at, f"n{sender}", "follower", number // 5000, number // 100, number // 110)
        told = record.sent(at, f"n{sender}", f"n{(sender + 4) % 9}", None, f"Vote {number}", "sent")
        told.arrivals.append((at + 0.02, True))
    file = tmp_path / "huge.html"
    file.write_text(timeline(record, "巨大 run", ["facts"], "holds"), encoding="utf-8")
    seen = Visit(chromium, file)
    seen.page.locator("#whole").click()
    seen.ready()
    assert int(seen.ask("document.getElementById('stage').dataset.shown")) > HUGE_MESSAGES
    took = seen.ask(
        """() => {
            const began = performance.now();
            for (let turn = 0; turn < 5; turn++) render();
            chart.under(300, 300);
            return (performance.now() - began) / 5;
        }"""
    )
    assert took < FRAME_MS_MAX
    assert seen.page.locator("#list [role=option]").count() < 60
    seen.page.locator("#list").focus()
    seen.press("ArrowDown")
    assert "Vote 0" in seen.details() or "is follower" in seen.details()
    assert seen.faults == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("which", ["pictures", "planted_run", "whole_nodes"])
def test_the_diagram_is_drawn(
    chromium: Browser, which: str, scheme: str, request: pytest.FixtureRequest
) -> None:
    folder: Path = request.getfixturevalue(which)
    seen = Visit(chromium, folder / "sequence.svg", color_scheme=scheme)
    paper = seen.ask("getComputedStyle(document.querySelector('rect')).fill")
    assert paper == {"light": "rgb(251, 251, 249)", "dark": "rgb(20, 24, 28)"}[scheme]
    over = seen.ask(
        """() => {
            const width = document.documentElement.width.baseVal.value;
            const out = box => box.x < 0 || box.x + box.width > width;
            const texts = [...document.querySelectorAll('text')];
            return texts.filter(text => out(text.getBBox())).map(text => text.textContent);
        }"""
    )
    assert over == []
    assert seen.faults == []
