"""A malicious member, byte for byte: it runs the real node, and its bytes change as they leave.

Where four or more vote it may be a voter, so at most a third lies; elsewhere it is an observer. As
in gear 1 it may say all that an honest majority must bear without harm; it does not lie about what
its disk holds, vote twice or say that it leads a term that it has not won: of that Raft promises
nothing. So Raft's own messages are spoilt only in ways that no decoder may accept.

What it says on connections of its own making is `rogue.py`'s.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import trio

from govchaind.base.crypto import HASH_BYTES, Domain
from govchaind.base.encoding import decode, encode
from govchaind.base.limits import SALT_BYTES
from govchaind.base.types import NodeId
from govchaind.ledger.certificate import Certificate
from govchaind.ledger.snapshot_chunk import row_length
from govchaind.ledger.statement import read_statement
from govchaind.ledger.transaction import assemble, read_transaction
from govchaind.raft.messages import RequestVote
from govchaind.replica.messages import Attest, Certificates, Gossip, Want
from govchaind.replica.snapshot_messages import SnapshotChunk, SnapshotOffer
from govchaind.runtime import codec
from netsim.gear2.chain import put
from netsim.gear2.wiretap import ATTEST
from netsim.options import source

if TYPE_CHECKING:
    from netsim.gear2.options import Options
    from netsim.gear2.world import World

SERVES = {42: 0.2, 44: 0.5}  # an offer of a snapshot, a chunk of one: share that is wrong
KEPT = 200  # frames that may be sent again
LEDGER = 30  # messages of this number and above are the ledger's
UNKNOWN = 99


def frame(body: bytes) -> bytes:
    """Return a body with its length before it."""
    return len(body).to_bytes(codec.LENGTH_BYTES, "big") + body


def bodies(data: bytes) -> Iterator[bytes]:
    """Yield the bodies of whole frames."""
    at = 0
    while at < len(data):
        length = int.from_bytes(data[at : at + codec.LENGTH_BYTES], "big")
        at += codec.LENGTH_BYTES
        yield data[at : at + length]
        at += length


def _spoilt(data: bytes, pick: random.Random) -> bytes:
    """Return the bytes with one bit flipped."""
    spoilt, bit = bytearray(data), pick.randrange(8 * len(data))
    spoilt[bit // 8] ^= 1 << bit % 8
    return bytes(spoilt)


def _other_value(chunk: bytes, pick: random.Random) -> bytes:
    """Return a chunk in which one row ends otherwise: but for its hash there is nothing wrong."""
    ends, at = list[int](), 0
    while at < len(chunk):
        at += row_length(chunk, at)
        ends.append(at)
    changed = bytearray(chunk)
    changed[pick.choice(ends) - 1] ^= 1
    return bytes(changed)


def who_lies(options: Options, voters: list[NodeId], observers: list[NodeId]) -> NodeId | None:
    """Return the malicious member of a run, if it has one."""
    if not options.on("malicious"):
        return None
    names = voters if len(voters) >= 4 else observers
    return source(options.seed, "gear2/liar/who").choice(names) if names else None


class Liar:
    """What the one liar of a world makes of its frames."""

    def __init__(self, world: World) -> None:
        options, chain = world.options, world.chain
        self.name = who_lies(options, chain.voters, chain.observers)
        self.over = False
        self._world = world
        self._pick = source(options.seed, "gear2/liar")
        self._past: deque[tuple[NodeId, bytes]] = deque(maxlen=KEPT)
        self._serving = source(options.seed, "gear2/liar/snapshots")
        self._statement = b""

    def told(self, name: NodeId, peer: NodeId, data: bytes) -> bytes:
        """Return what leaves where an honest node would send `data`, whole frames."""
        if name != self.name or self.over:
            return data
        return b"".join(self._instead(peer, body) for body in bodies(data))

    def _instead(self, peer: NodeId, body: bytes) -> bytes:
        pick, honest = self._pick, frame(body)
        number = decode(body, bytes_max=len(body))[0]
        if number in SERVES and self._serving.random() < SERVES[number]:
            return self._served(peer, body)
        self._past.append((peer, honest))
        if pick.random() >= self._world.options.lies:
            attests = decode(body, bytes_max=len(body))[0] == ATTEST
            return self._attest(body) if attests else honest
        self._world.marks.reach("lied")
        lies = (self._misshapen, self._misshapen, self._meaning, self._further)
        made = self._again(body, peer) if pick.random() < 0.2 else pick.choice(lies)(body)
        now = trio.current_time()
        self._world.trace.line(now, self.name or "-", f"* lies to {peer}: {made.hex()[:80]}")
        return made

    # --- bytes that no decoder may take ----------------------------------------------------------

    def _misshapen(self, body: bytes) -> bytes:
        """Return a frame that must be refused, whatever it is of."""
        pick = self._pick
        fields: list[Any] = decode(body, bytes_max=len(body))
        ways = (
            body[:-1],  # ends too soon
            body + b"\x00",  # goes on
            body[:1] + b"\x1b" + fields[0].to_bytes(8, "big") + self._after_number(body),
            encode([*fields, 0]),
            encode(fields[:-1] if len(fields) > 1 else [UNKNOWN]),
            encode([UNKNOWN, *fields[1:]]),
            encode({"0": fields[0]}),
            b"\x9f" + body[1:] + b"\xff",  # an array without a length
            pick.randbytes(pick.choice((1, 40, 2000))),
            b"\x81" * 5000 + b"\x00",  # arrays in arrays
        )
        made = frame(pick.choice(ways))
        if pick.random() < 0.15:  # a length that is another one
            made = pick.choice((0, 1 << 31, (1 << 32) - 1)).to_bytes(4, "big") + made[4:]
        return made

    @staticmethod
    def _after_number(body: bytes) -> bytes:
        return body[2:] if body[1] < 0x18 else body[3:]

    # --- bytes that mean something else ----------------------------------------------------------

    def _again(self, body: bytes, peer: NodeId) -> bytes:
        """Return the frame, and one that was sent before to the same peer: to another, a vote
        would be a second one."""
        return frame(body) + self._pick.choice([data for to, data in self._past if to == peer])

    def _meaning(self, body: bytes) -> bytes:
        """Return a well-formed lie in the place of a message, or beside it."""
        message = codec.read(codec.split(body), lambda _: None)
        if isinstance(message, RequestVote):
            term = message.term + self._pick.choice((1, 3, 1 << 31, 1 << 40))
            return codec.frame_of(replace(message, term=term))
        if decode(body, bytes_max=len(body))[0] < LEDGER:
            return self._misshapen(body)
        spoilt = bytearray(body)
        bit = self._pick.randrange(8 * len(body))
        spoilt[bit // 8] ^= 1 << bit % 8
        return frame(bytes(spoilt))

    def _served(self, peer: NodeId, body: bytes) -> bytes:
        """Return a part of a snapshot, or its head, that is not what was certified."""
        pick, message = self._serving, codec.read(codec.split(body), lambda _: None)
        made: Any = message
        if isinstance(message, SnapshotChunk) and message.body:
            other = message.body[::-1] if message.parting else _other_value(message.body, pick)
            ways: list[dict[str, Any]] = [
                {"body": _spoilt(message.body, pick)},
                {"body": other},
                {"body": other},
                {"body": other},
                {"body": message.body[:-1]},
                {"body": b""},
                {"parting": not message.parting},
            ]
            made = replace(message, **pick.choice(ways))
        elif isinstance(message, SnapshotOffer) and message.head:
            longer = [*message.consistency, pick.randbytes(HASH_BYTES)]
            ways = [
                {"head": _spoilt(message.head, pick)},
                {"head": message.head[:-1]},
                {"head": b"", "steps": []},
                {"consistency": longer},
            ]
            made = replace(message, **pick.choice(ways))
        if made is not message:
            self._world.marks.reach("lied")
            now = trio.current_time()
            text = f"* serves {peer} wrongly: {codec.frame_of(made).hex()[:80]}"
            self._world.trace.line(now, self.name or "-", text)
        return codec.frame_of(made)

    def _attest(self, body: bytes) -> bytes:
        """Return an attestation, at times of results that nobody has, or signed wrongly."""
        pick = self._pick
        message = codec.read(codec.split(body), lambda _: None)
        if not isinstance(message, Attest):
            return frame(body)
        self._statement = message.statement
        draw = pick.random()
        if draw < 0.6:
            return frame(body)
        self._world.marks.reach("lied")
        if draw < 0.7:
            return codec.frame_of(replace(message, signature=pick.randbytes(64)))
        if draw < 0.8:
            return codec.frame_of(replace(message, statement=message.statement[:-1]))
        read = read_statement(message.statement)
        statement = replace(read, log_root=read.log_root[::-1]).encode()
        signer = self._world.chain.identity(self.name or "").signer
        signature = signer.sign(Domain.ATTESTATION, statement)
        return codec.frame_of(Attest(message.height, statement, signature))

    def _further(self, body: bytes) -> bytes:
        """Return the frame, and one that nobody has asked for."""
        pick, world = self._pick, self._world
        draw = pick.random()
        if draw < 0.3:
            return frame(body) + codec.frame_of(Want([pick.randbytes(32) for _ in range(700)]))
        if draw < 0.7 or not self._statement:
            return frame(body) + self.forged_gossip()
        voters = [member.name for member in world.chain.genesis.nodes]
        forged = tuple((name, pick.randbytes(64)) for name in sorted(voters))
        certificate = Certificate(self._statement, forged)
        return frame(body) + codec.frame_of(Certificates([certificate]))

    def forged_gossip(self) -> bytes:
        """Return a transaction that its author has not signed."""
        chain, pick = self._world.chain, self._pick
        raw = chain.signed(chain.authors[0], put(b"forged", 1, None), pick.randbytes(SALT_BYTES))
        made = read_transaction(raw)
        pairs = [(public, pick.randbytes(64)) for public, _ in made.signatures]
        return codec.frame_of(Gossip([read_transaction(assemble(made.body, pairs))]))
