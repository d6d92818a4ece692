"""Each format says its version, and one that this release does not know is refused in words.

The next version may have any shape, so one more field is added each time: what is told must be the
version all the same, not that the shape is wrong.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from govchaind.backup.part import MAGIC as BACKUP_MAGIC
from govchaind.backup.part import PartReader
from govchaind.base.crypto import Domain, digest
from govchaind.base.encoding import decode, encode
from govchaind.base.errors import GovchaindError, InvalidSetting, PeerError
from govchaind.client.locked_file import unlock
from govchaind.client.sealing import read_header
from govchaind.client.side_sealing import read_side_header
from govchaind.client.statement import verify_statement
from govchaind.config import CONFIG_FILE, load_config, render_config
from govchaind.ledger.block import read_block
from govchaind.ledger.genesis import read_genesis
from govchaind.ledger.membership import read_membership
from govchaind.ledger.receipt import build_receipt, verify_receipt
from govchaind.ledger.recovery import read_recovery
from govchaind.ledger.state_keys import record_key
from govchaind.ledger.state_proof import build_state_proof, verify_state_proof
from govchaind.ledger.statement import read_statement
from govchaind.ledger.transaction import read_transaction
from govchaind.ledger.trust import encode_advance, read_advance, read_trust
from govchaind.ledger.versions import KNOWN_VERSION
from govchaind.recovery.tail import read_tail
from govchaind.replica.events import Guard
from govchaind.replica.store import BEGINS_LATER, FORMAT_KEY, check_store
from govchaind.runtime import codec
from govchaind.runtime.carry_frames import Frames as CarryFrames
from govchaind.runtime.guard import guard_bytes, read_guard
from govchaind.runtime.link import Frames, greet
from tests.client.test_locked_files import SECRET
from tests.client.test_sealing import sealed
from tests.client.test_side_sealing import sealed as side_sealed
from tests.exit_pack import packed
from tests.ledger.chain import filled
from tests.runtime.made import member, self_of

PAGE = Path(__file__).parents[2] / "docs" / "operate" / "upgrades.md"
ROOT = 1 << 24


def next_version(data: bytes, place: int = 0) -> bytes:
    """Return an array as a later version might have it."""
    fields: list[Any] = decode(data, bytes_max=ROOT)
    fields[place] += 1
    return encode([*fields, "something new"])


CHAIN, RAWS = filled()
STEP, CERTIFICATE = CHAIN.step(5), CHAIN.certificate(7)
RECEIPT = build_receipt(CHAIN.store, read_transaction(RAWS[0]).id, STEP.block.raw, CERTIFICATE)
PROOF = build_state_proof(
    CHAIN.store, record_key("divisions", b"1"), 5, STEP.block.header, CERTIFICATE
)


def genesis() -> None:
    fields = decode(CHAIN.genesis.bytes, bytes_max=ROOT)
    read_genesis(encode([KNOWN_VERSION + 1, *fields[1:], "something new"]))


def transaction() -> None:
    body, signatures = decode(RAWS[0], bytes_max=ROOT)
    read_transaction(encode([next_version(body), signatures]))


def block() -> None:
    header, *others = decode(STEP.block.raw, bytes_max=ROOT)
    read_block(encode([next_version(header), *others]))


def trust_file() -> None:
    payload, _ = decode(CHAIN.trust().encode(), bytes_max=ROOT)
    later = next_version(payload, 1)
    read_trust(encode([later, digest(Domain.TRUST, later)]))


def store() -> None:
    chain = packed.store(packed.eventful())
    check_store(chain.store, chain.genesis)  # as it is, it holds
    chain.store.values[FORMAT_KEY] = encode(BEGINS_LATER + 1)
    check_store(chain.store, chain.genesis)


def guard() -> None:
    read_guard(next_version(guard_bytes(Guard(bytes(16), 3, None, 7, 9))))


def statement_of_a_month() -> None:
    verify_statement({"statement": 2, "sums": "something new"}, CHAIN.trust())


def backup() -> None:
    PartReader(io.BytesIO().read, "part 1", BACKUP_MAGIC.replace(b"1", b"2"))


def sealed_file() -> None:
    data, _ = sealed(b"content")
    read_header(io.BytesIO(data[:7] + b"\x02" + data[8:]))


def sealed_text() -> None:
    data = side_sealed()
    read_side_header(data[:7] + b"\x02" + data[8:])


def locked_key() -> None:
    unlock("govchaind-locked 2\nsomething new\n", SECRET, "head.key")


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "genesis": (genesis, "unknown-version"),
    "transaction": (transaction, "unknown-version"),
    "block": (block, "unknown-version"),
    "membership": (
        lambda: read_membership(next_version(CHAIN.membership.encode())),
        "unknown-version",
    ),
    "attestation": (
        lambda: read_statement(next_version(STEP.applied.statement)),
        "unknown-version",
    ),
    "receipt": (lambda: verify_receipt(next_version(RECEIPT, 1), CHAIN.trust()), "unknown-version"),
    "state proof": (
        lambda: verify_state_proof(next_version(PROOF, 1), CHAIN.trust()),
        "unknown-version",
    ),
    "trust file": (trust_file, "unknown-version"),
    "advance of trust": (
        lambda: read_advance(next_version(encode_advance([]), 1)),
        "unknown-version",
    ),
    "monthly statement": (statement_of_a_month, "unknown-version"),
    "record of recovery": (
        lambda: read_recovery(encode([encode(["recovery", 2, "something new"]), b"", []])),
        "unknown-version",
    ),
    "blocks for a recovery": (
        lambda: read_tail(encode(["recovery-blocks", 2, "something new"])),
        "unknown-version",
    ),
    "store": (store, "store-format"),
    "guard file": (guard, "bad-guard"),
    "backup": (backup, "unknown-version"),
    "sealed file": (sealed_file, "unknown-version"),
    "sealed text": (sealed_text, "unknown-version"),
    "locked key file": (locked_key, "bad-key"),
}
ELSEWHERE = {"Hello of a peer", "offer of a sealed file", "exit pack", "node's settings"}


@pytest.mark.parametrize("name", REFUSED)
def test_an_unknown_version_is_refused_by_its_name(name: str) -> None:
    attempt, code = REFUSED[name]
    told = r"version 2|version 3|format 3|not known here"
    with pytest.raises(GovchaindError, match=told) as found:
        attempt()
    assert found.value.code == code
    assert re.search(r"release|version that locked it", found.value.remedy)


async def test_a_peer_of_another_protocol_is_told_so_whatever_its_hello_holds() -> None:
    ada, ben = trio.testing.memory_stream_pair()
    said = [codec.HELLO, codec.PROTOCOL_VERSION + 1, "something new"]
    body = encode(said)
    await ben.send_all(len(body).to_bytes(codec.LENGTH_BYTES, "big") + body)
    own = self_of("ada")
    with pytest.raises(GovchaindError, match="speaks protocol 2, this node 1") as found:
        await greet(ada, Frames(ada), own, bytes(32), {"ben": member("ben")}.get)
    assert found.value.code == "other-protocol"
    heard = Frames(ben)
    answers = [
        codec.read(codec.split(await heard.take(bytes_max=1024, seconds=1)), lambda _: None)
        for _ in range(2)
    ]
    assert [type(answer) for answer in answers] == [codec.Hello, codec.Refusal]


async def test_an_offer_of_a_sealed_file_of_another_version_is_refused() -> None:
    here, there = trio.testing.memory_stream_pair()
    await CarryFrames(there, seconds_max=1).say(2, "something new")
    with pytest.raises(PeerError, match="an offer of version 2; this release knows version 1"):
        await CarryFrames(here, seconds_max=1).hear_offer()


def test_an_exit_pack_of_another_version_names_the_program_that_reads_it(tmp_path: Path) -> None:
    folder = tmp_path / "pack"
    packed.pack(packed.store(packed.eventful()), folder)
    packed.seal(folder, version=2)
    verdict = packed.verify_here(folder)
    assert verdict.code != 0
    assert "a pack of version 2; this program reads version 1: use the verify.py" in verdict.errors


def test_settings_carry_no_version_and_a_key_of_a_later_release_is_named(tmp_path: Path) -> None:
    (tmp_path / CONFIG_FILE).write_text(render_config({}) + "\n[something_new]\nkey = 1\n")
    with pytest.raises(InvalidSetting, match="something_new"):
        load_config(tmp_path / CONFIG_FILE)


def test_the_page_has_a_row_for_each_format() -> None:
    table = PAGE.read_text().partition("## Formats")[2].partition("\n## ")[0]
    rows = set(re.findall(r"^\| ([A-Za-z' ]+?) \|", table, re.MULTILINE)) - {"format"}
    assert rows == set(REFUSED) | ELSEWHERE
