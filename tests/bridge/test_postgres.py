"""A chain in a real PostgreSQL: tables by register, each height once, whatever dies in between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from govchaind.base.encoding import decode
from govchaind.base.errors import Conflict, GovchaindError, InvalidProof, InvalidSetting, PeerError
from govchaind.bridge.changes import Place, Register
from govchaind.bridge.feed import Verified
from govchaind.bridge.following import Following, Reached
from govchaind.bridge.postgres import PostgresSink
from govchaind.bridge.postgres_address import Address
from govchaind.ledger import state_keys
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.state import State
from tests.bridge.certificates import certificate
from tests.bridge.chain_node import ChainNode, client_of
from tests.bridge.postgres_server import PASSWORD, USER, PostgresServer
from tests.exit_pack.packed import SECRET_NAME, eventful
from tests.ledger.chain import Chain, filled, with_register

PUT, RETIRE = int(Kind.PUT), int(Kind.RETIRE)


async def bridge(chain: Chain, sink: PostgresSink, *nodes: ChainNode, **settings: Any) -> Reached:
    async with client_of(*nodes or [ChainNode(chain)]) as client:
        following = Following(client, chain.genesis, sink, **settings)
        return await following.run(once=True)


def history(postgres: PostgresServer, database: str, schema: str = "govchain") -> list[list[Any]]:
    return postgres.run(
        f"SELECT height, position, place, register, key, revision, retired, CAST(value AS text) "
        f"FROM {schema}.govchain_history ORDER BY 1, 2, 3",
        database=database,
    )


async def test_each_register_is_a_table_with_a_column_for_each_field(
    postgres: PostgresServer,
) -> None:
    chain = eventful()
    sink = PostgresSink(postgres.database("tables"), "govchain")

    reached = await bridge(chain, sink)

    def ask(statement: str) -> list[list[Any]]:
        return postgres.run(statement, database="tables")

    assert (reached.height, reached.heights) == (len(chain.steps), len(chain.steps))
    assert ask(
        "SELECT column_name, data_type FROM information_schema.columns "
        "WHERE table_name = 'register_divisions' AND column_name NOT LIKE '\\_%' ORDER BY 1"
    ) == [["area", "bigint"], ["code", "text"]]
    divisions = ask(
        "SELECT _key, code, area, _revision, _retired FROM govchain.register_divisions "
        "WHERE _key IN ('3', '7') ORDER BY 1"
    )
    assert divisions == [["3", "3", 3, 2, True], ["7", "7", 8, 2, False]]
    [[key, commitment]] = ask("SELECT _key, commitment FROM govchain.register_cases")
    assert (key, len(commitment)) == ("case 1", 32)
    assert ask("SELECT count(*) FROM govchain.register_divisions WHERE _key IS NULL") == [[0]]
    assert ask(
        "SELECT outcome, count(*) FROM govchain.govchain_transactions WHERE code = 105 GROUP BY 1"
    ) == [["revision-conflict", 1]]
    assert ask("SELECT name, table_name FROM govchain.govchain_registers ORDER BY 1") == [
        ["cases", "register_cases"], ["divisions", "register_divisions"],
    ]  # fmt: skip


async def test_no_secret_of_a_commitment_is_in_the_database(postgres: PostgresServer) -> None:
    chain = eventful()
    await bridge(chain, PostgresSink(postgres.database("secrets"), "govchain"))

    tables = postgres.run(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'govchain'",
        database="secrets",
    )
    assert len(tables) == 6
    for [table] in tables:
        rows = postgres.run(
            f"SELECT count(*) FROM govchain.{table} AS t WHERE t::text LIKE :secret",
            database="secrets",
            secret=f"%{SECRET_NAME}%",
        )
        assert rows == [[0]], table


async def test_the_records_are_those_of_the_ledger(postgres: PostgresServer) -> None:
    chain = eventful()
    await bridge(chain, PostgresSink(postgres.database("records"), "govchain"))
    rows = postgres.run(
        "SELECT register, key_bytes, revision, retired, value_cbor FROM govchain.govchain_history "
        "ORDER BY height, position, place",
        database="records",
    )
    newest: dict[tuple[str, bytes], list[Any]] = {}
    for register, key, revision, retired, exact in rows:
        before = newest.get((register, key))
        kept = None if before is None else before[2]
        value = kept if exact is None else decode(exact, bytes_max=len(exact))
        newest[register, key] = [revision, retired, value]
    stored = {}
    for state_key, data, _ in State().scan(chain.store, state_keys.RECORD, limit=100):
        register, _, key = state_key[1:].partition(b"\x00")
        stored[register.decode(), key] = decode(data, bytes_max=len(data))
    assert newest == stored
    assert len(stored) > 10


async def test_values_that_a_database_finds_hard_stop_nothing(postgres: PostgresServer) -> None:
    chain = with_register("order-by")  # words of SQL, and a dash
    fields = [["select", "text"], ["key", "boolean"], ["a-b", "bytes"], ["1", "integer"]]
    assert chain.do(Kind.CREATE_REGISTER, "1-x", "\0 \"';--", fields, "clear", []) == 0
    assert chain.do(Kind.CREATE_REGISTER, "free", "Free", [], "clear", []) == 0
    hard = ["a\0b'; DROP TABLE x; -- 😀 \\ \"", True, b"\x00\xff", -(1 << 63)]
    operations: list[tuple[int, list[Any]]] = [
        (PUT, ["1-x", b"\x00\xff", hard, None]),
        (PUT, ["1-x", b"n\x00l", ["", False, b"", (1 << 63) - 1], None]),
        (PUT, ["free", b"k", ["\0", 1, True, b"\x01"], None]),
        (PUT, ["free", b"k", [], None]),
        (RETIRE, ["free", b"k"]),
        (PUT, ["order-by", b"k", [":name %s $1", 1], None]),
    ]
    assert [one.code for one in chain.apply(chain.raw(*operations)).outcomes] == [0]
    await bridge(chain, PostgresSink(postgres.database("hard"), "a_schema"))

    def ask(statement: str) -> list[list[Any]]:
        return postgres.run(statement, database="hard")

    assert ask('SELECT "select", key, a_b, "1", _key FROM a_schema."register_1_x" ORDER BY 4') == [
        [hard[0].replace("\0", "␀"), True, b"\x00\xff", -(1 << 63), None],  # type: ignore[attr-defined]
        ["", False, b"", (1 << 63) - 1, "n␀l"],
    ]
    assert ask("SELECT value, _revision, _retired FROM a_schema.register_free") == [[[], 3, True]]
    assert ask("SELECT code FROM a_schema.register_order_by") == [[":name %s $1"]]
    [[exact]] = ask(
        "SELECT value_cbor FROM a_schema.govchain_history WHERE register = '1-x' AND place = 0"
    )
    assert decode(exact, bytes_max=1000) == hard


class Dying(PostgresSink):
    """Loses its connection before or after the database was told to commit, again and again."""

    def __init__(self, address: Address, *, after: bool) -> None:
        super().__init__(address, "govchain")
        self.after = after
        self.calls = 0
        self.died = 0

    def _run(self, statement: str, **values: Any) -> list[list[Any]]:
        self.calls += 1
        dies = self.calls % 41 == 0
        if dies and not self.after:
            self._die()
        result = super()._run(statement, **values)
        if dies and self.after:
            self._die()
        return result

    def _die(self) -> None:
        self.died += 1
        raise OSError("the connection is gone")


@pytest.mark.parametrize("after", [False, True])
async def test_each_height_comes_once_however_often_the_connection_breaks(
    postgres: PostgresServer, after: bool, autojump_clock: trio.testing.MockClock
) -> None:
    autojump_clock.autojump_threshold = 0.05  # the database's threads take real time
    chain = eventful()
    whole = f"whole_{after}".lower()
    await bridge(chain, PostgresSink(postgres.database(whole), "govchain"))
    broken = f"broken_{after}".lower()
    sink = Dying(postgres.database(broken), after=after)

    reached = await bridge(chain, sink)

    assert sink.died > 4
    assert reached.height == len(chain.steps)
    assert history(postgres, broken) == history(postgres, whole)


async def test_a_server_that_is_killed_is_waited_for(postgres: PostgresServer) -> None:
    chain, _ = filled()
    address = postgres.database("killed")
    told: list[str] = []

    class Killing(PostgresSink):
        async def write(self, verified: Verified) -> int:
            count = await super().write(verified)
            if verified.height == 4:
                postgres.kill()
                nursery.start_soon(trio.to_thread.run_sync, postgres.start)
            return count

    async with trio.open_nursery() as nursery:
        reached = await bridge(
            chain, Killing(address, "govchain"), patience_seconds=30.0, tell=told.append
        )

    assert (reached.height, reached.heights) == (8, 8)
    assert any("broke" in one for one in told)
    heights = [row[0] for row in history(postgres, "killed")]
    assert heights == [5, 5, 5, 5]


async def test_patience_ends(postgres: PostgresServer) -> None:
    chain, _ = filled()
    lost = Address("/nowhere", 5432, "bridge", "x", "disable")
    with pytest.raises(PeerError) as caught:
        await bridge(chain, PostgresSink(lost, "govchain"), patience_seconds=0.3)
    assert caught.value.code == "database-unreachable"


async def test_two_bridges_into_one_schema_do_not_both_write(postgres: PostgresServer) -> None:
    chain, _ = filled()
    address = postgres.database("two")
    other = PostgresSink(address, "govchain")

    class Overtaken(PostgresSink):
        async def write(self, verified: Verified) -> int:
            if verified.height == 5:
                await bridge(chain, other)
            return await super().write(verified)

    with pytest.raises(Conflict) as caught:
        await bridge(chain, Overtaken(address, "govchain"))
    assert caught.value.code == "progress-moved"
    assert len(history(postgres, "two")) == 4


async def test_another_chain_does_not_enter_the_schema(postgres: PostgresServer) -> None:
    chain, _ = filled()
    address = postgres.database("other")
    await bridge(chain, PostgresSink(address, "govchain"))
    postgres.run("UPDATE govchain.govchain_progress SET chain_id = 'ff'", database="other")
    with pytest.raises(Conflict) as caught:
        await bridge(chain, PostgresSink(address, "govchain"))
    assert caught.value.code == "other-chain"


async def test_who_is_not_let_in_and_what_was_changed_are_told(postgres: PostgresServer) -> None:
    chain, _ = filled()
    address = postgres.database("refused")
    ended = {}
    for name, wrong in {
        "password": Address(address.host, 5432, address.user, "refused", "disable", None, "no"),
        "database": Address(address.host, 5432, address.user, "no", "disable", None, "no"),
    }.items():
        with pytest.raises(InvalidSetting) as caught:
            await bridge(chain, PostgresSink(wrong, "govchain"))
        ended[name] = caught.value.code
    assert ended == {"password": "database-refuses", "database": "database-refuses"}

    await bridge(chain, PostgresSink(address, "govchain"))
    postgres.run("DROP TABLE govchain.register_divisions", database="refused")
    assert chain.do(Kind.PUT, "divisions", b"9", ["9", 9], None) == 0
    with pytest.raises(GovchaindError) as differs:
        await bridge(chain, PostgresSink(address, "govchain"))
    assert differs.value.code == "database-differs"
    assert postgres.run("SELECT height FROM govchain.govchain_progress", database="refused") == [
        [8]
    ]


async def test_text_that_a_database_cannot_hold_is_found_out_at_once(
    postgres: PostgresServer,
) -> None:
    chain, _ = filled()
    address = postgres.database("narrow", "ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'")
    with pytest.raises(InvalidSetting) as caught:
        await bridge(chain, PostgresSink(address, "govchain"))
    assert (caught.value.code, "LATIN1" in caught.value.message) == ("database-refuses", True)


async def test_over_a_network_the_server_must_prove_who_it_is(tmp_path: Path) -> None:
    chain, _ = filled()
    path, key = certificate(tmp_path)
    secured = PostgresServer(tls=(path, key))
    codes = {}
    try:
        secured.database("facts")

        def address(host: str, mode: str, root: Path | None = None) -> Address:
            return Address(host, secured.port, USER, "facts", mode, root, PASSWORD)

        good = address("localhost", "verify-full", path)
        assert (await bridge(chain, PostgresSink(good, "govchain"))).heights == 8
        blind = address("127.0.0.1", "require")
        assert (await bridge(chain, PostgresSink(blind, "govchain"))).height == 8
        for name, wrong in {
            "others": address("localhost", "verify-full"),
            "name": address("127.0.0.1", "verify-full", path),
        }.items():
            with pytest.raises(InvalidSetting) as caught:
                await bridge(chain, PostgresSink(wrong, "govchain"))
            codes[name] = caught.value.code
    finally:
        secured.close()
    assert codes == {"others": "database-refuses", "name": "database-refuses"}


async def test_a_liar_is_named_and_another_node_is_asked(postgres: PostgresServer) -> None:
    chain, _ = filled()
    liar, honest = ChainNode(chain, "liar"), ChainNode(chain, "honest")

    def hide(what: str, _: int, value: Any) -> Any:
        if what == "event":
            value["transactions"] = [{**one, "code": 0} for one in value["transactions"]]
        return value

    liar.alter = hide
    told: list[str] = []
    address = postgres.database("liar")

    reached = await bridge(chain, PostgresSink(address, "govchain"), liar, honest, tell=told.append)

    assert reached.height == 8
    assert [one.partition(":")[0] for one in told] == ["liar"]
    assert len(history(postgres, "liar")) == 4
    alone = PostgresSink(postgres.database("alone"), "govchain")
    with pytest.raises(InvalidProof):
        await bridge(chain, alone, liar)
    assert history(postgres, "alone") == []


async def test_fields_that_a_register_gains_are_columns_that_are_added(
    postgres: PostgresServer,
) -> None:
    chain, _ = filled()
    address = postgres.database("gains")
    sink = PostgresSink(address, "govchain")
    await bridge(chain, sink)
    wider = Register(
        "divisions", "Divisions", "clear", (("code", "text"), ("area", "integer"), ("n", "boolean"))
    )

    await sink.open(chain.genesis)
    at = Place(9, 0, 0, 0, bytes(32), "registry", "head")
    await trio.to_thread.run_sync(sink._found, at, wider)
    await sink.close()

    rows = postgres.run(
        "SELECT code, area, n FROM govchain.register_divisions ORDER BY 1 LIMIT 1", database="gains"
    )
    assert rows == [["0", 0, None]]


@pytest.mark.parametrize("schema", ["", "a-b", "1a", "pg_x", 'a"', "x" * 64])
def test_a_schema_whose_name_needs_care_is_refused(schema: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        PostgresSink(Address("/x", 1, "u", "d", "disable"), schema)
    assert caught.value.code == "bad-schema-name"
