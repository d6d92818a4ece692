"""Every property by id, with its sentence: what `docs/netsim.md` must name; and all about one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netsim import liveness
from netsim.checks import PROPERTIES
from netsim.gear2 import judge
from netsim.reasons import SEEN, WHY

if TYPE_CHECKING:  # the table is read only where it is told of
    from netsim.mutants.plant import Mutant

_ELSEWHERE = {
    "I-18": "nothing acknowledged is lost: committed or certified told to a client is for ever",
    "I-20": "reads and writes linearizable (by heights; and by search per key, with a budget)",
    "I-30": "a lying, slow or flooding peer ends its own link only; no exception leaves the link; "
    "other links' latency bounded",
    "I-31": "no follower's wall clock has influence on anything hashed; monotonic clock only on "
    "timing",
    "I-32": "an older release never applies a block it cannot judge; until then its results are "
    "equal",
    "I-33": "same seed, same trace digest",
}
# Modules that look at a property outside of a class of its own.
_PLACES = {
    "I-16": ("netsim/replay.py",),
    "I-18": ("netsim/history.py",),
    "I-20": ("netsim/history.py", "netsim/workload.py"),
    "I-30": ("netsim/checks.py", "netsim/liar.py"),
    "I-31": ("netsim/run.py",),
    "I-32": ("netsim/beside.py", "netsim/older_ledger.py"),
    "I-33": ("netsim/trace.py", "netsim/sweep.py"),
    "N-1": ("netsim/checks.py",),
    "N-2": ("netsim/checks.py",),
    "L-e": ("netsim/world.py", "netsim/liveness.py"),
}


def properties() -> dict[str, str]:
    """Return the sentence of every property by id, sorted."""
    found = {kind.id: kind.text for kind in PROPERTIES}
    found.update(_ELSEWHERE)
    found.update(liveness.TEXTS)
    return dict(sorted(found.items(), key=lambda item: (item[0][0], len(item[0]), item[0])))


def known_ids() -> list[str]:
    """Return the id of every property of either gear, sorted."""
    every = {*properties(), *judge.PROPERTIES}
    return sorted(every, key=lambda each: (each[0], len(each), each))


def _command(mutant: Mutant) -> str:
    """Return the command in which a planted bug is found by its property."""
    from netsim.job import Job  # which reads world files, and they name properties
    from netsim.report import command

    asked = Job(mutant.seed, mutant.nodes, plant=mutant.name, property=mutant.property_id)
    return command(asked)


def explained(property_id: str) -> dict[str, Any]:
    """Return all that is known of one property: its sentence, why, where, and what it finds."""
    from netsim.gear2.job import Job as WholeJob
    from netsim.mutants.table import MUTANTS
    from netsim.mutants.whole.table import WHOLE

    where = [
        f"{kind.__module__.replace('.', '/')}.py ({kind.__name__})"
        for kind in PROPERTIES
        if kind.id == property_id
    ]
    where += _PLACES.get(property_id, ())
    if property_id in liveness.TEXTS and "netsim/liveness.py" not in where:
        where.append("netsim/liveness.py")
    whole = judge.PROPERTIES.get(property_id)
    if whole is not None:
        where.append("netsim/gear2/judge.py")
    return {
        "id": property_id,
        "text": properties().get(property_id, whole),
        "in_gear2": whole,
        "why": WHY.get(property_id, "It is one of the promises of docs/protocol.md."),
        "where": where,
        "finds": [
            {
                "name": mutant.name,
                "text": mutant.text,
                "seed": mutant.seed,
                "nodes": mutant.nodes,
                "source": mutant.source,
                "seen": SEEN.get(mutant.source, ""),
                "command": _command(mutant),
            }
            for mutant in MUTANTS
            if mutant.property_id == property_id
        ],
        "finds_in_gear2": [
            {
                "name": mutant.name,
                "text": mutant.text,
                "seed": mutant.seed,
                "command": WholeJob(mutant.seed, plant=mutant.name, property=property_id).command(),
            }
            for mutant in WHOLE
            if mutant.property_id == property_id
        ],
    }
