"""Which commands there are, and how one is imported only when it is used.

One line adds a command. The table has each command's line in the help, so that `netsim --help`
imports nothing but click; a test compares the lines with the commands' own.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

import click

from govchaind.cli.commands import Entry, LazyGroup

COMMANDS: Mapping[str, Entry] = MappingProxyType({
    "run": Entry("netsim.cli.run", "run", "Run one seed, or one world with a seed."),
    "sweep": Entry("netsim.cli.sweep", "sweep", "Run many seeds on all cores or a cluster."),
    "scenario": Entry("netsim.cli.scenario", "scenario", "Play a scenario file."),
    "replay": Entry("netsim.cli.replay", "replay", "Play a case that `netsim shrink` wrote."),
    "shrink": Entry("netsim.cli.shrink", "shrink",
                    "Make a failing run smaller; write it as a case."),
    "picture": Entry("netsim.cli.picture", "picture",
                     "Draw one run: a timeline, a sequence diagram and text."),
    "history": Entry("netsim.cli.history", "history",
                     "Say whether a register's log is linearizable."),
    "gear2": Entry("netsim.cli.gear2", "gear2", "Run whole nodes, byte for byte."),
    "beside": Entry("netsim.cli.beside", "beside",
                    "Judge chains by an older release too."),
    "explain": Entry("netsim.cli.explain", "explain",
                     "Explain a property: what, why, where, finds."),
    "mutants": Entry("netsim.cli.mutants", "mutants", "Plant known bugs and see what finds them."),
    "library": Entry("netsim.cli.library", "library",
                     "List worlds and scenarios that come with it."),
})  # fmt: skip


class Commands(LazyGroup):
    """The group of the table above: entries name whole modules."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        command = getattr(import_module(entry.module), entry.attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{entry.module}.{entry.attribute} is not a command")
        return command
