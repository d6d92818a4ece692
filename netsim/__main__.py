"""The command line of the simulator.

Exit codes: 0 every property holds and every mark is reached; 1 a property does not hold; 2 wrong
arguments; 3 a sweep has missed a mark.
"""

from __future__ import annotations

import argparse
import os
import sys

from netsim.options import FAULTS, MESSAGES_MAX, MINUTES, draw
from netsim.report import command, last_events, summary
from netsim.run import run
from netsim.sweep import Job, progress, sweep

EXAMPLES = """examples:
  python -m netsim --seed 7 --nodes 5 --minutes 10     one run: options, summary, digest
  python -m netsim --seed 7 --trace                    every event, one line each
  python -m netsim --seed 7 --without crash            the same run without one kind of fault
  python -m netsim sweep --seeds 0:300 --jobs 2        many seeds; fails on a missed mark
  python -m netsim mutants                             planted bugs, and what finds them
  python -m netsim picture --seed 7 --out DIR          the same run as timeline, diagram, text
  python -m netsim history FILE                        is a log of Jepsen's linearizable?

exit codes: 0 all holds, 1 a property does not hold, 2 wrong arguments, 3 a mark was missed
"""


def _range(text: str) -> range:
    first, _, last = text.partition(":")
    try:
        return range(int(first), int(last) if last else int(first) + 1)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not FIRST:END") from None


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--nodes",
        type=int,
        choices=range(1, 10),
        metavar="N",
        help="voters at genesis, 1 to 9 (drawn by the seed if left out)",
    )
    parser.add_argument(
        "--minutes", type=float, default=MINUTES, help="simulated minutes at most (10)"
    )
    parser.add_argument(
        "--messages",
        type=int,
        default=MESSAGES_MAX,
        help="messages at most, but for what liveness demands (5000)",
    )
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        choices=FAULTS,
        metavar="FAULT",
        help=f"leave out one kind of fault, repeatable: {' '.join(FAULTS)}",
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m netsim",
        epilog=EXAMPLES,
        description="Run a whole network in one process; one seed decides everything.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, help="which run")
    parser.add_argument("--trace", action="store_true", help="print every event")
    _add_common(parser)
    commands = parser.add_subparsers(dest="command", metavar="{sweep,mutants,gear2}")
    many = commands.add_parser("sweep", help="run many seeds on all cores")
    many.add_argument(
        "--seeds", type=_range, default=range(300), metavar="FIRST:END", help="which seeds (0:300)"
    )
    many.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    many.add_argument("--twice", action="store_true", help="run each seed twice, compare digests")
    many.add_argument("--stop-at", type=int, default=0, help="stop after so many failures")
    many.add_argument("--no-marks", action="store_true", help="a missed mark is no failure")
    _add_common(many)
    whole = commands.add_parser("gear2", help="whole nodes, byte for byte")
    whole.add_argument("--seed", "--seeds", type=_range, required=True, dest="seeds")
    whole.add_argument("--trace", action="store_true", help="print every event")
    planted = commands.add_parser("mutants", help="plant known bugs and see which property fires")
    planted.add_argument("names", nargs="*", help="which (all)")
    planted.add_argument(
        "--search",
        type=int,
        default=0,
        metavar="SEEDS",
        help="look through so many seeds for one that finds the bug",
    )
    return parser


def _one(arguments: argparse.Namespace) -> int:
    without = tuple(arguments.without)
    options = draw(
        arguments.seed,
        nodes=arguments.nodes,
        minutes=arguments.minutes,
        messages_max=arguments.messages,
        without=without,
    )
    print("\n".join(options.lines()), flush=True)
    print()
    verdict = run(options, print if arguments.trace else None)
    if verdict.violation is not None and not arguments.trace:
        print("the last events:")
        print("\n".join(last_events(verdict)))
        print()
    print("\n".join(summary(verdict)))
    print(f"again              {command(verdict, nodes=arguments.nodes, without=without)}")
    return 0 if verdict.violation is None else 1


def _many(arguments: argparse.Namespace) -> int:
    without = tuple(arguments.without)
    jobs = [
        Job(seed, arguments.nodes, arguments.minutes, arguments.messages, without, arguments.twice)
        for seed in arguments.seeds
    ]
    result = sweep(
        jobs,
        processes=arguments.jobs,
        stop_at=arguments.stop_at,
        say=lambda line: print(line, flush=True),
    )
    print(progress(result, len(jobs)))
    print(
        f"slowest seed {result.slowest[1]}: {result.slowest[0]:.2f} s; "
        f"{result.heights} heights committed"
    )
    for name, seeds in sorted(result.marks.items(), key=lambda item: len(item[1])):
        few = " ".join(map(str, seeds[:5]))
        print(f"  mark {name:28} {len(seeds)} seeds: {few}{' …' if len(seeds) > 5 else ''}")
    for property_id, failed in sorted(result.failures.items()):
        first = failed[0]
        few = " ".join(str(verdict.options.seed) for verdict in failed[:12])
        print(f"\n{property_id} does not hold in {len(failed)} of {result.seeds} seeds: {few}")
        print("\n".join(last_events(first, 12)))
        print("again: " + command(first, nodes=arguments.nodes, without=without))
    if result.failures:
        return 1
    if result.missed and not arguments.no_marks:
        print(f"\nmissed marks: {' '.join(result.missed)}")
        return 3
    return 0


def _click(argv: list[str]) -> int:
    """Run one of the commands that are made with click."""
    from netsim.cli.history import history
    from netsim.cli.picture import picture

    try:
        {"history": history, "picture": picture}[argv[0]].main(
            argv[1:], prog_name=f"python -m netsim {argv[0]}"
        )
    except SystemExit as ended:
        return int(ended.code or 0)


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    words = sys.argv[1:] if argv is None else argv
    if words[:1] in (["history"], ["picture"]):
        return _click(words)
    parser = _parser()
    arguments = parser.parse_args(words)
    if arguments.command == "gear2":
        from netsim.gear2.report import report_seeds

        return report_seeds(arguments.seeds, trace=arguments.trace)
    if arguments.command == "sweep":
        return _many(arguments)
    if arguments.command == "mutants":
        from netsim.mutants.table import report

        return report(arguments.names, arguments.search)
    if arguments.seed is None:
        parser.error("name a --seed, or a command: sweep, mutants")
    return _one(arguments)


if __name__ == "__main__":
    sys.exit(main())
