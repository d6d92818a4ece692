"""Checks an exit pack: the whole record of a govchaind network, without that network.

    python verify.py                  check the pack in which this file lies
    python verify.py --receipt FILE   check one receipt against the pack as well
    python verify.py --chain-id HEX   refuse a pack of any other chain

Needs Python 3.11 or later and PyNaCl, and nothing of govchaind: whoever doubts that program reads
this file instead. Every layout is in govchaind's docs/protocol.md. It believes only the genesis,
whose hash is the chain id: compare that with one that you have from elsewhere. From there each
block, signature and change of membership leads to the next. Memory is bounded but for the state:
about 400 bytes a change. It ends with 0 if everything holds, else with 1, and says where.

License: Apache-2.0, as of govchaind; this file may be copied, changed and passed on alone.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import nacl.bindings
import nacl.exceptions

FORMAT = "govchaind-exit"
VERSION = 1
RECORD_BYTES_MAX = 4 * 1024 * 1024
DEPTH_MAX = 16
BUCKET_ENTRIES_MAX = 24
LEAF, NODE, BODY, TRANSACTION, BLOCK, ATTESTATION, GENESIS = range(7)
STATE_KEY, STATE_VALUE, STATE_BUCKET, STATE_NODE, CONFIGURATION, TRUST = 7, 8, 9, 10, 11, 17
RECOVERY, RECOVERY_SIGNATURE = 48, 49
INSTITUTION, OFFICE, NETWORK, RULE, STANDING = 1, 2, 6, 11, 28  # kinds of state that are looked at
SET_NODE, REMOVE_NODE = 2, 3  # kinds of motion: their rules say who may recover the chain
SEALED = ("manifest.json", "manifest.sha256")


class Damage(Exception):
    """Something does not hold; the message says what, and `where` it stands."""

    def __init__(self, what: str, where: str = "") -> None:
        super().__init__(what)
        self.what, self.where = what, where

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where else self.what


def need(holds: bool, what: str) -> None:
    if not holds:
        raise Damage(what)


# --- hashes, signatures, trees (protocol.md: Hashes and signatures, Trees) ------------------------


def digest(domain: int, data: bytes) -> bytes:
    return hashlib.sha256(bytes((1, domain)) + data).digest()


def signed(domain: int, key: bytes, message: bytes, signature: bytes) -> bool:
    if len(key) != 32 or len(signature) != 64:
        return False
    try:
        nacl.bindings.crypto_sign_open(signature + bytes((1, domain)) + message, key)
    except nacl.exceptions.BadSignatureError:
        return False
    return True


def tree_root(leaves: list[bytes]) -> bytes:
    """Return the root over hashed leaves; an odd last node is carried up as it is."""
    if not leaves:
        return hashlib.sha256(b"\x01").digest()
    while len(leaves) > 1:
        above = [digest(NODE, leaves[i] + leaves[i + 1]) for i in range(0, len(leaves) - 1, 2)]
        leaves = above + leaves[-1:] if len(leaves) % 2 else above
    return leaves[0]


class Heights:
    """The tree of all heights, by its right edge: complete subtrees, the largest first."""

    def __init__(self) -> None:
        self.size = 0
        self.edge: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        size, value = self.size, leaf
        while size & 1:
            value = digest(NODE, self.edge.pop() + value)
            size >>= 1
        self.edge.append(value)
        self.size += 1

    def root(self) -> bytes:
        if not self.edge:
            return tree_root([])
        value = self.edge[-1]
        for left in reversed(self.edge[:-1]):
            value = digest(NODE, left + value)
        return value


def inclusion_root(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Return the root to which a path leads (RFC 9162, 2.1.3.2)."""
    need(0 <= index < size, "its certificate does not cover its height")
    last, value = size - 1, leaf
    for sibling in path:
        need(last > 0, "a path is too long")
        if index & 1 or index == last:
            value = digest(NODE, sibling + value)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            value = digest(NODE, value + sibling)
        index, last = index >> 1, last >> 1
    need(last == 0, "a path is too short")
    return value


class StateTree:
    """The state's tree (protocol.md: State tree and its paths); hashes anew only what changed."""

    def __init__(self, depth: int = 0) -> None:
        self.depth, self.count = depth, 0
        self.entries: dict[bytes, bytes] = {}  # key hash → value hash, until there are too many
        self.children: list[StateTree] = []
        self.hash: bytes | None = bytes(32)

    def put(self, key: bytes, value: bytes | None) -> int:
        """Set or, with None, remove an entry; return by how many there are more."""
        self.hash = None
        if self.children:
            more = self._child(key).put(key, value)
        else:
            before = len(self.entries)
            if value is None:
                self.entries.pop(key, None)
            else:
                self.entries[key] = value
            more = len(self.entries) - before
            if len(self.entries) > BUCKET_ENTRIES_MAX:
                self.children = [StateTree(self.depth + 1) for _ in range(16)]
                for name, one in self.entries.items():
                    self._child(name).put(name, one)
                self.entries = {}
        self.count += more
        return more

    def _child(self, key: bytes) -> StateTree:
        byte = key[self.depth >> 1]
        return self.children[byte & 15 if self.depth & 1 else byte >> 4]

    def items(self) -> list[bytes]:
        found = [key + value for key, value in self.entries.items()]
        return found + [item for child in self.children for item in child.items()]

    def root(self) -> bytes:
        if self.hash is None:
            if self.count <= BUCKET_ENTRIES_MAX:
                entries = b"".join(sorted(self.items()))
                self.hash = digest(STATE_BUCKET, entries) if entries else bytes(32)
            else:
                roots = [child.root() for child in self.children]
                groups = [digest(STATE_NODE, b"".join(roots[i : i + 4])) for i in range(0, 16, 4)]
                self.hash = digest(STATE_NODE, b"".join(groups))
        return self.hash


# --- deterministic CBOR (RFC 8949, 4.2): one value has one encoding -------------------------------

_LEAST = (24, 1 << 8, 1 << 16, 1 << 32)


def decode(data: bytes) -> Any:
    value, end = _item(data, 0, 0)
    need(end == len(data), "bytes follow after the end of a value")
    return value


def _item(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    need(at < len(data), "a value is cut short")
    need(depth <= DEPTH_MAX, "a value is nested too deeply")
    kind, value = data[at] >> 5, data[at] & 31
    at += 1
    if kind == 7:
        need(20 <= value <= 22, "a float or another value that is not allowed")
        return (False, True, None)[value - 20], at
    if value >= 24:
        need(value <= 27, "an indefinite length")
        width, least = 1 << (value - 24), _LEAST[value - 24]
        need(at + width <= len(data), "a value is cut short")
        value = int.from_bytes(data[at : at + width], "big")
        need(value >= least, "a number is written in more bytes than it needs")
        at += width
    if kind < 2:
        return (-1 - value if kind else value), at
    if kind < 4:
        end = at + value
        need(end <= len(data), "a string is cut short")
        return (data[at:end] if kind == 2 else str(data[at:end], "utf-8")), end
    need(kind == 4, "a map or a tag")
    items = []
    for _ in range(value):
        item, at = _item(data, at, depth + 1)
        items.append(item)
    return items, at


def encode(value: Any) -> bytes:
    if value is None or isinstance(value, bool):
        return b"\xf6" if value is None else b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        return _head(3, len(value.encode())) + value.encode()
    return _head(4, len(value)) + b"".join(map(encode, value))


def _head(kind: int, value: int) -> bytes:
    if value < 24:
        return bytes((kind << 5 | value,))
    step = sum(value >= bound for bound in _LEAST[1:])
    return bytes((kind << 5 | 24 + step,)) + value.to_bytes(1 << step, "big")


def fields(data: bytes, count: int, what: str) -> list[Any]:
    return array(decode(data), count, what)


def array(value: Any, count: int, what: str) -> list[Any]:
    need(isinstance(value, list) and len(value) == count, f"{what} is not an array of {count}")
    return list(value)


# --- the pack's files -----------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """Return a decoded value as JSON has it: bytes become hex."""
    if isinstance(value, bytes):
        return value.hex()
    return [plain(item) for item in value] if isinstance(value, list) else value


def json_line(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"


def manifest_text(manifest: dict[str, Any]) -> str:
    return json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


class Pack:
    """A pack's directory and what its manifest says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.opened = ExitStack()  # files that are compared line by line
        try:
            text = (folder / SEALED[0]).read_bytes()
            seal = (folder / SEALED[1]).read_bytes()
        except OSError as error:
            raise Damage(str(error)) from None
        self.fingerprint = hashlib.sha256(text).hexdigest()
        need(seal == f"{self.fingerprint}  {SEALED[0]}\n".encode(),
             f"{SEALED[1]} is not the SHA-256 of {SEALED[0]}")  # fmt: skip
        manifest = json.loads(text)
        need(manifest_text(manifest).encode() == text, "manifest.json is not in its one form")
        self.files: list[list[Any]] = manifest.pop("files")
        self.facts: dict[str, Any] = manifest
        need(manifest.get("version") == VERSION,
             f"it is a pack of version {manifest.get('version')!s:.20}; this program reads version "
             f"{VERSION}: use the verify.py that lies in the pack")  # fmt: skip

    def check_files(self) -> list[str]:
        """Return a line for each file that is not what the manifest says."""
        named = {name: (size, sha256) for name, size, sha256 in self.files}
        wrong = []
        for path in sorted(self.folder.rglob("*")):
            name = path.relative_to(self.folder).as_posix()
            if path.is_symlink() or (path.is_file() and name not in (*named, *SEALED)):
                wrong.append(f"{name}: the manifest does not name it")
        for name, (size, sha256) in named.items():
            path = self.folder / name
            if ".." in Path(name).parts or Path(name).is_absolute() or not path.is_file():
                wrong.append(f"{name}: it is missing")
            elif path.stat().st_size != size:
                wrong.append(f"{name}: it has {path.stat().st_size} bytes, not {size}")
            else:
                with path.open("rb") as file:
                    if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                        wrong.append(f"{name}: its SHA-256 is not the manifest's")
        return wrong

    def read(self, name: str) -> bytes:
        try:
            return (self.folder / name).read_bytes()
        except OSError as error:
            raise Damage(str(error.strerror), name) from None

    def records(self, kind: str, chain_id: bytes) -> Iterator[tuple[str, list[Any]]]:
        """Yield (where, record) of every record of the files of one kind, in order."""
        names = sorted(name for name, _, _ in self.files if name.startswith(kind + "/"))
        for number, name in enumerate(names, start=1):
            need(name == f"{kind}/{number:06d}.cbor", f"{name} where {number:06d}.cbor is due")
            try:
                with (self.folder / name).open("rb") as file:
                    for place, data in enumerate(_framed(file.read)):
                        record = decode(data)
                        if place:
                            yield name, record
                        else:
                            head = [FORMAT, VERSION, kind, chain_id, number]
                            need(record == head, "its head is of another pack, kind or place")
            except OSError as error:
                raise Damage(str(error.strerror), name) from None
            except (Damage, ValueError, RecursionError) as error:
                raise error if isinstance(error, Damage) and error.where else Damage(
                    str(error), name) from None  # fmt: skip

    def comparing(self, name: str) -> Callable[[str | None], None]:
        """Return what is called with each line that the file must have, then with None."""
        try:
            file = self.opened.enter_context((self.folder / name).open("rb"))
        except OSError as error:
            raise Damage(str(error.strerror), name) from None

        def compare(line: str | None) -> None:
            wanted = b"" if line is None else line.encode()
            found = file.readline(len(wanted) + 1)
            if found != wanted:
                text = "the end" if line is None else line.strip()
                raise Damage(f"it has another line than {text[:200]}", name)

        return compare


def _framed(read: Callable[[int], bytes]) -> Iterator[bytes]:
    while head := read(4):
        size = int.from_bytes(head, "big")
        need(len(head) == 4 and size <= RECORD_BYTES_MAX, "a record's length is wrong")
        data = read(size)
        need(len(data) == size, "it is cut short")
        yield data


# --- the state: every value that any key ever had, and lists for people made from it --------------

# first byte of a state key → list, names of the key's parts, names of the value's places
LISTS: dict[int, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    1: ("institutions.jsonl", ("institution",), ("title", "class", "governs", "admitted_at")),
    2: ("offices.jsonl", ("institution", "office"), ("title", "threshold", "seats")),
    5: ("nodes.jsonl", ("node",), ("node", "institution", "role", "attestation_key", "tls_key",
                                   "store", "addresses", "signs_above")),
    12: ("calendars.jsonl", ("calendar", "year", "version"),
         ("utc_offset_minutes", "working_days", "adopted_at")),
    13: ("mandates.jsonl", ("mandate",), ("title", "number", "issuer", "document", "effect_ms",
         "until_ms", "predecessor", "successor", "ends_ms", "adopted_at")),
}  # fmt: skip
SEAT = ("seat", "key", "holder", "valid_from_ms", "valid_until_ms", "revoked_at_ms")


def key_parts(key: bytes) -> list[Any]:
    """Return the names in a state key of a listed kind."""
    if key[0] != 12:
        return [part.decode() for part in key[1:].split(b"\x00")]
    year, version = key[-4:-2], key[-2:]
    return [key[1:-5].decode(), int.from_bytes(year, "big"), int.from_bytes(version, "big")]


def named(names: Sequence[str], values: list[Any]) -> dict[str, Any]:
    """Return values by their names; places that a later version added come as `more`."""
    found = dict(zip(names, plain(values), strict=False))
    return {**found, "more": plain(values[len(names) :])} if len(values) > len(names) else found


def list_line(key: bytes, height: int, data: bytes | None) -> tuple[str, str] | None:
    """Return the list in which a change of the state stands, and its line there."""
    if key[0] not in LISTS:
        return None
    name, parts, places = LISTS[key[0]]
    line = {**dict(zip(parts, key_parts(key), strict=True)), "height": height}
    if data is None:
        return name, json_line({**line, "removed": True})
    line.update(named(places, decode(data)))
    if key[0] == 2:
        line["seats"] = [named(SEAT, seat) for seat in line["seats"]]
    return name, json_line(line)


class State:
    """What the state's files hold: offices for judging signatures, and the tree at each height."""

    def __init__(self, pack: Pack, chain_id: bytes) -> None:
        self.offices: dict[tuple[str, str], list[tuple[int, Any]]] = {}
        self.others: dict[bytes, list[tuple[int, Any]]] = {}  # what says who may recover the chain
        self.tree = StateTree()
        self.changes = 0
        self._changes: dict[int, list[bytes]] = {}  # by height: key hash, value hash
        readers = {name: pack.comparing(name) for name, _, _ in LISTS.values()}
        before: tuple[bytes, int, bytes | None] = (b"", 0, None)
        for where, record in pack.records("state", chain_id):
            try:
                key, height, value = array(record, 3, "a change")
                same = key == before[0]
                need(key > before[0] or (same and height > before[1]), "changes are out of order")
                need(value is not None or (same and before[2] is not None), "nothing is removed")
                self._take(key, height, value)
                line = list_line(key, height, value)
                before = (key, height, value)
            except (Damage, TypeError, ValueError, IndexError, AttributeError) as error:
                raise Damage(f"change {self.changes + 1} of the state: {error}", where) from None
            if line is not None:
                readers[line[0]](line[1])
        for compare in readers.values():
            compare(None)

    def _take(self, key: bytes, height: int, value: bytes | None) -> None:
        self.changes += 1
        entry = digest(STATE_KEY, key) + (b"" if value is None else digest(STATE_VALUE, value))
        self._changes.setdefault(height, []).append(entry)
        if key[0] == OFFICE:
            institution, office = key_parts(key)
            versions = self.offices.setdefault((institution, office), [])
            versions.append((height, None if value is None else decode(value)))
        elif key[0] in (INSTITUTION, NETWORK, RULE) or key == bytes((STANDING,)):
            found = None if value is None else decode(value)
            self.others.setdefault(key, []).append((height, found))

    def move(self, height: int) -> None:
        """Bring the tree from the height before to this one."""
        for entry in self._changes.pop(height, []):
            self.tree.put(entry[:32], entry[32:] or None)

    def end(self) -> None:
        left = min(self._changes, default=None)
        need(left is None, f"the state has changes of height {left}, which is not in the pack")

    def at(self, key: bytes, height: int) -> Any:
        """Return the value of a key that says who may recover the chain, after a height."""
        values = [value for at, value in self.others.get(key, []) if at <= height]
        return values[-1] if values else None

    def needed(self, height: int) -> int:
        """Return how many institutions can recover the chain after a height."""
        counting: int = self.at(bytes((NETWORK,)), height)[0]
        counting -= len(self.at(bytes((STANDING,)), height) or [])
        rules = [self.at(bytes((RULE, kind)), height) for kind in (SET_NODE, REMOVE_NODE)]
        asked: list[int] = [counting * top // bottom + 1 for top, bottom, _ in filter(None, rules)]
        return min(counting, max([counting // 2 + 1, *asked]))

    def office(self, institution: str, office: str, height: int) -> Any:
        """Return an office as it was after a height."""
        versions = self.offices.get((institution, office), [])
        before = [value for at, value in versions if at <= height]
        need(bool(before) and before[-1] is not None, f"there was no office of {institution}")
        return before[-1]

    def policy_fault(
        self, institution: str, office: str, signers: list[bytes], height: int, time: int
    ) -> str | None:
        """Say why these keys could not act for an office in a block, or None.

        An office that changed in this very block is not judged: its order within is not recorded.
        """
        versions = self.offices.get((institution, office), [])
        before = [value for at, value in versions if at < height]
        if any(at == height for at, _ in versions):
            return None
        if not before or before[-1] is None:
            return f"there was no office {institution}/{office}"
        _, threshold, seats = before[-1][:3]
        taken = set()
        for key in signers:
            for number, public, _, begins, ends, revoked in (seat[:6] for seat in seats):
                if public == key and revoked is None and begins <= time and (
                    ends is None or time <= ends):  # fmt: skip
                    taken.add(number)
        if len(taken) != len(signers) or len(taken) != threshold:
            return f"its keys could not sign for {institution}/{office} at that time"
        return None


# --- the chain: from genesis, block by block ------------------------------------------------------


class Recovery:
    """A record by which institutions let a chain go on whose quorum was lost (protocol.md)."""

    def __init__(self, data: bytes, chain: Chain, state: State) -> None:
        self.body, _, self.signatures = fields(data, 3, "a record of recovery")
        what, version, chain_id, self.kept, kept_hash, self.certified, self.lost, *rest = fields(
            self.body, 12, "what a record of recovery says"
        )
        term, leader, self.time, self.membership, _ = rest
        need((what, version, chain_id) == ("recovery", 1, chain.chain_id), "of another chain")
        need(self.certified <= self.kept, "a recovery keeps less than was certified")
        self.height, self.changes = self.kept + 1, chain.changes
        root, configuration = digest(RECOVERY, self.body), digest(CONFIGURATION, self.membership)
        self.header = encode(
            [1, chain_id, self.height, kept_hash, root, term, leader, self.time, configuration]
        )
        self.voters = _voters(self.membership)
        self.institutions = self._institutions(state)

    def _institutions(self, state: State) -> list[str]:
        """Return the institutions whose governing offices have signed; they must be enough."""
        keys: dict[str, list[bytes]] = {}
        aside = state.at(bytes((STANDING,)), self.kept) or []
        for institution, key, signature in self.signatures:
            need(institution not in aside, f"{institution}, which does not count, has recovered")
            need(signed(RECOVERY_SIGNATURE, key, self.body, signature),
                 f"the signature of {institution} on a recovery")  # fmt: skip
            keys.setdefault(institution, []).append(key)
        found = []
        for institution, signers in sorted(keys.items()):
            known = state.at(bytes((INSTITUTION,)) + institution.encode(), self.kept)
            need(known is not None, f"there is no institution {institution}")
            _, threshold, seats = state.office(institution, known[2], self.kept)[:3]
            taken = {seat[0] for key in signers for seat in seats if _sits(seat, key, self.time)}
            if len(taken) >= threshold:
                found.append(institution)
        needed = state.needed(self.kept)
        need(len(found) >= needed, f"{len(found)} institutions recovered; {needed} are needed")
        return found

    def sentence(self) -> str:
        lost = f"; heights {self.height} to {self.lost} were lost" if self.lost else ""
        return (f"the quorum was lost; at height {self.height} ({moment(self.time)}) "
                f"{', '.join(self.institutions)} had {', '.join(sorted(self.voters))} go on, with "
                f"everything up to height {self.kept}{lost}")  # fmt: skip


def _sits(seat: list[Any], key: bytes, time: int) -> bool:
    _, public, _, begins, ends, revoked = seat[:6]
    valid = revoked is None and begins <= time and (ends is None or time <= ends)
    return bool(public == key and valid)


class Chain:
    """What follows from the blocks taken so far."""

    def __init__(self, genesis: bytes) -> None:
        _, self.name, self.time, institutions, nodes = fields(genesis, 5, "the genesis")
        self.chain_id = digest(GENESIS, genesis)
        self.institutions, self.nodes = len(institutions), len(nodes)
        self.membership = encode([1, [node for node in nodes if node[2] != "observer"], 0])
        self.voters = _voters(self.membership)
        self.height = self.term = self.era = self.changes = 0
        self.previous = self.chain_id
        self.heights = Heights()
        self.transactions = self.signatures = self.attestations = 0
        # of the newest certified height, and of the newest certified checkpoint
        self.checkpoint = self.checkpoints = 0
        self.certified, self.certified_hash, self.log_root = 0, self.chain_id, tree_root([])
        self.trusted: list[Any] = [0, self.membership, 0]  # era, membership, changes
        self.outcomes_root = b""
        self.sets: list[dict[str, tuple[bytes, int]]] = []
        self.recovery: Recovery | None = None  # whose block is still to come
        self.recoveries: list[Recovery] = []

    def take(self, record: list[Any], state: State) -> list[str]:
        """Judge the next block; return the lines of its transactions."""
        block, certificate, root, outcomes = array(record, 4, "a record of a block")
        raw, transactions, membership, *record = fields(
            block, 3 + (block[:1] == b"\x84"), "a block"
        )
        height = self.height + 1
        version, chain, named_height, previous, listed, term, _, time, configuration = fields(
            raw, 9, "a header"
        )
        need((version, chain) == (1, self.chain_id), "the block is of another chain or version")
        need(named_height == height, f"block {named_height} stands where {height} is due")
        need(previous == self.previous, f"it does not follow block {self.height}")
        need(time > self.time and term >= self.term, "it is not later than the block before")
        identities = [digest(TRANSACTION, item) for item in transactions]
        recovery = self._recovery(height, raw, record, certificate, state)
        need(bool(record) or tree_root([digest(LEAF, item) for item in identities]) == listed,
             "its transactions are not those that its header names")  # fmt: skip
        before, after = self.voters, self.voters
        if membership is not None:
            need(not transactions, "a configuration block has transactions")
            after = _voters(membership)
            self.membership, self.era, self.changes = membership, height, self.changes + 1
        need(digest(CONFIGURATION, self.membership) == configuration,
             "its header names another membership than the one in force")  # fmt: skip
        need(len(outcomes) == len(transactions), "it has not one outcome for each transaction")
        self.height, self.time, self.term, self.previous = height, time, term, digest(BLOCK, raw)
        self.voters, self.sets = after, [before] if membership is None else [before, after]
        if recovery is not None:
            self.sets = [recovery.voters]
            if record:
                self.recoveries.append(recovery)
                self.recovery, self.changes = None, recovery.changes + 1
        state.move(height)
        leaves, lines = [], []
        for place, (data, identity, outcome) in enumerate(
            zip(transactions, identities, outcomes, strict=True)
        ):
            line, leaf = self._transaction(place, data, identity, outcome, state)
            leaves.append(leaf)
            lines.append(line)
        self.outcomes_root = tree_root(leaves)
        result = [height, self.previous, self.outcomes_root, root]
        self.heights.append(digest(LEAF, encode(result)))
        need(root in (None, state.tree.root()), "the state has not the root that was signed")
        if certificate is not None:
            need(self.certified == height - 1, f"height {height - 1} has no certificate")
            self._certificate(certificate, result)
            self.certified, self.certified_hash = height, self.previous
            self.log_root = self.heights.root()
            self.trusted = [self.era, self.membership, self.changes]
            if self.recoveries:
                told = [[one.height, one.kept, one.lost, one.time] for one in self.recoveries]
                self.trusted.append(told)
            if root is not None:
                self.checkpoint, self.checkpoints = height, self.checkpoints + 1
        return lines

    def _recovery(
        self, height: int, raw: bytes, record: list[bytes], certificate: Any, state: State
    ) -> Recovery | None:
        """Return the recovery whose validators certify a height; its block must be its own."""
        announced = []
        if certificate is not None and certificate[:1] == b"\x83":
            announced = [fields(certificate, 3, "a certificate")[2]]
        for data in announced + record:
            found = Recovery(data, self, state)
            if self.recovery is None:
                need(found.certified == self.certified, "a recovery begins at another height")
                self.recovery = found
            need(found.body == self.recovery.body, "there are two recoveries at one time")
        due = self.recovery
        if due is not None and due.height == height:
            need(bool(record) and raw == due.header, "another block stands where a recovery is due")
        else:
            need(not record, "a recovery stands at another height than its record says")
        return due

    def _transaction(
        self, place: int, data: bytes, identity: bytes, outcome: Any, state: State
    ) -> tuple[str, bytes]:
        """Judge a transaction's signatures; return its line and its outcome's leaf."""
        code, refused = array(outcome, 2, "an outcome")
        body, signers = check_signatures(data)
        parts = fields(body, 7, "a transaction's body")
        institution, office, operations = parts[2], parts[3], parts[4]
        if code == 0:
            need(parts[1] == self.chain_id, f"transaction {place} is of another chain")
            fault = state.policy_fault(institution, office, signers, self.height, self.time)
            need(fault is None, f"transaction {place} was applied, but {fault}")
        self.transactions += 1
        self.signatures += len(signers)
        name = digest(BODY, body)
        line = {
            "height": self.height, "position": place, "id": name.hex(), "identity": identity.hex(),
            "institution": institution, "office": office, "operations": len(operations),
            "code": code, "operation": refused,
        }  # fmt: skip
        return json_line(line), digest(LEAF, encode([name, identity, code, refused]))

    def _certificate(self, data: bytes, result: list[Any]) -> None:
        statement, signatures = fields(data, 2 + (data[:1] == b"\x83"), "a certificate")[:2]
        wanted = encode([1, self.chain_id, *result, self.heights.root()])
        need(statement == wanted, "its certificate states other results than follow from the pack")
        self.attestations += check_quorum(statement, signatures, self.height, self.sets)


def _voters(membership: bytes) -> dict[str, tuple[bytes, int]]:
    """Return name → (attestation key, signs above) of a membership's validators."""
    version, members, _ = fields(membership, 3, "a membership")
    rows = [array(member, 8, "a member") for member in members]
    voters = {row[0]: (row[3], row[7]) for row in rows if row[2] == "validator"}
    need(version == 1 and bool(voters), "a membership of an unknown form, or without validators")
    return voters


def check_signatures(data: bytes) -> tuple[bytes, list[bytes]]:
    """Return a transaction's body and the keys that have signed it."""
    body, pairs = fields(data, 2, "a transaction")
    keys = [array(pair, 2, "a signature")[0] for pair in pairs]
    need(bool(keys) and keys == sorted(set(keys)), "signatures are out of order, or one is missing")
    for key, signature in pairs:
        need(signed(BODY, key, body, signature), f"the signature of key {key.hex()[:16]}")
    return body, keys


def check_quorum(
    statement: bytes, signatures: Any, height: int, sets: list[dict[str, tuple[bytes, int]]]
) -> int:
    """Return how many signatures a certificate has: a quorum of each set, and each must hold."""
    names = [array(pair, 2, "a signature")[0] for pair in signatures]
    need(names == sorted(set(names)), "its certificate's signatures are out of order")
    for name, signature in signatures:
        keys = [one[name][0] for one in sets if name in one and height > one[name][1]]
        need(bool(keys), f"{name} is no validator that may sign height {height}")
        need(signed(ATTESTATION, keys[0], statement, signature), f"the signature of {name}")
    for voters in sets:
        count = sum(name in names and height > above for name, (_, above) in voters.items())
        needed = (len(voters) + (len(voters) - 1) // 3) // 2 + 1
        need(count >= needed, f"{count} of {len(voters)} have signed; {needed} are needed")
    return len(names)


# --- one receipt ----------------------------------------------------------------------------------


class Receipt:
    """A receipt (protocol.md: Receipt), judged by itself and then by what the pack has there."""

    def __init__(self, data: bytes) -> None:
        parts = fields(data, 10, "a receipt")
        what, version, self.id, identity, transaction, code, place, sides, path, proof = parts
        need((what, version) == ("receipt", 1), "this is no receipt")
        if transaction is not None:
            body, _ = check_signatures(transaction)
            need(digest(BODY, body) == self.id and digest(TRANSACTION, transaction) == identity,
                 "it carries another transaction than it names")  # fmt: skip
        header, state, upward, certificate = array(proof, 4, "a height's proof")
        value = digest(LEAF, encode([self.id, identity, code, place]))
        need(sides >> len(path) == 0, "it has more sides than hashes")
        for number, sibling in enumerate(path):
            value = digest(NODE, sibling + value if sides >> number & 1 else value + sibling)
        self.height, self.code = fields(header, 9, "a header")[2], code
        self.result = [self.height, digest(BLOCK, header), value, state]
        self.statement, self.signatures = fields(certificate, 2, "a certificate")
        stated = fields(self.statement, 7, "a statement")
        self.chain_id, self.size, self.log_root = stated[1], stated[2], stated[6]
        leaf = digest(LEAF, encode(self.result))
        root = inclusion_root(leaf, self.height - 1, self.size, upward)
        need(root == self.log_root, "its path does not lead to the root that was signed")
        self.seen = False

    def compare(self, chain: Chain, result: list[Any]) -> None:
        """Compare with what the pack has at a height just taken."""
        if chain.height == self.height:
            need(result == self.result, "the pack has another result at its height")
            self.seen = True
        if chain.height == self.size:
            need(chain.heights.root() == self.log_root, "its certificate is of another history")
            check_quorum(self.statement, self.signatures, self.size, chain.sets)

    def end(self, chain: Chain) -> str:
        """Judge what is left when all blocks are taken; return what is proved."""
        need(self.chain_id == chain.chain_id, "it is of another chain")
        need(
            self.seen, f"its height {self.height} is not in the pack, which ends at {chain.height}"
        )
        if self.size > chain.height:
            check_quorum(self.statement, self.signatures, self.size, [_voters(chain.trusted[1])])
        fate = "took effect" if self.code == 0 else f"was refused with outcome {self.code}"
        return f"transaction {self.id.hex()} stands at height {self.height} and {fate}"


# --- the whole of it ------------------------------------------------------------------------------


def moment(milliseconds: int) -> str:
    start = datetime(1970, 1, 1)  # noqa: DTZ001  # counted in UTC; nothing here has a zone
    return f"{start + timedelta(milliseconds=milliseconds):%Y-%m-%d %H:%M:%S} UTC"


def shown(text: object) -> str:
    """Return text that cannot write over the screen, whatever a pack holds."""
    return "".join(sign if sign.isprintable() else "?" for sign in str(text))


def say(stage: str, text: str) -> None:
    print(f"{stage:13} {shown(text)}", flush=True)


def blocks_of(pack: Pack, chain: Chain) -> Iterator[tuple[str, list[Any]]]:
    """Yield each record of a block; where one cannot be read, the height that is due is told."""
    try:
        yield from pack.records("blocks", chain.chain_id)
    except Damage as error:
        raise Damage(error.what, f"{error.where}: height {chain.height + 1}") from None


def take_blocks(pack: Pack, chain: Chain, state: State, receipt: Receipt | None) -> None:
    compare = pack.comparing("transactions.jsonl")
    for where, record in blocks_of(pack, chain):
        place = f"{where}: height {chain.height + 1}"
        try:
            for line in chain.take(record, state):
                compare(line)
            if receipt is not None:
                result = [chain.height, chain.previous, chain.outcomes_root, record[2]]
                try:
                    receipt.compare(chain, result)
                except Damage as error:
                    raise Damage(error.what, "the receipt") from None
        except Damage as error:
            raise Damage(error.what, error.where or place) from None
        except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
            raise Damage(f"it is misshapen: {error}", place) from None
    compare(None)


def check(pack: Pack, receipt: Receipt | None, chain_id: str | None) -> None:
    """Check everything; print a line a stage. Raises Damage."""
    facts, wrong = pack.facts, pack.check_files()
    for line in wrong:
        print(f"DAMAGED: {shown(line)}", file=sys.stderr)
    if not wrong:
        size = sum(size for _, size, _ in pack.files)
        say("files", f"{len(pack.files)} files, {size:,} bytes: each has its SHA-256")
    chain = Chain(pack.read("genesis.bin"))
    need(chain_id is None or chain.chain_id.hex() == chain_id.lower(),
         f"the pack is of chain {chain.chain_id.hex()}, not of the one named")  # fmt: skip
    say("genesis", f"chain {chain.name}, id {chain.chain_id.hex()}; it began {moment(chain.time)} "
        f"with {chain.institutions} institutions and {chain.nodes} nodes")  # fmt: skip
    state = State(pack, chain.chain_id)
    state.move(0)
    take_blocks(pack, chain, state, receipt)
    say("blocks", f"{chain.height:,} blocks are linked; {chain.transactions:,} transactions with "
        f"{chain.signatures:,} signatures, their list and their offices' keys agree")  # fmt: skip
    say("certificates", f"{chain.certified:,} heights, {chain.attestations:,} signatures; "
        f"changes of membership, by the old and the new set: {chain.trusted[2]}")  # fmt: skip
    for recovery in chain.recoveries:
        say("RECOVERED", recovery.sentence())
    state.end()
    say("state", f"{state.changes:,} changes, {state.tree.count:,} keys now; at each of "
        f"{chain.checkpoints:,} checkpoints as signed, and the lists for people agree")  # fmt: skip
    expected = {
        "format": FORMAT, "version": VERSION, "chain": chain.name,
        "chain_id": chain.chain_id.hex(), "blocks": chain.height,
        "transactions": chain.transactions, "state_changes": state.changes,
        "certified": chain.certified, "block_hash": chain.certified_hash.hex(),
        "log_root": chain.log_root.hex(), "checkpoint": chain.checkpoint,
        "tables": any(name.startswith("tables/") for name, _, _ in pack.files),
    }  # fmt: skip
    need(facts == expected, "it says other things of the pack than are found")
    payload, seal = fields(pack.read("trust.file"), 2, "the trust file")
    wanted = encode(["trust", 1, chain.chain_id, chain.name, chain.certified, chain.log_root,
                     *chain.trusted])  # fmt: skip
    need((payload, seal) == (wanted, digest(TRUST, wanted)), "trust.file is not of this head")
    if wrong:
        raise Damage("the rest holds, but not every file is what was packed", wrong[0])
    if receipt is not None:
        say("receipt", receipt.end(chain))
    say("HOLDS", f"the newest certified head is height {chain.certified}, block "
        f"{chain.certified_hash.hex()}, log root {chain.log_root.hex()}")  # fmt: skip
    if chain.height > chain.certified:
        print(f"{chain.height - chain.certified} blocks after it have no certificate: "
              "their order and signatures hold, their outcomes are one node's word.")  # fmt: skip
    print(f"fingerprint of the pack: {pack.fingerprint}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Check an exit pack of a govchaind network.")
    parser.add_argument("--receipt", type=Path, metavar="FILE", help="check this receipt as well")
    parser.add_argument("--chain-id", metavar="HEX", help="refuse a pack of any other chain")
    here = Path(__file__).resolve().parent
    parser.add_argument("--pack", type=Path, default=here, metavar="FOLDER",
                        help="the pack; without it the folder of this file")  # fmt: skip
    given = parser.parse_args(arguments)
    try:
        try:
            receipt = None if given.receipt is None else Receipt(given.receipt.read_bytes())
        except (Damage, OSError, TypeError, ValueError) as error:
            raise Damage(str(error), "the receipt") from None
        pack = Pack(given.pack)
        with pack.opened:
            check(pack, receipt, given.chain_id)
    except Damage as error:
        print(f"DOES NOT HOLD: {shown(error)}", file=sys.stderr)
        return 1
    except (OSError, TypeError, ValueError, KeyError, IndexError, AttributeError, RecursionError,
            OverflowError) as error:  # fmt: skip
        print(f"DOES NOT HOLD: {type(error).__name__}: {shown(error)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
