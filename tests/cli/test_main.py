"""The shape of the command line: help and examples everywhere, one-line errors, exit codes."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import trio

from govchaind.base import errors
from govchaind.cli.commands import LazyGroup
from govchaind.cli.main import FATAL, INTERRUPTED, INVALID, REFUSED, UNREACHABLE, cli, report
from tests.cli.command import Command


def walk(
    command: click.Command, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command with its path."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from walk(below, (*path, name))


COMMANDS = list(walk(cli))


@pytest.mark.parametrize(
    ("path", "command"), COMMANDS, ids=[" ".join(p) or "govchaind" for p, _ in COMMANDS]
)
def test_every_command_has_help_with_an_example(
    path: tuple[str, ...], command: click.Command, govchaind: Command
) -> None:
    ended = govchaind(*path, "--help")

    assert ended.code == 0
    assert "Example" in ended.output
    assert f"govchaind {' '.join(path)}".strip() in ended.output.partition("Example")[2]
    assert [
        option.name
        for option in command.params
        if isinstance(option, click.Option) and not option.help
    ] == []


@pytest.mark.parametrize("group", [(), ("init",), ("keys",), ("propose",)])
def test_a_group_alone_shows_its_help_and_not_an_error(
    group: tuple[str, ...], govchaind: Command
) -> None:
    ended = govchaind(*group)
    assert ended.code == INVALID
    assert ended.errors.startswith(" ".join(("Usage: govchaind", *group)))
    assert "error[" not in ended.errors
    assert len(ended.errors.splitlines()) > 10


def test_the_table_of_commands_says_what_the_commands_say() -> None:
    groups = [command for _, command in COMMANDS if isinstance(command, LazyGroup)]

    for group in groups:
        for name, entry in group.entries.items():
            below = group.get_command(click.Context(group), name)
            assert below is not None
            if below.short_help is not None:
                assert (name, entry.line) == (name, below.short_help)
            else:
                assert (below.help or "").startswith(entry.line)


def test_every_exit_code_is_in_the_help(govchaind: Command) -> None:
    text = govchaind("--help").output

    codes = (0, REFUSED, INVALID, UNREACHABLE, FATAL, INTERRUPTED)
    assert [code for code in codes if f"  {code} " not in text] == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.NotPermitted("no"), REFUSED),
        (errors.Busy("later"), REFUSED),
        (errors.InvalidProof("no"), INVALID),
        (errors.InvalidSetting("no"), INVALID),
        (errors.PeerError("gone"), UNREACHABLE),
        (errors.StorageCorrupt("bits"), FATAL),
        (errors.InvariantBroken("never"), FATAL),
        (click.UsageError("what?"), INVALID),
        (FileNotFoundError(2, "No such file", "a.csv"), INVALID),
        (KeyboardInterrupt(), INTERRUPTED),
        (ZeroDivisionError("x"), FATAL),
        (ExceptionGroup("n", [ExceptionGroup("n", [errors.NotFound("no")])]), REFUSED),
        (BaseExceptionGroup("n", [KeyboardInterrupt(), errors.PeerError("x")]), UNREACHABLE),
        (BaseExceptionGroup("n", [KeyboardInterrupt()]), INTERRUPTED),
        (ExceptionGroup("n", [errors.NotFound("no"), errors.StorageFailed("disk")]), FATAL),
        (SystemExit(5), 5),
    ],
)
def test_each_end_has_its_exit_code(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(error) == code
    assert capsys.readouterr().err.count("\n") <= 1


def test_an_error_is_one_line_with_code_and_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    report(errors.NotFound("there is\nno such thing.", code="no-thing", remedy="Look elsewhere."))

    assert capsys.readouterr().err == (
        "error[no-thing]: there is no such thing — Look elsewhere.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["sumbit"], "did you mean `submit`?"),
        (["init", "netwrok"], "did you mean `network`?"),
        (["status", "--jsn"], "--json"),
        (["xyzzy"], "see --help"),
        (["run"], "missing argument"),
        (["init", "network", "--validators", "0"], "not in the range"),
        (["submit", "put", "a", "b", "c"], "missing option '--key'"),
    ],
)
def test_a_wrong_use_is_told_in_one_line(
    arguments: list[str], expected: str, govchaind: Command
) -> None:
    ended = govchaind(*arguments)

    assert ended.code == INVALID
    assert ended.errors.startswith("error[usage]: ")
    assert expected in ended.errors
    assert ended.errors.count("\n") == 1


def test_a_traceback_is_shown_when_asked_for(govchaind: Command) -> None:
    ended = govchaind("--traceback", "get", "counties", "1")

    assert ended.code == INVALID
    assert "Traceback" in ended.errors
    assert "error[no-node-named]" in ended.errors


@pytest.mark.parametrize("arguments", [["--version"], ["--help"]])
def test_the_entry_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom govchaind.cli.main import main\n"
        f"assert main({arguments!r}) == 0\n"
        "heavy = ['trio', 'httpx', 'fastapi', 'cryptography', 'nacl', 'rich', 'lmdb', 'msgspec']\n"
        "print([name for name in heavy if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_taught_to_complete(shell: str, govchaind: Command) -> None:
    ended = govchaind("completion", shell)

    assert ended.code == 0
    assert f"_GOVCHAIND_COMPLETE={shell}_complete" in ended.output


def test_completion_knows_commands_and_options(
    govchaind: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_GOVCHAIND_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "govchaind init net")
    monkeypatch.setenv("COMP_CWORD", "2")

    assert "plain,network" in govchaind().output


def test_a_group_raised_inside_trio_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    async def fail() -> None:
        raise errors.PeerError("the other side is gone")

    async def run() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail)

    with pytest.raises(ExceptionGroup) as caught:
        trio.run(run)

    assert report(caught.value) == UNREACHABLE
    assert "the other side is gone" in capsys.readouterr().err


def test_the_page_of_commands_has_all_of_them_and_no_other() -> None:
    page = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
    listed = re.findall(r"^\| `govchaind ([a-z -]+)` \|", page, re.MULTILINE)
    groups_that_only_group = {
        "bridge", "db", "export", "init", "keys", "propose", "recover", "statement", "submit",
        "token", "trust",
    }  # fmt: skip

    known = {" ".join(path) for path, _ in COMMANDS if path} - groups_that_only_group
    assert sorted(listed) == sorted(known)
