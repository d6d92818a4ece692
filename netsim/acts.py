"""Acts at fixed times: a world file's verbs, each carried out and perhaps taken back later.

An act about the leader waits for one if nobody leads just then. What the state of the run does not
allow is skipped, and the trace says so: it is no fault of the file, whose other seeds go on.
"""

from __future__ import annotations

from govchaind.base.errors import InvalidSetting
from netsim.link_verbs import Undo
from netsim.plan import Act
from netsim.stage import Stage
from netsim.verbs import perform
from netsim.words import NobodyLeads, words
from netsim.world import World

LEADER_WAIT_SECONDS = 10.0  # several elections
LOOK_SECONDS = 0.1


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
    line = words(act.line, act.source, act.row, act.column)
    try:
        undo = perform(stage, line)
    except NobodyLeads as error:
        if world.heap.now < act.at + LEADER_WAIT_SECONDS:
            world.heap.after(LOOK_SECONDS, _do, stage, act)
        else:
            _skip(world, act, error)
        return
    except InvalidSetting as error:  # its words were judged when the file was read
        _skip(world, act, error)
        return
    if act.lasts is not None and undo is not None:
        world.heap.after(act.lasts, _take_back, world, act, undo)


def _skip(world: World, act: Act, error: InvalidSetting) -> None:
    """Note what is not done, and why; not in which file, for a digest does not hang on its path."""
    why = error.message.removeprefix(f"{act.source}:").partition(": ")[2]
    world.trace.line(world.heap.now, "-", f"* skipped: {act.line}: {why}")


def _take_back(world: World, act: Act, undo: Undo) -> None:
    if not world.faults.over:
        world.trace.line(world.heap.now, "-", f"* over: {act.line}")
        undo()
