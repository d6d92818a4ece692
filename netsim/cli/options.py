"""Arguments that several commands share: which world, which seed, and what is left out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from govchaind.base.errors import InvalidSetting
from netsim.job import Job
from netsim.kinds import WORLD, check_kind
from netsim.library import found
from netsim.options import FAULTS
from netsim.scenario import read_text

F = TypeVar("F", bound=Callable[..., Any])


def job_options(command: F) -> F:
    """Add WORLD and what changes a run, as they are given."""
    for option in reversed((
        click.argument("world", required=False, metavar="[WORLD]"),
        click.option("--nodes", type=click.IntRange(1, 9), metavar="N",
                     help="Voters at genesis, 1 to 9.  [default: drawn by the seed]"),
        click.option("--minutes", type=click.FloatRange(0, min_open=True), metavar="MINUTES",
                     help="Simulated minutes at most.  [default: 10, or the world's]"),
        click.option("--messages", type=click.IntRange(1), metavar="N",
                     help="Messages at most, but for what liveness demands.  [default: 5000, or "
                     "the world's]"),
        click.option("--without", multiple=True, type=click.Choice(FAULTS), metavar="FAULT",
                     help=f"Leave out one kind of fault; repeatable: {' '.join(FAULTS)}."),
        click.option("--plant", default="", metavar="NAME",
                     help="Plant a known bug; `netsim mutants --list` names them."),
    )):  # fmt: skip
        command = option(command)
    return command


def job_of(
    world: str | None,
    seed: int | None,
    nodes: int | None,
    minutes: float | None,
    messages: int | None,
    without: tuple[str, ...],
    plant: str,
) -> Job:
    """Return the job that the arguments mean; its seed is the world's first if none is named."""
    if world is None:
        if seed is None:
            raise click.UsageError("name a --seed, or a world file")
        return Job(seed, nodes, minutes, messages, without, plant=plant)
    if nodes is not None:
        raise click.UsageError("--nodes is for runs without a world file, which names its own")
    path = found(world)
    text = read_text(path)
    check_kind(text, world, WORLD)
    source = world if path != Path(world) else str(path)
    job = Job(seed or 0, None, minutes, messages, without, world=text, source=source, plant=plant)
    made = job.world_file()
    if made is None:
        raise InvalidSetting(f"{world} is empty", code="wrong-file", remedy="Write sites into it.")
    return job if seed is not None else Job(
        made.seeds.first, None, minutes, messages, without, world=text, source=source, plant=plant
    )  # fmt: skip
