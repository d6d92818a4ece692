"""Bad bytes at both doors of real nodes: each has its clear error, and nobody else notices."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest
import trio

from govchaind.base.crypto import Domain, SigningKey
from govchaind.base.encoding import encode
from govchaind.base.limits import (
    FRAME_BYTES_MAX,
    LIFETIME_MAX_MILLISECONDS,
    TRANSACTION_BYTES_MAX,
)
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.transaction import build_body, read_transaction, sign_body
from govchaind.raft.messages import AppendEntries, RequestVote, TimeoutNow
from govchaind.replica.messages import Attest, Gossip
from govchaind.runtime import codec
from tests.process.hostile_peer import hostile_peer
from tests.process.network import LIFETIME_MILLISECONDS, Network, put

OFFICE = "twosigners"
TWO_KEYS = (SigningKey(bytes([1] * 32)), SigningKey(bytes([2] * 32)))


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Three validators that run, and an observer's key for the hostile peer."""
    made = Network(tmp_path_factory.mktemp("input") / "net", observers=1)
    made.start(*made.validators)
    made.wait_ready(*made.validators)
    leader = made.leader()
    made.create_register(leader)
    keys = [[key.public, "Signer", 0, None] for key in TWO_KEYS]
    operation = (int(Kind.CREATE_OFFICE), [OFFICE, "Two signers", 2, keys])
    made.submit(leader, made.sign("civil-affairs", [operation]))
    writers = [["civil-affairs", OFFICE]]
    operation = (
        int(Kind.CREATE_REGISTER),
        ["two", "Two signers'", [["v", "text"]], "clear", writers],
    )
    made.submit(leader, made.sign("civil-affairs", [operation]))
    yield made
    made.close()


def now_milliseconds() -> int:
    return time.time_ns() // 1_000_000


def row_of(network: Network, raw: bytes) -> tuple[int, dict[str, Any]]:
    """Submit one transaction to the leader; return HTTP's status and what is said of it."""
    reply = network.post(network.leader(), [raw])
    return reply.status_code, reply.json()["transactions"][0]


def wrongly_signed(network: Network) -> bytes:
    good = read_transaction(network.put("never"))
    key, signature = good.signatures[0]
    return encode([good.body, [[key, signature[:-1] + bytes([signature[-1] ^ 1])]]])


def of_another_chain(network: Network) -> bytes:
    return network.sign("civil-affairs", [put("never")], chain_id=os.urandom(32))


def oversized(network: Network) -> bytes:
    operation = put("never", "x" * 16_000)
    author = network.author("civil-affairs")
    body = encode(
        [
            *(1, network.chain_id, author.institution, author.office),
            *([list(operation)] * 5, now_milliseconds() + 60_000, os.urandom(16)),
        ]
    )
    signature = author.keys[0].sign(Domain.TRANSACTION_BODY, body)
    raw = encode([body, [[author.keys[0].public, signature]]])
    assert len(raw) > TRANSACTION_BYTES_MAX
    return raw


def deep(_: Network) -> bytes:
    return b"\x81" * 5000 + b"\x80"


def expired(network: Network) -> bytes:
    return network.sign("civil-affairs", [put("never")], valid_until=now_milliseconds() - 60_000)


def future(network: Network) -> bytes:
    ahead = now_milliseconds() + LIFETIME_MAX_MILLISECONDS + 3_600_000
    return network.sign("civil-affairs", [put("never")], valid_until=ahead)


def cut_short(network: Network) -> bytes:
    return network.put("never")[:-10]


def of_a_stranger(network: Network) -> bytes:
    body = read_transaction(network.put("never")).body
    return sign_body(body, [SigningKey(os.urandom(32))])


@pytest.mark.parametrize(
    ("make", "status", "outcome"),
    [
        (cut_short, 400, "malformed-transaction"),
        (deep, 400, "malformed-transaction"),
        (oversized, 400, "malformed-transaction"),
        (wrongly_signed, 400, "bad-signature"),
        (of_another_chain, 400, "wrong-chain"),
        (expired, 200, "expired"),
        (future, 400, "valid-too-far-ahead"),
        (of_a_stranger, 403, "key-not-of-office"),
    ],
)
def test_a_bad_transaction_is_refused_by_name(
    make: Any, status: int, outcome: str, network: Network
) -> None:
    told, row = row_of(network, make(network))
    assert (told, row["outcome"]) == (status, outcome), row
    assert row["status"] == ("expired" if outcome == "expired" else "refused")
    assert row["text"]
    assert row["remedy"]
    assert network.record(network.leader(), "never") is None


def test_a_replayed_transaction_acts_once(network: Network) -> None:
    raw = network.sign("civil-affairs", [put("replayed", "first")])
    network.submit(network.leader(), raw)
    first = row_of(network, raw)[1]
    network.submit(network.leader(), network.put("replayed", "second"))
    for name in network.validators:
        row = network.post(name, [raw]).json()["transactions"][0]
        assert (row["height"], row["position"]) == (first["height"], first["position"])
    network.wait_level(*network.validators)
    assert network.record(network.leader(), "replayed") == "second"


def test_stripped_and_added_signatures_burn_nothing(network: Network) -> None:
    """Somebody on the way removes a signature of two, or adds one that is not the office's."""
    body = build_body(
        chain_id=network.chain_id,
        institution="civil-affairs",
        office=OFFICE,
        operations=[(int(Kind.PUT), ["two", b"signed-by-two", ["value"], None])],
        valid_until=now_milliseconds() + LIFETIME_MILLISECONDS,
        salt=os.urandom(16),
    )
    stripped = sign_body(body, TWO_KEYS[:1])
    added = sign_body(body, [*TWO_KEYS, SigningKey(bytes([3] * 32))])
    good = sign_body(body, TWO_KEYS)
    assert row_of(network, stripped)[1]["outcome"] == "signatures-insufficient"
    assert row_of(network, added)[1]["status"] == "refused"
    row = row_of(network, good)[1]
    assert (row["status"], row["outcome"]) in (("committed", "applied"), ("certified", "applied"))
    found = network.json(network.leader(), "/v1/registers/two/records/signed-by-two")
    assert found["value"] == {"v": "value"}


def test_oversized_and_loose_requests(network: Network) -> None:
    leader = network.leader()
    many = network.post(leader, [os.urandom(60_000)] * 80)
    assert many.status_code == 413
    assert many.json()["error"]["code"] == "too-large" or many.json()["error"]["remedy"]
    loose = network.post(leader, [])
    assert loose.status_code == 400
    assert loose.json()["error"]["remedy"]


# --- the peers' door, by somebody who holds a member's key ----------------------------------------


def gossip(raw: bytes) -> bytes:
    return encode([30, [raw]])


def junk(_: Network) -> bytes:
    return os.urandom(100)


def deep_frame(_: Network) -> bytes:
    return b"\x81" * 100_000


def unknown_message(_: Network) -> bytes:
    return encode([999, 1])


def bad_gossip(network: Network) -> bytes:
    return gossip(wrongly_signed(network))


def cut_gossip(network: Network) -> bytes:
    return gossip(cut_short(network))


def second_hello(network: Network) -> bytes:
    hello = codec.Hello(1, network.chain_id, "x", bytes(16), "hostile", bytes(64))
    return codec.frame_of(hello)[codec.LENGTH_BYTES :]


async def goes_on(network: Network, key: str) -> None:
    await trio.to_thread.run_sync(lambda: network.submit(network.leader(), network.put(key)))


@pytest.mark.parametrize(
    "make", [junk, deep_frame, unknown_message, bad_gossip, cut_gossip, second_hello]
)
async def test_what_no_honest_peer_sends_ends_its_link_only(make: Any, network: Network) -> None:
    target = network.leader()
    links = len(network.events(target, "link.up"))
    async with hostile_peer(network, network.names[-1], target) as peer:
        await peer.send(make(network))
        assert await peer.ended(10)
    network.wait_for(
        lambda: (
            {told["event"] for told in network.events(target)[-10:]}
            & {"link.misbehaved", "link.down"}
        ),
        "the node does not say why",
    )
    await goes_on(network, f"after-{make.__name__}")
    ups = network.events(target, "link.up")[links:]
    assert {told["peer"] for told in ups} == {network.names[-1]}


async def test_a_huge_frame_is_refused_by_its_length(network: Network) -> None:
    target = network.leader()
    before = memory_bytes(network.daemons[target].pid)
    async with hostile_peer(network, network.names[-1], target) as peer:
        await peer.stream.send_all((2**32 - 1).to_bytes(4, "big") + bytes(1000))
        assert await peer.ended(10)
    network.wait_for(
        lambda: [
            told
            for told in network.events(target, "link.down")
            if str(FRAME_BYTES_MAX) in told["reason"]
        ],
        "the node does not say why",
    )
    assert memory_bytes(network.daemons[target].pid) - before < 64 * 1024 * 1024
    await goes_on(network, "after-a-huge-frame")


async def test_a_member_without_a_vote_cannot_lead_or_sign(network: Network) -> None:
    """An observer's key says that it leads a far term, wants votes, and attests."""
    target = network.leader()
    status = network.status(target)
    term = status["term"]
    far = term + 1000
    async with hostile_peer(network, network.names[-1], target) as peer:
        for message in (
            RequestVote(far, 10**6, far, pre=False, transfer=True),
            AppendEntries(far, 0, 0, [], 10**6),
            TimeoutNow(far),
            Attest(status["height"] + 1, b"junk", bytes(64)),
            Gossip([]),
        ):
            await peer.stream.send_all(codec.frame_of(message))
        await goes_on(network, "under-a-false-leader")
    for name in network.validators:
        now = network.status(name)
        assert now["term"] < far
        assert now["leader"] in network.validators
    await trio.to_thread.run_sync(lambda: network.wait_level(*network.validators))


def memory_bytes(pid: int) -> int:
    with open(f"/proc/{pid}/status") as file:
        line = next(line for line in file if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024
