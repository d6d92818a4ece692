"""What a person, or a script, reads after a run."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import Any, Protocol

from netsim.job import COMPARING, Job
from netsim.run import Verdict

TAIL_LINES = 40


def command(job: Job) -> str:
    """Return the one command that plays this run again, to the byte."""
    return shlex.join(["netsim", "sweep" if job.property in COMPARING else "run", *job.arguments()])


def summary(verdict: Verdict) -> list[str]:
    """Return what came of a run, in a few lines."""
    searches = ", ".join(f"{count} {word}" for word, count in sorted(verdict.searches.items()))
    rate = verdict.messages / verdict.real_seconds if verdict.real_seconds else 0.0
    lines = [
        f"messages           {verdict.messages} ({rate:,.0f} a second)",
        f"simulated          {verdict.simulated_seconds:.1f} s in {verdict.real_seconds:.2f} s",
        f"heights            {verdict.heights} committed, {verdict.certified} certified, "
        f"highest term {verdict.terms}",
        f"client calls       {verdict.operations}, {verdict.answered} answered",
        f"linearizable       {searches or 'not searched'}",
        f"marks              {' '.join(sorted(verdict.marks)) or 'none'}",
        f"trace digest       {verdict.digest} of {verdict.events} events",
    ]
    if verdict.observers_height is not None:
        lines.insert(3, f"observers          all at height {verdict.observers_height} or above")
    if verdict.violation is None:
        lines.append("verdict            every property holds")
    else:
        property_id, node, text, at = verdict.violation
        lines.append(
            f"verdict            {property_id} DOES NOT HOLD at {node}, {at:.6f} s: {text}"
        )
    return lines


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """Return what came of a run, for a script."""
    violation = None
    if verdict.violation is not None:
        property_id, node, text, at = verdict.violation
        violation = {"property": property_id, "node": node, "text": text, "at": at}
    return {
        "seed": verdict.options.seed,
        "holds": verdict.violation is None,
        "violation": violation,
        "unmet": verdict.unmet,
        "digest": verdict.digest,
        "events": verdict.events,
        "messages": verdict.messages,
        "simulated_seconds": verdict.simulated_seconds,
        "real_seconds": verdict.real_seconds,
        "committed": verdict.heights,
        "certified": verdict.certified,
        "observers_height": verdict.observers_height,
        "highest_term": verdict.terms,
        "client_calls": verdict.operations,
        "answered": verdict.answered,
        "linearizable": dict(sorted(verdict.searches.items())),
        "marks": sorted(verdict.marks),
        "last_events": last_events(verdict),
    }


class Told(Protocol):
    """A verdict of either gear, or a trace: what has the end of a trace."""

    @property
    def tail(self) -> Iterable[str]: ...


def last_events(verdict: Told, lines: int = TAIL_LINES) -> list[str]:
    """Return the end of the trace, without the chatter about certified heights."""
    told = [line for line in verdict.tail if " Head " not in line]
    return told[-lines:]
