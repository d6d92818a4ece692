"""What is printed of one run of gear 2: its options, its summary, and how to play it again."""

from __future__ import annotations

from netsim.gear2.job import Job, planting
from netsim.gear2.run import Verdict, run
from netsim.picture.record import Record

TAIL_LINES = 40


def outcome(verdict: Verdict) -> str:
    """Return what held, or did not, in one line."""
    if verdict.violation is None:
        return "every property holds"
    property_id, node, text, when = verdict.violation
    return f"{property_id} DOES NOT HOLD at {node}, {when:.6f} s: {text}"


def summary(job: Job, verdict: Verdict) -> list[str]:
    """Return one run's figures, a line each."""
    return [
        outcome(verdict),
        f"simulated          {verdict.simulated_seconds:.1f} s in {verdict.real_seconds:.1f} s",
        f"messages           {verdict.messages}, {verdict.wire_bytes} bytes",
        f"heights            {verdict.heights}, in {verdict.lives} lives of nodes",
        f"calls answered     {verdict.answered} of {verdict.operations}",
        f"proofs             {verdict.receipts} receipts; {verdict.flips_refused} spoilt, refused",
        f"marks              {' '.join(sorted(verdict.marks)) or 'none'}",
        f"trace digest       {verdict.digest}",
        f"again              {job.command()}",
    ]


def report(job: Job, *, trace: bool = False, record: Record | None = None) -> Verdict:
    """Run one seed; print its options, what came of it, and the last events if it does not hold.

    `record` is filled for a picture.
    """
    options = job.options()
    print("\n".join(options.lines()), flush=True)
    with planting(job.plant):
        verdict = run(options, print if trace else None, job.watched(), record)
    if verdict.violation is not None and not trace:
        print("the last events:")
        print("\n".join(verdict.tail[-TAIL_LINES:]))
    print("\n".join(["", *summary(job, verdict)]), flush=True)
    return verdict
