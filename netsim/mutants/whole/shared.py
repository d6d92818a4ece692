"""Bugs of gear 1's table that whole nodes must show too, by what can be seen of them outside."""

from __future__ import annotations

from netsim.mutants import node, proofs, raft, shell
from netsim.mutants.whole.bug import bug

bug("I-2", only=("partition", "cut", "crash"), nodes=5, seconds=60.0)(raft.second_vote)
bug("I-17")(node.ids_forgotten)
bug("I-21", seed=1)(proofs.sides_swapped)
bug("I-22")(shell.anything_certifies)
bug("I-23", only=("crash", "stop"), seed=1)(proofs.attestation_signed_anew)
bug("I-24")(node.attested_before_durable)
