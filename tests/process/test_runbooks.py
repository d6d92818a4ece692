"""The pages for alerts, rehearsed: a situation is brought about, and the page's commands are run.

What a page shows under "prints, for example" must be what the command prints then, line for line:
numbers, hashes, addresses and members' names may be others, and `…` stands for what was left out.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from govchaind.base.crypto import SigningKey
from govchaind.config import CONFIG_FILE
from govchaind.identity import ATTESTATION_KEY_FILE
from govchaind.ledger.operations.costs import Kind
from tests.process.network import ROOT, Network

PAGES = ROOT / "docs" / "operate"
SHOWN = re.compile(
    r"```sh\n(.+?)\n```\n\nprints, for example[^\n]*:\n\n```\n(.+?)\n```\n", re.DOTALL
)
NUMBER = r"(?:-?\d[\d.,]*(?:e[+-]\d+)?|\+Inf)"
DAY_MILLISECONDS = 24 * 60 * 60 * 1000
MORE_THAN_ANY_DISK = 1 << 40  # bytes

# Which situation a page's commands are run in.
SITUATIONS = {
    "well": (
        "clock-off", "elections-often", "loop-late", "messages-dropped", "office-key-ends",
        "pool-full", "storage-slow", "storage-stalls",
    ),
    "no-room": ("api-fails", "storage-full"),
    "node-down": ("link-down", "node-down", "storage-fills-soon"),
    "signer-gone": ("signer-away",),
    "wiped": ("not-admitted",),
    "no-majority": ("height-stands", "no-leader"),
}  # fmt: skip
# The system's own tools print what they print.
OF_THE_SYSTEM = ("chronyc", "df", "dmesg", "iostat", "journalctl", "uptime")
# These take days of block time; tests of the API and the commands show them on simulated dates.
TAKE_DAYS = ("governance-at-risk", "offices-quiet", "requests-overdue")
# These take a disk or a validator that fails in one way only: tests of the archive, of the replica
# and of evidence bring that about.
TAKE_A_FAULT = ("archive-fails", "certificates-lag", "double-signing")


@dataclass(frozen=True, slots=True)
class Shown:
    """One command of a page, and what the page says it prints."""

    page: str
    command: str
    printed: str

    @property
    def is_ours(self) -> bool:
        return not self.command.startswith(OF_THE_SYSTEM)


def shown_by(page: str) -> list[Shown]:
    text = (PAGES / f"{page}.md").read_text()
    look = text[text.index("## Look") : text.index("## Do")]
    return [Shown(page, command, printed) for command, printed in SHOWN.findall(look)]


def alert_pages() -> list[str]:
    pages = sorted(PAGES.glob("*.md"))
    return [path.stem for path in pages if path.read_text().startswith("# Govchaind")]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    made = Network(tmp_path_factory.mktemp("runbooks") / "net", observers=1)
    made.start_all()
    yield made
    made.close()


class Rehearsal:
    """Brings situations about, one after the other, and runs what pages say about each."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.node = network.names[0]  # whose operator reads the page

    def well(self) -> None:
        network = self.network
        network.create_register(network.leader())
        end = time.time_ns() // 1_000_000 + 12 * DAY_MILLISECONDS
        keys = [[SigningKey(b"h" * 32).public, "Head", 0, end]]
        network.submit(
            self.node,
            network.sign("civil-affairs", [(int(Kind.CREATE_OFFICE), ["head", "Head", 1, keys])]),
            wait="certified",
        )

    def no_room(self) -> None:
        network = self.network
        network.stop(self.node)
        network.set(self.node, storage__reserve_bytes=MORE_THAN_ANY_DISK)
        network.start(self.node)
        network.wait_for(self._refuses, "it takes writes without room")

    def _refuses(self) -> bool:
        network = self.network
        if network.status_or_none(self.node) is None:
            return False
        refused = network.post(self.node, [network.put("no-room")], wait="none").status_code == 507
        return refused and network.status(self.node)["leader"] is not None

    def node_down(self) -> None:
        network = self.network
        network.stop(self.node)
        network.set(self.node, storage__reserve_bytes=0)
        network.start(self.node)
        network.wait_ready(self.node)
        down = network.names[-1]
        network.kill(down)
        network.wait_for(
            lambda: down not in network.status(self.node)["peers_linked"], "the link stays"
        )

    def signer_gone(self) -> None:
        network = self.network
        network.stop(self.node)
        key = network.folder(self.node) / ATTESTATION_KEY_FILE
        key.rename(network.directory / "moved-to-the-signer.key")
        network.set(self.node, attestation__signer=str(network.directory / "signer.sock"))
        network.start(self.node)
        network.wait_serving(self.node)
        network.wait_for(
            lambda: "signer away" in network.get(self.node, "/readyz").text, "it signs without"
        )

    def wiped(self) -> None:
        network = self.network
        network.kill(self.node)
        key = network.directory / "moved-to-the-signer.key"
        key.rename(network.folder(self.node) / ATTESTATION_KEY_FILE)
        settings = network.folder(self.node) / CONFIG_FILE
        lines = settings.read_text().splitlines(keepends=True)
        settings.write_text("".join(line for line in lines if not line.startswith("signer =")))
        shutil.rmtree(network.folder(self.node) / "store")
        network.start(self.node)
        others = network.validators[1:]
        network.wait_serving(self.node)
        height = network.status(others[0])["height"]
        network.wait_for(lambda: network.status(self.node)["height"] >= height, "it is not level")
        network.wait_for(
            lambda: not network.status(self.node)["in_configuration"], "it is thought a member"
        )

    def no_majority(self) -> None:
        network = self.network
        network.stop(*network.daemons)
        survivor = network.validators[1]
        network.start(survivor)
        network.wait_serving(survivor)
        network.wait_for(
            lambda: network.status(survivor)["role"] == "pre-candidate", "it does not campaign"
        )

    def run(self, shown: Shown) -> str:
        """Run a command as its page has it, with this network's places; return what it prints."""
        network = self.network
        node = network.nodes[self.node]
        metrics = str(node.metrics).removesuffix("/metrics")
        command = shown.command.replace("http://NODE:7500", node.api)
        command = command.replace("http://NODE:7600", metrics)
        command = command.replace("DIRECTORY", f"nodes/{network.names[-1]}")
        bin_folder = Path(sys.executable).parent
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            capture_output=True,
            text=True,
            cwd=network.directory,
            env={**os.environ, "PATH": f"{bin_folder}:{os.environ['PATH']}", "COLUMNS": "200"},
            check=False,
        )
        return done.stdout + done.stderr


def pattern(line: str, names: tuple[str, ...]) -> re.Pattern[str]:
    """Return what matches lines that say the same as one of a page's."""
    name = "(?:" + "|".join(map(re.escape, names)) + ")"
    parts = []
    token = re.compile(
        rf"(?P<name>{name})|(?P<hex>[0-9a-f]{{8,}}…)|(?P<number>{NUMBER})"
        r"|(?P<space>\s+)|(?P<rest>…)|(?P<other>.)"
    )
    for found in token.finditer(line.strip()):
        kind = found.lastgroup
        parts.append(
            {
                "name": name,
                "hex": "[0-9a-f]{8,}…?",
                "number": NUMBER,
                "space": r"\s+",
                "rest": ".*",
            }.get(str(kind), re.escape(found.group()))
        )
    return re.compile(r"\s*" + "".join(parts) + r"\s*")


def missing(shown: Shown, printed: str, names: tuple[str, ...]) -> list[str]:
    """Return the lines of a page that the command did not print."""
    lines = printed.splitlines()
    return [
        wanted
        for wanted in shown.printed.splitlines()
        if wanted.strip() != "…"
        and not any(pattern(wanted, names).fullmatch(line) for line in lines)
    ]


def test_every_page_is_rehearsed_or_says_what_it_takes() -> None:
    rehearsed = [page for pages in SITUATIONS.values() for page in pages]
    assert sorted([*rehearsed, *TAKE_DAYS, *TAKE_A_FAULT]) == alert_pages()
    assert all(shown_by(page) for page in alert_pages())


@pytest.mark.timeout(240)
@pytest.mark.parametrize("situation", SITUATIONS)
def test_pages_show_what_is_printed(network: Network, situation: str) -> None:
    rehearsal = Rehearsal(network)
    getattr(rehearsal, situation.replace("-", "_"))()
    wrong = []
    for page in SITUATIONS[situation]:
        for shown in shown_by(page):
            if shown.is_ours:
                printed = rehearsal.run(shown)
                wrong += [
                    f"{page}: {shown.command}\n  lacks  {line}\n  of\n{printed}"
                    for line in missing(shown, printed, network.names)
                ]
    assert not wrong, "\n".join(wrong)
