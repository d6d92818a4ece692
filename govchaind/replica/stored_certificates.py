"""The certificates that a node has stored: by height, in order, the newest."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from govchaind.base.keyspace import Table, height_key
from govchaind.base.keyvalue import KeyValueReader, prefix_end
from govchaind.base.types import Height, NodeId, PublicKey
from govchaind.ledger.certificate import Certificate, read_certificate

CERTIFICATES_PAGE = 256


def last_certified(reader: KeyValueReader) -> Height:
    """Return the height up to which every height has a certificate here."""
    start = Table.CERTIFICATE.value
    for key, _ in reader.scan(start, prefix_end(start), reverse=True):
        return int.from_bytes(key[1:9], "big")
    return 0


def certificates_from(reader: KeyValueReader, first: Height, count: int) -> list[Certificate]:
    """Return stored certificates of consecutive heights from `first`, at most `count`."""
    found: list[Certificate] = []
    start = height_key(Table.CERTIFICATE, first)
    end = height_key(Table.CERTIFICATE, first + min(count, CERTIFICATES_PAGE))
    for _, value in reader.scan(start, end):
        found.append(read_certificate(value))
    return found


def certificate_at(reader: KeyValueReader, height: Height) -> Certificate | None:
    """Return the stored certificate of a height."""
    data = reader.get(height_key(Table.CERTIFICATE, height))
    return None if data is None else read_certificate(data)


def newest_signed(
    reader: KeyValueReader,
    name: NodeId,
    key: PublicKey,
    key_of: Callable[[NodeId, Height], PublicKey | None],
) -> Height:
    """Return the newest of the last CERTIFICATES_PAGE heights whose certificate has a signature of
    a node under a key; 0: there is none. `key_of`: under which key a node signs a height.
    """
    start = Table.CERTIFICATE.value
    for _, value in islice(reader.scan(start, prefix_end(start), reverse=True), CERTIFICATES_PAGE):
        certificate = read_certificate(value)
        signed = name in dict(certificate.signatures)
        if signed and key_of(name, certificate.height) == key:
            return certificate.height
    return 0
