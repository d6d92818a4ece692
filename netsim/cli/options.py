"""Arguments that several commands share: which world, which seed, and what is left out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from govchaind.base.errors import InvalidSetting
from netsim.catalog import known_ids, properties
from netsim.job import COMPARING, Job, mutant, of_seed
from netsim.kinds import WORLD, check_kind
from netsim.library import found
from netsim.options import FAULTS
from netsim.scenario import read_text

F = TypeVar("F", bound=Callable[..., Any])
# Properties that no single run looks at: they are found by comparing it with others.
COMPARED = {
    "I-32": "`netsim beside`",
    **{each: f"`netsim sweep {option}`" for each, option in COMPARING.items()},
}


class Amount(click.FloatRange):
    """A number above 0; `nan` and `inf`, which click lets pass, are none."""

    def __init__(self) -> None:
        super().__init__(0, min_open=True)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        found: float = super().convert(value, param, ctx)
        if not math.isfinite(found):
            self.fail(f"{value!r} is not a number above 0", param, ctx)
        return found


def given(names: Sequence[str]) -> list[str]:
    """Return those options of the command under way that were named on the command line."""
    context = click.get_current_context()
    return [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name in names
        and context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE
    ]


def _known_property(_: click.Context, __: click.Parameter, value: str) -> str:
    """Return a property's id as it is written. Raises BadParameter."""
    if not value:
        return ""
    found = next((each for each in known_ids() if each.lower() == value.lower()), None)
    if found is None:
        raise click.BadParameter(
            f"there is no property {value!r}; `netsim explain {value}` names those there are"
        )
    return found


property_option = click.option(
    "--property", "property_id", default="", metavar="ID", callback=_known_property,
    help="Look at this property only; `netsim explain ID` tells of it.",
)  # fmt: skip


def job_options(command: F) -> F:
    """Add WORLD and what changes a run, as they are given."""
    for option in reversed((
        click.argument("world", required=False, metavar="[WORLD]"),
        click.option("--nodes", type=click.IntRange(1, 9), metavar="N",
                     help="Voters at genesis, 1 to 9.  [default: drawn by the seed]"),
        click.option("--minutes", type=Amount(), metavar="MINUTES",
                     help="Simulated minutes at most.  [default: 10, or the world's]"),
        click.option("--messages", type=click.IntRange(1), metavar="N",
                     help="Messages at most, but for what liveness demands.  [default: 5000, or "
                     "the world's]"),
        click.option("--without", multiple=True, type=click.Choice(FAULTS), metavar="FAULT",
                     help=f"Leave out one kind of fault; repeatable: {' '.join(FAULTS)}."),
        click.option("--plant", default="", metavar="NAME",
                     help="Plant a known bug; `netsim mutants --list` names them."),
        property_option,
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
    property_id: str,
    *,
    compared: str = "",
) -> Job:
    """Return the job that the arguments mean; its seed is the world's first if none is named.

    `compared` is a property that is found by comparing runs, and looked at.
    """
    if plant:
        mutant(plant)  # a name that nobody knows is told before anything else
    if property_id and property_id not in properties():  # unasked: compiled classes tell no ids
        raise click.UsageError(f"{property_id} is of whole nodes: `netsim gear2 --property`")
    if property_id in COMPARED and property_id != compared:
        raise click.UsageError(f"a run alone does not show {property_id}: {COMPARED[property_id]}")
    if world is None:
        if seed is None:
            raise click.UsageError("name a --seed, or a world file")
        return Job(seed, nodes, minutes, messages, without, plant=plant, property=property_id)
    if nodes is not None:
        raise click.UsageError("--nodes is for runs without a world file, which names its own")
    path = found(world)
    text = read_text(path)
    check_kind(text, world, WORLD)
    source = world if path != Path(world) else str(path)
    job = Job(
        seed or 0, None, minutes, messages, without,
        world=text, source=source, plant=plant, property=property_id,
    )  # fmt: skip
    made = job.world_file()
    if made is None:
        raise InvalidSetting(f"{world} is empty", code="wrong-file", remedy="Write sites into it.")
    return job if seed is not None else of_seed(job, made.seeds.first)
