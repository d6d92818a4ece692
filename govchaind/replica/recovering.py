"""Recoveries as a node hears of them: from the log, with a certificate, or from a peer.

Rules it keeps (ledger/recovery.py says what a recovery is):
- A record is believed by the office keys of institutions, and those by the last certificate that
  the membership before it has made: never by the word of those who go on.
- Whoever hears of a recovery that it has judged takes no further part in what was before, even
  before the recovery block is in its log.
- A store that has applied what the recovery does not keep does not go on: there is one chain, and
  it is the other one. The node stops and says so; nothing is taken back from a store.
"""

from __future__ import annotations

from govchaind.base.errors import ChainRecovered, InvalidBlock, InvalidProof, StateDiverged
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.types import Hash, Height
from govchaind.ledger.apply import Ledger
from govchaind.ledger.block import Block
from govchaind.ledger.certificate import Certificate, check_certificate
from govchaind.ledger.recovery import Recovery, read_recovery
from govchaind.ledger.recovery_proof import check_record
from govchaind.ledger.results import read_result
from govchaind.replica.memberships import Memberships


def judge_record(recovery: Recovery, memberships: Memberships) -> list[str]:
    """Return the institutions that carry a record, by its own proofs and the sets known here.

    Raises InvalidProof or InvalidEncoding.
    """

    def believed(certificate: Certificate) -> None:
        check_certificate(certificate, *memberships.certifying(certificate.height))

    return check_record(recovery, believed)


def take_record(
    data: bytes, chain_id: Hash, height: Height, memberships: Memberships
) -> Recovery | None:
    """Read, judge and note a record; None if it is known, or cannot be judged at `height` yet.

    Raises InvalidProof or InvalidEncoding: it does not hold.
    """
    recovery = read_recovery(data)
    body = recovery.body
    if any(known.raw == recovery.raw for known in memberships.recoveries):
        return None
    if body.chain_id != chain_id:
        raise InvalidProof("the record of recovery is of another chain")
    if height < body.certified or body.height <= memberships.recovered_at:
        return None
    judge_record(recovery, memberships)
    memberships.recover(recovery)
    return recovery


def check_recovered(block: Block, memberships: Memberships) -> None:
    """Raise InvalidBlock if a block is a recovery's and should not be, or should and is not."""
    recovery = memberships.recovery_over(block.height)
    if block.recovery is not None:
        if recovery is None or recovery.raw != block.recovery.raw:
            raise InvalidBlock("a recovery block whose record was not judged")
    elif recovery is not None and recovery.body.height == block.height:
        raise InvalidBlock("another block where institutions have put a recovery")


class Recovering:
    """What one node makes of records that it hears of."""

    def __init__(self, *, chain_id: Hash, ledger: Ledger, memberships: Memberships) -> None:
        self._chain_id = chain_id
        self._ledger = ledger
        self._memberships = memberships

    def heard(self, data: bytes, reader: KeyValueReader) -> None:
        """Take a record that a peer has sent.

        Raises:
            InvalidProof, InvalidEncoding: it does not hold.
            ChainRecovered: it does, and this store has applied what it does not keep.
            StateDiverged: it builds on a certificate that contradicts this store.
        """
        ledger, memberships = self._ledger, self._memberships
        recovery = take_record(data, self._chain_id, ledger.height, memberships)
        if recovery is None:
            return
        body = recovery.body
        if ledger.height >= body.kept:
            same = read_result(reader, body.kept).block_hash == body.kept_hash
            if not same or ledger.height > body.kept:
                raise ChainRecovered(
                    f"the chain lost its quorum and was recovered at height {body.height} by its "
                    f"institutions; this store has other blocks above height "
                    f"{body.kept if same else body.certified}, and cannot go on"
                )

    def judge(self, recovery: Recovery) -> None:
        """Judge the record of a block that a leader sends. Raises InvalidProof."""
        if all(known.raw != recovery.raw for known in self._memberships.recoveries):
            judge_record(recovery, self._memberships)

    def check_kept(self, block: Block, reader: KeyValueReader) -> None:
        """Judge a recovery block, the next to be applied, by the state. Raises InvalidProof."""
        check_recovered(block, self._memberships)
        if block.recovery is not None:
            self._ledger.check_recovery(block.recovery, reader)


def carried_out_wrongly(error: InvalidProof) -> StateDiverged:
    """Return what a committed recovery that does not hold stops a node with."""
    return StateDiverged(f"a recovery was committed that does not hold: {error.message}")
