"""Every message there and back, verbatim; nothing loose is read."""

from __future__ import annotations

import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govchaind.base.encoding import encode
from govchaind.base.errors import Invalid, InvalidEncoding, PeerError
from govchaind.base.limits import FRAME_BYTES_MAX
from govchaind.ledger.block import make_block
from govchaind.ledger.membership import Membership
from govchaind.raft import messages as raft
from govchaind.replica import messages as replica
from govchaind.replica import snapshot_messages as snapshots
from govchaind.replica.store import configuration_of
from govchaind.runtime import codec
from tests.runtime.made import CHAIN, block, certificate, member, none_known, transaction

STORE = b"\x07" * 16


def every_message() -> list[codec.Anything]:
    first, second = block(8, [transaction(1), transaction(2, keys=3)]), block(9, [])
    entries = [raft.Entry(8, 2, first), raft.Entry(9, 3, second)]
    return [
        codec.Hello(1, CHAIN, "ada", STORE, "0.1.0", b"\x08" * 64),
        codec.Refusal("other-chain", "this is another chain"),
        codec.Ping(),
        raft.RequestVote(4, 9, 3, pre=True, transfer=False),
        raft.Vote(4, granted=True, pre=False, store=STORE),
        raft.AppendEntries(4, 7, 2, entries, 6),
        raft.AppendReply(4, STORE, success=False, index=7, hint_index=5, hint_term=2),
        raft.Heartbeat(4, 6, 11),
        raft.HeartbeatReply(4, STORE, 11),
        raft.TimeoutNow(4),
        raft.ReadIndex(4, 77),
        raft.ReadIndexReply(4, 77, 8),
        replica.Gossip([transaction(3), transaction(4)]),
        replica.Announce([b"\x01" * 32, b"\x02" * 32]),
        replica.Want([b"\x01" * 32]),
        replica.Attest(8, b"statement", b"\x09" * 64),
        replica.WantCertificates(3, 100),
        replica.Certificates([certificate(first)]),
        replica.Head(8),
        replica.Subscribe(5),
        replica.CertifiedBlocks([(first, certificate(first)), (second, certificate(second))]),
        replica.Objection(4, 8, "clock-ahead"),
        replica.Awaited(),
        snapshots.WantSnapshot(0, 7, 5),
        snapshots.SnapshotOffer(9, [b"step", b"step"], b"head", [bytes(32)]),
        snapshots.WantChunk(9, 3, b"\xab\xc0"),
        snapshots.SnapshotChunk(9, 3, b"\xab\xc0", parting=True, body=b"hashes"),
        snapshots.SnapshotRefusal(9, "preparing"),
        replica.PrunedBelow(17),
    ]


def read(frame: bytes) -> codec.Anything:
    body = frame[codec.LENGTH_BYTES :]
    assert codec.frame_length(frame[: codec.LENGTH_BYTES]) == len(body)
    return codec.read(codec.split(body), none_known)


def test_every_kind_of_message_is_in_the_table() -> None:
    kinds = set(typing.get_args(replica.PeerMessage)) | {codec.Hello, codec.Refusal, codec.Ping}
    kinds |= set(typing.get_args(snapshots.SnapshotMessage))
    assert {type(message) for message in every_message()} == kinds


@pytest.mark.parametrize("message", every_message(), ids=lambda message: type(message).__name__)
def test_a_message_comes_back_byte_for_byte(message: codec.Anything) -> None:
    frame = codec.frame_of(message)
    again = read(frame)
    assert type(again) is type(message)
    assert codec.frame_of(again) == frame


def test_an_append_comes_back_with_blocks_indexes_and_terms() -> None:
    again = read(codec.frame_of(every_message()[5]))
    assert isinstance(again, raft.AppendEntries)
    assert [(entry.index, entry.term) for entry in again.entries] == [(8, 2), (9, 3)]
    assert [item.id for item in codec.transactions_of(again)] == [
        transaction(1).id,
        transaction(2, keys=3).id,
    ]


def test_a_configuration_block_brings_its_configuration() -> None:
    membership = Membership((member("ada"), member("ben")), 5)
    carried = make_block(
        chain_id=CHAIN,
        height=1,
        previous=CHAIN,
        term=1,
        leader="ada",
        time=5,
        membership=membership,
    )
    configuration = configuration_of(membership)
    message = raft.AppendEntries(1, 0, 0, [raft.Entry(1, 1, carried, configuration)], 0)
    again = read(codec.frame_of(message))
    assert isinstance(again, raft.AppendEntries)
    assert again.entries[0].configuration == configuration


def test_known_transactions_are_not_read_again() -> None:
    mine = transaction(3)
    body = codec.frame_of(replica.Gossip([mine]))[codec.LENGTH_BYTES :]
    again = codec.read(codec.split(body), {mine.identity: mine}.get)
    assert isinstance(again, replica.Gossip)
    assert again.transactions[0] is mine


def test_an_append_tells_early_that_its_leader_lives() -> None:
    append = codec.split(codec.frame_of(every_message()[5])[codec.LENGTH_BYTES :])
    assert append.heard() == raft.Heartbeat(4, 0, 0)
    other = codec.split(codec.frame_of(codec.Ping())[codec.LENGTH_BYTES :])
    assert other.heard() is None


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        7,
        [99],
        ["ping"],
        [True],
        [codec.PING, 1],
        [14, 1, 2],
        [14, 1, 2, -1],
        [14, 1, 2, 1 << 63],
        [14, 1, 2, True],
        [13, 4, b"short", True, 1, 0, 0],
        [11, 4, 1, False, STORE],
        [31, [b"short"]],
        [43, 9, 65, b""],
        [43, 9, 3, b"p" * 33],
        [44, 9, 3, b"", 1, b"body"],
        [45, 9, "c" * 65],
        [31, ["AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="]],
        [30, [b"no transaction"]],
        [12, 1, 0, 0, 0, [[1, b"no block"]]],
        [12, 1, 4, 0, 0, [[1, block(8, []).raw]]],
        [35, [b"no certificate"]],
        [38, [[block(8, []).raw, b"no certificate"]]],
    ],
)
def test_wrong_shapes_are_invalid(value: object) -> None:
    with pytest.raises(Invalid):
        codec.read(codec.split(encode(value)), none_known)


def test_loose_bytes_are_invalid() -> None:
    body = codec.frame_of(raft.Heartbeat(4, 6, 11))[codec.LENGTH_BYTES :]
    for loose in (body + b"\x00", body[:-1], b"", b"\x9f" + body[1:] + b"\xff", b"\xc1" + body):
        with pytest.raises(InvalidEncoding):
            codec.split(loose)


def test_a_length_is_judged_before_anything_is_allocated() -> None:
    assert codec.frame_length(FRAME_BYTES_MAX.to_bytes(4, "big")) == FRAME_BYTES_MAX
    for length in (0, FRAME_BYTES_MAX + 1, 0xFFFFFFFF):
        with pytest.raises(PeerError, match="are allowed"):
            codec.frame_length(length.to_bytes(4, "big"))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_invalid(body: bytes) -> None:
    try:
        message = codec.read(codec.split(body), none_known)
    except Invalid:
        return
    assert codec.frame_of(message)[codec.LENGTH_BYTES :] == body


@given(st.data())
def test_a_changed_byte_is_invalid_or_another_message(data: st.DataObject) -> None:
    frame = codec.frame_of(data.draw(st.sampled_from(every_message())))
    body = bytearray(frame[codec.LENGTH_BYTES :])
    place = data.draw(st.integers(0, len(body) - 1))
    body[place] ^= data.draw(st.integers(1, 255))
    try:
        message = codec.read(codec.split(bytes(body)), none_known)
    except Invalid:
        return
    assert codec.frame_of(message)[codec.LENGTH_BYTES :] == body
