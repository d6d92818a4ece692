"""What no commit may carry: paths of a developer's machine, names of package registries."""

from __future__ import annotations

import re

from tests.docs.test_links import ROOT, tracked

# Put together from parts, so that this file does not hold them itself.
MACHINE_PATHS = re.compile(
    "|".join(rf"(?<![\w.$/}}-])/{folder}/" for folder in ("wo" + "rk", "ro" + "ot", "ho" + "me"))
    + r"|(?<![\w.$/}-])/(?:tm"
    + r"p|mnt|Users)/[a-z]"
)
REGISTRIES = re.compile(
    "|".join(
        re.escape(".".join(parts))
        for parts in (
            ("pypi", "org"),
            ("pythonhosted", "org"),
            ("npmjs", "org"),
            ("npmjs", "com"),
            ("docker", "io"),
            ("ghcr", "io"),
            ("quay", "io"),
            ("crates", "io"),
            ("proxy", "golang", "org"),
        )
    )
    + r"|index-url|extra-index"
)
ALLOWED = {  # the option that keeps such names out
    "--no-emit-index-url",
}


def lines() -> list[tuple[str, str]]:
    """Return every line of every text file, with its place."""
    found = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        name = path.relative_to(ROOT)
        for number, line in enumerate(text.splitlines(), start=1):
            for word in ALLOWED:
                line = line.replace(word, "")
            found.append((f"{name}:{number}", line))
    return found


def test_no_path_of_a_machine() -> None:
    assert [place for place, line in lines() if MACHINE_PATHS.search(line)] == []


def test_no_name_of_a_registry() -> None:
    own = "tests/docs/test_tracked.py"
    found = [p for p, line in lines() if REGISTRIES.search(line) and not p.startswith(own)]
    assert found == []


def test_the_patterns_see_what_they_are_for() -> None:
    assert MACHINE_PATHS.search("see /" + "work/main")
    assert MACHINE_PATHS.search("in '/ho" + "me/someone/x'")
    assert MACHINE_PATHS.search("to /tm" + "p/x.log")
    assert not MACHINE_PATHS.search("docs/work/x and ./root/y and $HOME/root/")
    assert REGISTRIES.search("from files.pythonhosted" + ".org/x")
