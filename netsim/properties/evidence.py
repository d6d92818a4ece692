"""What proves a lie is kept: N-6. Only a run with a malicious member has any.

What a node has heard is remembered here, and what it does about it is looked at: that it knows of
the evidence at once, hands it to its disk with the next write, and knows of it in a later life.
"""

from __future__ import annotations

from govchaind.base.crypto import Domain
from govchaind.base.errors import Invalid
from govchaind.base.keyspace import Table
from govchaind.base.keyvalue import prefix_end
from govchaind.base.types import NodeId, PublicKey
from govchaind.ledger.statement import read_statement
from govchaind.replica.attestation import Attestations
from govchaind.replica.events import Received
from govchaind.replica.evidence import KEPT_PER_KEY_MAX, evidence_row
from govchaind.replica.messages import Attest
from netsim.ghost import Ghost, Mirror
from netsim.node import Node
from netsim.options import Options
from netsim.properties.base import Property, Step, Written

Life = tuple[NodeId, int]


class LiesAreKept(Property):
    id = "N-6"
    text = (
        "who has heard a validator sign two things about one height keeps the proof, also over "
        "restarts"
    )

    def __init__(self, ghost: Ghost) -> None:
        super().__init__(ghost)
        self._heard: dict[tuple[Life, NodeId, int], set[bytes]] = {}
        self._applied: dict[Life, int] = {}  # after the step before
        self._proved: set[tuple[Life, bytes]] = set()
        self._unwritten: dict[Life, set[bytes]] = {}

    @classmethod
    def needed(cls, options: Options) -> bool:
        # A line of a scenario may have one lie, too. A proof is judged by the client's code, which
        # knows real signatures only.
        return options.voters >= 4 and options.real_signatures

    def step(self, step: Step) -> None:
        node, replica = step.node, step.node.replica
        if node.world.liar.name is None or replica is None:
            return
        life = node.name, node.life
        applied = self._applied.get(life, 0)
        self._applied[life] = replica.ledger.height
        broken = {peer for peer, _ in step.work.broken_links}
        for event in step.events:
            if not isinstance(event, Received) or not isinstance(event.message, Attest):
                continue
            if event.peer not in broken and event.message.height <= applied:
                self._judge(node, replica.attestations, event.peer, event.message)

    def _judge(self, node: Node, known: Attestations, peer: NodeId, attest: Attest) -> None:
        key = known._key_of(peer, attest.height)
        if key is None or not self._signed(node, key, attest):
            return
        life = node.name, node.life
        heard = self._heard.setdefault((life, peer, attest.height), set())
        heard.add(attest.statement)
        certificate = known._newest.get(attest.height)
        gathered = known._open.get(attest.height)
        if certificate is not None and peer in dict(certificate.signatures):
            proved = certificate.statement != attest.statement
        else:
            proved = gathered is not None and len(heard) > 1 and gathered.statement in heard
        if not proved or node.replica is None:
            return
        evidence = node.replica._parts.evidence
        if evidence.has(key, attest.height):
            row = evidence_row(key, attest.height)
            if (life, row) not in self._proved and node.disk.image.get(row) is None:
                self._unwritten.setdefault(life, set()).add(row)
            self._proved.add((life, row))
            node.world.marks.reach("lie-proved")
        elif sum(1 for of, _ in evidence._kept if of == key) < KEPT_PER_KEY_MAX:
            self.fail(node.name, f"keeps no proof that {peer} signed two things of {attest.height}")

    def _signed(self, node: Node, key: PublicKey, attest: Attest) -> bool:
        """Say whether the key has signed a statement of this chain and of the height it names."""
        try:
            said = read_statement(attest.statement)
        except Invalid:
            return False
        if (said.chain_id, said.height) != (node.world.genesis.chain_id, attest.height):
            return False
        verify = node.world.signatures.verify
        return verify(Domain.ATTESTATION, key, attest.statement, attest.signature)

    def writing(self, node: Node, written: Written) -> None:
        waiting = self._unwritten.pop((node.name, node.life), None)
        if waiting and (lacking := waiting - written.rows(Table.EVIDENCE).keys()):
            self.fail(node.name, f"writes without the {len(lacking)} proofs that wait to be kept")

    def started(self, node: Node, mirror: Mirror) -> None:
        if node.replica is None:
            return
        evidence = node.replica._parts.evidence
        start = Table.EVIDENCE.value
        for row, _ in node.disk.image.scan(start, prefix_end(start)):
            if not evidence.has(row[1:33], int.from_bytes(row[33:41], "big")):
                self.fail(node.name, "has a proof on its disk, and does not know of it")


PROPERTIES: tuple[type[Property], ...] = (LiesAreKept,)
