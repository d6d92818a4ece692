"""Every relative link in a page leads to a file, and to a heading where it names one."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


def tracked(*patterns: str) -> list[Path]:
    """Return the files that git knows, or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\n")
    return sorted(ROOT / name for name in set(listed) if name and (ROOT / name).is_file())


def without_code(text: str) -> str:
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as forges make them."""
    headings = re.findall(r"^#+ +(.+)$", without_code(text), re.MULTILINE)
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in plain}


def broken(page: Path) -> list[str]:
    found = []
    for link in _LINK.findall(without_code(page.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or not target.is_relative_to(ROOT):
            found.append(f"{page.relative_to(ROOT)}: {link}")
        elif anchor and anchor not in anchors(target.read_text()):
            found.append(f"{page.relative_to(ROOT)}: {link}: no such heading")
    return found


def test_every_link_leads_somewhere() -> None:
    pages = tracked("*.md")
    assert len(pages) > 15
    assert [wrong for page in pages for wrong in broken(page)] == []


def test_every_page_is_in_the_index() -> None:
    for folder in (ROOT / "docs", ROOT / "docs" / "adr"):
        index = (folder / "README.md").read_text()
        pages = [page.name for page in sorted(folder.glob("*.md")) if page.name != "README.md"]
        assert [name for name in pages if f"({name})" not in index] == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    page = ROOT / "docs" / "README.md"
    assert broken(page) == []
    assert anchors("# One, *two*\n## A node's own files\n") == {"one-two", "a-nodes-own-files"}
    assert _LINK.findall("see [a](b.md#c) and ![p](q.png)") == ["b.md#c"]


def test_commands_of_the_readme_are_there_and_can_be_run() -> None:
    text = (ROOT / "README.md").read_text() + (ROOT / "CONTRIBUTING.md").read_text()
    named = sorted(set(re.findall(r"\bscripts/[a-z_-]+", text)))
    assert {"scripts/demo", "scripts/test", "scripts/check"} <= set(named)
    assert [name for name in named if not (ROOT / name).stat().st_mode & 0o100] == []


def test_the_first_screen_has_the_two_commands() -> None:
    first = "\n".join((ROOT / "README.md").read_text().splitlines()[:25])
    assert "\nscripts/demo" in first
    assert "\nscripts/test" in first
