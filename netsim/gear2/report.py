"""What is printed of runs of gear 2: options and summary of one, a line of each of many."""

from __future__ import annotations

from netsim.gear2.run import Verdict, draw, run

TAIL_LINES = 40


def command(verdict: Verdict) -> str:
    """Return what plays this run again."""
    return f"netsim gear2 --seed {verdict.options.seed}"


def outcome(verdict: Verdict) -> str:
    """Return what held, or did not, in one line."""
    if verdict.violation is None:
        return "every property holds"
    property_id, node, text, when = verdict.violation
    return f"{property_id} DOES NOT HOLD at {node}, {when:.6f} s: {text}"


def summary(verdict: Verdict) -> list[str]:
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
        f"again              {command(verdict)}",
    ]


def report_seeds(seeds: range, *, trace: bool = False) -> int:
    """Run each seed and print what came of it; return the exit code."""
    failed = 0
    for seed in seeds:
        options = draw(seed)
        if len(seeds) == 1:
            print("\n".join(options.lines()), flush=True)
        verdict = run(options, print if trace else None)
        failed += verdict.violation is not None
        if verdict.violation is not None and not trace:
            print("the last events:")
            print("\n".join(verdict.tail[-TAIL_LINES:]))
        if len(seeds) == 1:
            print("\n".join(["", *summary(verdict)]), flush=True)
        else:
            print(f"seed {seed}: {outcome(verdict)} {verdict.digest}", flush=True)
    return 1 if failed else 0
