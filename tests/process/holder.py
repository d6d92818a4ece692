"""A signer process, for the key of one node of a network under test."""

from __future__ import annotations

import sys

from govchaind.identity import ATTESTATION_KEY_FILE, NEXT_FOLDER
from govchaind.ledger.certificate import read_certificate
from tests.process.daemon import Daemon
from tests.process.network import WAIT_SECONDS, Network


class Holder:
    """A signer that holds a key of one node of a network: the one it has, or its next one."""

    def __init__(self, network: Network, name: str, *, following: bool = False) -> None:
        self.network, self.name = network, name
        self.folder = network.directory / ("next-signer" if following else "signer")
        self.folder.mkdir(mode=0o700)
        self.key, self.guard = self.folder / "attestation.key", self.folder / "guard"
        self.log = self.folder / "log"
        self.daemon: Daemon | None = None
        keys = network.folder(name) / NEXT_FOLDER if following else network.folder(name)
        (keys / ATTESTATION_KEY_FILE).rename(self.key)
        self.socket = self.folder / "signer.sock"
        setting = "attestation__next_signer" if following else "attestation__signer"
        network.set(name, **{setting: str(self.socket)})

    def start(self, *options: str) -> None:
        arguments = [sys.executable, "-m", "govchaind", "signer", str(self.key)]
        arguments += ["--guard", str(self.guard), "--socket", str(self.socket), *options]
        self.daemon = self.network.spawn_command(arguments, self.log)

    def kill(self) -> None:
        assert self.daemon is not None
        self.daemon.kill()
        self.daemon.wait(WAIT_SECONDS)
        self.daemon = None

    def signers(self, height: int) -> set[str]:
        """Return who has signed a height, by the certificate that the node has."""
        path = f"/v1/blocks/{height}/certificate"
        reply = self.network.get(self.name, path, accept="application/cbor")
        assert reply.status_code == 200, reply.text
        return {name for name, _ in read_certificate(reply.content).signatures}

    def reasons(self) -> list[str]:
        found: list[str] = self.network.get(self.name, "/readyz").json()["reasons"]
        return found

    def wait_reason(self, begin: str) -> None:
        self.network.wait_for(
            lambda: any(reason.startswith(begin) for reason in self.reasons()),
            f"{self.name} does not say: {begin}",
        )
