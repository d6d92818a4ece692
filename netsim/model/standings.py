"""The model's suspensions, parameters, versions, last acts, and mandates that return.

A standing is [1 suspended or 2 removed, ground, commitment, height, time], and the list of all that
have one is under the bare prefix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from govchaind.ledger.outcomes import Code
from netsim.model.registers import office_key

if TYPE_CHECKING:
    from netsim.model.ledger import Draft

DAY = 24 * 3600 * 1000
LIST = b"\x1c"
ASIDE_MAX = 256
# name → least, most, default
PARAMETERS = {
    "lifetime-hours": (1, 336, 336),
    "live-ids": (1000, 200_000, 200_000),
    "acting-days": (1, 366, 366),
    "quiet-days": (7, 3660, 90),
    "warning-days": (7, 366, 90),
    "spare-ballots": (0, 100, 1),
    "soon-days": (7, 60, 30),
    "later-days": (61, 366, 90),
}


def standing_key(name: str) -> bytes:
    return LIST + name.encode()


def refusal(standing: list[Any] | None) -> int:
    """Return why whoever has this standing can do nothing, or 0."""
    if standing is None:
        return Code.APPLIED
    return Code.INSTITUTION_SUSPENDED if standing[0] == 1 else Code.INSTITUTION_REMOVED


def aside(draft: Draft) -> list[str]:
    return list(draft.get(LIST) or [])


def counting(draft: Draft) -> int:
    """Return how many institutions rules count."""
    return int(draft.get(b"\x06")[0]) - len(aside(draft))


def void(draft: Draft, motion: bytes) -> int:
    """Return how many ballots for a motion are of those that do not count."""
    ballots = [b"\x08" + motion + name.encode() for name in aside(draft)]
    return sum(draft.get(ballot) is not None for ballot in ballots)


def suspend(draft: Draft, arguments: list[Any]) -> int:
    name, ground, commitment = arguments
    if draft.get(b"\x01" + name.encode()) is None:
        return Code.NO_SUCH_INSTITUTION
    standing = draft.get(standing_key(name))
    if standing is not None:
        return Code.NOTHING_CHANGES if standing[0] == 1 else Code.INSTITUTION_REMOVED
    if counting(draft) < 2:
        return Code.LAST_INSTITUTION
    listed = aside(draft)
    if len(listed) == ASIDE_MAX:
        return Code.TOO_MANY_SUSPENDED
    draft.put(LIST, sorted([*listed, name]))
    draft.put(standing_key(name), [1, ground, commitment, draft.height, draft.time])
    return Code.APPLIED


def restore(draft: Draft, arguments: list[Any]) -> int:
    name = arguments[0]
    if code := _suspended(draft, name):
        return code
    listed = aside(draft)
    listed.remove(name)
    draft.put(LIST, listed or None)
    draft.put(standing_key(name), None)
    return Code.APPLIED


def remove(draft: Draft, arguments: list[Any]) -> int:
    name, ground, commitment = arguments
    if code := _suspended(draft, name):
        return code
    if any(node[1] == name for node in draft.values(b"\x05")):
        return Code.INSTITUTION_HAS_NODES
    draft.put(standing_key(name), [2, ground, commitment, draft.height, draft.time])
    return Code.APPLIED


def _suspended(draft: Draft, name: str) -> int:
    if draft.get(b"\x01" + name.encode()) is None:
        return Code.NO_SUCH_INSTITUTION
    standing = draft.get(standing_key(name))
    if standing is None:
        return Code.NOT_SUSPENDED
    return Code.APPLIED if standing[0] == 1 else Code.INSTITUTION_REMOVED


def is_removed(draft: Draft, name: str) -> bool:
    standing = draft.get(standing_key(name))
    return standing is not None and standing[0] == 2


# --- parameters and versions ---------------------------------------------------------------------


def parameter(found: list[Any] | None, name: str) -> int:
    """Return a parameter's value from what the state has of it."""
    return PARAMETERS[name][2] if found is None else int(found[0])


def parameter_key(name: str) -> bytes:
    return b"\x1e" + name.encode()


def set_parameter(draft: Draft, arguments: list[Any]) -> int:
    name, value = arguments
    if name not in PARAMETERS:
        return Code.UNKNOWN_PARAMETER
    least, most, _ = PARAMETERS[name]
    if value < least or value > most:
        return Code.PARAMETER_OUT_OF_BOUNDS
    if parameter(draft.get(parameter_key(name)), name) == value:
        return Code.NOTHING_CHANGES
    draft.put(parameter_key(name), [value, draft.height])
    return Code.APPLIED


def version(draft: Draft) -> int:
    found = draft.get(b"\x1f\x00")
    return 1 if found is None else int(found[0])


def ready_key(node: str) -> bytes:
    return b"\x1f\x01" + node.encode()


def declare_ready(draft: Draft, arguments: list[Any]) -> int:
    name, wanted = arguments
    institution = draft.get(b"\x01" + draft.institution.encode())
    if institution is None or institution[2] != draft.office:
        return Code.NOT_GOVERNING_OFFICE
    node = draft.get(b"\x05" + name.encode())
    if node is None:
        return Code.UNKNOWN_NODE
    if node[1] != draft.institution:
        return Code.NODE_OF_ANOTHER
    if wanted < version(draft):
        return Code.VERSION_WRONG
    before = draft.get(ready_key(name))
    if before is not None and before[0] == wanted:
        return Code.NOTHING_CHANGES
    draft.put(ready_key(name), [wanted, draft.height])
    return Code.APPLIED


def activate(draft: Draft, arguments: list[Any]) -> int:
    wanted, least = arguments
    if wanted - version(draft) != 1:
        return Code.VERSION_WRONG
    validators = [node for node in draft.values(b"\x05") if node[2] == "validator"]
    declared = [draft.get(ready_key(node[0])) for node in validators]
    ready = len([each for each in declared if each is not None and each[0] >= wanted])
    liars = (len(validators) - 1) // 3
    if ready < least or 2 * ready <= len(validators) + liars:
        return Code.NOT_READY
    draft.put(b"\x1f\x00", [wanted, draft.height])
    return Code.APPLIED


# --- last acts, mandates that return -------------------------------------------------------------


def note_act(draft: Draft) -> None:
    key = b"\x1d" + office_key(draft.institution, draft.office)[1:]
    before = draft.get(key)
    if before is None or before[1] - before[1] % DAY != draft.time - draft.time % DAY:
        draft.put(key, [draft.height, draft.time])


def restore_mandate(draft: Draft, arguments: list[Any]) -> int:
    name, effect, until = arguments
    mandate = draft.get(b"\x0d" + name.encode())
    if mandate is None:
        return Code.UNKNOWN_MANDATE
    if effect < draft.time or (until is not None and until <= effect):
        return Code.BAD_MANDATE
    if not _ended(mandate, effect):
        return Code.NOTHING_CHANGES
    before, after = (
        None if each is None else draft.get(b"\x0d" + each.encode()) for each in mandate[6:8]
    )
    if after is not None and (after[7] is not None or not _ended(after, effect)):
        return Code.MANDATE_LINE_IN_FORCE
    if before is not None:
        if before[7] not in (None, name) or not _ended(before, effect):
            return Code.MANDATE_LINE_IN_FORCE
        if before[7] is None:
            draft.put(b"\x0d" + mandate[6].encode(), [*before[:7], name, *before[8:]])
    value = [*mandate[:4], effect, until, mandate[6], None, until, mandate[9]]
    draft.put(b"\x0d" + name.encode(), value)
    return Code.APPLIED


def _ended(mandate: list[Any], time: int) -> bool:
    return mandate[8] is not None and mandate[8] <= time
