"""The client's files: keys and cards, the network, and the trust file that only moves forward."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import trio

from govchaind.base.errors import InvalidProof, InvalidSetting
from govchaind.client.client import connect
from govchaind.client.keyfile import OfficeKeyFile, author_of, new_key, read_key_file
from govchaind.client.network import Network, NetworkNode, read_network, write_network
from govchaind.client.trust import advance, load_trust, save_trust, trust_from_genesis
from govchaind.identity import write_private
from govchaind.ledger.trust import build_steps, encode_advance
from tests.client.scripted_node import Answer, scripted
from tests.ledger.chain import Chain

SEED = bytes(range(32))


def key_of(office: str = "head", seed: bytes = SEED, title: str = 'Head "H" 长') -> OfficeKeyFile:
    return new_key(institution="ministry", office=office, title=title, seed=seed)


def test_a_key_file_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "head.key"
    write_private(path, key_of().text(private=True))

    read = read_key_file(path)

    assert read == key_of()
    assert read.signing_key().public == read.public
    assert SEED.hex() not in repr(read)


def test_a_card_has_no_secret(tmp_path: Path) -> None:
    path = tmp_path / "head.card"
    path.write_text(key_of().text(private=False))

    read = read_key_file(path)

    assert (read.public, read.seed) == (key_of().public, None)
    assert SEED.hex() not in path.read_text()
    with pytest.raises(InvalidSetting, match="no private key"):
        read.signing_key()
    with pytest.raises(InvalidSetting, match="no private part"):
        read.text(private=True)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('seed = "00', 'seed = "11', "wrong-key"),
        ('seed = "00', 'seed = "zz', "bad-key"),
        ('seed = "0001', 'seed = "', "wrong-key"),
        ("office =", "ofice =", "bad-key"),
        ('"ministry"', '"Ministry!"', "bad-key"),
        ("title = ", "title = 3 #", "bad-key"),
        ("title = ", "= ", "bad-key"),
    ],
)
def test_a_spoilt_key_file_is_refused(tmp_path: Path, old: str, new: str, code: str) -> None:
    path = tmp_path / "head.key"
    write_private(path, key_of().text(private=True).replace(old, new))

    with pytest.raises(InvalidSetting) as caught:
        read_key_file(path)

    assert caught.value.code == code


def test_a_private_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "head.key"
    write_private(path, key_of().text(private=True))
    path.chmod(0o604)

    with pytest.raises(InvalidSetting) as caught:
        read_key_file(path)

    assert caught.value.code == "key-readable"


def test_a_missing_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match=r"none\.key"):
        read_key_file(tmp_path / "none.key")


def test_several_keys_of_one_office_are_one_author(tmp_path: Path) -> None:
    paths = []
    for number in (1, 2, 2):
        paths.append(tmp_path / f"{number}.key")
        if not paths[-1].exists():
            write_private(paths[-1], key_of(seed=bytes([number]) * 32).text(private=True))

    author = author_of(paths)

    assert (author.institution, author.office, len(author.keys)) == ("ministry", "head", 2)


def test_keys_of_two_offices_are_no_author(tmp_path: Path) -> None:
    for office in ("head", "clerk"):
        write_private(tmp_path / f"{office}.key", key_of(office).text(private=True))

    with pytest.raises(InvalidSetting) as caught:
        author_of([tmp_path / "head.key", tmp_path / "clerk.key"])

    assert caught.value.code == "keys-of-two-offices"


@pytest.mark.parametrize(("office", "title"), [("Head", "x"), ("head", ""), ("head", "a\nb")])
def test_names_and_titles_are_judged_before_a_key_is_made(office: str, title: str) -> None:
    with pytest.raises(InvalidSetting):
        key_of(office, title=title)


def test_a_network_reads_back(tmp_path: Path) -> None:
    nodes = (
        NetworkNode("o-1", "bank", "observer", "http://h:3"),
        NetworkNode("v-1", "bank", "validator", "http://h:1", "http://h:9/metrics"),
    )
    path = tmp_path / "network.json"
    write_network(path, Network("trial", bytes(32), Path("genesis.bin"), nodes))

    read = read_network(path)

    assert read == Network("trial", bytes(32), tmp_path / "genesis.bin", nodes)
    assert read.urls() == ["http://h:1", "http://h:3"]


@pytest.mark.parametrize("text", ["", "[]", '{"name": "x"}', '{"nodes": [{"nme": 1}]}'])
def test_what_is_no_network_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "network.json"
    path.write_text(text)

    with pytest.raises(InvalidSetting):
        read_network(path)


def grown(heights: int) -> Chain:
    chain = Chain()
    for _ in range(heights):
        chain.apply()
    return chain


def test_trust_begins_with_genesis_and_reads_back(tmp_path: Path) -> None:
    chain = grown(0)
    (tmp_path / "genesis.bin").write_bytes(chain.genesis.bytes)

    trust = trust_from_genesis(tmp_path / "genesis.bin")
    save_trust(tmp_path / "trust", trust)

    assert load_trust(tmp_path / "trust") == trust == chain.trust()
    assert "nothing after genesis is known" in trust.describe()


def test_trust_is_moved_by_a_nodes_proofs_only(tmp_path: Path) -> None:
    chain = grown(5)
    steps = build_steps(chain.store, from_height=0, configurations=[], newest=chain.certificate(5))
    good, bad = encode_advance(steps), bytearray(encode_advance(steps))
    bad[-9] ^= 1  # in the last signature

    async def run(answer: bytes) -> int:
        async with (
            scripted(lambda _: Answer(body=answer)) as nodes,
            connect([nodes[0].url]) as client,
        ):
            moved = await advance(client, chain.trust())
            assert nodes[0].asked[0].query == {"from": "0", "era": "0"}
            return moved.head_height

    assert trio.run(run, good) == 5
    with pytest.raises(BaseExceptionGroup) as caught:
        trio.run(run, bytes(bad))
    assert caught.group_contains(InvalidProof, match="does not verify")


def test_a_trust_file_never_goes_back(tmp_path: Path) -> None:
    chain = grown(4)
    path = tmp_path / "trust"
    late = chain.trust().advance(
        build_steps(chain.store, from_height=0, configurations=[], newest=chain.certificate(4))
    )
    save_trust(path, late)

    for wrong, code in (
        (chain.trust(), "trust-goes-back"),
        (replace(late, chain_id=bytes(32)), "other-chain"),
        (replace(late, log_root=bytes(32)), "fork"),
    ):
        with pytest.raises(InvalidProof) as caught:
            save_trust(path, wrong)
        assert caught.value.code == code

    assert load_trust(path) == late
    assert [file.name for file in tmp_path.iterdir()] == ["trust"]


def test_a_damaged_trust_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "trust"
    data = bytearray(grown(0).trust().encode())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))

    with pytest.raises(InvalidSetting) as caught:
        load_trust(path)

    assert caught.value.code == "bad-trust"


def test_what_is_no_genesis_is_refused(tmp_path: Path) -> None:
    (tmp_path / "g").write_bytes(b"\x80")

    with pytest.raises(InvalidSetting) as caught:
        trust_from_genesis(tmp_path / "g")

    assert caught.value.code == "bad-genesis"
