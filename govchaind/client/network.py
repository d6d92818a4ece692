"""`network.json`: what a client needs to know of a network, all of it public.

{"name": …, "chain_id": hex, "genesis": path from this file,
 "nodes": [{"name", "role", "institution", "api": url, "metrics": url} …]}
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from govchaind.base.errors import InvalidSetting
from govchaind.base.types import Hash

NETWORK_FILE = "network.json"
FILE_BYTES_MAX = 1024 * 1024


@dataclass(frozen=True, slots=True)
class NetworkNode:
    """One node as clients reach it."""

    name: str
    institution: str
    role: str
    api: str
    metrics: str | None = None


@dataclass(frozen=True, slots=True)
class Network:
    """A network as clients know it."""

    name: str
    chain_id: Hash
    genesis: Path
    nodes: tuple[NetworkNode, ...]

    def names(self) -> dict[str, str]:
        """Return each node's name by its HTTP address."""
        return {node.api: node.name for node in self.nodes}

    def urls(self) -> list[str]:
        """Return the nodes' HTTP addresses, validators first."""
        ordered = sorted(self.nodes, key=lambda node: (node.role != "validator", node.name))
        return [node.api for node in ordered]


def write_network(path: Path, network: Network) -> None:
    """Write the file; `network.genesis` is written as it stands."""
    value = {
        "name": network.name,
        "chain_id": network.chain_id.hex(),
        "genesis": str(network.genesis),
        "nodes": [asdict(node) for node in network.nodes],
    }
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_network(path: Path) -> Network:
    """Read the file; the genesis path is made to count from the file's folder.

    Raises:
        InvalidSetting: not there, or not of this shape.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidSetting(
            f"cannot read {path}: {error.strerror}",
            code="no-network-file",
            remedy="Name one with --network, or give --url http://host:port.",
        ) from None
    try:
        if len(data) > FILE_BYTES_MAX:
            raise ValueError
        value = json.loads(data)
        nodes = tuple(NetworkNode(**node) for node in value["nodes"])
        chain_id = bytes.fromhex(value["chain_id"])
        return Network(value["name"], chain_id, path.parent / value["genesis"], nodes)
    except (ValueError, KeyError, TypeError):
        raise InvalidSetting(
            f"{path} is not a network file",
            code="no-network-file",
            remedy="Restore it, or make it anew; `govchaind init network` writes it.",
        ) from None
