"""A chain in memory that has lost its quorum, and records by which it may go on."""

from __future__ import annotations

from collections.abc import Sequence

from govchaind.ledger.apply import Applied
from govchaind.ledger.block import recovery_block
from govchaind.ledger.certificate import Certificate
from govchaind.ledger.membership import Membership, membership_of
from govchaind.ledger.recovery import Recovery, RecoveryBody, make_recovery
from govchaind.ledger.recovery_proof import build_proofs
from govchaind.ledger.recovery_quorum import keys_needed
from govchaind.ledger.state_tree import StateTree
from govchaind.ledger.trust import ConfigurationBlock, TrustRoot, TrustStep, build_steps
from tests.ledger.chain import INSTITUTIONS, Chain, filled, key, signed

CERTIFIED = 6  # of the eight heights of `filled`: two more were in order and not certified


def survivors(chain: Chain, *names: str) -> Membership:
    """Return the membership of those nodes alone."""
    left = [node for node in chain.membership.members if node.name in names]
    return membership_of(left, chain.ledger.height)


def record(
    chain: Chain,
    signers: Sequence[str] = INSTITUTIONS[:3],
    *,
    left: Sequence[str] = ("node-c",),
    lost: int | None = None,
    certified: int = CERTIFIED,
    membership: Membership | None = None,
) -> Recovery:
    """Return a record that goes on with the nodes `left`, signed by these institutions."""
    gone = sorted({node.name for node in chain.membership.members} - set(left))
    body = RecoveryBody(
        chain.genesis.chain_id,
        chain.ledger.height,
        chain.ledger.last_hash,
        certified,
        lost,
        9,
        left[0],
        chain.ledger.time + 5_000,
        membership or survivors(chain, *left),
        tuple(gone),
    )
    checkpoint = StateTree().checkpoint_at(chain.store, certified)
    keys = keys_needed([(name, "head") for name in INSTITUTIONS])
    header = chain.step(checkpoint).block.header
    proofs = build_proofs(chain.store, keys, checkpoint, header, chain.certificate(certified))
    made = make_recovery(body, proofs)
    for name in signers:
        made = made.signed(name, key(f"{name} head"))
    return made


def recovered(made: Recovery, chain: Chain) -> Applied:
    """Apply the recovery block."""
    return chain.take(recovery_block(made))


def went_on() -> tuple[Chain, Recovery, list[bytes]]:
    """Return a chain that was recovered at height 9 with node-c alone, and has two more blocks."""
    chain, raws = filled()
    made = record(chain)
    recovered(made, chain)
    chain.apply()
    chain.apply()
    return chain, made, raws


def of_survivors(chain: Chain, height: int, *names: str) -> Certificate:
    """Return a certificate that the survivors alone have signed."""
    return signed(chain, height, *(names or ("node-c",)))


def steps_over(chain: Chain, made: Recovery, trust: TrustRoot) -> list[TrustStep]:
    """Return the steps over the recovery block and to the newest height."""
    height = made.body.height
    block = chain.step(height).block
    over = ConfigurationBlock(
        block.header,
        made.body.membership.encode(),
        of_survivors(chain, height),
        made.encode(),
    )
    return build_steps(
        chain.store,
        from_height=trust.head_height,
        configurations=[over] if trust.era < height else [],
        newest=of_survivors(chain, chain.ledger.height),
    )
