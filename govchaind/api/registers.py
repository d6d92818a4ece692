"""Registers and their records: now, at a height, through time, and with a proof."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from govchaind.api.context import Context
from govchaind.api.models import (
    FieldView,
    HistoryEntry,
    HistoryReply,
    RecordReply,
    RecordsReply,
    RecordView,
    RegisterReply,
    RegistersReply,
    RegisterView,
)
from govchaind.api.reading import plain, read_hex, stored
from govchaind.api.replies import (
    AtHeight,
    Limit,
    Linearizable,
    catch_up,
    cbor_reply,
    check_height,
    failures,
    json_reply,
    with_cbor,
)
from govchaind.api.state import state_proof
from govchaind.base.errors import Invalid, NotFound
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.types import Height
from govchaind.ledger.state import State
from govchaind.ledger.state_keys import REGISTER, record_key, record_prefix, register_key
from govchaind.ledger.transaction import is_name
from govchaind.replica.store import applied_height

RegisterName = Annotated[str, Path(description="the register's name", examples=["provinces"])]
RecordKey = Annotated[
    str, Path(description="the record's key: text, percent-encoded", examples=["110000"])
]
KeyHex = Annotated[bool, Query(description="the key in the path is written in hex")]
_STATE = State()


def routes(context: Context) -> APIRouter:
    """Return the routes of this page."""
    router = APIRouter(prefix="/v1/registers", tags=["registers"])

    @router.get(
        "",
        operation_id="listRegisters",
        summary="All registers, in order of their names",
        response_model=RegistersReply,
        responses=failures(400),
    )
    async def list_registers(
        after: Annotated[str | None, Query(description="name of the last one before")] = None,
        limit: Limit = 100,
    ) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            registers, following = register_page(reader, after, limit)
        reply = RegistersReply(height=applied, registers=registers, next=following)
        return json_reply(reply, applied)

    @router.get(
        "/{register}",
        operation_id="getRegister",
        summary="One register: title, fields, owner, writers",
        response_model=RegisterReply,
        responses=failures(400, 404),
    )
    async def get_register(register: RegisterName) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            view = register_at(reader, register)
        return json_reply(RegisterReply(height=applied, register=view), applied)

    @router.get(
        "/{register}/records",
        operation_id="listRecords",
        summary="A register's records, in order of their keys",
        response_model=RecordsReply,
        responses=failures(400, 404),
    )
    async def list_records(
        register: RegisterName,
        after: Annotated[str | None, Query(description="key in hex of the last one before")] = None,
        limit: Limit = 100,
    ) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            view = register_at(reader, register)
            last = None if after is None else read_hex(after, what="after")
            records, following = record_page(reader, view, last, limit)
        return json_reply(RecordsReply(height=applied, records=records, next=following), applied)

    _record_routes(context, router)
    return router


def _record_routes(context: Context, router: APIRouter) -> None:
    # The longer paths come first: a record's key may hold a slash.
    @router.get(
        "/{register}/records/{key:path}/history",
        operation_id="getRecordHistory",
        summary="Every change of a record, newest first",
        response_model=HistoryReply,
        responses=failures(400, 404),
    )
    async def history(
        register: RegisterName,
        key: RecordKey,
        limit: Limit = 100,
        before: Annotated[
            int | None, Query(ge=0, description="only changes below this height")
        ] = None,
        key_hex: KeyHex = False,
    ) -> Response:
        raw = key_bytes(key, key_hex)
        with context.reading() as reader:
            applied = applied_height(reader)
            view = register_at(reader, register)
            changes = record_history(reader, view, raw, limit=limit, before=before)
            if not changes and before is None:
                raise no_record(register, key)
        following = changes[-1].changed_at if len(changes) == limit else None
        return json_reply(HistoryReply(height=applied, changes=changes, next=following), applied)

    @router.get(
        "/{register}/records/{key:path}/proof",
        operation_id="getRecordProof",
        summary="The proof of a record's value, or that there is none",
        description="CBOR bytes that verify offline. At the newest certified checkpoint, or at the "
        "one that `height` names.",
        response_class=Response,
        responses={200: with_cbor("The proof"), **failures(400, 404, 410, 503)},
    )
    async def proof(
        register: RegisterName,
        key: RecordKey,
        height: AtHeight = None,
        key_hex: KeyHex = False,
    ) -> Response:
        raw = key_bytes(key, key_hex)
        check_register_name(register)
        with context.reading() as reader:
            applied = applied_height(reader)
            data = state_proof(reader, record_key(register, raw), height)
        return cbor_reply(data, applied, name=f"{register}.proof")

    _record_route(context, router)


def _record_route(context: Context, router: APIRouter) -> None:
    @router.get(
        "/{register}/records/{key:path}",
        operation_id="getRecord",
        summary="One record, now or at a past height",
        response_model=RecordReply,
        responses=failures(400, 404, 410, 503),
    )
    async def get_record(
        register: RegisterName,
        key: RecordKey,
        height: AtHeight = None,
        linearizable: Linearizable = False,
        key_hex: KeyHex = False,
    ) -> Response:
        raw = key_bytes(key, key_hex)
        await catch_up(context, linearizable)
        with context.reading() as reader:
            applied = applied_height(reader)
            check_height(height, applied)
            view = register_at(reader, register)
            record = record_at(reader, view, raw, height)
        if record is None:
            raise no_record(register, key)
        speaks_of = applied if height is None else height
        reply = RecordReply(**record.model_dump(), height=speaks_of, register=register)
        return json_reply(reply, speaks_of)


def no_record(register: str, key: str) -> NotFound:
    return NotFound(f"the register {register} has no record {key!r} there")


def check_register_name(name: str) -> None:
    if not is_name(name):
        raise Invalid("a register's name is 1 to 32 of a-z, 0-9 and '-'", code="invalid-parameter")


def key_bytes(key: str, is_hex: bool) -> bytes:
    """Return a record's key as bytes. Raises Invalid."""
    raw = read_hex(key, what="the key") if is_hex else key.encode()
    if not 1 <= len(raw) <= 128:
        raise Invalid("a record's key has 1 to 128 bytes", code="invalid-parameter")
    return raw


def register_at(reader: KeyValueReader, name: str) -> RegisterView:
    """Return a register. Raises NotFound."""
    check_register_name(name)
    value = _STATE.get(reader, register_key(name))
    if value is None:
        raise NotFound(f"there is no register {name!r}")
    return register_view(name, value)


def register_page(
    reader: KeyValueReader, after: str | None, limit: int
) -> tuple[list[RegisterView], str | None]:
    """Return one page of registers, and the name after which the next page begins."""
    last = None if after is None else register_key(after)
    rows = _STATE.scan(reader, REGISTER, limit=limit + 1, after=last)
    views = [register_view(key[1:].decode(), value) for key, value, _ in rows[:limit]]
    return views, views[-1].name if len(rows) > limit else None


def register_view(name: str, value: bytes) -> RegisterView:
    title, mode, schema, writers, owner, created = stored(value)
    return RegisterView(
        name=name,
        title=title,
        mode=mode,
        fields=[FieldView(name=field, type=kind) for field, kind in schema],
        owner="/".join(owner),
        writers=["/".join(writer) for writer in writers],
        created_at=created,
    )


def record_page(
    reader: KeyValueReader, register: RegisterView, after: bytes | None, limit: int
) -> tuple[list[RecordView], str | None]:
    """Return one page of records, and the key (hex) after which the next page begins."""
    last = None if after is None else record_key(register.name, after)
    prefix = record_prefix(register.name)
    rows = _STATE.scan(reader, prefix, limit=limit + 1, after=last)
    views = [
        record_view(register, key[len(prefix) :], value, changed)
        for key, value, changed in rows[:limit]
    ]
    return views, views[-1].key_hex if len(rows) > limit else None


def record_at(
    reader: KeyValueReader, register: RegisterView, key: bytes, height: Height | None
) -> RecordView | None:
    """Return a record as it is now, or was after the block at `height`."""
    state_key = record_key(register.name, key)
    before = None if height is None else height + 1
    versions = _STATE.history(reader, state_key, limit=1, before_height=before)
    if not versions or versions[0][1] is None:
        return None
    changed, value = versions[0]
    return record_view(register, key, value or b"", changed)


def record_history(
    reader: KeyValueReader,
    register: RegisterView,
    key: bytes,
    *,
    limit: int,
    before: Height | None = None,
) -> list[HistoryEntry]:
    """Return a record's changes, newest first."""
    versions = _STATE.history(
        reader, record_key(register.name, key), limit=limit, before_height=before
    )
    return [_change(register, changed, value) for changed, value in versions]


def _change(register: RegisterView, changed: Height, value: bytes | None) -> HistoryEntry:
    if value is None:
        return HistoryEntry(
            changed_at=changed, revision=None, retired=False, value=None, value_hex=None
        )
    view = record_view(register, b"", value, changed)
    return HistoryEntry(
        changed_at=changed,
        revision=view.revision,
        retired=view.retired,
        value=view.value,
        value_hex=view.value_hex,
    )


def record_view(register: RegisterView, key: bytes, value: bytes, changed: Height) -> RecordView:
    revision, retired, content = stored(value)
    return RecordView(
        key=_text(key),
        key_hex=key.hex(),
        revision=revision,
        retired=retired,
        value=_named(register, content),
        value_hex=content.hex() if isinstance(content, bytes) else None,
        changed_at=changed,
    )


def _named(register: RegisterView, content: Any) -> Any:
    """Return a value by field names where the register has a schema."""
    if register.fields and isinstance(content, list) and len(content) == len(register.fields):
        names = [field.name for field in register.fields]
        return dict(zip(names, plain(content), strict=True))
    return plain(content)


def _text(key: bytes) -> str | None:
    try:
        text = key.decode()
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None
