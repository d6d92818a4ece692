"""The entry of the command line: parses, runs one command, and turns every end into an exit code.

Rules: an error is one line, `error[code]: what — what to do`, on standard error; what a script
reads is on standard output; nothing but click is imported here. This is one of the three places
where any exception is caught (the others are a link and a request).
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence

import click

from govchaind.base.errors import Fatal, GovchaindError, Invalid, PeerError, Refused
from govchaind.cli.commands import COMMANDS, LazyGroup
from govchaind.cli.help_text import Context
from govchaind.cli.language import Language, chosen
from govchaind.cli.wording import worded

OK = 0
REFUSED = 1
INVALID = 2
UNREACHABLE = 3
FATAL = 70
INTERRUPTED = 130

FAULT = "This is a fault of the software; run again with `govchaind --traceback …` and report it."

EPILOG = """\b
Exit codes:
  0    done
  1    refused: well-formed, but not now or not for you
  2    invalid: wrong usage, wrong input, or a proof that does not hold
  3    no node could be reached, or the network failed
  70   fatal: a node or its store must not go on
  130  interrupted with Ctrl-C

\b
Example (four nodes on this machine):
  govchaind init network --directory my-network
  govchaind run my-network/nodes/civil-affairs-1     # and the others
  govchaind status --network my-network/network.json
"""


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted:
        return
    from importlib.metadata import PackageNotFoundError, version

    try:
        number = version("govchaind")
    except PackageNotFoundError:
        number = "(not installed; run scripts/setup)"
    click.echo(f"govchaind {number}")
    ctx.exit()


@click.group(
    cls=LazyGroup,
    entries=COMMANDS,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version,
    help="Show the version and end.",
)  # fmt: skip
@click.option(
    "--lang", type=click.Choice(["en", "zh"]), envvar="GOVCHAIND_LANG", show_envvar=True,
    is_eager=True,
    help="Language of help, errors and sentences.  [default: the system's, else en]",
)  # fmt: skip
@click.option("--traceback", is_flag=True, help="On an error, show also where it arose.")
def cli(traceback: bool, lang: str | None) -> None:
    """govchaind: the shared evidence and duty ledger of institutions without a common boss.

    Each command has its own --help with an example.
    """


cli.context_class = Context


def main(arguments: Sequence[str]) -> int:
    """Run the command line; return its exit code."""
    try:
        result = cli.main(list(arguments), prog_name="govchaind", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of our output has gone, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except BaseException as error:  # the one door for whatever ends a command
        if "--traceback" in arguments:
            import traceback

            traceback.print_exception(error)
        return report(error, language=chosen(arguments))
    return result if isinstance(result, int) else OK


def exit_code(error: GovchaindError) -> int:
    """Return the exit code of an error of ours."""
    if isinstance(error, Fatal):
        return FATAL
    if isinstance(error, PeerError):
        return UNREACHABLE
    if isinstance(error, Invalid):
        return INVALID
    return REFUSED if isinstance(error, Refused) else FATAL


def report(
    error: BaseException,
    *,
    program: str = "govchaind",
    fault: str = FAULT,
    code_of: Callable[[GovchaindError], int] = exit_code,
    language: Language = "en",
) -> int:
    """Say in one line what ended the command of a program; return the exit code.

    The line begins with `error[code]` in every language.

    Args:
        fault: what to do about an error that nobody has foreseen.
        code_of: the exit code of an error of ours.
    """
    cause = principal(error)
    if isinstance(cause, KeyboardInterrupt | click.Abort):
        click.echo(worded("interrupted", language), err=True)
        return INTERRUPTED
    if isinstance(cause, SystemExit):
        return cause.code if isinstance(cause.code, int) else FATAL
    if isinstance(cause, click.exceptions.Exit):
        return cause.exit_code
    if isinstance(cause, click.exceptions.NoArgsIsHelpError):
        click.echo(cause.format_message(), err=True)
        return INVALID
    if isinstance(cause, click.ClickException):
        context = getattr(cause, "ctx", None)
        path = context.command_path if context else program
        _say("usage", cause.format_message(), f"See `{path} --help`.", language)
        return INVALID
    if isinstance(cause, GovchaindError):
        _say(cause.code, cause.message, cause.remedy, language)
        return code_of(cause)
    if isinstance(cause, OSError):
        place = f"{cause.filename}: " if cause.filename else ""
        what = f"{place}{worded(cause.strerror or str(cause), language)}"
        _say("system", what, "Check the path and its permissions.", language)
        return INVALID
    _say("unexpected", f"{type(cause).__name__}: {cause}", fault, language)
    return FATAL


def is_foreseen(error: BaseException) -> bool:
    """Say whether `report` knows what ended the command."""
    known = (KeyboardInterrupt, SystemExit, click.Abort, click.exceptions.Exit)
    cause = principal(error)
    return isinstance(cause, (*known, click.ClickException, GovchaindError, OSError))


def principal(error: BaseException) -> BaseException:
    """Return the one exception of a group (nurseries raise groups) that says most."""
    leaves = list(_leaves(error))
    ranked: tuple[type[BaseException], ...] = (Fatal, GovchaindError, Exception, BaseException)
    for kind in ranked:
        for leaf in leaves:
            if isinstance(leaf, kind):
                return leaf
    return error


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from _leaves(part)
    else:
        yield error


def _say(code: str, what: str, remedy: str, language: Language) -> None:
    told = worded(what, language).rstrip(".。")
    if code == "usage":
        told = _lowered(told)
    line = f"error[{code}]: {told} — {worded(remedy, language)}"
    click.echo(" ".join(line.split()), err=True)


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]
