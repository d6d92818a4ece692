"""What clerks do about side values and evidence: recorded, voted away, reported; many wrongly.

All is drawn from a source of its own, so that a seed in which clerks do nothing of this draws what
it always drew. Most is in order: a text is about a request that is there, and sealed to both
parties and the supervisor; a removal names one that is there and lies; evidence is two statements
of one height that the node's own key signed, as whoever stole that key could make them. In a seed
whose signatures are keyed hashes the ledger finds none of those signed, since it judges them
itself.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from govchaind.base.crypto import Domain, SigningKey
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.statement import Statement
from netsim.errands import Errand
from netsim.model import clocks, exchange
from netsim.model.exchange import request_key
from netsim.model.ledger import Model
from netsim.model.side_values import SUPERVISOR, side_key

Office = tuple[str, str]
GROUNDS = ("personal-data", "court-order")
EVIDENCE_SHARE, REMOVAL_SHARE = 0.3, 0.25
HEIGHT_MAX = 9  # few, so that one is reported twice
REMOVED = 6  # place in a side value


class SidePapers:
    """One clerk's side values and evidence.

    Args:
        key: returns the attestation key of a node by its name.
    """

    def __init__(self, pick: random.Random, model: Model, key: Callable[[str], SigningKey]) -> None:
        self.random = pick
        self.model = model
        self._key = key

    def motion(self) -> tuple[int, list[Any]] | None:
        """Return a motion that a side value go, at times; None: something else is to be done."""
        pick = self.random
        if pick.random() >= REMOVAL_SHARE:
            return None
        there = self._recorded()
        lying = [each for each in there if self.model.get(side_key(*each))[REMOVED] is None]
        some = lying if lying and not self._rarely(0.15) else there
        institution, commitment = pick.choice(some or [("nobody", bytes(32))])
        if self._rarely():
            commitment = pick.randbytes(32)
        return MotionKind.REMOVE_SIDE_VALUE, [institution, commitment, pick.choice(GROUNDS)]

    def errand(self) -> Errand:
        """Return one transaction: a text recorded, or a node accused."""
        if self.random.random() < EVIDENCE_SHARE:
            return self._evidence()
        return self._record()

    # --- the state -------------------------------------------------------------------------------

    def _recorded(self) -> list[tuple[str, bytes]]:
        return [(key[1:-33].decode(), key[-32:]) for key in self.model.keys(b"\x20")]

    def _offices(self) -> list[Office]:
        found = [key[1:].decode().split("\0") for key in self.model.keys(b"\x02")]
        return [(institution, office) for institution, office in found]

    def _rarely(self, share: float = 0.06) -> bool:
        return self.random.random() < share

    # --- operations ------------------------------------------------------------------------------

    def _record(self) -> Errand:
        pick = self.random
        asked = [key[1:].decode().split("\0") for key in self.model.keys(b"\x12")]
        about = pick.choice(asked) if asked and not self._rarely(0.3) else None
        commitment = pick.randbytes(32)
        if about is None:
            author = pick.choice(self._offices())
            readers = pick.sample(self._offices(), pick.choice((1, 1, 2)))
        else:
            found = self.model.get(request_key(*about))
            author, readers = self._between(about[0], found)
            commitment = found[exchange.DETAILS] if pick.random() < 0.6 else commitment
            if self._rarely():
                about = [about[0], "nothing"]
        own = [name for place, name in self._recorded() if place == author[0]]
        if own and self._rarely(0.2):
            commitment = pick.choice(own)  # recorded before, and perhaps removed since
        readers = self._spoilt(readers)
        arguments = [commitment, pick.randbytes(32), pick.choice((1, 900, 65_536)),
                     [list(each) for each in readers], about]  # fmt: skip
        return Errand(author, [(int(Kind.RECORD_SIDE_VALUE), arguments)])

    def _between(self, requester: str, found: list[Any]) -> tuple[Office, list[Office]]:
        """Return who records a text about a request, and for whom it is sealed."""
        pick = self.random
        provider = found[exchange.PROVIDER]
        desks = {name: self._desk(name) for name in (requester, provider)}
        desks[requester] = (requester, found[exchange.OFFICE])
        terms = self.model.get(clocks.terms_key(found[exchange.UNDER]))
        supervisor = (str(terms[SUPERVISOR][0]), str(terms[SUPERVISOR][1]))
        sides = [desks[requester], desks[provider]]
        author = pick.choices([*sides, supervisor], weights=(4, 4, 2))[0]
        if self._rarely():
            author = pick.choice(self._offices())
        return author, [each for each in dict.fromkeys([*sides, supervisor]) if each != author]

    def _desk(self, institution: str) -> Office:
        found = self.model.get(b"\x01" + institution.encode())
        return institution, "nowhere" if found is None else str(found[2])

    def _spoilt(self, readers: list[Office]) -> list[Office]:
        """Return readers as they are, or in one of the ways in which the ledger refuses them."""
        odd = self.random.random()
        if odd < 0.2:
            return readers[:-1] or [("nobody", "nowhere")]
        if odd < 0.24:
            return [*readers, readers[0]] if readers else [("nobody", "nowhere")]
        if odd < 0.28:
            return [*readers, ("nobody", "nowhere")]
        return readers or [self.random.choice(self._offices())]

    def _evidence(self) -> Errand:
        pick = self.random
        name = pick.choice(self.model.keys(b"\x05"))[1:].decode()
        signer = self._key(name)
        height = pick.randrange(1, HEIGHT_MAX)
        said = sorted(self._statement(height) for _ in range(2))
        odd = pick.random()
        if odd < 0.08:
            said[1] = self._statement(height + 1)
        elif odd < 0.14:
            said = said[::-1]
        elif odd < 0.18:
            said[1] = said[0]
        elif odd < 0.22:
            said[0] = said[0][:-1]
        signatures = [signer.sign(Domain.ATTESTATION, each) for each in said]
        if self._rarely(0.1):
            signatures[pick.randrange(2)] = pick.randbytes(64)
        elif self._rarely(0.05):
            signatures.reverse()
        named = "nowhere" if self._rarely(0.05) else name
        arguments = [named, said[0], signatures[0], said[1], signatures[1]]
        author = pick.choice(self._offices())
        return Errand(author, [(int(Kind.REPORT_DOUBLE_SIGNING), arguments)])

    def _statement(self, height: int) -> bytes:
        pick = self.random
        chain_id = pick.randbytes(32) if self._rarely(0.03) else self.model.chain_id
        state_root = pick.choice((None, pick.randbytes(32)))
        roots = [pick.randbytes(32) for _ in range(3)]
        return Statement(chain_id, height, roots[0], roots[1], state_root, roots[2]).encode()
