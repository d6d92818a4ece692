"""The keys that a node is to have next: made once, with a card, and settled only when in force."""

from __future__ import annotations

from pathlib import Path

from govchaind.cli.main import INVALID
from govchaind.cli.node_files import read_card
from govchaind.identity import NEXT_FOLDER, load_identity
from govchaind.node import load
from tests.cli.command import Command


def made(govchaind: Command, tmp_path: Path) -> Path:
    govchaind("init", "network", "--directory", str(tmp_path / "net"), "--name", "trial")
    [first, *_] = sorted((tmp_path / "net" / "nodes").iterdir())
    return first


def test_the_next_keys_are_whole_and_their_card_names_them(
    govchaind: Command, tmp_path: Path
) -> None:
    node = made(govchaind, tmp_path)
    present = load_identity(node)
    printed = govchaind("keys", "next", str(node))
    card = read_card(Path(printed.output.splitlines()[0]))
    following = load_identity(node / NEXT_FOLDER)
    assert (card.name, card.store) == (present.name, present.first_store)
    assert (card.attestation_key, card.tls_key) == (
        following.attestation_public,
        following.tls_public,
    )
    keys = {present.attestation_public, present.tls_public, card.attestation_key, card.tls_key}
    assert len(keys) == 4
    _, loaded, _ = load(node)
    assert [each.attestation_public for each in loaded.held()] == [
        present.attestation_public,
        card.attestation_key,
    ]


def test_a_change_under_way_is_not_begun_again(govchaind: Command, tmp_path: Path) -> None:
    node = made(govchaind, tmp_path)
    govchaind("keys", "next", str(node))
    before = load_identity(node / NEXT_FOLDER).attestation_public
    refused = govchaind("keys", "next", str(node))
    assert (refused.code, "is under way" in refused.errors) == (INVALID, True)
    assert load_identity(node / NEXT_FOLDER).attestation_public == before


def test_without_next_keys_there_is_nothing_to_settle(govchaind: Command, tmp_path: Path) -> None:
    node = made(govchaind, tmp_path)
    refused = govchaind("keys", "settle", str(node), "--url", "http://127.0.0.1:1")
    assert (refused.code, "no change of this node's keys" in refused.errors) == (INVALID, True)
