"""The entry of `netsim`: parses, runs one command, and turns every end into an exit code.

An error is one line, `error[code]: what — what to do`, on standard error; what a script reads is on
standard output. Nothing but click is imported here.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

import click

from govchaind.cli.main import is_foreseen
from govchaind.cli.main import report as report_of
from netsim.cli.commands import COMMANDS, Commands

HOLDS = 0
VIOLATED = 1
WRONG = 2
MISSED = 3

FAULT = "This is a fault of netsim; run again with NETSIM_TRACEBACK=1 and report it."

EPILOG = """\b
Exit codes:
  0    every property holds; every mark, assertion and expectation is met
  1    a property does not hold, or an assertion of a scenario
  2    wrong arguments or a wrong file, or no cluster
  3    a sweep has missed a mark, or a run an expectation of its world
  70   a fault of netsim itself
  130  interrupted with Ctrl-C

\b
Examples:
  netsim run --seed 7                    one run: options, summary, digest
  netsim run five-provinces --seed 7     a world that comes with it
  netsim sweep --seeds 10000             many seeds, on all cores
  netsim scenario figure-8               a scenario that comes with it
"""


@click.group(
    cls=Commands,
    entries=COMMANDS,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
def cli() -> None:
    """Run whole networks of govchaind in one process; one seed decides everything.

    Each command has its own --help with an example. `netsim --seed 7` is short for `netsim run`.
    """


def main(arguments: Sequence[str]) -> int:
    """Run the command line; return its exit code."""
    given = list(arguments)
    if given and given[0].startswith("--") and given[0] != "--help":
        given.insert(0, "run")
    try:
        result = cli.main(given, prog_name="netsim", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of our output has gone, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except BaseException as error:  # the one door for whatever ends a command
        return report(error)
    return result if isinstance(result, int) else HOLDS


def report(error: BaseException) -> int:
    """Say in one line what ended the command; return the exit code."""
    if os.environ.get("NETSIM_TRACEBACK") and not is_foreseen(error):
        raise error
    return report_of(error, program="netsim", fault=FAULT, code_of=lambda _: WRONG)
