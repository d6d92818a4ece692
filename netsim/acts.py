"""Acts at fixed times: a world file's verbs, each carried out and perhaps taken back later."""

from __future__ import annotations

from netsim.link_verbs import Undo
from netsim.plan import Act
from netsim.stage import Stage
from netsim.verbs import perform
from netsim.words import words
from netsim.world import World


def schedule(world: World) -> None:
    """Have all acts of the world's plan done at their times, until liveness is demanded."""
    if not world.plan.acts:
        return
    stage = Stage(world)
    for act in world.plan.acts:
        world.heap.at(act.at, _do, stage, act)


def _do(stage: Stage, act: Act) -> None:
    world = stage.world
    if world.faults.over:
        return
    undo = perform(stage, words(act.line, act.source, act.row, act.column))
    if act.lasts is not None and undo is not None:
        world.heap.after(act.lasts, _take_back, world, act, undo)


def _take_back(world: World, act: Act, undo: Undo) -> None:
    if not world.faults.over:
        world.trace.line(world.heap.now, "-", f"* over: {act.line}")
        undo()
