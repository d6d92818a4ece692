"""Which places of interest a node says that it has come to: marks, from its telemetry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netsim.gear2.machine import Machine
    from netsim.gear2.world import World

ACCUSES = ("link.misbehaved", "peer.misbehaved", "block.own_refused", "block.refused")
GREETED_WRONGLY = ("bad-hello", "other-chain", "other-protocol", "peer-unknown", "same-identity")


def landmark(machine: Machine, world: World, name: str, values: Mapping[str, Any]) -> None:
    """Note which places of interest a node says that it has come to."""
    marks = world.marks
    if name == "raft.role_changed":
        handed_over = machine.leads is not None and machine.stops
        machine.leads = values["term"] if values["role"] == "leader" else None
        if world.drawing is not None:
            world.drawing.role(machine.name, values["role"], values["term"])
        if handed_over and machine.leads is None:
            marks.reach("transfer-done")
        terms = {each.leads for each in world.machines.values()} - {None}
        if len(terms) > 1:
            marks.reach("two-leaders")
    elif name == "raft.log_truncated":
        marks.reach("log-truncated")
    elif name.startswith("snapshot."):
        _joining(machine, world, name, values)
    elif name == "store.pruned":
        marks.reach("blocks-removed")
    elif name == "membership.changed":
        marks.reach("membership-changed")
    elif name == "store.set_back":
        marks.reach("store-behind-guard")
    elif name == "storage.full":
        marks.reach("disk-full")
    elif name in ACCUSES:  # of an honest peer: or the judge ends the run
        lied = world.liar.name in (machine.name, values.get("peer"), values.get("leader"))
        if lied:
            marks.reach("liar-refused")
        else:
            marks.reach("clock-objection")
    elif name == "link.down" and values["code"] == "link-idle":
        marks.reach("link-idle")
    elif name == "link.down" and values["code"] == "peer-never-reads":
        marks.reach("peer-never-reads")
    elif name == "link.refused" and values["code"] in GREETED_WRONGLY:
        marks.reach("greeting-refused")


def _joining(machine: Machine, world: World, name: str, values: Mapping[str, Any]) -> None:
    marks = world.marks
    if name == "snapshot.begun":
        if values["resumed"]:
            marks.reach("snapshot-resumed")
        world.joins.fetches(machine)
    elif name == "snapshot.given_up":
        marks.reach("snapshot-given-up")
    elif name == "snapshot.peer_left" and values["for_good"]:
        marks.reach("snapshot-served-wrongly")
