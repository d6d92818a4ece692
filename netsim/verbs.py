"""What one can do to a world, one verb at a time: in scenarios, and at fixed times of a world file.

A verb whose effect lasts returns what takes it back. None of them waits: time passes between lines
only (see `netsim/scenario.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from govchaind.replica.events import Offered, TransferAsked
from netsim.chain import INSTITUTIONS
from netsim.disk import Disk
from netsim.flood import flood as flooded
from netsim.link_verbs import (
    Undo,
    bridge,
    cap,
    chain,
    clog,
    close,
    cut,
    delay,
    drop,
    duplicate,
    half_open,
    halves,
    heal,
    hold,
    mend,
    nothing_from,
    nothing_to,
    one_way,
    partition,
    read_slowly,
    release,
    reorder,
    say,
    star,
)
from netsim.node import Node
from netsim.stage import Stage
from netsim.words import Word, exactly

FLOOD = 20  # transactions, and puts in each
Do = Callable[[Stage, Word, list[Word]], Undo | None]


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb: how it is written, what it does, and how many words follow it."""

    usage: str
    text: str
    do: Do
    least: int
    most: int | None


# --- processes -----------------------------------------------------------------------------------


def crash(stage: Stage, head: Word, rest: list[Word]) -> Undo:
    node = stage.node(rest[0])
    silently = len(rest) > 1 and rest[1].one_of(("silently",), "way to crash") == "silently"
    if node.life:
        in_write = node.disk.in_flight is not None
        side = node.stop(silently=silently)
        if in_write:
            stage.world.marks.reach("restarted-in-write")
        say(stage, node, f"crash {side}{' silently' if silently else ''}".rstrip())
    return lambda: _start(node)


def _start(node: Node) -> None:
    if not node.life:
        node.start()


def restart(stage: Stage, head: Word, rest: list[Word]) -> None:
    node = stage.node(rest[0])
    if node.life:
        node.stop(silently=False)
        say(stage, node, "crash")
    node.start()


def upgrade(stage: Stage, head: Word, rest: list[Word]) -> None:
    node = stage.node(rest[0])
    protocol = rest[1].whole(1) if len(rest) > 1 else node.protocol
    stage.world.faults.upgrade(node, protocol)


def pause(stage: Stage, head: Word, rest: list[Word]) -> Undo:
    node = stage.node(rest[0])
    say(stage, node, "pause")
    node.pause()
    return node.resume


def resume(stage: Stage, head: Word, rest: list[Word]) -> None:
    node = stage.node(rest[0])
    say(stage, node, "resume")
    node.resume()


def slow(stage: Stage, head: Word, rest: list[Word]) -> Undo:
    node = stage.node(rest[0])
    node.step_cost = rest[1].number()
    say(stage, node, f"slow {node.step_cost:g}")

    def undo() -> None:
        node.step_cost = 0.0

    return undo


def wipe(stage: Stage, head: Word, rest: list[Word]) -> Undo:
    node = stage.node(rest[0])
    with_guard = len(rest) > 1 and rest[1].one_of(("with-guard",), "way to wipe") == "with-guard"
    if node.life:
        node.stop(silently=False)
    say(stage, node, "wipe")
    stage.world.marks.reach("store-wiped")
    node.wipe(keep_guard=not with_guard)
    return lambda: _start(node)


def set_back(stage: Stage, head: Word, rest: list[Word]) -> Undo:
    node = stage.node(rest[0])
    back = rest[1].whole(1)
    disk = node.disk
    count = len(disk.batches) - back
    if count < 1:
        raise rest[1].wrong(f"{node.name} has made {len(disk.batches) - 1} writes")
    if node.life:
        node.stop(silently=False)
        count = len(disk.batches) - back  # the write in flight may have made it
    older = Disk(disk.store, disk.batches[0])
    for batch in disk.batches[1:count]:
        older.begin(batch, 0)
        older.complete()
    older.acked = count
    node.disk = older
    say(stage, node, f"disk set back to write {count} of {count + back}")
    return lambda: _start(node)


# --- disks and clocks ----------------------------------------------------------------------------

DISK_STATES = ("slow", "hang", "error", "full", "rot", "mend")
ROWS_MAX = 1000


def disk(stage: Stage, head: Word, rest: list[Word]) -> Undo | None:
    node = stage.node(rest[0])
    how = rest[1].one_of(DISK_STATES, "state of a disk")
    if len(rest) > 2 and how not in ("slow", "rot"):
        raise rest[2].wrong(f"{rest[2].text!r} is too much: disk {how} takes no number")
    if how == "rot":
        rows = rest[2].whole(1) if len(rest) > 2 else 1
        said = [node.disk.rot(stage.random) for _ in range(min(rows, ROWS_MAX))]
        say(stage, node, f"disk rot, {rows} rows, at last {said[-1]}")
        return node.disk.rotten.clear
    if how == "mend":
        say(stage, node, "disk mended")
        node.mend_disk()
        return None
    if how == "slow":
        node.disk.slow = rest[2].number(1.0) if len(rest) > 2 else 50.0
    elif how == "hang":
        node.disk.hung_until = float("inf")
    elif how == "error":
        node.disk.fails = True
    else:
        node.disk.full = True
        stage.world.marks.reach("disk-full")
    say(stage, node, f"disk {how}")
    return node.mend_disk


def clock(stage: Stage, head: Word, rest: list[Word]) -> Undo:
    *which, ahead = rest
    nodes = stage.nodes(which)
    seconds = ahead.number(-1e12)
    for node in nodes:
        node.clock.set_ahead(seconds)
        say(stage, node, f"clock {seconds:+.0f}s")

    def undo() -> None:
        for node in nodes:
            node.clock.set_ahead(0.0)

    return undo


def clock_drifts(stage: Stage, head: Word, rest: list[Word]) -> Undo:
    node, rate = stage.node(rest[0]), rest[1].number(-1.0)
    node.clock.drift(rate, stage.world.heap.now)
    say(stage, node, f"clock drifts {rate:+g}")
    return partial(node.clock.set_ahead, 0.0)


def clock_jumps(stage: Stage, head: Word, rest: list[Word]) -> Undo:
    node = stage.node(rest[0])
    seconds, period = rest[1].number(-1e12), rest[2].number()
    node.clock.set_ahead(0.0)
    node.clock.jump_every(period, seconds)
    say(stage, node, f"clock jumps {seconds:+.0f}s every {period:g}s")
    return partial(node.clock.set_ahead, 0.0)


def clock_stops(stage: Stage, head: Word, rest: list[Word]) -> Undo:
    node = stage.node(rest[0])
    node.clock.stop(stage.world.heap.now)
    say(stage, node, "clock stops")
    return partial(node.clock.set_ahead, 0.0)


def sleep(stage: Stage, head: Word, rest: list[Word]) -> None:
    stage.world.sleep(rest[0].number())


# --- leadership and members ----------------------------------------------------------------------

ROLES = ("validator", "learner")


def transfer(stage: Stage, head: Word, rest: list[Word]) -> None:
    node = stage.node(rest[0])
    target = stage.two(rest)[1].name if len(rest) > 1 else None
    say(stage, node, f"transfer to {target}")
    stage.world.watch_transfer(node, target)
    node.arrive(TransferAsked(target))


def add(stage: Stage, head: Word, rest: list[Word]) -> None:
    role = "validator"
    if len(rest) > 1:
        role = rest[1].one_of(ROLES, "role")
    stage.world.operators.order_role(stage.node(rest[0]).name, role)


def remove(stage: Stage, head: Word, rest: list[Word]) -> None:
    stage.world.operators.order_removal(stage.node(rest[0]).name)


# --- clients -------------------------------------------------------------------------------------


def _new_name(stage: Stage, words: list[Word]) -> str:
    words[0].one_of(("as",), "word here")
    name = words[1].name()
    if name in stage.askers:
        raise words[1].wrong(f"{name} is taken")
    return name


def offer(stage: Stage, head: Word, rest: list[Word]) -> None:
    node, key, value = stage.node(rest[0]), rest[1].name(), rest[2].whole()
    if len(rest) == 4:
        raise rest[3].wrong("a name is missing: offer NODE KEY NUMBER as NAME")
    name = _new_name(stage, rest[3:]) if len(rest) > 3 else f"-{len(stage.askers)}"
    stage.offer(node, key, value, name)


def read(stage: Stage, head: Word, rest: list[Word]) -> None:
    stage.read(stage.node(rest[0]), rest[1].name(), _new_name(stage, rest[2:]))


def flood(stage: Stage, head: Word, rest: list[Word]) -> None:
    node = stage.node(rest[0])
    count = rest[1].whole(1) if len(rest) > 1 else FLOOD
    made = flooded(stage.world, INSTITUTIONS[0], count, FLOOD)
    say(stage, node, f"flooded by {INSTITUTIONS[0]}, {count} times")
    node.arrive(Offered(-1, made))
    stage.world.marks.reach("flooded-amid-faults")


# --- a malicious member --------------------------------------------------------------------------

LIAR_VOTERS = 4  # these bear one that lies


def attest_twice(stage: Stage, head: Word, rest: list[Word]) -> Undo:
    node, liar = stage.node(rest[0]), stage.world.liar
    if stage.world.options.voters < LIAR_VOTERS:
        raise head.wrong(f"of fewer than {LIAR_VOTERS} validators none may lie")
    if liar.name not in (None, node.name):
        raise rest[0].wrong(f"{liar.name} lies already, and one may")
    say(stage, node, "attests two things")
    return liar.attest_twice(node.name)


def call(stage: Stage, head: Word, rest: list[Word]) -> None:
    stage.called[rest[0].name()] = stage.node(rest[1]).name


VERBS: Mapping[str, Verb] = MappingProxyType({
    "cut": Verb("cut NODE NODES", "nothing passes between the first and the others", cut, 2, None),
    "one-way": Verb("one-way NODE NODES", "what the first sends to the others is lost", one_way,
                    2, None),
    "partition": Verb("partition NODES | NODES", "nothing passes between the sides; two or more",
                      partition, 3, None),
    "star": Verb("star NODE", "only this node sees the others", star, 1, 1),
    "chain": Verb("chain NODES", "each sees only its neighbours in this row", chain, 3, None),
    "mend": Verb("mend NODE NODES", "all passes again between the first and the others", mend,
                 2, None),
    "clog": Verb("clog NODE NODES SECONDS", "what the first sends to the others waits so long, "
                 "and then comes all at once, in order", clog, 3, None),
    "half-open": Verb("half-open NODE NODE", "the first's end of their link is gone; the second "
                      "has not noticed, and sends to nobody", half_open, 2, 2),
    "cap": Verb("cap NODE NODE BYTES", "the first sends the second so many bytes a second; 0: as "
                "many as come", cap, 3, 3),
    "read-slowly": Verb("read-slowly NODE SECONDS", "the node takes so long for each message that "
                        "comes; 0: no time", read_slowly, 2, 2),
    "halves": Verb("halves", "the nodes fall into two halves, by chance; nothing passes between "
                   "them", halves, 0, 0),
    "bridge": Verb("bridge NODE", "the other nodes fall into two halves, by chance; only this node "
                   "sees both", bridge, 1, 1),
    "drop": Verb("drop NODE NODES SHARE", "this share of what the first sends to the others is "
                 "lost, by chance; 0: nothing", drop, 3, None),
    "duplicate": Verb("duplicate NODE NODES SHARE", "this share of what the first sends to the "
                      "others arrives a second time, later", duplicate,
                      3, None),
    "reorder": Verb("reorder NODE NODES SHARE", "this share of what the first sends to the others "
                    "arrives late, overtaken by what is sent after it", reorder, 3, None),
    "delay": Verb("delay NODE NODES SECONDS", "what the first sends to the others arrives so much "
                  "later; 0: no later", delay, 3, None),
    "hold": Verb("hold NODE NODES", "what the first sends to the others does not arrive, until "
                 "`release` or `heal`", hold, 2, None),
    "release": Verb("release NODE NODES", "all that was held comes, stale", release, 2, None),
    "close": Verb("close NODE NODE", "their connection ends; both notice, and dial again", close,
                  2, 2),
    "heal": Verb("heal", "all passes again everywhere", heal, 0, 0),
    "deliver-nothing-from": Verb("deliver-nothing-from NODE", "what this node sends is lost",
                                 nothing_from, 1, 1),
    "deliver-nothing-to": Verb("deliver-nothing-to NODE", "what is sent to this node is lost",
                               nothing_to, 1, 1),
    "crash": Verb("crash NODE [silently]", "the process dies; silently: no connection is closed",
                  crash, 1, 2),
    "restart": Verb("restart NODE", "the process starts again from its disk; dies first if it runs",
                    restart, 1, 1),
    "upgrade": Verb("upgrade NODE [PROTOCOL]", "the process ends, and starts after a second with "
                    "new software, which speaks this protocol (the same as before)", upgrade, 1, 2),
    "pause": Verb("pause NODE", "no step is made, time goes on", pause, 1, 1),
    "resume": Verb("resume NODE", "a paused process goes on", resume, 1, 1),
    "slow": Verb("slow NODE SECONDS", "each step takes so long", slow, 2, 2),
    "wipe": Verb("wipe NODE [with-guard]",
                 "the process dies and its disk is replaced by an empty one; with-guard: the guard "
                 "file is gone too", wipe, 1, 2),
    "set-back": Verb("set-back NODE WRITES",
                     "the process dies and its disk becomes what it was so many writes ago",
                     set_back, 2, 2),
    "disk": Verb("disk NODE slow [TIMES] | hang | error | full | rot [ROWS] | mend",
                 "writes take so many times as long (50), never end, fail once, find no room; so "
                 "many rows (1) rot, by chance; or all is well again", disk, 2, 3),
    "clock": Verb("clock NODES SECONDS", "wall clocks go so far ahead of true time, or behind",
                  clock, 2, None),
    "clock-drifts": Verb("clock-drifts NODE RATE", "the wall clock gains so many seconds a second, "
                         "or loses", clock_drifts, 2, 2),
    "clock-jumps": Verb("clock-jumps NODE SECONDS PERIOD", "the wall clock jumps so far ahead, "
                        "back after a period of seconds, and so on", clock_jumps, 3, 3),
    "clock-stops": Verb("clock-stops NODE", "the wall clock stands still", clock_stops, 1, 1),
    "sleep": Verb("sleep SECONDS", "all machines are suspended and wake again together: only "
                  "wall clocks have gone on", sleep, 1, 1),
    "transfer": Verb("transfer NODE [NODE]", "ask the first to hand leadership over, to the second",
                     transfer, 1, 2),
    "add": Verb("add NODE [validator | learner]", "operators vote this node in", add, 1, 2),
    "remove": Verb("remove NODE", "operators vote this node out", remove, 1, 1),
    "offer": Verb("offer NODE KEY NUMBER [as NAME]", "a client submits a write to this node", offer,
                  3, 5),
    "read": Verb("read NODE KEY as NAME", "a client asks this node for a linearizable read", read,
                 4, 4),
    "flood": Verb("flood NODE [TIMES]", "one author sends this node so many large transactions at "
                  "once (20)", flood, 1, 2),
    "attest-twice": Verb("attest-twice NODE", "the node, one of four validators or more, attests "
                         "two things about a height, in half of what it signs", attest_twice, 1, 1),
    "call": Verb("call NAME NODE", "give a node a further name: `call old leader`", call, 2, 2),
})  # fmt: skip


def perform(stage: Stage, line: list[Word]) -> Undo | None:
    """Carry out one line. Raises InvalidSetting with the place of the wrong word."""
    head, rest = line[0], line[1:]
    verb = VERBS[head.one_of(VERBS, "verb")]
    exactly(head, rest, verb.least, verb.most, verb.usage)
    return verb.do(stage, head, rest)
