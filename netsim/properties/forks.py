"""What a verifier must not believe although a quorum has signed it: I-34.

At the end of a run all validators' keys sign what contradicts the chain that a client has followed:
a fork at its head or behind it, a way back, another chain. The client's code judges each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from govchaind.base.errors import Invalid
from govchaind.base.types import Hash
from govchaind.ledger.certificate import Certificate
from govchaind.ledger.statement import Statement
from govchaind.ledger.trust import TrustRoot, TrustStep
from govchaind.replica.stored_certificates import certificate_at
from netsim.node import Node
from netsim.options import source
from netsim.properties.base import Property
from netsim.properties.receipts import advanced, signed_by_all

Lie = tuple[str, Callable[[], object]]


class NoForkIsBelieved(Property):
    id = "I-34"
    text = (
        "what contradicts the head that a client has pinned is refused, though a quorum signed it"
    )

    def end(self) -> None:
        nodes = [node for node in self.ghost.running() if not node.disk.rotten]
        if not nodes or not nodes[0].world.options.real_signatures:
            return
        node = source(nodes[0].world.options.seed, "forks").choice(nodes)
        newest = certificate_at(node.disk.image, node.world.certified(node))
        if newest is None or newest.height > len(self.ghost.committed):
            return
        try:
            trust, steps = advanced(node.disk.image, node, newest)
        except Invalid:
            return  # what does not hold even unchanged is I-21's
        trust = TrustRoot.from_genesis(node.world.genesis).advance(steps)
        for what, judge in self._lies(node, newest, trust, steps):
            try:
                judge()
            except Invalid:
                continue
            self.fail(node.name, f"a client at height {trust.head_height} believes {what}")

    def _lies(
        self, node: Node, newest: Certificate, trust: TrustRoot, steps: list[TrustStep]
    ) -> Iterator[Lie]:
        head = newest.read
        forked = head.log_root[::-1]

        def certified(statement: Statement) -> Certificate:
            return signed_by_all(node, Certificate(statement.encode(), ()), trust.membership)

        def checked(what: str, statement: Statement) -> Lie:
            return what, partial(trust.check, certified(statement))

        def followed(what: str, statement: Statement, path: tuple[Hash, ...] = ()) -> Lie:
            return what, partial(trust.advance, [TrustStep(certified(statement), path)])

        if head.height > trust.era:
            yield checked("another tree at its head", replace(head, log_root=forked))
            yield followed("a step to another tree at its head", replace(head, log_root=forked))
        yield checked("another chain's", replace(head, chain_id=head.chain_id[::-1]))
        ahead = replace(head, height=head.height + 1, log_root=forked)
        yield followed("a step to a tree that its own is no part of", ahead)
        yield followed("a step to one, by its own path", ahead, steps[-1].consistency)
        yield followed("a step of another chain", replace(ahead, chain_id=head.chain_id[::-1]))
        if trust.era > 1:
            before = replace(head, height=trust.era - 1)
            yield checked("what was certified before its members", before)
            yield followed("a step back behind its members", before)
        if head.height - 1 > trust.era:
            yield followed("a step back", replace(head, height=head.height - 1, log_root=forked))


PROPERTIES: tuple[type[Property], ...] = (NoForkIsBelieved,)
