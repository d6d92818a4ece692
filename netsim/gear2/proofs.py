"""What a client holds in its hand: receipts, certificates and trust files, judged offline (I-21).

And spoilt: any one bit changed, each must be refused (I-25). Sampled, since each judgement costs a
few signatures.
"""

from __future__ import annotations

import random

from govchaind.base.errors import Invalid
from govchaind.base.types import Hash, NodeId
from govchaind.ledger.certificate import read_certificate
from govchaind.ledger.genesis import Genesis
from govchaind.ledger.receipt import verify_receipt
from govchaind.ledger.trust import TrustRoot, read_advance, read_trust
from netsim.gear2.judge import Judge

FLIPS = 3  # of each receipt that is looked at


class Proofs:
    """All proofs of one run, judged by one who holds nothing but genesis."""

    def __init__(self, judge: Judge, genesis: Genesis, pick: random.Random) -> None:
        self.receipts = 0
        self.refused = 0
        self._judge = judge
        self._trust = TrustRoot.from_genesis(genesis)
        self._pick = pick

    def _flipped(self, data: bytes) -> bytes:
        spoilt = bytearray(data)
        bit = self._pick.randrange(8 * len(data))
        spoilt[bit // 8] ^= 1 << bit % 8
        return bytes(spoilt)

    def receipt(self, data: bytes, transaction: Hash, code: int, height: int, node: NodeId) -> None:
        """Judge a receipt against what its owner was told."""
        try:
            found = verify_receipt(data, self._trust)
        except Invalid as error:
            self._judge.fail("I-21", node, f"the receipt of {transaction.hex()[:12]}: {error}")
            return
        told = (transaction, code, height)
        proved = (found.transaction_id, found.outcome.code, found.height)
        if proved != told:
            text = f"{transaction.hex()[:12]} was told as {told[1:]}, proved is {proved[1:]}"
            self._judge.fail("I-21", node, text)
        self.receipts += 1
        for _ in range(FLIPS):
            spoilt = self._flipped(data)
            try:
                verify_receipt(spoilt, self._trust)
            except Invalid:
                self.refused += 1
            else:
                self._judge.fail("I-25", node, f"a receipt with a flipped bit: {spoilt.hex()}")

    def certificate(self, data: bytes, height: int, node: NodeId) -> None:
        """Judge one height's certificate."""
        try:
            certificate = read_certificate(data)
            self._trust.check(certificate)
        except Invalid as error:
            self._judge.fail("I-21", node, f"the certificate of height {height}: {error}")
            return
        if certificate.height != height:
            self._judge.fail("I-21", node, f"the certificate of {height} is of another height")
        spoilt = self._flipped(data)
        try:
            self._trust.check(read_certificate(spoilt))
        except Invalid:
            self.refused += 1
        else:
            self._judge.fail("I-25", node, f"a certificate with a flipped bit: {spoilt.hex()}")

    def advance(self, data: bytes, node: NodeId) -> int:
        """Move a trust root that holds only genesis forward; return its head."""
        try:
            trust = self._trust.advance(read_advance(data))
        except Invalid as error:
            self._judge.fail("I-21", node, f"the steps of trust: {error}")
            return 0
        spoilt = self._flipped(trust.encode())
        try:
            read_trust(spoilt)
        except Invalid:
            self.refused += 1
        else:
            self._judge.fail("I-25", node, f"a trust file with a flipped bit: {spoilt.hex()}")
        return trust.head_height
