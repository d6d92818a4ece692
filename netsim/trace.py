"""What happened, one line per event, and the digest of all of it.

The digest is what "the same run" means (property I-33): two runs of one seed, in any process, give
the same. Lines hold simulated time, the node concerned, what happened and the few values that tell
it apart from others of its kind; never an address, an identity of an object or an unsorted set.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from govchaind.raft import messages as raft
from govchaind.replica import messages as ledger

if TYPE_CHECKING:
    from netsim.picture.record import Record

KEPT_LINES = 400
FLUSH_LINES = 64
POINT_LINES = 1_000


class Trace:
    """The digest, the last lines, and, if asked for, every line to a writer."""

    __slots__ = ("_hash", "_waiting", "_write", "count", "points", "record", "tail")

    def __init__(
        self, write: Callable[[str], None] | None = None, record: Record | None = None
    ) -> None:
        self._hash = hashlib.blake2b(digest_size=16)
        self._waiting: list[str] = []
        self._write = write
        self.record = record  # for a picture; what it is told is in no digest
        self.tail: deque[str] = deque(maxlen=KEPT_LINES)
        self.count = 0
        self.points: list[str] = []  # the digest after each POINT_LINES lines

    def line(self, now: float, node: str, text: str) -> None:
        """Note one event."""
        line = f"{now:.6f} {node} {text}"
        self.count += 1
        self.tail.append(line)
        waiting = self._waiting
        waiting.append(line)
        if len(waiting) >= FLUSH_LINES:
            self._flush()
        if self.count % POINT_LINES == 0:
            self.points.append(self.digest)
        if self._write is not None:
            self._write(line)
        if self.record is not None:
            self.record.line(now, node, text)

    def _flush(self) -> None:
        self._hash.update("\n".join(self._waiting).encode())
        self._hash.update(b"\n")
        self._waiting.clear()

    @property
    def digest(self) -> str:
        """Return the digest of all lines so far, in hexadecimal."""
        self._flush()
        return self._hash.hexdigest()


def _append(m: raft.AppendEntries) -> str:
    entries = m.entries
    what = "" if not entries else f" {entries[0].index}-{entries[-1].index}@{entries[-1].term}"
    return f"Append t{m.term} after {m.previous_index}@{m.previous_term}{what} c{m.commit}"


def _append_reply(m: raft.AppendReply) -> str:
    if m.success:
        return f"Appended t{m.term} to {m.index} {m.store[:3].hex()}"
    hint = f"{m.hint_index}@{m.hint_term}"
    return f"AppendRefused t{m.term} at {m.index} hint {hint} {m.store[:3].hex()}"


def _request_vote(m: raft.RequestVote) -> str:
    kind = "AskPreVote" if m.pre else "AskVote"
    return f"{kind} t{m.term} last {m.last_index}@{m.last_term}{' transfer' if m.transfer else ''}"


def _vote(m: raft.Vote) -> str:
    kind = "PreVote" if m.pre else "Vote"
    return f"{kind} t{m.term} {'yes' if m.granted else 'no'} {m.store[:3].hex()}"


def _attest(m: ledger.Attest) -> str:
    return f"Attest {m.height} {m.signature[:3].hex()}"


def _certificates(m: ledger.Certificates) -> str:
    heights = [certificate.height for certificate in m.certificates]
    return f"Certificates {heights[0]}-{heights[-1]}" if heights else "Certificates none"


def _blocks(m: ledger.CertifiedBlocks) -> str:
    heights = [block.height for block, _ in m.blocks]
    return f"CertifiedBlocks {heights[0]}-{heights[-1]}" if heights else "CertifiedBlocks none"


_DESCRIBE: dict[type, Callable[[Any], str]] = {
    raft.AppendEntries: _append,
    raft.AppendReply: _append_reply,
    raft.RequestVote: _request_vote,
    raft.Vote: _vote,
    raft.Heartbeat: lambda m: f"Heartbeat t{m.term} c{m.commit} r{m.round}",
    raft.HeartbeatReply: lambda m: f"HeartbeatReply t{m.term} r{m.round} {m.store[:3].hex()}",
    raft.TimeoutNow: lambda m: f"TimeoutNow t{m.term}",
    raft.ReadIndex: lambda m: f"ReadIndex t{m.term} q{m.request}",
    raft.ReadIndexReply: lambda m: f"ReadIndexReply t{m.term} q{m.request} i{m.index}",
    ledger.Gossip: lambda m: f"Gossip {' '.join(t.identity[:3].hex() for t in m.transactions)}",
    ledger.Announce: lambda m: f"Announce {len(m.identities)} {m.identities[0][:3].hex()}",
    ledger.Want: lambda m: f"Want {len(m.identities)} {m.identities[0][:3].hex()}",
    ledger.Attest: _attest,
    ledger.WantCertificates: lambda m: f"WantCertificates {m.first}+{m.count}",
    ledger.Certificates: _certificates,
    ledger.Head: lambda m: f"Head {m.height}",
    ledger.Subscribe: lambda m: f"Subscribe {m.first}",
    ledger.CertifiedBlocks: _blocks,
    ledger.Awaited: lambda _: "Awaited",
    ledger.Objection: lambda m: f"Objection t{m.term} {m.height} {m.reason}",
}


def described(message: ledger.PeerMessage) -> str:
    """Return a message in one short line."""
    return _DESCRIBE[type(message)](message)
