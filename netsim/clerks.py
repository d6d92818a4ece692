"""Clerks: they do to the ledger all that its operations allow, and much that they refuse.

A clerk looks at the state (as the model has it) and makes a burst of one to six transactions:
offices are founded, keys rotated and revoked, policies of several keys set, institutions admitted,
registers made, records written and retired, assets issued, moved and frozen, texts recorded beside
the ledger and voted away, nodes accused; by too few or too many signatures, keys that are over,
another chain's id, wrong shapes, after their time. Copies are sent again, some signed anew. A burst
may be put into a leader's pool past the node's own look at the state: state may change between that
look and the block, so the block must be judged as if nobody had looked.

What a clerk is told does not matter: the model says what must come of each (N-3, I-17, I-19).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.transaction import Transaction, build_body
from govchaind.raft.core import Role
from govchaind.replica.events import Offered
from netsim.asset_papers import AssetPapers
from netsim.chain import INSTITUTIONS, OFFICE
from netsim.delivery_errands import DeliveryErrands
from netsim.errands import Errand, Errands
from netsim.exchange_marks import mark_exchange
from netsim.node import Node
from netsim.options import source
from netsim.papers import OF_KEYS, Papers
from netsim.resolutions import open_motion
from netsim.sanctions import GUESTS
from netsim.side_papers import SidePapers

if TYPE_CHECKING:
    from netsim.world import World

KEPT = 60  # transactions that may be sent again
BURST_MAX = 6
DELIVERIES_SHARE = 0.4  # of what is done about requests, once something is granted
ASSETS_SHARE = 0.25  # of what clerks do is about assets
OF_OFFICES = OF_KEYS | {Kind.CREATE_OFFICE}
HOURS_MILLISECONDS = 5 * 3600 * 1000
SLOWLY_MILLISECONDS = 15 * 24 * 3600 * 1000


class Clerk:
    """One clerk; all its choices come from one source."""

    def __init__(self, number: int, world: World) -> None:
        self.world = world
        self.random = source(world.options.seed, f"clerk/{number}")
        self.papers = Papers(self.random, world, f"c{number}")
        self.assets = AssetPapers(self.random, world.ghost.model)
        self.errands = Errands(self.random, world.ghost.model)
        self.deliveries = DeliveryErrands(self.random, world.ghost.model)
        self.sides = SidePapers(
            source(world.options.seed, f"clerk/{number}/sides"),
            world.ghost.model,
            lambda name: world.signatures.key(f"node/{name}"),
        )
        self.sent: list[Transaction] = []
        self._marked = 0  # up to which height marks were looked for

    def start(self) -> None:
        self._later()

    def _later(self) -> None:
        wait = self.random.expovariate(1 / self.world.options.clerk_think)
        self.world.heap.after(wait, self._act)

    def _act(self) -> None:
        world = self.world
        if world.workload.stopped or world.faults.over:
            return
        self._later()
        world.ghost.advance_model(len(world.ghost.committed))
        self._marked = mark_exchange(world.ghost.model, self._marked, world.marks)
        burst: list[Transaction] = []
        for _ in range(self.random.choice((1, 1, 2, 3, BURST_MAX))):
            burst += self._some()
        self.sent = (self.sent + burst)[-KEPT:]
        node = world.some_node(self.random)
        if node is None:
            return
        if self.random.random() < 0.25 and self._unlooked(burst):
            return
        self._offer(node, burst)
        other = world.some_node(self.random)
        if other is not None and self.random.random() < 0.3:
            self._offer(other, burst[::-1])

    def _offer(self, node: Node, burst: list[Transaction]) -> None:
        said = " ".join(each.identity[:3].hex() for each in burst)
        self.world.trace.line(self.world.heap.now, node.name, f"clerk offers {said}")
        node.arrive(Offered(-1, burst))

    def _unlooked(self, burst: list[Transaction]) -> bool:
        """Put a burst into the leader's pool as if it had been fine when it came."""
        leader = self.world.leader()
        if leader is None or leader.replica is None or leader.replica.raft.role is not Role.LEADER:
            return False
        if leader.name in self.world.network.gone or leader.paused:
            return False
        said = " ".join(each.identity[:3].hex() for each in burst)
        now = self.world.heap.now
        self.world.trace.line(now, leader.name, f"clerk puts into the pool {said}")
        for each in burst:
            self.world.unlooked.add(each.identity)
            leader.replica.pool.add(each, now)
        leader.arrive(Offered(-1, []))
        return True

    # --- transactions ----------------------------------------------------------------------------

    def _some(self) -> list[Transaction]:
        """Return one transaction, or a motion's ballots, or old ones again."""
        pick = self.random
        sides = self.world.options.sides
        if sides and self.sides.random.random() < sides:
            return self._sides()
        motions = self.world.options.motions
        if motions and pick.random() < motions:
            return self._decision()
        if pick.random() < ASSETS_SHARE:
            return self._assets()
        share = self.world.options.errands
        if share and pick.random() < share:
            return self._errand()
        choice = pick.random()
        if choice < 0.2 and self.sent:
            return [self._again(pick.choice(self.sent[-12:]))]
        if choice < 0.34:
            return self._motion()
        if choice < 0.38 and (twice := self._twice()):
            return twice
        institution, office = self._author()
        operations = [self.papers.operation(institution, office)]
        if operations[0][0] in OF_OFFICES and pick.random() < 0.7:
            office = OFFICE  # the one that may do it
        while len(operations) < 5 and pick.random() < 0.25:
            operations.append(self.papers.operation(institution, office))
        made = self._signed(institution, office, operations)
        if pick.random() < 0.12:  # the same body, signed by others of the office: one id, one block
            keys = self._keys(institution, office)
            return [made, self.papers.sign(made.body, keys)]
        return [made]

    def _assets(self) -> list[Transaction]:
        """Return acts on assets of one office, or ballots for what assets rest on."""
        pick, now = self.random, self.papers.now()
        motion = self.assets.mandate(now)
        if motion is not None:
            return self._moved(*motion, 1_000)
        offices = self.papers.offices()
        author, kind, arguments = self.assets.act(now, offices)
        operations = [(kind, arguments)]
        while len(operations) < 4 and pick.random() < 0.3:
            again, kind, arguments = self.assets.act(now, offices)
            if again == author:
                operations.append((kind, arguments))
        if pick.random() < 0.03:
            operations[-1] = (operations[-1][0], self.papers.misshapen(operations[-1][1]))
        return [self._signed(*author, operations)]

    def _errand(self) -> list[Transaction]:
        """Return an errand of some office, or the ballots for what requests rest on."""
        pick, now = self.random, self.papers.now()
        turn = pick.choice((1_000, 1_001, 1_002))
        motions, errands = self.errands.founding(now)
        if not motions and (motion := self.errands.ground(now)) is not None:
            motions = [motion]
        made = [each for motion in motions for each in self._ballots(INSTITUTIONS, turn, *motion)]
        if not made:
            given = self.deliveries.errands(now) if pick.random() < DELIVERIES_SHARE else []
            errands = given or [self.errands.errand(now) for _ in range(pick.choice((1, 2, 4)))]
        return [*made, *(self._run(errand) for errand in errands)]

    def _sides(self) -> list[Transaction]:
        """Return a side value, evidence, or the ballots by which a side value goes."""
        motion = self.sides.motion()
        if motion is None:
            return [self._run(self.sides.errand())]
        return self._ballots(INSTITUTIONS, self.sides.random.choice((1_000, 1_001)), *motion)

    def _run(self, errand: Errand) -> Transaction:
        """Return an errand signed, mostly as its office's policy asks for."""
        pick, papers = self.random, self.papers
        author = errand.author
        threshold, usable = papers.policy(*author)[0], self._usable(*author)
        keys = pick.sample(usable, threshold) if len(usable) >= threshold else None
        return self._signed(*author, errand.operations, keys)

    def _again(self, before: Transaction) -> Transaction:
        """Return a transaction sent before, perhaps signed by others of the office's keys."""
        if self.random.random() < 0.5:
            return before
        keys = self._keys(before.institution, before.office)
        return self.papers.sign(before.body, keys) if keys else before

    def _twice(self) -> list[Transaction]:
        """Return one body signed by two sets of keys, each as its office's policy asks for."""
        pick, papers = self.random, self.papers
        offices = []
        for place in papers.offices():
            threshold, usable = papers.policy(*place)[0], self._usable(*place)
            if len(usable) > threshold:
                offices.append((place, threshold, usable))
        if not offices:
            return []
        (institution, office), threshold, usable = pick.choice(offices)
        operations = [papers.operation(institution, office)]
        mixed = pick.sample(usable, len(usable))
        made = self._signed(institution, office, operations, mixed[:threshold])
        return [made, papers.sign(made.body, mixed[1 : threshold + 1])]

    def _usable(self, institution: str, office: str) -> list[bytes]:
        """Return the keys of an office that are in force now."""
        now = self.papers.now()
        return list({
            seat[0]: seat[1]
            for seat in self.papers.policy(institution, office)[1]
            if seat[5] is None and seat[3] <= now and (seat[4] is None or seat[4] > now)
        }.values())  # fmt: skip

    def _author(self) -> tuple[str, str]:
        offices = self.papers.offices()
        pick = self.random
        if pick.random() < 0.03:
            return pick.choice((("nobody", OFFICE), (INSTITUTIONS[0], "nowhere")))
        if pick.random() < 0.4:
            return pick.choice(INSTITUTIONS), OFFICE
        return pick.choice(offices)

    def _keys(self, institution: str, office: str) -> list[bytes]:
        """Return public keys to sign with: mostly what the policy asks for."""
        pick, papers = self.random, self.papers
        threshold, seats = papers.policy(institution, office)
        if not seats:
            return [papers.new_key()]
        usable = self._usable(institution, office)
        publics = [seat[1] for seat in seats]
        over = [seat[1] for seat in seats if seat[5] is not None]
        choice = pick.random()
        if over and choice < 0.1:
            return [pick.choice(over), *usable[: threshold - 1]]
        if choice < 0.72 and len(usable) >= threshold:
            return pick.sample(usable, threshold)
        if choice < 0.78:
            return pick.sample(publics, min(len(publics), threshold + 1))
        if choice < 0.88 and threshold > 1 and len(usable) >= threshold:
            return pick.sample(usable, threshold - 1)
        if choice < 0.91:
            return [*pick.sample(publics, min(len(publics), threshold - 1)), papers.new_key()]
        return pick.sample(publics, min(len(publics), threshold))

    def _signed(
        self,
        institution: str,
        office: str,
        operations: list[tuple[int, list[Any]]],
        keys: list[bytes] | None = None,
    ) -> Transaction:
        pick, world = self.random, self.world
        chain_id = world.genesis.chain_id
        if pick.random() < 0.02:
            chain_id = chain_id[::-1]
        lifetime = pick.choice((5_000, 5_000, 30_000, 120_000, 600_000))
        odd = pick.random()
        if odd < 0.03:
            lifetime = -pick.choice((1, 2_000, 100_000))
        elif odd < 0.08:
            lifetime = pick.choice((SLOWLY_MILLISECONDS, HOURS_MILLISECONDS, HOURS_MILLISECONDS))
        body = build_body(
            chain_id=chain_id,
            institution=institution,
            office=office,
            operations=operations,
            valid_until=self.papers.now() + lifetime + world.options.lifetime_extra,
            salt=pick.randbytes(16),
        )
        return self.papers.sign(body, keys or self._keys(institution, office))

    def _motion(self) -> list[Transaction]:
        """Return ballots of some institutions: enough to admit one, or to be refused."""
        pick, papers = self.random, self.papers
        all_are_in = len(papers.institutions()) == len(INSTITUTIONS) + len(GUESTS)
        kind, arguments = papers.motion(may_admit=not all_are_in)
        number = pick.choice((0, 0, 1, 2))
        if kind != MotionKind.ADMIT_INSTITUTION:
            number += 1_000  # never a round of the operators'
        return self._moved(kind, arguments, number)

    def _decision(self) -> list[Transaction]:
        """Return ballots of a motion, or what follows: its enactment, a ballot withdrawn."""
        pick = self.random
        choice = pick.random()
        if choice < 0.55:
            return self._motion()
        author = pick.choice(INSTITUTIONS), OFFICE
        kind = Kind.ENACT if choice < 0.8 else Kind.WITHDRAW
        return [self._signed(*author, [(int(kind), [open_motion(pick, self.world.ghost.model)])])]

    def _moved(self, kind: int, arguments: list[Any], number: int) -> list[Transaction]:
        """Return the ballots of one to three institutions."""
        pick = self.random
        voters = pick.sample(INSTITUTIONS, pick.choice((1, 2, 3, 3, 3)))
        ballots = self._ballots(voters, number, kind, arguments)
        guests = [name for name in GUESTS if name in self.papers.institutions()]
        if guests and pick.random() < 0.6:  # first, so that it may lie there when its author goes
            vote = (int(Kind.VOTE), [number, int(kind), arguments])
            ballots.insert(0, self._signed(pick.choice(guests), OFFICE, [vote]))
        return ballots

    def _ballots(
        self, voters: Sequence[str], number: int, kind: int, arguments: list[Any]
    ) -> list[Transaction]:
        vote = (int(Kind.VOTE), [number, int(kind), arguments])
        until = self.papers.now() + 60_000 + self.world.options.lifetime_extra
        return [self.world.chain.transaction(name, [vote], until) for name in voters]
