"""What a malicious member serves to those who follow by certificates: blocks that nobody decided.

Its blocks keep every rule that needs no certificate, so only what a certificate says, and who has
signed it, tells them from the right ones. Each way below leaves one thing wrong.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import replace

from govchaind.base.crypto import Domain, SigningKey
from govchaind.base.types import NodeId
from govchaind.ledger.block import Block, make_block
from govchaind.ledger.certificate import Certificate
from govchaind.replica.messages import Certificates, CertifiedBlocks

Pair = tuple[Block, Certificate]

SHARE = 0.3  # of what it serves is wrong
KEPT = 20  # certificates of other heights
WAYS = (
    "of-the-right-block",  # the certificate is genuine, and of the block in whose place this one is
    "of-another-height",  # genuine, of a block before
    "others-signed-else",  # names this block; the others' signatures are of the genuine statement
    "alone",  # names this block, signed by this member only
    "counted-twice",  # … whose signature stands there several times
    "in-others-names",  # … and stands under others' names
    "under-a-strange-name",  # … and under names that nobody has
    "gap",  # a height is left out
)


class Serving:
    """One malicious member's way of serving."""

    def __init__(self, name: NodeId, key: SigningKey, pick: random.Random) -> None:
        self._name = name
        self._key = key
        self._pick = pick
        self._past: deque[Certificate] = deque(maxlen=KEPT)
        self._ways = [way for way in WAYS if pick.random() < 0.5] or [pick.choice(WAYS)]

    def blocks(self, message: CertifiedBlocks) -> CertifiedBlocks:
        """Return what is sent in place of certified blocks: at times they end with a false one."""
        true = message.blocks[-1]
        served = message
        if self._pick.random() < SHARE:
            way = self._pick.choice(self._ways)
            if way == "gap":
                at = self._pick.randrange(len(message.blocks))
                served = CertifiedBlocks(message.blocks[:at] + message.blocks[at + 1 :])
            else:
                false = self._false(way, true)
                if false is not None:
                    served = CertifiedBlocks([*message.blocks[:-1], false])
        self._past.append(true[1])
        return served

    def certificates(self, message: Certificates) -> Certificates:
        """Return what is sent in place of certificates: at times one of results nobody has."""
        genuine = message.certificates[-1]
        way = self._pick.choice(self._ways)
        if self._pick.random() >= SHARE or way in (
            "of-the-right-block",
            "of-another-height",
            "gap",
        ):
            return message
        read = genuine.read
        statement = replace(read, log_root=read.log_root[::-1]).encode()
        return Certificates([*message.certificates[:-1], self._signed(way, statement, genuine)])

    def _false(self, way: str, pair: Pair) -> Pair | None:
        block, certificate = pair
        if block.recovery is not None:
            return None
        block = self._other(block)
        if way == "of-the-right-block":
            return block, certificate
        if way == "of-another-height":
            others = [each for each in self._past if each.height != block.height]
            return (block, self._pick.choice(others)) if others else None
        statement = replace(certificate.read, block_hash=block.hash).encode()
        return block, self._signed(way, statement, certificate)

    @staticmethod
    def _other(block: Block) -> Block:
        """Return a block in another's place: one transaction fewer, and a moment later."""
        return make_block(
            chain_id=block.chain_id,
            height=block.height,
            previous=block.previous,
            term=block.term,
            leader=block.leader,
            time=block.time + 1,
            transactions=block.transactions[:-1],
            membership=block.membership,
            membership_digest=block.membership_digest,
        )

    def _signed(self, way: str, statement: bytes, genuine: Certificate) -> Certificate:
        """Return a certificate of a statement that lacks a quorum, in one way or another."""
        own = self._key.sign(Domain.ATTESTATION, statement)
        names = [name for name, _ in genuine.signatures]
        if way == "alone":
            pairs = [(self._name, own)]
        elif way == "counted-twice":
            pairs = [(self._name, own)] * len(names)
        elif way == "in-others-names":
            pairs = [(name, own) for name in names]
        elif way == "under-a-strange-name":
            strange = [f"{self._name}-{number}" for number in range(1, len(names))]
            pairs = sorted([(self._name, own), *((name, own) for name in strange)])
        else:
            pairs = [(n, own if n == self._name else given) for n, given in genuine.signatures]
            if self._name not in names:
                pairs = sorted([*pairs, (self._name, own)])
        return Certificate(statement, tuple(pairs))
