"""What every node's ledger must come to, by the model: N-3, at each write and at each start.

Compared are all rows that a height puts: outcomes and their root, the values of the state with
their heights, what they supersede, the index of transactions and of blocks, and the root over all
heights in what is signed. Only the state's tree is taken on trust here; state proofs (I-21) tie its
roots to the values.
"""

from __future__ import annotations

from typing import Any

from govchaind.base.encoding import decode, encode
from govchaind.base.keyspace import Table, height_key
from govchaind.base.keyvalue import MemoryReader
from govchaind.base.types import Hash
from govchaind.ledger.results import find_transaction
from govchaind.ledger.state import State, check_state
from govchaind.ledger.state_tree import StateTree
from netsim.ghost import Ghost, Mirror
from netsim.model.ledger import Model, Result, Tree
from netsim.node import Node
from netsim.properties.base import Property, Rows, Written

ROW_MAX = 1 << 22
HISTORY_MAX = 1000  # versions of one key that are compared, the newest ones
READ_AT_START = 12  # keys whose value, past and history are read at each start
_STATE = State()
_READ = (Table.STATE[0], Table.HISTORY[0], Table.TRANSACTION[0])  # what `_reads` reads of


def _stored(value: Any) -> bytes:
    return b"\x00" if value is None else b"\x01" + encode(value)


def _eight(number: int) -> bytes:
    return number.to_bytes(8, "big")


class EqualsModel(Property):
    id = "N-3"
    text = (
        "outcomes, state, history, indexes and roots of every height equal those of an independent "
        "model of the ledger"
    )

    def __init__(self, ghost: Ghost) -> None:
        super().__init__(ghost)
        self.model: Model = ghost.model
        self._leaves: list[bytes] = []
        self._tree = Tree()
        self._log_roots: list[Hash] = []
        # Of each height, what was found right at the first node: the same bytes are right again.
        self._results: dict[int, bytes] = {}
        self._expected: dict[int, Rows] = {}
        self._statements: dict[int, bytes] = {}  # … the bytes of a row up to its signature
        self._keys: list[bytes] = []  # that ever had a value, sorted
        self._encoded: dict[bytes, list[tuple[int, bytes | None]]] = {}  # versions by key

    # --- at each write ---------------------------------------------------------------------------

    def writing(self, node: Node, written: Written) -> None:
        results = written.rows(Table.RESULT)
        heights = sorted(int.from_bytes(key[1:9], "big") for key in results)
        if not heights or heights[-1] > len(self.ghost.committed):
            return
        self.ghost.advance_model(heights[-1])
        for height in heights:
            row = results[height_key(Table.RESULT, height)] or b""
            if self._results.get(height) != row:
                self._result(node, height, row)
                self._results[height] = row
        self._rows(node, heights, written)
        for key, attested in written.rows(Table.ATTESTATION).items():
            if attested is not None:
                self._statement(node, int.from_bytes(key[1:9], "big"), attested)

    def _result(self, node: Node, height: int, row: bytes) -> None:
        expected = self.model.results[height - 1]
        block_hash, outcomes_root, state_root, outcomes, time = decode(row, bytes_max=ROW_MAX)
        told = [tuple(outcome) for outcome in outcomes]
        if told != expected.outcomes:
            place = next(
                (i for i, pair in enumerate(zip(told, expected.outcomes, strict=False))
                 if pair[0] != pair[1]), len(told),
            )  # fmt: skip
            here = told[place][2:] if place < len(told) else "missing"
            there = expected.outcomes[place][2:] if place < len(expected.outcomes) else "missing"
            self.fail(
                node.name,
                f"outcome of transaction {place} of height {height} is {here}, "
                f"the model says {there}",
            )
        if (block_hash, outcomes_root, time) != (
            expected.block_hash,
            expected.outcomes_root,
            expected.time,
        ):
            self.fail(node.name, f"hash, outcomes root or time of height {height} are others")
        if (state_root is not None) != expected.checkpoint:
            what = "is no" if expected.checkpoint else "is a"
            self.fail(node.name, f"height {height} {what} checkpoint")
        if len(self._leaves) < height:
            self._leaves.append(encode([height, block_hash, outcomes_root, state_root]))
            self._log_roots.append(self._tree.append(self._leaves[-1]))

    def _rows(self, node: Node, heights: list[int], written: Written) -> None:
        """Compare the rows of all tables that heights put, value by value."""
        expected: Rows = {}
        for height in heights:
            if height not in self._expected:
                self._expected[height] = self._expect(self.model.results[height - 1])
            expected.update(self._expected[height])
        there: Rows = {}
        for table in (Table.STATE, Table.HISTORY, Table.TRANSACTION, Table.BLOCK_HASH):
            there.update(written.rows(table))
        if there == expected:
            return
        for key in sorted(expected.keys() | there.keys()):
            if there.get(key) != expected.get(key):
                self.fail(
                    node.name,
                    f"heights {heights[0]} to {heights[-1]}: row {key[:1]!r} {key[1:40]!r} is "
                    f"{_short(there.get(key))}, the model says {_short(expected.get(key))}",
                )

    def _expect(self, result: Result) -> Rows:
        """Return the rows that a height puts."""
        height = result.height
        expected: Rows = {}
        for key in result.changes:
            versions = self.model.versions.get(key, [])
            place = len(versions) - 1
            while place >= 0 and versions[place][0] > height:
                place -= 1
            if place < 0 or versions[place][0] != height:
                continue  # the removal of nothing
            expected[Table.STATE + key] = _eight(height) + _stored(versions[place][1])
            if place:
                before, value = versions[place - 1]
                past = Table.HISTORY + bytes((len(key),)) + key + _eight(before)
                expected[past] = _stored(value)
        for transaction, position in result.consumed.items():
            row = _eight(height) + position.to_bytes(4, "big")
            expected[Table.TRANSACTION + transaction] = row
        expected[Table.BLOCK_HASH + result.block_hash] = _eight(height)
        return expected

    def _statement(self, node: Node, height: int, row: bytes) -> None:
        head = self._statements.get(height)
        if head is not None and row.startswith(head):
            rest = row[len(head) :]  # a signature, or none: an array of two has no more
            if rest == b"\x40" or (len(rest) == 66 and rest.startswith(b"\x58\x40")):
                return
        statement, _ = decode(row, bytes_max=ROW_MAX)
        if height > len(self._leaves):
            return
        fields = decode(statement, bytes_max=ROW_MAX)
        _, block_hash, outcomes_root, state_root = decode(self._leaves[height - 1], bytes_max=4096)
        log_root = self._log_roots[height - 1]
        if fields != [
            1, self.model.chain_id, height, block_hash, outcomes_root, state_root, log_root,
        ]:  # fmt: skip
            self.fail(node.name, f"the statement of height {height} is not of its results")
        self._statements[height] = encode([statement, b""])[:-1]

    # --- at each start, and at the end -----------------------------------------------------------

    def started(self, node: Node, mirror: Mirror) -> None:
        self._reads(node, mirror.applied, READ_AT_START)

    def end(self) -> None:
        nodes = [node for node in self.ghost.running() if not node.disk.rotten]
        seen: list[tuple[int, Rows]] = []  # to read the same rows is to read the same
        for node in nodes:
            applied = self.ghost.applied(node.disk)
            rows: Rows = {
                key: row for key, row in node.disk.image.values.items() if key[0] in _READ
            }
            if (applied, rows) not in seen:
                seen.append((applied, rows))
                self._reads(node, applied, 10 * READ_AT_START)
        for node in nodes[:1]:
            image = node.disk.image
            tree = StateTree()
            newest = tree.last_checkpoint(image)
            if newest is not None:
                tree.check(image, newest[0])
            check_state(image, tree)

    def _reads(self, node: Node, applied: int, count: int) -> None:
        """Read values, past values and histories as the API does, and compare."""
        if applied > len(self.ghost.committed) or node.disk.rotten:
            return
        self.ghost.advance_model(applied)
        image, model = node.disk.image, self.model
        if len(self._keys) != len(model.versions):
            self._keys = sorted(model.versions)
        keys = self._keys
        step = max(1, len(keys) // count)
        for key in keys[applied % step :: step]:
            self._read(node, image, key, applied)
        ids = list(model.used)
        for transaction in ids[:: max(1, len(ids) // count)]:
            place = model.used[transaction]
            found = find_transaction(image, transaction)
            if found != (place if place[0] <= applied else None):
                self.fail(node.name, f"finds transaction {transaction.hex()[:12]} at {found}")

    def _read(self, node: Node, image: MemoryReader, key: bytes, applied: int) -> None:
        versions = self.model.versions[key]
        known = self._encoded.setdefault(key, [])
        for at, value in versions[len(known) :]:
            known.append((at, None if value is None else encode(value)))
        expected = [each for each in known if each[0] <= applied]
        newest = expected[-1][1] if expected else None
        if _STATE.get(image, key) != newest:
            self.fail(node.name, f"reads another value of {key!r} at height {applied}")
        if _STATE.history(image, key, limit=HISTORY_MAX) != expected[: -HISTORY_MAX - 1 : -1]:
            self.fail(node.name, f"reads another history of {key!r} at height {applied}")
        middle = applied // 2
        past = [value for at, value in expected if at <= middle]
        if _STATE.get_at(image, key, middle) != (past[-1] if past else None):
            self.fail(node.name, f"reads another value of {key!r} as of height {middle}")
        page = _STATE.scan(image, key, limit=1)
        first = [(each[0], each[1], each[2]) for each in page if each[0] == key]
        if first != ([(key, newest, expected[-1][0])] if newest is not None else []):
            self.fail(node.name, f"lists {key!r} otherwise at height {applied}")


def _short(row: bytes | None) -> str:
    return "missing" if row is None else f"{row[:60]!r}"


PROPERTIES: tuple[type[Property], ...] = (EqualsModel,)
