"""What a bridge keeps in PostgreSQL: names and types that no register can break out of.

    govchain_progress      one row: the chain, the newest height written, where the chain stands
    govchain_registers     each register, and the table that its records are in
    govchain_history       each change of each record, by height, position and place
    govchain_transactions  each transaction with its outcome, refused ones too
    register_NAME          the records of one register as they stand now

Names on the ledger are a-z, 0-9 and '-', and do not begin with '-'; here '-' is '_', so two names
stay two, and no field is called as one of the bridge's own columns, which begin with '_'. Every
identifier is quoted. What PostgreSQL cannot hold in text, the character of number 0, is written as
the sign for it (U+2400); the exact bytes of every value stand in `govchain_history`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from govchaind.base.errors import InvalidSetting
from govchaind.bridge.changes import Register

TYPES: Mapping[str, str] = MappingProxyType(
    {
        "text": "text",
        "integer": "bigint",
        "boolean": "boolean",
        "bytes": "bytea",
        "json": "jsonb",
    }
)
# As a row of them travels, in JSON.
_TRAVELS: Mapping[str, str] = MappingProxyType({**TYPES, "bytes": "text"})
OWN = (
    "_key_bytes bytea PRIMARY KEY",
    "_key text",
    "_revision bigint NOT NULL",
    "_retired boolean NOT NULL",
    "_height bigint NOT NULL",
    "_time timestamptz",
    "_transaction text NOT NULL",
)
_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def check_schema(name: str) -> str:
    """Return a schema's name. Raises InvalidSetting: it would need care wherever it is used."""
    if not _SCHEMA.fullmatch(name) or name.startswith("pg_"):
        raise InvalidSetting(
            f"{name!r} is no name of a schema for a bridge",
            code="bad-schema-name",
            remedy="Use a-z, 0-9 and _, not beginning with a digit or pg_.",
        )
    return name


def quoted(name: str) -> str:
    """Return an identifier that stands for itself."""
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def table_of(register: str) -> str:
    return f"register_{register.replace('-', '_')}"


def column_of(field: str) -> str:
    return field.replace("-", "_")


def own_tables(schema: str) -> list[str]:
    """Return the statements that make the bridge's own tables, where they are not there."""
    place = quoted(schema)
    return [
        f"""CREATE TABLE IF NOT EXISTS {place}.govchain_progress (
            one boolean PRIMARY KEY DEFAULT true CHECK (one),
            chain_id text NOT NULL, height bigint NOT NULL, block_hash text NOT NULL,
            block_time timestamptz, block_time_ms bigint NOT NULL,
            membership_since bigint NOT NULL, membership bytea NOT NULL)""",
        f"""CREATE TABLE IF NOT EXISTS {place}.govchain_registers (
            name text PRIMARY KEY, table_name text NOT NULL UNIQUE, title text NOT NULL,
            mode text NOT NULL, fields jsonb NOT NULL, height bigint NOT NULL)""",
        f"""CREATE TABLE IF NOT EXISTS {place}.govchain_history (
            height bigint, position integer, place integer, time timestamptz,
            register text NOT NULL, key_bytes bytea NOT NULL, key text,
            revision bigint NOT NULL, retired boolean NOT NULL, value jsonb, value_cbor bytea,
            transaction text NOT NULL, institution text NOT NULL, office text NOT NULL,
            PRIMARY KEY (height, position, place))""",
        f"""CREATE INDEX IF NOT EXISTS govchain_history_of_a_record
            ON {place}.govchain_history (register, key_bytes, revision)""",
        f"""CREATE TABLE IF NOT EXISTS {place}.govchain_transactions (
            height bigint, position integer, time timestamptz, id text NOT NULL,
            institution text NOT NULL, office text NOT NULL, operations integer NOT NULL,
            code integer NOT NULL, outcome text, PRIMARY KEY (height, position))""",
    ]


def register_table(schema: str, register: Register) -> list[str]:
    """Return the statements after which a register's table has a column for each field."""
    table = f"{quoted(schema)}.{quoted(table_of(register.name))}"
    fields = ", ".join(
        f"ADD COLUMN IF NOT EXISTS {quoted(column_of(name))} {TYPES[kind]}"
        for name, kind in register.columns
    )
    return [
        f"CREATE TABLE IF NOT EXISTS {table} ({', '.join(OWN)})",
        f"ALTER TABLE {table} {fields}",
    ]


def put_records(schema: str, register: Register) -> str:
    """Return the statement that writes records of a register out of JSON, the parameter `rows`."""
    table = f"{quoted(schema)}.{quoted(table_of(register.name))}"
    columns = [
        (quoted(column_of(name)), f"c{number}", kind)
        for number, (name, kind) in enumerate(register.columns)
    ]
    names = [name for name, _, _ in columns]
    own = ["_key", "_revision", "_retired", "_height", "_time", "_transaction"]
    values = [f"decode({short}, 'hex')" if kind == "bytes" else short for _, short, kind in columns]
    travels = [f"{short} {_TRAVELS[kind]}" for _, short, kind in columns]
    replaced = ", ".join(f"{name} = EXCLUDED.{name}" for name in (*own, *names))
    return f"""INSERT INTO {table} (_key_bytes, {", ".join((*own, *names))})
        SELECT decode(k, 'hex'), {", ".join(own + values)}
        FROM json_to_recordset(CAST(:rows AS json)) AS r (k text, _key text, _revision bigint,
            _retired boolean, _height bigint, _time timestamptz, _transaction text,
            {", ".join(travels)})
        ON CONFLICT (_key_bytes) DO UPDATE SET {replaced}"""


def retire_records(schema: str, register: str) -> str:
    """Return the statement that marks records as retired; they keep their values."""
    return f"""UPDATE {quoted(schema)}.{quoted(table_of(register))} AS t
        SET _revision = r._revision, _retired = true, _height = r._height, _time = r._time,
            _transaction = r._transaction
        FROM json_to_recordset(CAST(:rows AS json)) AS r (k text, _revision bigint,
            _height bigint, _time timestamptz, _transaction text)
        WHERE t._key_bytes = decode(r.k, 'hex')"""


def add_history(schema: str) -> str:
    return f"""INSERT INTO {quoted(schema)}.govchain_history
        SELECT height, position, place, time, register, decode(k, 'hex'), key, revision, retired,
            value, decode(cbor, 'hex'), transaction, institution, office
        FROM json_to_recordset(CAST(:rows AS json)) AS r (height bigint, position integer,
            place integer, time timestamptz, register text, k text, key text, revision bigint,
            retired boolean, value jsonb, cbor text, transaction text, institution text,
            office text)"""


def add_transactions(schema: str) -> str:
    return f"""INSERT INTO {quoted(schema)}.govchain_transactions
        SELECT height, position, time, id, institution, office, operations, code, outcome
        FROM json_to_recordset(CAST(:rows AS json)) AS r (height bigint, position integer,
            time timestamptz, id text, institution text, office text, operations integer,
            code integer, outcome text)"""


def revisions(schema: str, register: str) -> str:
    """Return the question for the revisions of records, whose keys are JSON in `rows`."""
    return f"""SELECT encode(_key_bytes, 'hex'), _revision
        FROM {quoted(schema)}.{quoted(table_of(register))}
        WHERE _key_bytes IN (SELECT decode(k, 'hex')
            FROM json_array_elements_text(CAST(:rows AS json)) AS r (k))"""


def travelling(value: Any) -> Any:
    """Return a value as it goes into JSON for PostgreSQL: bytes as hex, no character 0."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, str):
        return value.replace("\0", "␀")
    if isinstance(value, list):
        return [travelling(one) for one in value]
    return value
