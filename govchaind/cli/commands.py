"""Which commands there are, and how one is imported only when it is used.

The table has each command's place and its line in the help, so that `govchaind --help` and
`--version` import nothing but click. A test compares the lines with the commands' own.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import click

from govchaind.cli.help_text import Context, speaking


class Entry(NamedTuple):
    """Where a command lives (module under govchaind.cli, attribute) and what it does."""

    module: str
    attribute: str
    line: str


class LazyGroup(click.Group):
    """A group whose commands are imported when they are used; knows the nearest name of a typo."""

    def __init__(self, *args: Any, entries: Mapping[str, Entry], **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.entries = entries

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        command = getattr(import_module(f"govchaind.cli.{entry.module}"), entry.attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{entry.module}.{entry.attribute} is not a command")
        return speaking(command) if self.context_class is Context else command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in self.entries and not name.startswith("-") and not ctx.resilient_parsing:
            near = difflib.get_close_matches(name, self.entries, n=1, cutoff=0.5)
            hint = f"did you mean `{near[0]}`?" if near else "see --help for the commands"
            raise click.UsageError(f"there is no command {name!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.line) for name, entry in self.entries.items()])


COMMANDS: Mapping[str, Entry] = {
    "init": Entry("init", "init", "Make a network, a node, or a genesis."),
    "run": Entry("run", "run", "Run a node until Ctrl-C or SIGTERM."),
    "signer": Entry(
        "signer", "signer", "Hold a validator's attestation key, and sign for its node."
    ),
    "status": Entry("status", "status", "Show how the nodes of a network are."),
    "top": Entry("top", "top", "Watch all nodes of a network, live."),
    "members": Entry("members", "members", "Show the nodes on the ledger, or vote on them."),
    "motions": Entry("motions", "motions", "Show what institutions vote on, or vote on it."),
    "propose": Entry("propose", "propose", "Move a rule, a calendar, a mandate, new keys."),
    "mandates": Entry(
        "mandates",
        "mandates",
        "Show the mandates on the ledger, and until when they are in force.",
    ),
    "offices": Entry(
        "offices",
        "offices",
        "Show whether institutions can go on deciding, and which offices are quiet or end soon.",
    ),
    "parameters": Entry(
        "parameters",
        "parameters",
        "Show the parameters, the version of the ledger, and who is ready for the next.",
    ),
    "evidence": Entry(
        "evidence", "evidence", "Show nodes that have signed two different things about one height."
    ),
    "calendars": Entry(
        "calendars", "calendars", "Show the calendars of working days on the ledger."
    ),
    "assets": Entry(
        "assets", "assets", "Show the assets on the ledger, or issue, move and freeze them."
    ),
    "duties": Entry(
        "duties", "duties", "Show the duties of offices, and the mandates that order them."
    ),
    "catalogue": Entry(
        "catalogue",
        "catalogue",
        "Show or search the catalogue of data sets; export it, or change your own entries.",
    ),
    "requests": Entry(
        "requests", "requests", "Show requests for data and their clocks; ask, answer, appeal."
    ),
    "accounts": Entry(
        "accounts", "accounts", "Show what was asked, given and answered in time in a month."
    ),
    "deliver": Entry("deliver", "deliver", "Seal a file, record it, and bring it on its way."),
    "receive": Entry("receive", "receive", "Fetch a delivery, check it, open it, sign for it."),
    "erase": Entry("erase", "erase", "Destroy what was received, and sign that it is done."),
    "deliveries": Entry(
        "deliveries",
        "deliveries",
        "Show deliveries; dispute one, order erasure, report a loss.",
    ),
    "delivery-keys": Entry(
        "delivery_keys",
        "delivery_keys",
        "Show the delivery keys on the ledger, and to which nodes sealed files are brought.",
    ),
    "side-values": Entry(
        "side_values",
        "side_values",
        "Show the sealed texts beside the ledger; record one, open one.",
    ),
    "statement": Entry(
        "statement", "statement", "Make or verify the monthly statement of an institution."
    ),
    "keys": Entry("keys", "keys", "Make and show the keys of offices."),
    "token": Entry("token", "token", "Make tokens for clients of a node that wants them."),
    "submit": Entry("submit", "submit", "Sign and submit transactions."),
    "get": Entry("get", "get", "Read a record, its history or its proof."),
    "receipt": Entry("receipt", "receipt", "Fetch the receipt of a transaction."),
    "verify-receipt": Entry(
        "verify_receipt", "verify_receipt", "Verify a receipt or a state proof, offline."
    ),
    "trust": Entry("trust", "trust", "Keep a trust file: the newest head you have seen."),
    "verify": Entry("verify", "verify", "Check a node's whole store, offline."),
    "backup": Entry("backup", "backup", "Back up the ledger from a running node."),
    "restore": Entry("restore", "restore", "Make a node's store from a backup."),
    "recover": Entry("recover", "recover", "Go on when the quorum is lost for good."),
    "db": Entry("db", "db", "Show what a node's store takes, and make room."),
    "exit-pack": Entry(
        "exit_pack", "exit_pack", "Write everything that is on the ledger into a folder."
    ),
    "bridge": Entry(
        "bridge", "bridge", "Write what is certified into PostgreSQL or NATS, as it happens."
    ),
    "export": Entry(
        "export", "export", "Write what is certified as Parquet files, or verify such files."
    ),
    "config": Entry("settings", "config", "Show the settings of a node, or explain all of them."),
    "rules": Entry(
        "rules", "rules", "Print alert rules for Prometheus, or a dashboard for Grafana."
    ),
    "outcomes": Entry("outcomes", "outcomes", "List every outcome with its cause and remedy."),
    "completion": Entry("completion", "completion", "Print the script for shell completion."),
}
