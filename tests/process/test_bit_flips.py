"""Random bits flipped anywhere in the store's file: named and stopped at, never served.

A node may go on only as long as everything that it is asked is answered as before; otherwise it
ends with exit code 70 and says what is damaged. A page that kills LMDB itself kills the process;
the next start says why and goes no further.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.process.fork_server import ENDED_WITH, ForkServer
from tests.process.network import POLL_SECONDS, Network

FACTS = 60
FLIPS_STOPPED, FLIPS_RUNNING = 16, 10
SECONDS_MAX = 30.0
FATAL = 70
VALUE = b"the value of fact"


@dataclass(frozen=True, slots=True)
class Known:
    """A node's store as it was, and all that it answered."""

    network: Network
    name: str
    sound: Path
    answers: dict[str, Any]

    @property
    def file(self) -> Path:
        return self.network.folder(self.name) / "store" / "data.mdb"

    @property
    def fault(self) -> Path:
        return self.network.folder(self.name) / "last-fault"

    def restore(self) -> None:
        """Put the sound store back, and forget what happened."""
        shutil.rmtree(self.file.parent)
        shutil.copytree(self.sound / "store", self.file.parent)
        folder = self.network.folder(self.name)
        shutil.copy(self.sound / "guard", folder / "guard")
        for path in (self.fault, self.network.log_path(self.name)):
            path.unlink(missing_ok=True)

    def flip(self, choice: random.Random, *, in_value: bool) -> str:
        """Flip one bit anywhere, or the same one in all copies of a fact's value; say which.

        Pages that are not in use any more hold old copies: one alone may matter to nobody.
        """
        data = self.file.read_bytes()
        places = [choice.randrange(len(data))]
        if in_value:
            value = VALUE + b" %d, " % choice.randrange(FACTS)
            within = choice.randrange(len(value))
            places = [found.start() + within for found in re.finditer(value, data)]
        bit = choice.randrange(8)
        with self.file.open("r+b") as file:
            for place in places:
                file.seek(place)
                file.write(bytes([data[place] ^ (1 << bit)]))
        return f"bit {bit} of byte {places[0]} and {len(places) - 1} more of {len(data)}"

    def ended(self) -> bool:
        return self.network.daemons[self.name].ended()

    def wait_up(self, what: str) -> None:
        """Wait until the node is ready or has ended."""
        end = time.monotonic() + SECONDS_MAX
        while not self.ended() and not self.network.ready(self.name):
            assert time.monotonic() < end, f"{what}: it hangs:\n{self.network.log_tail(self.name)}"
            time.sleep(POLL_SECONDS)

    def ask_everything(self, what: str) -> bool:
        """Ask all again; whatever is answered must be what it was. True: the node is stopping."""
        for path, expected in self.answers.items():
            try:
                reply = self.network.get(self.name, path)
            except httpx.HTTPError:
                return True  # it has stopped
            if reply.status_code != 200:
                return True  # and is seen to be up for some moments yet
            assert told(reply) == expected, f"{what}: {path} is served damaged"
        return False

    def judge(self, what: str) -> bool:
        """The node was started on damage, or damaged: return whether it stopped, and rightly."""
        self.wait_up(what)
        stopping = not self.ended() and self.ask_everything(what)
        if not stopping and not self.ended() and self.network.ready(self.name):
            self.network.kill(self.name)
            return False
        self.network.wait_end(self.name, SECONDS_MAX)
        said = self.network.log_tail(self.name)
        if ENDED_WITH not in said:  # LMDB itself was killed by what it read
            assert "lmdb_storage.py" in self.fault.read_text(), f"{what}: {said}"
            self.network.start(self.name)
            self.network.wait_end(self.name, SECONDS_MAX)
            said = self.network.log_tail(self.name)
        assert f"{ENDED_WITH} {FATAL}" in said, f"{what}: {said}"
        assert "error[storage-corrupt]: " in said, f"{what}: {said}"
        return True


def told(reply: httpx.Response) -> Any:
    """Return what a reply says, but for the height at which the node is by now."""
    body = reply.json()
    body.pop("height", None)
    return body


@pytest.fixture
def known(sound_store: Known) -> Iterator[Known]:
    """A sound store, put back; no node of it runs, before or after."""
    sound_store.restore()
    yield sound_store
    sound_store.network.kill(*sound_store.network.daemons)


@pytest.fixture(scope="module")
def sound_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Known]:
    network = Network(tmp_path_factory.mktemp("flips") / "net", validators=1)
    name = network.names[0]
    with ForkServer(network):
        network.start_all()
        network.create_register(name)
        for i in range(FACTS):
            text = f"{VALUE.decode()} {i}, " * 20
            network.submit(name, network.put(f"fact-{i}", text))
        height = network.wait_level()["height"]
        records = "/v1/registers/facts/records"
        paths = [f"{records}/fact-{i}" for i in range(FACTS)]
        paths += [f"{records}/fact-{i}/history" for i in range(FACTS)]
        paths += [f"/v1/blocks/{h}" for h in range(1, height + 1)]
        answers = {path: told(network.get(name, path)) for path in paths}
        network.stop(name)
        sound = network.directory / "sound"
        shutil.copytree(network.folder(name) / "store", sound / "store")
        shutil.copy(network.folder(name) / "guard", sound / "guard")
        yield Known(network, name, sound, answers)
    network.close()


def choices() -> random.Random:
    seed = int.from_bytes(os.urandom(4), "big")
    sys.stdout.write(f"seed {seed}\n")
    return random.Random(seed)


@pytest.mark.timeout(240)
def test_bits_flipped_in_a_stopped_store(known: Known) -> None:
    choice = choices()
    stopped = 0
    for turn in range(FLIPS_STOPPED):
        known.restore()
        what = known.flip(choice, in_value=turn % 2 == 0)
        known.network.start(known.name)
        stopped += known.judge(what)
    assert stopped >= FLIPS_STOPPED // 2  # each in a value, and those elsewhere that matter


@pytest.mark.timeout(240)
def test_bits_flipped_under_a_running_node(known: Known) -> None:
    choice = choices()
    stopped = 0
    for turn in range(FLIPS_RUNNING):
        known.restore()
        known.network.start(known.name)
        known.wait_up("sound")
        what = known.flip(choice, in_value=turn % 2 == 0)
        stopped += known.judge(what)
    assert stopped >= FLIPS_RUNNING // 2


def test_a_sound_store_answers_as_before(known: Known) -> None:
    known.restore()
    known.network.start(known.name)
    assert not known.judge("sound")
