"""Real daemons keep a sealed text for parties and supervisor; a vote removes it from all of them.

One is down at the vote and deletes its copy when it is back; stores, a backup and the exit pack
verify as before, and no byte of the text is in any of them. A node that comes back from a backup,
with the folder of sealed texts as it was then, keeps what still may be and drops the rest.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from govchaind.cli.init_network import GOVERNING_OFFICE
from tests.process.network import Network, govchaind
from tests.process.test_deliveries import BANK, GIVER, JUDGE, TAKER, Desk, ready

pytestmark = pytest.mark.process
MakeNetwork = Callable[..., Network]
PURPOSE = "核查 of citizen 110101199003070000"


def opened(make_network: MakeNetwork) -> tuple[Network, Desk, Desk, Desk, Desk]:
    """Start a network in which the bank may ask; return its desk and those of who may read."""
    network = make_network(validators=3)
    network.start_all()
    network.leader()
    ready(network)
    bank, giver, judge, taker = (Desk(network, who) for who in (BANK, GIVER, JUDGE, TAKER))
    for desk in (giver, judge, taker):
        desk.publish()
    return network, bank, giver, judge, taker


def held(network: Network, name: str) -> list[Path]:
    return sorted((network.folder(name) / "side-values").iterdir())


def files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def ask(bank: Desk, reference: str = "r-2", purpose: str = PURPOSE) -> Path:
    """Have the bank ask with a purpose, and return what opens its commitment."""
    opening = bank.folder / f"{reference}.opening"
    bank.act(
        *("requests", "ask", reference, f"{GIVER}/marriages", "--field", "status"),
        *("--mandate", "law", "--details", purpose, "--opening", str(opening)),
    )
    return opening


def record(bank: Desk, reference: str, purpose: str) -> str:
    """Have the bank ask and record the purpose as a side value; return its name."""
    opening = ask(bank, reference, purpose)
    about = f"{BANK}/{reference}"
    told = bank.act("side-values", "record", str(opening), "--about", about, "--json")
    name: str = json.loads(told)["side_value"]
    return name


def opens(desk: Desk, name: str, expected: int = 0) -> str:
    output = desk.folder / "opened"
    output.unlink(missing_ok=True)
    told = desk.act(
        *("side-values", "open", name, "--delivery-key", str(desk.key), "-o", str(output)),
        expected=expected,
    )
    return output.read_text() if expected == 0 else told


def test_a_text_is_read_by_its_readers_until_a_vote_removes_it(make_network: MakeNetwork) -> None:
    network, bank, giver, judge, taker = opened(make_network)
    opening = ask(bank)
    record = ("side-values", "record", str(opening), "--about", f"{BANK}/r-2", "--json")
    told = json.loads(bank.act(*record))
    name, sealed = told["side_value"], Path(told["sealed"]).read_bytes()
    assert set(told["readers"]) == {f"{GIVER}/{GOVERNING_OFFICE}", f"{JUDGE}/{GOVERNING_OFFICE}"}
    assert len(told["nodes"]) == len(network.nodes)
    again = json.loads(bank.act(*record))
    assert (again["side_value"], again["again"]) == (name, True)
    for desk in (giver, judge):
        assert json.loads(opens(desk, name))["value"] == [PURPOSE]
    assert "error[not-a-party]" in opens(taker, name, expected=1)

    late = network.validators[-1]
    network.kill(late)
    assert [hashlib.sha256(path.read_bytes()).digest() for path in held(network, late)] == [
        hashlib.sha256(sealed).digest()
    ]
    for desk in (giver, judge, taker):
        desk.act("propose", "remove-side-value", name, "--ground", "personal-data")
    up = [each for each in network.names if each != late]
    network.wait_for(lambda: not any(held(network, each) for each in up), "a copy stays")
    assert "error[side-value-removed]" in opens(judge, name, expected=1)
    assert "error[side-value-removed]" in bank.act(*record, expected=1)
    network.start(late)
    network.wait_ready(late)
    network.wait_for(lambda: not held(network, late), "the node that slept keeps its copy")
    assert "personal-data" in govchaind("side-values", *bank.reads)

    network.wait_level()
    backup = network.directory / "backup"
    govchaind("backup", str(backup), "--from", str(network.folder(late)))  # it verifies itself
    network.stop(*network.names)
    for each in network.names:
        assert "The store holds" in govchaind("verify", str(network.folder(each)))
    pack = network.directory / "pack"
    govchaind("exit-pack", str(pack), "--from", str(network.folder(late)))  # it verifies itself
    for folder in (*(network.folder(each) for each in network.names), pack, backup):
        for path in files(folder):
            data = path.read_bytes()
            assert PURPOSE.encode() not in data
            assert sealed[-1000:] not in data


def test_a_node_from_a_backup_drops_what_was_removed_since(make_network: MakeNetwork) -> None:
    network, bank, giver, judge, taker = opened(make_network)
    stays, goes = record(bank, "r-2", "which may stay"), record(bank, "r-3", PURPOSE)
    lost = network.validators[-1]
    network.wait_for(lambda: len(held(network, lost)) == 2, "it does not hold both")
    kept = network.directory / "kept"
    govchaind("backup", str(kept / "chain"), "--from", str(network.folder(lost)))
    shutil.copytree(network.folder(lost) / "side-values", kept / "side-values")
    for desk in (giver, judge, taker):
        desk.act("propose", "remove-side-value", goes, "--ground", "personal-data")
    network.wait_for(
        lambda: all(len(held(network, each)) == 1 for each in network.names), "a copy stays"
    )

    network.kill(lost)
    shutil.rmtree(network.folder(lost) / "store")
    shutil.rmtree(network.folder(lost) / "side-values")
    govchaind("restore", str(kept / "chain"), str(network.folder(lost)))
    shutil.copytree(kept / "side-values", network.folder(lost) / "side-values")
    network.start(lost)
    network.wait_for(lambda: len(held(network, lost)) == 1, "the removed text is there again")
    [text] = held(network, lost)
    assert goes.partition("/")[2] not in text.name
    network.kill(*(each for each in network.names if each != lost))  # it alone can answer now
    assert json.loads(opens(judge, stays))["value"] == ["which may stay"]
    assert "error[side-value-removed]" in opens(judge, goes, expected=1)
