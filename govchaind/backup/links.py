"""Judges certified blocks by links and certificates alone, while they are backed up.

A certificate names the block's hash, and the hash binds every byte of the block: what holds here is
what a quorum has signed. What came of it is carried out and compared when it is restored.
"""

from __future__ import annotations

from govchaind.backup.part import Tip
from govchaind.base.errors import GovchaindError, InvalidProof, PeerError
from govchaind.ledger.block import Block, check_block, read_block
from govchaind.ledger.certificate import (
    Certificate,
    check_certificate,
    read_certificate,
    signed_by,
)
from govchaind.ledger.genesis import Genesis
from govchaind.ledger.recovery import Recovery, read_recovery
from govchaind.ledger.recovery_proof import check_record


class Links:
    """Follows one chain from genesis, or from where a backup stands."""

    def __init__(self, genesis: Genesis, tip: Tip | None = None) -> None:
        self._chain_id = genesis.chain_id
        start = Tip(0, genesis.chain_id, genesis.time, 0, genesis.membership())
        self.tip = start if tip is None else tip
        self._recovery: Recovery | None = None  # whose block is still to come

    def take(self, raw: bytes, certificate: bytes | None) -> bytes:
        """Judge the next block; return its certificate.

        Raises:
            PeerError: the node has not given the certificate of a height that it calls certified.
            InvalidProof: it does not follow, or no quorum has signed it; `tip` stays.
        """
        height = self.tip.height + 1
        if certificate is None:
            raise PeerError(
                f"the node gave no certificate of block {height}, which it says is certified",
                code="blocks-missing",
                remedy="Run the command again, or ask another node.",
            )
        try:
            self._judge(raw, certificate)
        except GovchaindError as error:
            raise InvalidProof(
                f"block {height} does not hold: {error.message}",
                code="block-does-not-hold",
                remedy="Run `govchaind verify` on the node's store, and back up another node.",
            ) from error
        return certificate

    def _judge(self, raw: bytes, data: bytes) -> None:
        tip, block = self.tip, read_block(raw)
        check_block(
            block,
            chain_id=self._chain_id,
            height=tip.height + 1,
            previous_hash=tip.block_hash,
            previous_time=tip.time,
            membership_digest=tip.membership.digest,
        )
        certificate = read_certificate(data)
        stated = certificate.read
        if (stated.height, stated.block_hash) != (block.height, block.hash):
            raise InvalidProof("the certificate is of another block")
        recovery = self._recovered(block, certificate)
        if recovery is None:
            check_certificate(certificate, tip.membership, block.membership or tip.membership)
        else:
            check_certificate(certificate, recovery.body.membership)
        self._recovery = None if block.recovery is not None else recovery
        since, membership = tip.membership_since, tip.membership
        if block.membership is not None:
            since, membership = block.height, block.membership
        self.tip = Tip(block.height, block.hash, block.time, since, membership)

    def _recovered(self, block: Block, certificate: Certificate) -> Recovery | None:
        """Return the recovery whose validators certify a block. Raises InvalidProof."""
        tip, recovery = self.tip, self._recovery
        if recovery is None and certificate.recovery is not None:
            recovery = read_recovery(certificate.recovery)
            if recovery.body.certified != tip.height:
                raise InvalidProof("a record of recovery begins at another height")
            check_record(
                recovery,
                lambda last: check_certificate(signed_by(last, tip.membership), tip.membership),
            )
        due = recovery is not None and recovery.body.height == block.height
        if due != (block.recovery is not None):
            raise InvalidProof("a recovery block where none is due, or none where one is")
        if block.recovery is not None and block.recovery.raw != (recovery and recovery.raw):
            raise InvalidProof("another recovery than the one announced")
        return recovery
