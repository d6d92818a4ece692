"""Every property by id, with its sentence: what `docs/netsim.md` must name."""

from __future__ import annotations

from netsim import liveness
from netsim.checks import PROPERTIES

_ELSEWHERE = {
    "I-18": "nothing acknowledged is lost: committed or certified told to a client is for ever",
    "I-20": "reads and writes linearizable (by heights; and by search per key, with a budget)",
    "I-30": "a lying, slow or flooding peer ends its own link only; no exception leaves the link; "
    "other links' latency bounded",
    "I-31": "no follower's wall clock has influence on anything hashed; monotonic clock only on "
    "timing",
    "I-33": "same seed, same trace digest",
}


def properties() -> dict[str, str]:
    """Return the sentence of every property by id, sorted."""
    found = {kind.id: kind.text for kind in PROPERTIES}
    found.update(_ELSEWHERE)
    found.update(liveness.TEXTS)
    return dict(sorted(found.items(), key=lambda item: (item[0][0], len(item[0]), item[0])))
