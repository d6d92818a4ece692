"""The one tree of errors.

    GovchaindError
    ├── Invalid            bytes or values from outside are wrong: the sender must change them
    │   ├── InvalidEncoding      not deterministic CBOR, or not the expected shape
    │   ├── InvalidSignature     a signature or a key does not verify
    │   ├── InvalidProof         a receipt, path, certificate or trust file does not hold
    │   ├── InvalidBlock         a block breaks a rule that every honest leader keeps
    │   └── InvalidSetting       a configuration file, an argument, a key file
    ├── Refused            well-formed, but not now or not for you
    │   ├── NotPermitted
    │   ├── NotFound
    │   ├── Gone                 it was here; the error names the nearest that still is
    │   │   └── Pruned               a block removed for room; names the first here, and the archive
    │   ├── Conflict
    │   └── Busy                 try again after `retry_after_seconds`
    ├── PeerError          the other side of one link failed; only that link ends
    └── Fatal              this node must stop, loudly
        ├── StorageFailed        a write or a sync failed; nothing was acknowledged since
        ├── StorageCorrupt       stored bytes are not the bytes that were written
        ├── StateDiverged        own results differ from a certificate
        ├── StoreReplaced        a snapshot is whole: the node starts again on it, at once
        ├── ChainRecovered       the chain went on without what this store holds
        ├── UpgradeNeeded        the ledger has a version that this software does not know
        └── InvariantBroken      what cannot happen has happened
    StorageFull (a StorageFailed that recovers by itself when there is room)

Each carries a stable `code` (what a script matches), a sentence saying what is wrong, and a
`remedy` saying what to do. Secrets and personal data are never put into either.
"""

from __future__ import annotations


class GovchaindError(Exception):
    """Base of every error that this package raises on purpose."""

    code = "error"
    remedy = "See the documentation for this error code."

    def __init__(self, message: str, *, code: str | None = None, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        if remedy is not None:
            self.remedy = remedy

    def __str__(self) -> str:
        return self.message


class Invalid(GovchaindError):
    """Bytes or values from outside are wrong."""

    code = "invalid"
    remedy = "Correct the input; sending the same bytes again gives the same answer."


class InvalidEncoding(Invalid):
    """Not deterministic CBOR within bounds, or not the expected shape."""

    code = "invalid-encoding"
    remedy = "Encode with RFC 8949 section 4.2 deterministic rules and the documented shape."


class InvalidSignature(Invalid):
    """A key or a signature does not verify strictly."""

    code = "invalid-signature"
    remedy = "Sign the exact body bytes with the right key; check that the key is of this office."


class InvalidProof(Invalid):
    """A receipt, a path, a certificate or a trust file does not hold."""

    code = "invalid-proof"
    remedy = "Do not rely on it; fetch it again, from another node, and compare."


class InvalidBlock(Invalid):
    """A block breaks a rule that every honest leader keeps."""

    code = "invalid-block"
    remedy = "The leader that made it is at fault; the others go on without it."


class InvalidSetting(Invalid):
    """A setting, an argument or a key file is wrong."""

    code = "invalid-setting"
    remedy = "Correct the named setting; see docs/operate.md."


class Refused(GovchaindError):
    """Well-formed, but not now, or not for this caller."""

    code = "refused"


class NotPermitted(Refused):
    """The caller may not do this."""

    code = "not-permitted"
    remedy = "Ask the office that owns it, or sign with that office's keys."


class NotFound(Refused):
    """There is no such thing here."""

    code = "not-found"
    remedy = "Check the name, the height and the chain."


class Gone(Refused):
    """It was here once; the message names the nearest that still is."""

    code = "gone"
    remedy = "Ask for the nearest height that the message names."


class Pruned(Gone):
    """A block that this node has removed to make room; others, or an archive, may still have it.

    Args:
        first_height: the lowest height from which on every block is here.
        archived_at: where the operator says that it was put before; None: nowhere.
    """

    code = "height-pruned"
    remedy = "Ask another node, one that keeps more blocks, or the archive that is named."

    def __init__(self, height: int, *, first_height: int, archived_at: str | None) -> None:
        where = "" if archived_at is None else f"; archived at: {archived_at}"
        super().__init__(
            f"block {height} is gone here; the first height here is {first_height}{where}"
        )
        self.first_height = first_height
        self.archived_at = archived_at


class Conflict(Refused):
    """It contradicts what is already there."""

    code = "conflict"
    remedy = "Read the present value and decide again."


class Busy(Refused):
    """No room now; nothing was kept."""

    code = "busy"
    remedy = "Send the same bytes again after the time named; that is safe."

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        remedy: str | None = None,
        retry_after_seconds: int = 1,
    ) -> None:
        super().__init__(message, code=code, remedy=remedy)
        self.retry_after_seconds = retry_after_seconds


class PeerError(GovchaindError):
    """The other side of one link failed or misbehaved; only that link ends."""

    code = "peer"
    remedy = "The node tries again by itself; if it persists, see the peer's own log."


class Fatal(GovchaindError):
    """This node must stop, loudly and non-zero."""

    code = "fatal"
    remedy = "Read the message, mend the cause, start the node again."


class StorageFailed(Fatal):
    """A write or a sync failed; nothing was acknowledged since."""

    code = "storage-failed"
    remedy = "Check the disk, then start the node again; it continues from its last durable write."


class StorageFull(StorageFailed):
    """There is no room for a write; the node refuses writes and recovers when there is room."""

    code = "storage-full"
    remedy = "Make room on the disk or raise storage.map_bytes_max; writes resume by themselves."


class StorageCorrupt(Fatal):
    """Stored bytes are not the bytes that were written."""

    code = "storage-corrupt"
    remedy = "Take the disk out of use; start with an empty store and have the node re-admitted."


class StateDiverged(Fatal):
    """This node's results differ from a quorum's certificate."""

    code = "state-diverged"
    remedy = "Keep the store for examination; start with an empty one and have it re-admitted."


class StoreReplaced(Fatal):
    """A snapshot is whole, and the store is to be replaced by it: the node starts again."""

    code = "store-replaced"
    remedy = "Nothing: the process starts the node again on the new store."


class ChainRecovered(Fatal):
    """The chain lost its quorum and went on without what this store holds beyond that height."""

    code = "chain-recovered"
    remedy = (
        "Keep the store for examination; start with an empty one and have the node re-admitted "
        "(`govchaind members readmit`)."
    )


class UpgradeNeeded(Fatal):
    """The ledger has, or a block activates, a version that this software does not know."""

    code = "upgrade-needed"
    remedy = (
        "Install a release of govchaind that knows this version of the ledger and start the node "
        "again; its store is whole and goes on from here."
    )


class InvariantBroken(Fatal):
    """What cannot happen has happened."""

    code = "invariant-broken"
    remedy = "Report it with the log; the store is as it was at the last durable write."


def invariant(condition: bool, message: str) -> None:
    """Raise InvariantBroken unless `condition` holds; on in production too."""
    if not condition:
        raise InvariantBroken(message)
