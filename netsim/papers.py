"""What clerks write: arguments of operations and motions, right and wrong, and their keys.

Everything is drawn from the clerk's own source and from the state as the model has it.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from govchaind.base.crypto import Domain, SigningKey
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.transaction import Transaction, assemble, read_transaction
from netsim.chain import INSTITUTIONS, OFFICE, REGISTER
from netsim.model.registers import office_key, record_key
from netsim.resolutions import open_motion, resolution, second
from netsim.sanctions import GUESTS

if TYPE_CHECKING:
    from netsim.world import World

BIG = 2**63
LARGE_BYTES = 17 * 1024
SCHEMAS: tuple[list[list[str]], ...] = (
    [],
    [["name", "text"]],
    [["number", "integer"], ["done", "boolean"]],
    [["hash", "bytes"], ["name", "text"], ["number", "integer"]],
)
VALUES: dict[str, tuple[Any, ...]] = {
    "text": ("", "a", "ä" * 40),
    "integer": (0, 7, -1, BIG - 1, -BIG),
    "boolean": (True, False),
    "bytes": (b"", b"\x00" * 32, b"bytes"),
}
MISFITS: tuple[Any, ...] = (None, BIG, -BIG - 1, True, 0, "text", b"bytes", [1])
OF_KEYS = frozenset((Kind.SET_KEY_POLICY, Kind.ROTATE_KEY, Kind.REVOKE_KEY, Kind.NAME_ACTING))


class Papers:
    """One clerk's arguments and keys."""

    def __init__(self, pick: random.Random, world: World, name: str) -> None:
        self.random = pick
        self.world = world
        self._name = name
        self._made = 0

    # --- the state -------------------------------------------------------------------------------

    def now(self) -> int:
        return self.world.wall_ms()

    def institutions(self) -> list[str]:
        return [key[1:].decode() for key in self.world.ghost.model.keys(b"\x01")]

    def offices(self) -> list[tuple[str, str]]:
        found = []
        for key in self.world.ghost.model.keys(b"\x02"):
            institution, _, office = key[1:].partition(b"\0")
            found.append((institution.decode(), office.decode()))
        return found

    def registers(self) -> list[str]:
        return [key[1:].decode() for key in self.world.ghost.model.keys(b"\x03")]

    def policy(self, institution: str, office: str) -> tuple[int, list[Any]]:
        found = self.world.ghost.model.get(office_key(institution, office))
        return (1, []) if found is None else (found[1], found[2])

    # --- keys ------------------------------------------------------------------------------------

    def new_key(self) -> bytes:
        self._made += 1
        key: SigningKey = self.world.signatures.key(f"{self._name}/{self._made}")
        self.world.chain.keyring[key.public] = key
        return key.public

    def sign(self, body: bytes, publics: list[bytes]) -> Transaction:
        """Return the body signed by these keys."""
        ring = self.world.chain.keyring
        pairs = [
            (public, ring[public].sign(Domain.TRANSACTION_BODY, body))
            for public in dict.fromkeys(publics)
        ]
        return read_transaction(assemble(body, pairs))

    def _keys(self) -> list[list[Any]]:
        pick, now = self.random, self.now()
        keys: list[list[Any]] = []
        for _ in range(pick.choice((1, 2, 2, 3))):
            begins = pick.choice((0, 0, 0, 0, now - 5000, now + 4000))
            ends = pick.choice((*[None] * 6, now + 6000, now + 600_000, now - 1000, begins))
            keys.append([self.new_key(), "Clerk", begins, ends])
        if pick.random() < 0.05:
            keys.append(list(keys[0]))
        return keys

    # --- operations ------------------------------------------------------------------------------

    def operation(self, institution: str, office: str) -> tuple[int, list[Any]]:
        """Return one operation for this author; most are in order."""
        pick = self.random
        kind = pick.choices(
            (Kind.PUT, Kind.RETIRE, Kind.CREATE_REGISTER, Kind.CREATE_OFFICE,
             Kind.SET_KEY_POLICY, Kind.ROTATE_KEY, Kind.REVOKE_KEY, Kind.WITHDRAW, Kind.ENACT,
             Kind.NAME_ACTING, Kind.VOTE, Kind.DECLARE_READY),
            weights=(40, 8, 10, 8, 8, 10, 6, 2, 6, 5, 9, 3),
        )[0]  # fmt: skip
        needs_one = kind in (Kind.PUT, Kind.RETIRE) and not self._mine(institution, office)
        if needs_one and pick.random() < 0.8:
            kind = Kind.CREATE_REGISTER
        if kind in OF_KEYS and not self._own(institution) and pick.random() < 0.8:
            kind = Kind.CREATE_OFFICE
        arguments = self._arguments(kind, institution, office)
        odd = pick.random()
        if odd < 0.01:
            return 999, arguments
        if odd < 0.04:
            arguments = self.misshapen(arguments)
        return int(kind), arguments

    def misshapen(self, arguments: list[Any]) -> list[Any]:
        pick = self.random
        place = pick.randrange(len(arguments))
        wrong: Any = pick.choice((None, -1, "", "UPPER", b"", BIG, [], True))
        if pick.random() < 0.3:
            return [*arguments, 0]
        return [*arguments[:place], wrong, *arguments[place + 1 :]]

    def _arguments(self, kind: Kind, institution: str, office: str) -> list[Any]:
        if kind in (Kind.PUT, Kind.RETIRE):
            return self._record(kind, institution, office)
        if kind is Kind.CREATE_REGISTER:
            return self._register()
        if kind in (Kind.WITHDRAW, Kind.ENACT):
            return [open_motion(self.random, self.world.ghost.model)]
        if kind is Kind.VOTE:
            return second(self.random, self.world.ghost.model)
        if kind is Kind.DECLARE_READY:
            node = self.random.choice(self.world.ghost.model.keys(b"\x05"))[1:].decode()
            return [node, self.random.choice((1, 2, 2, 3))]
        return self._policy(kind, institution, office)

    def _register(self) -> list[Any]:
        pick = self.random
        name = f"reg-{pick.randrange(12)}"
        mode = "commitment" if pick.random() < 0.2 else "clear"
        schema = [] if mode == "commitment" else [list(each) for each in pick.choice(SCHEMAS)]
        if schema and pick.random() < 0.08:
            schema.append(list(schema[0]))
        offices = self.offices()
        count = pick.randrange(min(len(offices), 5) + 1)
        writers = [list(each) for each in pick.sample(offices, count)]
        odd = pick.random()
        if odd < 0.05:
            writers.append([INSTITUTIONS[0], "nowhere"])
        elif odd < 0.08 and writers:
            writers.append(list(writers[0]))
        elif odd < 0.1:
            mode = "commitment"
        return [name, "A register", schema, mode, writers]

    def _record(self, kind: Kind, institution: str, office: str) -> list[Any]:
        pick = self.random
        mine = self._mine(institution, office)
        others = [name for name in self.registers() if name != REGISTER]
        draw = pick.random()
        name = f"reg-{pick.randrange(14)}"
        near = [name for name in others if name not in mine and self._owner(name) == institution]
        if near and draw < 0.12:
            name = pick.choice(near)  # of another office of the same institution
        elif mine and draw < 0.75:
            name = pick.choice(mine)
        elif others and draw < 0.97:
            name = pick.choice(others)
        keys = [b"r%d" % number for number in range(6)]
        model = self.world.ghost.model
        over = [key for key in keys if (model.get(record_key(name, key)) or (0, False))[1]]
        key = pick.choice(over if over and pick.random() < 0.25 else keys)
        if kind is Kind.RETIRE:
            return [name, key]
        found = model.get(record_key(name, key))
        revision = 0 if found is None else found[0]
        expected = pick.choice((None, None, revision, revision, 0, revision + 1))
        return [name, key, self._value(name), expected]

    def _mine(self, institution: str, office: str) -> list[str]:
        """Return the registers that this office may write, but for the clients' own."""
        return [
            name
            for name in self.registers()
            if name != REGISTER and [institution, office] in self._writers(name)
        ]

    def _writers(self, name: str) -> list[Any]:
        found = self.world.ghost.model.get(b"\x03" + name.encode())
        return [] if found is None else [found[4], *found[3]]

    def _owner(self, name: str) -> str | None:
        """Return the institution that owns a register."""
        found = self.world.ghost.model.get(b"\x03" + name.encode())
        return None if found is None else str(found[4][0])

    def _value(self, name: str) -> Any:
        pick = self.random
        found = self.world.ghost.model.get(b"\x03" + name.encode())
        if found is None or pick.random() < 0.05:
            return [pick.choice(MISFITS)]
        if found[1] == "commitment":
            return pick.choice((pick.randbytes(32), pick.randbytes(32), b"short", [1]))
        kinds = [kind for _, kind in found[2]] or [pick.choice(tuple(VALUES))]
        value = [pick.choice(VALUES[kind]) for kind in kinds]
        odd = pick.random()
        if odd < 0.06 and "integer" in kinds:
            value[kinds.index("integer")] = True
        elif odd < 0.09:
            value[pick.randrange(len(value))] = pick.choice(MISFITS)
        elif odd < 0.11:
            value.append(1)
        elif odd < 0.13 and "bytes" in kinds:
            value[kinds.index("bytes")] = bytes(LARGE_BYTES)
        return value

    def _own(self, institution: str) -> list[str]:
        """Return the offices of an institution but the one that governs."""
        return [name for place, name in self.offices() if place == institution and name != OFFICE]

    def _policy(self, kind: Kind, institution: str, office: str) -> list[Any]:
        pick, now = self.random, self.now()
        own = self._own(institution)
        if institution in GUESTS and pick.random() < 0.3:
            own = [OFFICE]  # the operators count on those of the others
        elif office != OFFICE and pick.random() < 0.5:
            own = [office]
        known = pick.choice(own) if own and pick.random() < 0.93 else "nowhere"
        keys = self._keys()
        threshold = min(len(keys), pick.choice((1, 2, 2, 3))) + (pick.random() < 0.05)
        if kind is Kind.CREATE_OFFICE:
            return [f"office-{pick.randrange(6)}", "An office", threshold, keys]
        if kind is Kind.SET_KEY_POLICY:
            return [known, threshold, keys]
        _, seats = self.policy(institution, known)
        old = pick.choice(seats)[1] if seats and pick.random() < 0.93 else self.new_key()
        if kind is Kind.REVOKE_KEY:
            return [known, old]
        new = self.new_key() if pick.random() < 0.93 else old
        if kind is Kind.NAME_ACTING:
            begins = pick.choice((0, now, now + 4000))
            until = pick.choice((now + 6_000, now + 1_000_000_000, now - 1, now + 40_000_000_000))
            return [known, old, new, "Deputy", begins, until]
        ends = pick.choice((None, None, now + 600_000, now - 1))
        return [known, old, new, "Successor", ends, pick.choice((now, now + 4000, now + 60_000))]

    # --- motions ---------------------------------------------------------------------------------

    def motion(self, *, may_admit: bool) -> tuple[int, list[Any]]:
        """Return a motion that admits an institution, or one that must be refused."""
        pick = self.random
        if pick.random() < 0.5:
            return self._resolution()
        choice = pick.random()
        if choice < 0.4 and may_admit:
            name = pick.choice(GUESTS)
            office = [OFFICE, "Desk", 1, [[self.new_key(), "Clerk", 0, None]]]
            second = [pick.choice(("office-0", "office-1", OFFICE)), "Second", 2, self._keys()]
            return MotionKind.ADMIT_INSTITUTION, [name, "A guest", "voluntary", [office, second]]
        if choice < 0.5:
            name, arguments = pick.choice(INSTITUTIONS), []
            arguments = [name, "Again", "duty-bound", [[OFFICE, "Desk", 1, self._keys()]]]
            return MotionKind.ADMIT_INSTITUTION, arguments
        if choice < 0.6:
            return 77, [1]
        if choice < 0.7:
            return MotionKind.REMOVE_NODE, ["nobody"] if pick.random() < 0.5 else [7]
        return self._node_motion()

    def _resolution(self) -> tuple[int, list[Any]]:
        """Return a motion about rules, calendars, mandates, or an office's keys."""
        pick = self.random
        if pick.random() > 0.15:
            return resolution(pick, self.world.ghost.model, self.now())
        own = [each for each in self.offices() if each[1] != OFFICE] or [("nobody", OFFICE)]
        keys = self._keys()
        threshold = min(len(keys), pick.choice((1, 2))) + (pick.random() < 0.05)
        return MotionKind.RECOVER_OFFICE, [*pick.choice(own), threshold, keys]

    def _node_motion(self) -> tuple[int, list[Any]]:
        """Return a motion about a node that changes nothing, or is not possible."""
        pick = self.random
        nodes = self.world.ghost.model.keys(b"\x05")
        member = list(self.world.ghost.model.get(pick.choice(nodes)))
        choice = pick.random()
        if choice < 0.25:
            return MotionKind.READMIT_NODE, [member[0], member[5]]
        if choice < 0.4:
            return MotionKind.READMIT_NODE, ["nobody", bytes(16)]
        if choice < 0.6:
            return MotionKind.SET_NODE, member[:7]
        if choice < 0.75:
            return MotionKind.SET_NODE, [member[0], "nobody", *member[2:7]]
        twin = ["twin", *member[1:5], bytes(16), member[6]]
        twin[4] = twin[3]  # one key for two uses: never possible, whoever has left meanwhile
        return MotionKind.SET_NODE, twin
