"""A pack of an eventful chain: it holds, whole and in parts, and says what is in it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from govchaind.base.errors import Invalid, StorageCorrupt
from govchaind.base.keyspace import Table, height_key
from govchaind.base.keyvalue import WriteBatch
from govchaind.client.trust import load_trust
from govchaind.data.exit.verify import SEALED
from govchaind.exit_pack.pack import SHIPPED
from govchaind.exit_pack.source import Source
from govchaind.ledger.receipt import build_receipt_at, verify_receipt
from tests.docs.test_links import ROOT
from tests.exit_pack.packed import (
    SALT,
    SECRET_NAME,
    eventful,
    pack,
    store,
    verify,
    verify_here,
)
from tests.ledger.chain import INSTITUTIONS, NODES, Chain, key

HOLDS = "HOLDS"


@pytest.fixture(scope="module", name="chain")
def the_chain() -> Chain:
    return store(eventful())


@pytest.fixture(scope="module", name="folder")
def the_pack(chain: Chain, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packs") / "pack"
    pack(chain, folder)
    return folder


def lines(folder: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]


def test_a_pack_holds_by_its_own_program_alone(chain: Chain, folder: Path) -> None:
    done = verify(folder)

    assert (done.code, done.errors) == (0, "")
    stages = [line.split()[0] for line in done.output.splitlines()]
    assert stages[:6] == ["files", "genesis", "blocks", "certificates", "state", HOLDS]
    head = chain.step(chain.ledger.height)
    assert f"height {chain.ledger.height}, block {head.block.hash.hex()}" in done.output
    assert chain.ledger.log_root.hex() in done.output
    assert "the new set: 1\n" in done.output
    assert len(list((folder / "blocks").iterdir())) > 5
    assert len(list((folder / "state").iterdir())) > 1


def test_what_is_told_of_the_pack_is_what_is_in_it(chain: Chain, tmp_path: Path) -> None:
    written = pack(chain, tmp_path / "pack", tables=False)

    present = [path for path in (tmp_path / "pack").rglob("*") if path.is_file()]
    assert (written.files, written.bytes) == (
        len(present),
        sum(path.stat().st_size for path in present),
    )
    assert (tmp_path / "pack" / SEALED[1]).read_text().split() == [written.fingerprint, SEALED[0]]
    assert (written.blocks, written.certified) == (chain.ledger.height, chain.ledger.height)
    assert not (tmp_path / "pack" / "tables").exists()
    assert verify_here(tmp_path / "pack").code == 0
    again = pack(chain, tmp_path / "again", tables=False)
    assert again == written  # not a byte depends on when or where it is made


def test_the_lists_for_people(chain: Chain, folder: Path) -> None:
    transactions = lines(folder, "transactions")
    offices = [row for row in lines(folder, "offices") if row["office"] == "pair"]
    court = [row for row in offices if row["institution"] == "court"]

    expected = [
        (step.block.height, item.id.hex())
        for step in chain.steps
        for item in step.block.transactions
    ]
    assert [(row["height"], row["id"]) for row in transactions] == expected
    assert {row["code"] for row in transactions} == {0, 15, 102, 105}
    assert [row["institution"] for row in lines(folder, "institutions")] == list(INSTITUTIONS)
    assert [row["node"] for row in lines(folder, "nodes")] == [*NODES[:3], NODES[2], NODES[3]]
    assert [row.get("removed") for row in lines(folder, "nodes")] == [None] * 3 + [True, None]
    assert [len(row["seats"]) for row in court] == [3, 4, 4]  # founded, rotated, revoked
    assert court[1]["seats"][3]["key"] == key("court new").public.hex()
    assert [seat["revoked_at_ms"] is None for seat in court[2]["seats"]].count(False) == 1
    assert [row["number"] for row in lines(folder, "mandates")] == ["第809号"]
    assert [row["year"] for row in lines(folder, "calendars")] == [2026]
    outcomes = json.loads((folder / "outcomes.json").read_text())
    assert outcomes["105"]["name"] == "revision-conflict"


def test_its_trust_file_is_one(chain: Chain, folder: Path) -> None:
    trust = load_trust(folder / "trust.file")
    assert (trust.chain_id, trust.head_height, trust.changes) == (
        chain.genesis.chain_id,
        chain.ledger.height,
        1,
    )
    newest = chain.certificate(chain.ledger.height)
    receipt = build_receipt_at(chain.store, (1, 0), chain.step(1).block.raw, newest)
    assert verify_receipt(receipt, trust).height == 1


def test_a_receipt_is_judged_by_the_pack(chain: Chain, folder: Path, tmp_path: Path) -> None:
    def receipt(height: int, certified: int) -> Path:
        block, certificate = chain.step(height).block.raw, chain.certificate(certified)
        path = tmp_path / f"{height}-{certified}"
        path.write_bytes(build_receipt_at(chain.store, (height, 0), block, certificate))
        return path

    part = tmp_path / "part"
    pack(chain, part, until=12, tables=False)
    for height, certified in ((1, 1), (5, 20), (13, chain.ledger.height)):
        done = verify(folder, "--receipt", receipt(height, certified))
        assert (done.code, done.errors) == (0, "")
        assert chain.step(height).block.transactions[0].id.hex() in done.output
    later = verify_here(part, "--receipt", receipt(10, 20))  # certified after the pack's end
    missing = verify_here(part, "--receipt", receipt(14, 20))
    assert (later.code, later.errors) == (0, "")
    assert (missing.code, "height 14 is not in the pack" in missing.errors) == (1, True)

    whole = receipt(13, 20).read_bytes()
    for place in range(0, len(whole), 31):
        changed = bytearray(whole)
        changed[place] ^= 1
        (tmp_path / "changed").write_bytes(changed)
        done = verify_here(folder, "--receipt", tmp_path / "changed")
        assert (done.code, "receipt" in done.errors) == (1, True), (place, done)


def test_another_chain_is_refused(chain: Chain, folder: Path) -> None:
    assert verify_here(folder, "--chain-id", chain.genesis.chain_id.hex().upper()).code == 0
    assert verify_here(folder, "--chain-id", "00" * 32).code == 1


@pytest.mark.parametrize("until", [1, 12, 30])
def test_a_part_of_the_chain_is_a_pack_too(chain: Chain, tmp_path: Path, until: int) -> None:
    written = pack(chain, tmp_path / "pack", until=until)
    done = verify_here(tmp_path / "pack")

    assert (done.code, done.errors) == (0, "")
    assert (written.blocks, written.certified) == (until, until)
    assert f"height {until}, block {chain.step(until).block.hash.hex()}" in done.output


def test_blocks_without_certificates_are_told_apart(tmp_path: Path) -> None:
    chain = store(eventful(), certified=20)
    written = pack(chain, tmp_path / "pack")
    done = verify_here(tmp_path / "pack")

    assert (done.code, written.certified, written.blocks) == (0, 20, chain.ledger.height)
    assert "height 20, block" in done.output
    assert f"{chain.ledger.height - 20} blocks after it have no certificate" in done.output
    assert "the new set: 0\n" in done.output


def test_a_chain_of_which_nothing_is_certified(tmp_path: Path) -> None:
    chain = store(Chain())
    pack(chain, tmp_path / "empty")
    assert verify_here(tmp_path / "empty").code == 0


def test_no_secret_is_in_it(folder: Path) -> None:
    """Committed values, their salts, and the keys that sign are the parties' own."""
    holders = [f"{name} {office}" for name in INSTITUTIONS for office in ("head", "one", "two")]
    labels = [*holders, *(f"{use} {name}" for use in ("attest", "tls") for name in NODES)]
    secrets = [label.encode().ljust(32, b".")[:32] for label in labels]
    secrets += [SALT, SECRET_NAME.encode()]
    found = [
        (path.name, secret)
        for path in folder.rglob("*")
        if path.is_file()
        for secret in secrets
        if secret in (data := path.read_bytes()) or secret.hex().encode() in data
    ]
    assert found == []


def test_a_store_that_does_not_hold_makes_no_pack(tmp_path: Path) -> None:
    chain = store(eventful())
    with pytest.raises(Invalid) as caught:
        Source(chain.store, chain.genesis, chain.ledger.height + 1)
    assert caught.value.code == "height-ahead"

    for place, (table, what) in enumerate(
        ((Table.CERTIFICATE, "certificate"), (Table.LOG, "block"))
    ):
        batch = WriteBatch()
        batch.delete(height_key(table, 9))
        chain.store.apply(batch)
        with pytest.raises(StorageCorrupt, match=what):
            pack(chain, tmp_path / str(place))


def test_without_pyarrow_the_remedy_is_told(
    chain: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(Invalid) as caught:
        pack(chain, tmp_path / "pack")
    assert caught.value.code == "no-pyarrow"
    assert "--without-tables" in caught.value.remedy


def test_what_goes_into_a_pack_is_in_the_wheel(tmp_path: Path) -> None:
    from hatchling.builders.wheel import WheelBuilder

    [built] = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with ZipFile(built) as wheel:
        names = wheel.namelist()
    assert [name for name in SHIPPED if f"govchaind/data/exit/{name}" not in names] == []
