"""Known bugs of other systems that cannot be planted here, and why."""

from __future__ import annotations

from types import MappingProxyType

INAPPLICABLE = MappingProxyType(
    {
        "E-8": "a candidate asks once a term; after a lost reply it asks in the next one",
        "E-15": "every version has pre-votes; mixed versions need an upgrade to run against",
        "E-22": "a pre-vote that comes late names a term that is over, and only a pre-candidate "
        "counts pre-votes: two guards that would both have to go",
        "R-9": "the cache of entries is the log's own tail: there is one list to cut",
        "R-10": "a refusal carries a hint and the next probe lands on what both hold; a follower "
        "that refuses what it half knows is only slower",
        "D-8": "a store is LMDB: it has no records that can be torn; gear 1 knows batches only",
        "D-15": "gear 1 has no LMDB; its tests hold that no snapshot outlives a step",
        "S-4": "an observer adopts the height after its own only, and drops others",
        "M-3": "a leader that leaves hands over first, and may campaign until its removal is "
        "committed",
        "A-9": "gear 1 sends objects; what is not canonical is refused by the decoder, bytes are "
        "for gear 2",
        "A-12": "a leader with two tales is beyond what Raft promises; attestations with two tales "
        "are planted",
    }
)
