"""`govchaind signer`: what it says where its key is not."""

from __future__ import annotations

from govchaind.cli.main import INVALID
from tests.cli.command import Command


def test_a_key_that_is_missing_is_told_as_a_signers(govchaind: Command) -> None:
    ended = govchaind("signer", "none.key", "--guard", "guard", "--socket", "signer.sock")
    assert ended.code == INVALID
    assert "error[no-key-file]: none.key is missing" in ended.errors
    assert "that this signer holds" in ended.errors
