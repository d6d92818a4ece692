"""Bugs planted in joining by snapshot, and in the exchange of stores."""

from __future__ import annotations

from typing import Any

from govchaind.base.encoding import encode
from govchaind.base.errors import InvalidProof
from govchaind.base.keyvalue import WriteBatch
from govchaind.ledger import snapshot_chunk
from govchaind.replica import joining, store
from govchaind.replica.snapshot_messages import BUSY
from govchaind.replica.store import HARD_STATE
from govchaind.replica.try_time import TryTime
from govchaind.runtime import store_succession
from govchaind.runtime.snapshot_server import SnapshotServer
from netsim.mutants.plant import Plant
from netsim.mutants.whole.bug import bug

_chunk: Any = snapshot_chunk
_joining: Any = joining


@bug("I-16", also=("joins", "malicious"), nodes=4, seed=7)
def a_chunk_without_its_proof(plant: Plant) -> None:
    """What a chunk holds is not compared with the hash that is due there."""

    def judge(data: bytes, place: Any, height: int) -> Any:
        whole = _Anything(place.depth, place.path)
        return original(data, whole, height)

    original = _chunk.judge_chunk
    plant(_joining, "judge_chunk", judge)


class _Anything:
    """A place at which every hash is the one that is due."""

    class _Equal:
        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 0

    def __init__(self, depth: int, path: bytes) -> None:
        self.depth, self.path, self.hash = depth, path, self._Equal()


@bug("N-1", only=("joins", "crash"), nodes=3, seconds=15.0, falling_behind=True)
def the_vote_is_forgotten_with_the_store(plant: Plant) -> None:
    """The exchange of stores carries a hard state in which nobody has voted."""

    def carried(own: Any) -> WriteBatch:
        batch = original(own)
        batch.put(HARD_STATE, encode([0, None]))
        return batch

    original = store_succession._carried
    plant(store_succession, "_carried", carried)


@bug("N-1", only=("joins", "crash"), nodes=3, seconds=15.0, falling_behind=True, seed=5)
def the_term_of_a_snapshot_is_known_too_late(plant: Plant) -> None:
    """A node that has joined does not know the term of its snapshot's height."""
    plant(store, "last_term", lambda _: 0)


@bug("I-30", also=("joins",), nodes=3, seed=1185)
def an_older_snapshot_is_a_lie(plant: Plant) -> None:
    """A peer whose snapshot is from before a change that another told of is left for good."""

    def cannot(self: Any, peer: str, reason: str) -> None:
        if "last change" in reason:
            raise InvalidProof(reason)
        original(self, peer, reason)

    def choose(self: Any, reader: Any, era: int = 0) -> int:
        del era
        return int(chosen(self, reader))

    original: Any = joining.Joining._cannot
    chosen: Any = SnapshotServer._choose
    plant(joining.Joining, "_cannot", cannot)
    plant(SnapshotServer, "_choose", choose)


@bug("N-1", also=("joins",), nodes=3, seed=3)
def live_ids_are_left_behind(plant: Plant) -> None:
    """A node that joins does not take along which ids may not act again."""
    plant(_chunk, "_put_ids", lambda *_: None)


@bug("L-c", only=("joins", "crash"), nodes=3, falling_behind=True, seed=2)
def busy_keeps_a_try_alive(plant: Plant) -> None:
    """Peers offer a head and are busy ever after, and who fetches waits for that without blocks."""
    plant(SnapshotServer, "_prepare", lambda *_: BUSY)
    plant(TryTime, "over", lambda *_: False)
