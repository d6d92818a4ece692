"""A trust file on disk: read, advanced over proofs that a node sends, saved whole, forward only.

Rules: what a node sends is only proofs, judged by `ledger/trust.py`; a file is replaced whole (a
new file, synced, renamed over the old), never by an older head or another chain's, so that a
power cut or a lying node cannot take away what its owner has seen.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from govchaind.base.errors import GovchaindError, InvalidProof, InvalidSetting
from govchaind.base.limits import GENESIS_BYTES_MAX, MEMBERSHIP_BYTES_MAX, TRUST_STEPS_MAX
from govchaind.client.client import Client
from govchaind.ledger.genesis import read_genesis
from govchaind.ledger.trust import TrustRoot, read_advance, read_trust

FILE_BYTES_MAX = max(GENESIS_BYTES_MAX, MEMBERSHIP_BYTES_MAX + 1024)


def trust_from_genesis(path: Path) -> TrustRoot:
    """Return the trust of one who holds nothing but the genesis file. Raises InvalidSetting."""
    data = _read(path, "the genesis")
    try:
        return TrustRoot.from_genesis(read_genesis(data))
    except GovchaindError as error:
        raise InvalidSetting(
            f"{path} is not a genesis file: {error.message}",
            code="bad-genesis",
            remedy="Get the chain's genesis.bin from somebody you trust; its hash is the chain id.",
        ) from None


def load_trust(path: Path) -> TrustRoot:
    """Return what a trust file holds. Raises InvalidSetting."""
    data = _read(path, "the trust file")
    try:
        return read_trust(data)
    except GovchaindError as error:
        raise InvalidSetting(
            f"{path} is not a trust file: {error.message}",
            code="bad-trust",
            remedy="Restore it from a copy, or make one with `govchaind trust new`.",
        ) from None


def save_trust(path: Path, trust: TrustRoot) -> None:
    """Write a trust file atomically; it only ever moves forward.

    Raises:
        InvalidProof: the file there is of another chain or has seen more.
        InvalidSetting: the file cannot be written.
    """
    if path.exists():
        present = load_trust(path)
        if present.chain_id != trust.chain_id:
            raise InvalidProof(f"{path} is of another chain", code="other-chain")
        if (present.head_height, present.era) > (trust.head_height, trust.era):
            raise InvalidProof(
                f"{path} has seen height {present.head_height}; it never goes back",
                code="trust-goes-back",
                remedy="Keep the file; advance it, or write to another one.",
            )
        if present.head_height == trust.head_height and present.log_root != trust.log_root:
            raise InvalidProof(
                f"{path} has seen another history at height {present.head_height}",
                code="fork",
                remedy="Keep both: two certified heads at one height are a proof of guilt.",
            )
    try:
        _replace(path, trust.encode())
    except OSError as error:
        raise InvalidSetting(f"cannot write {path}: {error.strerror}") from None


async def advance(client: Client, trust: TrustRoot) -> TrustRoot:
    """Return `trust` moved to the newest head that the client's nodes can prove.

    Raises:
        InvalidProof, InvalidEncoding: what came does not prove it. PeerError, Busy: nothing came.
    """
    while True:
        steps = read_advance(await client.trust_steps(trust.head_height, trust.era))
        before, trust = trust, trust.advance(steps)
        if len(steps) < TRUST_STEPS_MAX or trust == before:  # else the node may have more
            return trust


def _replace(path: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read(path: Path, what: str) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise InvalidSetting(f"cannot read {what} {path}: {error.strerror}") from None
    if len(data) > FILE_BYTES_MAX:
        raise InvalidSetting(f"{path} is larger than {FILE_BYTES_MAX} bytes")
    return data
