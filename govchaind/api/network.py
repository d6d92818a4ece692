"""What this node says of itself and of its network."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from govchaind.api.context import Context
from govchaind.api.health import reasons_not_ready
from govchaind.api.models import LinkState, MembersReply, MemberStanding, StatusReply
from govchaind.api.reading import certified_height, iso_text, member_fields, outline_at
from govchaind.api.replies import CBOR, cbor_reply, failures, json_reply
from govchaind.base.errors import Invalid, StorageCorrupt
from govchaind.base.keyspace import Table, height_key
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.limits import TRUST_STEPS_MAX
from govchaind.base.quorum import certificate_quorum
from govchaind.base.types import Height
from govchaind.ledger.beginning import check_held
from govchaind.ledger.membership import Membership, read_membership
from govchaind.ledger.trust import ConfigurationBlock, build_steps, encode_advance
from govchaind.replica.store import applied_height, membership_in
from govchaind.replica.stored_certificates import certificate_at


def routes(context: Context) -> APIRouter:
    """Return the routes of this page."""
    router = APIRouter(prefix="/v1", tags=["network"])

    @router.get(
        "/status",
        operation_id="getStatus",
        summary="What this node says of itself",
        response_model=StatusReply,
    )
    async def get_status() -> Response:
        reply = status_view(context)
        return json_reply(reply, reply.height)

    @router.get(
        "/members",
        operation_id="listMembers",
        summary="The members that the ledger wants, the membership in force, and links from here",
        response_model=MembersReply,
    )
    async def list_members() -> Response:
        with context.reading() as reader:
            reply = members_view(context, reader)
        return json_reply(reply, reply.height)

    @router.get(
        "/trust",
        operation_id="getTrust",
        summary="The steps that bring a trust file forward",
        description="CBOR: each change of membership above `era` with its certificate, then the "
        "newest certificate; nothing if `from` is beyond what is certified here. "
        "`govchaind trust advance` reads it.",
        response_class=Response,
        responses={
            200: {
                "description": "The steps",
                "content": {CBOR: {"schema": {"type": "string", "format": "binary"}}},
            },
            **failures(400, 410),
        },
    )
    async def get_trust(
        from_height: int = Query(
            0, alias="from", ge=0, le=(1 << 63) - 1, description="the newest height that is trusted"
        ),
        era: Annotated[
            int | None,
            Query(ge=0, description="height of the newest change of membership that is known"),
        ] = None,
    ) -> Response:
        if era is not None and era > from_height:
            raise Invalid("era is not above from", code="invalid-parameter")
        with context.reading() as reader:
            applied = applied_height(reader)
            data = trust_steps(reader, from_height, from_height if era is None else era)
        return cbor_reply(data, applied, name=f"trust-from-{from_height}.cbor")

    return router


def status_view(context: Context) -> StatusReply:
    """Return what the node says of itself, and whether it is ready."""
    status = context.board.status
    reasons = [reason.english for reason in reasons_not_ready(context, status)]
    full_in = context.growth.full_in_seconds()
    return StatusReply(
        node=status.node,
        store=status.store.hex(),
        chain=context.genesis.name,
        chain_id=context.genesis.chain_id.hex(),
        version=context.version,
        role=status.role,
        term=status.term,
        leader=status.leader,
        height=status.height,
        first_height=status.first,
        commit=status.commit,
        begins=status.begins,
        last_height=status.last_height,
        certified=status.certified,
        certified_lag=status.height - status.certified,
        block_time_ms=status.block_time,
        block_time=iso_text(status.block_time),
        block_hash=status.block_hash.hex(),
        checkpoint=status.checkpoint,
        state_root=None if status.state_root is None else status.state_root.hex(),
        pool_transactions=status.pool_transactions,
        pool_bytes=status.pool_bytes,
        in_configuration=status.in_configuration,
        room=status.room,
        write_pending_seconds=status.write_pending_seconds,
        transactions=context.growth.transactions,
        storage_used_bytes=context.growth.used_bytes,
        storage_free_bytes=context.growth.free_bytes,
        storage_full_in_seconds=None if full_in is None else int(full_in),
        peers_linked=sorted(context.links()),
        ready=not reasons,
        reasons=reasons,
    )


def membership_in_force(reader: KeyValueReader, height: Height) -> Membership:
    """Return the membership in force after the block at `height`."""
    rows = reader.scan(
        height_key(Table.MEMBERSHIP, 0), height_key(Table.MEMBERSHIP, height + 1), reverse=True
    )
    for _, value in rows:
        return read_membership(membership_in(value)[0])
    raise StorageCorrupt("the store has no membership of genesis")


def members_view(context: Context, reader: KeyValueReader) -> MembersReply:
    """Return everyone wanted or in force, and how each stands to this node."""
    height = applied_height(reader)
    force = membership_in_force(reader, height)
    members = {member.name: member for member in (*force.members, *context.members())}
    linked = set(context.links())
    views = []
    for name in sorted(members):
        present = force.member(name)
        link: LinkState = "self" if name == context.name else ("up" if name in linked else "down")
        views.append(
            MemberStanding(
                **member_fields(members[name]),
                in_force=None if present is None else present.role,
                link=link,
            )
        )
    quorum = certificate_quorum(len(force.voters()))
    return MembersReply(height=height, certificate_quorum=quorum, members=views)


def trust_steps(reader: KeyValueReader, from_height: Height, era: Height) -> bytes:
    """Return the steps for a trust root with its head at `from_height` and its era at `era`."""
    certified = certified_height(reader)
    if from_height > certified:
        return encode_advance([])  # nothing here reaches up to that head
    configurations = []
    rows = reader.scan(
        height_key(Table.MEMBERSHIP, era + 1), height_key(Table.MEMBERSHIP, certified + 1)
    )
    for key, value in rows:
        height = int.from_bytes(key[1:9], "big")
        certificate = certificate_at(reader, height)
        if certificate is None:
            check_held(reader, height)
            raise StorageCorrupt(f"the certificate of height {height} is missing from the store")
        membership, record = membership_in(value)
        header = outline_at(reader, height).header.raw
        configurations.append(ConfigurationBlock(header, membership, certificate, record))
        if len(configurations) >= TRUST_STEPS_MAX:
            break
    newest = certificate_at(reader, certified) if certified else None
    if len(configurations) >= TRUST_STEPS_MAX:
        newest = None  # the rest is asked for from where these steps end
    return encode_advance(
        build_steps(reader, from_height=from_height, configurations=configurations, newest=newest)
    )
