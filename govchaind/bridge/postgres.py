"""The sink that is a PostgreSQL database: one height, one transaction of the database.

Rules it keeps:
- The progress row is moved first, from the height and hash before to the new ones: two bridges into
  one schema cannot both write a height, and what is written follows what is there.
- Rows travel as JSON parameters, never as text of a statement; a height costs the same few
  statements however many records it has.
- A value that the database cannot hold never stops the bridge; see `postgres_tables.py`.
- The driver blocks, so it works in a worker thread, with a bound on every wait.
"""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable
from typing import Any, TypeVar

import trio

from govchaind.backup.part import Tip
from govchaind.base.errors import Conflict, GovchaindError, InvalidSetting, PeerError, Refused
from govchaind.bridge.changes import Created, Place, Register, changes_of
from govchaind.bridge.feed import Verified
from govchaind.bridge.moment import iso_moment
from govchaind.bridge.postgres_address import Address
from govchaind.bridge.postgres_records import Records
from govchaind.bridge.postgres_tables import (
    add_history,
    add_transactions,
    check_schema,
    own_tables,
    put_records,
    quoted,
    register_table,
    retire_records,
    revisions,
    table_of,
    travelling,
)
from govchaind.ledger.genesis import Genesis
from govchaind.ledger.membership import read_membership
from govchaind.ledger.outcomes import OUTCOMES

T = TypeVar("T")

CONNECT_SECONDS_MAX = 10.0
STATEMENT_SECONDS_MAX = 30  # the server's own bound
PREPARED_MAX = 300  # statements that one connection remembers
SOCKET_SECONDS_MAX = STATEMENT_SECONDS_MAX + 10.0  # for a server that says nothing at all
# SQLSTATE classes after which the same may go well: the connection, resources, being shut down, a
# conflict of locks. 57014 is a statement that took too long.
_PASSING = ("08", "53", "57", "40", "55")


def load_driver() -> tuple[Any, type[Exception], type[Exception]]:
    """Return pg8000's Connection and its two errors. Raises InvalidSetting: it is not there."""
    try:
        from pg8000.exceptions import DatabaseError, InterfaceError
        from pg8000.native import Connection
    except ImportError:
        raise InvalidSetting(
            "a bridge to PostgreSQL needs pg8000, which is not installed",
            code="no-pg8000",
            remedy="Install govchaind with its extra `bridges` (pip install 'govchaind[bridges]').",
        ) from None
    return Connection, DatabaseError, InterfaceError


class PostgresSink:
    """Tables of registers, a history and the progress, in one schema of a database."""

    def __init__(self, address: Address, schema: str) -> None:
        """Raises InvalidSetting: the driver is missing, or the schema's name is none."""
        self._address = address
        self._schema = check_schema(schema)
        self._connect, self._database_error, self._interface_error = load_driver()
        self._connection: Any = None
        self._tip: Tip | None = None
        self._chain_id = b""
        self._registers: dict[str, Register] = {}
        self._prepared: dict[str, Any] = {}

    @property
    def name(self) -> str:
        return f"PostgreSQL {self._address}"

    async def open(self, genesis: Genesis) -> Tip | None:
        return await self._work(lambda: self._open(genesis))

    async def write(self, verified: Verified) -> int:
        return await self._work(lambda: self._write(verified))

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await trio.to_thread.run_sync(self._hang_up, connection)

    def _hang_up(self, connection: Any) -> None:
        try:
            connection.close()
        except (self._interface_error, OSError):
            return

    async def _work(self, work: Callable[[], T]) -> T:
        """Do blocking work in a thread, to its end, and translate what it raises."""
        try:
            return await trio.to_thread.run_sync(work)
        except self._database_error as error:
            raise self._translated(error) from None
        except ssl.SSLCertVerificationError as error:
            raise InvalidSetting(
                f"{self.name} has no certificate that holds: {error.verify_message}",
                code="database-refuses",
                remedy="Name the authority that signed it with sslrootcert, and the host as it "
                "has it.",
            ) from None
        except (self._interface_error, OSError) as error:
            raise PeerError(
                f"the connection to {self.name} broke: {error}",
                code="database-unreachable",
                remedy="Check that the server runs and listens there, and its log.",
            ) from None

    def _translated(self, error: Exception) -> GovchaindError:
        told = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
        state, said = str(told.get("C", "")), str(told.get("M", "it gave no reason"))
        if state.startswith(_PASSING):
            return PeerError(
                f"{self.name} cannot now: {said}",
                code="database-unreachable",
                remedy="See the log of the database.",
            )
        if state.startswith(("28", "3D", "42501")):
            return InvalidSetting(
                f"{self.name} lets this bridge not in: {said}",
                code="database-refuses",
                remedy="Check user, password, database and rights: docs/moving-data.md.",
            )
        return self._differs(f"it refused what the bridge wrote ({state}): {said}")

    def _differs(self, what: str) -> Refused:
        return Refused(
            f"{self.name} is not as a bridge leaves it: {what}",
            code="database-differs",
            remedy="Somebody has changed the bridge's tables; restore them, or begin in a new "
            "schema with --schema.",
        )

    def _run(self, statement: str, **values: Any) -> list[list[Any]]:
        """Do a statement; one with values is prepared once for a connection."""
        if not values:
            return self._connection.run(statement) or []
        prepared = self._prepared.get(statement)
        if prepared is None:
            if len(self._prepared) >= PREPARED_MAX:
                self._prepared.pop(next(iter(self._prepared))).close()
            prepared = self._prepared[statement] = self._connection.prepare(statement)
        return prepared.run(**values) or []

    # --- opening ----------------------------------------------------------------------------------

    def _open(self, genesis: Genesis) -> Tip | None:
        address, secured = self._address, self._address.ssl_context()
        opened = _socket(address)
        try:
            self._connection = self._connect(
                address.user,
                host=address.host,
                database=address.database,
                password=address.password,
                ssl_context=False if secured is None else secured,
                application_name="govchaind bridge",
                sock=opened,
            )
        except BaseException:
            opened.close()
            raise
        self._run(f"SET statement_timeout = '{STATEMENT_SECONDS_MAX}s'")
        self._run("SET client_min_messages = warning")
        [[encoding]] = self._run("SHOW server_encoding")
        if encoding != "UTF8":
            raise InvalidSetting(
                f"{self.name} holds text as {encoding}, which lacks what may be on the ledger",
                code="database-refuses",
                remedy="Make the database with ENCODING 'UTF8'.",
            )
        self._registers = {}
        self._prepared = {}
        self._chain_id = genesis.chain_id
        self._run("BEGIN")
        self._run(
            "SELECT pg_advisory_xact_lock(hashtext('govchain'), hashtext(:s))", s=self._schema
        )
        found = self._run("SELECT 1 FROM pg_namespace WHERE nspname = :s", s=self._schema)
        if not found:
            self._run(f"CREATE SCHEMA {quoted(self._schema)}")
        for statement in own_tables(self._schema):
            self._run(statement)
        self._tip = self._read_tip(genesis)
        self._run("COMMIT")
        return self._tip

    def _read_tip(self, genesis: Genesis) -> Tip | None:
        rows = self._run(
            f"""SELECT chain_id, height, block_hash, block_time_ms, membership_since, membership
                FROM {quoted(self._schema)}.govchain_progress"""
        )
        if not rows:
            return None
        chain_id, height, block_hash, time, since, membership = rows[0]
        if chain_id != genesis.chain_id.hex():
            raise Conflict(
                f"schema {self._schema} of {self.name} holds chain {chain_id}",
                code="other-chain",
                remedy="Name another schema with --schema.",
            )
        try:
            members = read_membership(bytes(membership))
            return Tip(height, bytes.fromhex(block_hash), time, since, members)
        except (GovchaindError, ValueError):
            raise self._differs("its progress is none that a bridge has written") from None

    # --- writing ----------------------------------------------------------------------------------

    def _write(self, verified: Verified) -> int:
        changes = list(changes_of(verified))
        self._run("BEGIN")
        self._move(verified)
        for change in changes:
            if isinstance(change, Created):
                self._found(change.at, change.register)
        records = Records(changes, iso_moment(verified.block.time), self._fetch)
        for register, rows in records.put():
            self._run(put_records(self._schema, register), rows=_json(rows))
        for name, rows in records.retired():
            self._run(retire_records(self._schema, name), rows=_json(rows))
        if records.history:
            self._run(add_history(self._schema), rows=_json(records.history))
        if transactions := _transactions(verified):
            self._run(add_transactions(self._schema), rows=_json(transactions))
        self._run("COMMIT")
        self._tip = verified.tip
        return len(changes)

    def _move(self, verified: Verified) -> None:
        """Move the progress by one height, or find that somebody else has."""
        tip = verified.tip
        values = {
            "chain": self._chain_id.hex(),
            "height": tip.height,
            "hash": tip.block_hash.hex(),
            "at": iso_moment(tip.time),
            "ms": tip.time,
            "since": tip.membership_since,
            "members": tip.membership.encode(),
        }
        table = f"{quoted(self._schema)}.govchain_progress"
        if self._tip is None:
            moved = self._run(
                f"""INSERT INTO {table} (chain_id, height, block_hash, block_time, block_time_ms,
                    membership_since, membership) VALUES (:chain, :height, :hash,
                    CAST(:at AS timestamptz), :ms, :since, :members)
                    ON CONFLICT (one) DO NOTHING RETURNING height""",
                **values,
            )
        else:
            moved = self._run(
                f"""UPDATE {table} SET height = :height, block_hash = :hash,
                    block_time = CAST(:at AS timestamptz), block_time_ms = :ms,
                    membership_since = :since, membership = :members
                    WHERE chain_id = :chain AND height = :before AND block_hash = :previous
                    RETURNING height""",
                **values,
                before=self._tip.height,
                previous=self._tip.block_hash.hex(),
            )
        if not moved:
            raise Conflict(
                f"somebody else has written height {tip.height} into schema {self._schema}",
                code="progress-moved",
                remedy="Run one bridge for a schema, and change nothing in its tables by hand.",
            )

    def _found(self, at: Place, register: Register) -> None:
        """Make a register's table, or give it the columns of fields that are new."""
        for statement in register_table(self._schema, register):
            self._run(statement)
        self._run(
            f"""INSERT INTO {quoted(self._schema)}.govchain_registers
                VALUES (:name, :table, :title, :mode, CAST(:fields AS jsonb), :height)
                ON CONFLICT (name) DO UPDATE
                SET title = EXCLUDED.title, fields = EXCLUDED.fields""",
            name=register.name,
            table=table_of(register.name),
            title=travelling(register.title),
            mode=register.mode,
            fields=_json([list(field) for field in register.fields]),
            height=at.height,
        )
        self._registers[register.name] = register

    def _fetch(self, name: str, keys: list[bytes]) -> tuple[Register, dict[bytes, int]]:
        """Return a register, and the revisions of those of its records that are there."""
        register = self._registers.get(name)
        if register is None:
            [[title, mode, fields]] = self._run(
                f"""SELECT title, mode, CAST(fields AS text)
                    FROM {quoted(self._schema)}.govchain_registers WHERE name = :name""",
                name=name,
            )
            listed = tuple((field, kind) for field, kind in json.loads(fields))
            register = self._registers[name] = Register(name, title, mode, listed)
        rows = self._run(revisions(self._schema, name), rows=_json([key.hex() for key in keys]))
        return register, {bytes.fromhex(key): revision for key, revision in rows}


def _socket(address: Address) -> socket.socket:
    """Return a connected socket on which no wait is endless. Raises OSError."""
    if address.socket is None:
        found = socket.create_connection((address.host, address.port), CONNECT_SECONDS_MAX)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    else:
        found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            found.settimeout(CONNECT_SECONDS_MAX)
            found.connect(address.socket)
        except OSError:
            found.close()
            raise
    found.settimeout(SOCKET_SECONDS_MAX)
    return found


def _transactions(verified: Verified) -> list[dict[str, Any]]:
    block, time = verified.block, iso_moment(verified.block.time)
    return [
        {
            "height": block.height,
            "position": position,
            "time": time,
            "id": one.id.hex(),
            "institution": one.institution,
            "office": one.office,
            "operations": len(one.operations),
            "code": code,
            "outcome": OUTCOMES[code].name if code in OUTCOMES else None,
        }
        for position, (one, (code, _)) in enumerate(
            zip(block.transactions, verified.outcomes, strict=True)
        )
    ]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
