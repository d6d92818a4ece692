"""What a client holds in its hand: receipts, certificates and trust files, judged offline (I-21).

And spoilt: any one bit changed, each must be refused (I-25). Sampled, since each judgement costs a
few signatures.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from govchaind.base.encoding import decode
from govchaind.base.errors import Invalid, InvalidEncoding, InvalidProof
from govchaind.base.types import Hash, Height, NodeId
from govchaind.client.client import Client
from govchaind.client.trust import advance
from govchaind.ledger.certificate import Certificate, read_certificate
from govchaind.ledger.genesis import Genesis
from govchaind.ledger.receipt import verify_receipt
from govchaind.ledger.trust import TrustRoot, read_trust
from netsim.gear2.judge import Judge

FLIPS = 3  # of each receipt that is looked at
SIGNATURE_HEAD_BYTES = 2  # between a signer's name and the signature
TRIES = 3  # the membership may change between a receipt and the steps that lead to it


@dataclass(frozen=True, slots=True)
class Told:
    """What the owner of a receipt was told of it."""

    transaction: Hash
    code: int
    height: Height


class Proofs:
    """All proofs of one run, judged by those who once held nothing but genesis."""

    def __init__(self, judge: Judge, genesis: Genesis, pick: random.Random) -> None:
        self.receipts = 0
        self.refused = 0
        self.from_genesis = TrustRoot.from_genesis(genesis)
        self._judge = judge
        self._pick = pick

    def _flips(
        self, data: bytes, judge: Callable[[bytes], object], what: str, node: NodeId,
        unjudged: Sequence[range] = (),
    ) -> None:  # fmt: skip
        """I-25: a bit flips, and `judge` must not believe what comes of it."""
        spoilt = bytearray(data)
        bit = self._pick.randrange(8 * len(data))
        spoilt[bit // 8] ^= 1 << bit % 8
        try:
            judge(bytes(spoilt))
        except Invalid:
            self.refused += 1
            return
        if not any(bit // 8 in span for span in unjudged):
            self._judge.fail("I-25", node, f"a {what} with bit {bit} flipped: {spoilt.hex()}")

    async def fetch(self, client: Client, trust: TrustRoot, told: Told) -> TrustRoot:
        """Fetch a receipt and all that leads from a trust root to it, of one node; judge them.

        Return the trust root as it has moved on. Raises what the client raises.
        """
        for _ in range(TRIES):
            data = await client.receipt(told.transaction)
            node = client.nodes.current.node
            try:
                trust = await advance(client, trust)
            except (InvalidProof, InvalidEncoding) as error:
                self._judge.fail("I-21", node, f"the steps of trust: {error}")
                return trust
            if self._receipt(data, trust, told, node):
                self._trust_file(trust, node)
                break
        return trust

    def _receipt(self, data: bytes, trust: TrustRoot, told: Told, node: NodeId) -> bool:
        """Judge a receipt; False if the node had then, or still has, an earlier membership."""
        name = told.transaction.hex()[:12]
        try:
            found = verify_receipt(data, trust)
        except Invalid as error:
            if error.code == "earlier-membership":
                return False
            self._judge.fail("I-21", node, f"the receipt of {name}: {error}")
            return True
        proved = Told(found.transaction_id, found.outcome.code, found.height)
        if proved != told:
            self._judge.fail("I-21", node, f"{name} was told as {told}, proved is {proved}")
        self.receipts += 1
        spans = unjudged(data, trust) if found.certified_height == trust.era else []
        for _ in range(FLIPS):
            self._flips(data, lambda each: verify_receipt(each, trust), "receipt", node, spans)
        return True

    def certificate(self, data: bytes, trust: TrustRoot, height: Height, node: NodeId) -> None:
        """Judge one height's certificate, of the era of the trust root or after it."""
        try:
            certificate = read_certificate(data)
            trust.check(certificate)
        except Invalid as error:
            if error.code != "earlier-membership":
                self._judge.fail("I-21", node, f"the certificate of height {height}: {error}")
            return
        if certificate.height != height:
            self._judge.fail("I-21", node, f"the certificate of {height} is of another height")
        spans = _signed_by_others(data, certificate, trust) if height == trust.era else []
        self._flips(
            data, lambda each: trust.check(read_certificate(each)), "certificate", node, spans
        )

    def _trust_file(self, trust: TrustRoot, node: NodeId) -> None:
        self._flips(trust.encode(), read_trust, "trust file", node)


def unjudged(receipt: bytes, trust: TrustRoot) -> list[range]:
    """Return where a receipt under the very change of the membership carries what the old set has
    signed: whoever trusts the new one cannot judge that, and it counts for nothing."""
    proof = decode(receipt, bytes_max=len(receipt))[-1]
    for part in proof:
        with suppress(Invalid, TypeError):
            return _signed_by_others(receipt, read_certificate(part), trust)
    return []


def _signed_by_others(data: bytes, certificate: Certificate, trust: TrustRoot) -> list[range]:
    height = certificate.height
    voters = {each.name for each in trust.membership.voters() if height > each.signs_above}
    spans = []
    for name, signature in certificate.signatures:
        if name not in voters:
            at = data.index(signature)
            spans.append(range(at - SIGNATURE_HEAD_BYTES - len(name), at + len(signature)))
    return spans
