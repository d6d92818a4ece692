"""What a person reads after a run or a sweep."""

from __future__ import annotations

from netsim.run import Verdict

TAIL_LINES = 40


def command(verdict: Verdict, *, nodes: int | None, without: tuple[str, ...]) -> str:
    """Return the one command that plays this run again, to the byte."""
    options = verdict.options
    parts = [f"python -m netsim --seed {options.seed}"]
    if nodes is not None:
        parts.append(f"--nodes {nodes}")
    parts.append(f"--minutes {options.minutes:g}")
    if options.messages_max != 5000:
        parts.append(f"--messages {options.messages_max}")
    parts.extend(f"--without {fault}" for fault in without)
    return " ".join(parts)


def summary(verdict: Verdict) -> list[str]:
    """Return what came of a run, in a few lines."""
    searches = ", ".join(f"{count} {word}" for word, count in sorted(verdict.searches.items()))
    rate = verdict.messages / verdict.real_seconds if verdict.real_seconds else 0.0
    lines = [
        f"messages           {verdict.messages} ({rate:,.0f} a second)",
        f"simulated          {verdict.simulated_seconds:.1f} s in {verdict.real_seconds:.2f} s",
        f"heights            {verdict.heights} committed, highest term {verdict.terms}",
        f"client calls       {verdict.operations}, {verdict.answered} answered",
        f"linearizable       {searches or 'not searched'}",
        f"marks              {' '.join(sorted(verdict.marks)) or 'none'}",
        f"trace digest       {verdict.digest} of {verdict.events} events",
    ]
    if verdict.violation is None:
        lines.append("verdict            every property holds")
    else:
        property_id, node, text, at = verdict.violation
        lines.append(
            f"verdict            {property_id} DOES NOT HOLD at {node}, {at:.6f} s: {text}"
        )
    return lines


def last_events(verdict: Verdict, lines: int = TAIL_LINES) -> list[str]:
    """Return the end of the trace, without the chatter about certified heights."""
    told = [line for line in verdict.tail if " Head " not in line]
    return told[-lines:]
