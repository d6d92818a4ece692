"""Random bits flipped anywhere in the store's file: named and stopped at, never served.

A node may go on only as long as everything that it is asked is answered as before; otherwise it
ends with exit code 70 and says what is damaged.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.process.fork_server import ForkServer
from tests.process.network import Network

FACTS = 60
FLIPPED_STOPPED, FLIPPED_RUNNING = 25, 15
FATAL = 70


@dataclass(frozen=True, slots=True)
class Known:
    """A node's store as it was, and all that it answered."""

    network: Network
    name: str
    store: Path
    answers: dict[str, bytes]

    @property
    def file(self) -> Path:
        return self.network.folder(self.name) / "store" / "data.mdb"

    def restore(self) -> None:
        """Put the sound store back."""
        shutil.rmtree(self.file.parent)
        shutil.copytree(self.store, self.file.parent)
        (self.network.folder(self.name) / "last-fault").unlink(missing_ok=True)
        self.network.log_path(self.name).unlink(missing_ok=True)

    def flip(self, place: int, bit: int) -> None:
        with self.file.open("r+b") as file:
            file.seek(place)
            byte = file.read(1)[0]
            file.seek(place)
            file.write(bytes([byte ^ (1 << bit)]))

    def size(self) -> int:
        return self.file.stat().st_size

    def asks(self) -> list[str]:
        """Ask everything; return the paths that were answered otherwise than before."""
        wrong = []
        for path, expected in self.answers.items():
            try:
                reply = self.network.get(self.name, path)
            except httpx.HTTPError:
                return wrong  # it has stopped
            if reply.status_code == 200 and reply.content != expected:
                wrong.append(path)
        return wrong

    def judge(self, what: str) -> bool:
        """The node runs on a damaged store: say whether it stopped; fail if it served damage."""
        network = self.network
        ended = network.daemons[self.name].ended
        while not ended() and not network.ready(self.name):
            if any("storage" in told["event"] for told in network.events(self.name)):
                break
        wrong = self.asks()
        assert wrong == [], f"{what}: served damage: {wrong}"
        if not ended() and not network.ready(self.name):
            network.daemons[self.name].wait(10)
        if ended():
            network.wait_end(self.name)
            said = network.log_tail(self.name)
            assert "storage-corrupt" in said or "Segmentation" in self.last_fault(), (what, said)
            return True
        network.kill(self.name)
        return False

    def last_fault(self) -> str:
        path = self.network.folder(self.name) / "last-fault"
        return path.read_text() if path.exists() else ""


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Known]:
    network = Network(tmp_path_factory.mktemp("flips") / "net", validators=1)
    name = network.names[0]
    with ForkServer(network):
        network.start_all()
        network.create_register(name)
        for i in range(FACTS):
            network.submit(name, network.put(f"fact-{i}", f"the value of fact {i}" * 20))
        height = network.wait_level()["height"]
        paths = [f"/v1/registers/facts/records/fact-{i}" for i in range(FACTS)]
        paths += [f"/v1/registers/facts/records/fact-{i}/history" for i in range(0, FACTS, 7)]
        paths += [f"/v1/blocks/{h}" for h in range(1, height + 1)]
        answers = {path: answer_without_height(network, name, path) for path in paths}
        network.kill(name)
        store = network.directory / "sound-store"
        shutil.copytree(network.folder(name) / "store", store)
        yield Known(network, name, store, answers)
    network.close()


def answer_without_height(network: Network, name: str, path: str) -> bytes:
    reply = network.get(name, path)
    assert reply.status_code == 200
    return reply.content


def test_a_placeholder(known: Known) -> None:
    assert known.size() > 0
    assert os.path.exists(known.file)
    assert random.random() < 1
