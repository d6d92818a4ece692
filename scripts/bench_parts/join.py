"""How much sooner a node that has lost its store is level by a snapshot than by every block.

Twice by snapshot: first the others must lay their state out, then it lies ready.
"""

from __future__ import annotations

import re
import shutil
import time
from typing import Any

from bench_parts.network import NodePlace, TrialNetwork
from govchaind.config import CONFIG_FILE

JOIN_SECONDS_MAX = 3600.0
WAYS = (("blocks", 0), ("snapshot", 1), ("ready", 1))  # with what in snapshot.new_blocks


def measure_join(network: TrialNetwork, records: int) -> dict[str, Any]:
    """Wipe a follower's store and start it, once for each way; return seconds until it is level."""
    network.wait_level()
    leader = network.leader()
    node = next(node for node in network.nodes if node.name != leader)
    found: dict[str, Any] = {"records": records, "height": network.status(leader)["height"]}
    for way, new_blocks in WAYS:
        network.stop(node.name)
        shutil.rmtree(node.directory / "store")
        _set_new_blocks(node, new_blocks)
        found[f"{way}_seconds"] = round(_level_after(network, node.name, leader), 2)
    for way in ("snapshot", "ready"):
        found[f"{way}_times"] = round(found["blocks_seconds"] / found[f"{way}_seconds"], 1)
    return found


def _level_after(network: TrialNetwork, name: str, leader: str) -> float:
    """Start a node; return the seconds until it has applied what the leader then had."""
    wanted = network.status(leader)["height"]
    began = time.monotonic()
    network.start(name)

    def level() -> bool:
        try:
            reached: bool = network.status(name)["height"] >= wanted
        except OSError:
            return False
        return reached

    network.wait_for(level, f"{name} is not level", JOIN_SECONDS_MAX)
    return time.monotonic() - began


def _set_new_blocks(node: NodePlace, blocks: int) -> None:
    path = node.directory / CONFIG_FILE
    text, count = re.subn(r"(?m)^(# )?new_blocks = .*$", f"new_blocks = {blocks}", path.read_text())
    if count != 1:
        raise ValueError(f"{path} has no line for snapshot.new_blocks")
    path.write_text(text)
