"""One span: who did what for a transaction, from when to when.

Rules kept here: what a span says of a transaction is numbers, and names that are this software's
or a node's own. No key, no value, no register's name, no address, nothing that somebody wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from govchaind.base.types import Hash

Attributes = Mapping[str, str | int]

CODE = "govchaind.outcome.code"
OUTCOME = "govchaind.outcome.name"
HEIGHT = "govchaind.height"
CERTIFIED = "govchaind.certified_height"
NODE = "govchaind.node"
OPERATIONS = "govchaind.operations"
SIZE = "govchaind.bytes"
STATUS = "govchaind.status"


def resource_of(
    service: str, version: str | None = None, instance: str | None = None
) -> Attributes:
    """Return what all spans of one program say of whose they are, by OpenTelemetry's names."""
    known: dict[str, str | int] = {"service.name": service}
    if version is not None:
        known["service.version"] = version
    if instance is not None:
        known["service.instance.id"] = instance
    return known


@dataclass(frozen=True, slots=True)
class Span:
    """A span of a transaction's trace; its parent is the root, unless it is the root.

    Attributes:
        id: its own, 8 bytes; None: it is the root.
        begin_ns, end_ns: Unix time in nanoseconds.
        failed: whether what it tells of went wrong.
    """

    name: str
    transaction: Hash
    id: bytes | None
    begin_ns: int
    end_ns: int
    attributes: Attributes
    failed: bool = False
