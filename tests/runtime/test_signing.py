"""The node's side of a signer: away, slow, talking nonsense, set back, refusing, and back again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
import trio
import trio.testing

from govchaind.base.crypto import Domain, SigningKey
from govchaind.base.errors import PeerError, StorageFull
from govchaind.replica.events import SignatureWanted, Signed
from govchaind.runtime.environment import SignerDoor
from govchaind.runtime.greetings import KEPT_MAX, Greetings
from govchaind.runtime.inbox import Inbox
from govchaind.runtime.signer_frames import SignerStream, read_request, reply_bytes
from govchaind.runtime.signing import ANSWER_SECONDS_MAX, WANTED_MAX, Signing
from govchaind.runtime.system import InlineThreads
from govchaind.runtime.telemetry import Telemetry
from tests.signer.test_guard import statement

KEY = SigningKey(bytes(32))
Talk = Callable[[SignerStream], Awaitable[None]]


class FakeSigner:
    """A signer of a test's own: `talk` is what it does with each connection; None: it is away."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.talk: Talk | None = self.honest
        self.highest = 0
        self.asked: list[tuple[str, int]] = []
        self.greetings: list[bytes] = []
        self.kept: bytes | None = None
        self._nursery = nursery

    async def connect(self) -> trio.abc.Stream:
        if self.talk is None:
            raise PeerError("no signer", code="signer-away")
        here, there = trio.testing.memory_stream_pair()
        self._nursery.start_soon(self._serve, self.talk, SignerStream(there))
        return here

    async def _serve(self, talk: Talk, frames: SignerStream) -> None:
        with suppress(PeerError):
            await talk(frames)
        await frames.aclose()

    async def honest(self, frames: SignerStream) -> None:
        while True:
            request = read_request(await frames.receive(seconds=1e6))
            self.asked.append((request.what, len(request.messages)))
            domain = Domain.HELLO if request.what == "hello" else Domain.ATTESTATION
            if request.what == "attest":
                self.highest += len(request.messages)
            answers = [(KEY.sign(domain, message), "") for message in request.messages]
            await frames.send(reply_bytes(KEY.public, self.highest, answers), seconds=5)

    async def keep(self, data: bytes) -> None:
        self.greetings.append(data)


async def who(frames: SignerStream) -> None:
    """Answer the first question of a connection."""
    await frames.receive(seconds=1e6)
    await frames.send(reply_bytes(KEY.public, 0), seconds=5)


async def polled(condition: Callable[[], bool]) -> None:
    """Wait until a condition of which no event tells holds."""
    while True:
        if condition():
            return
        await trio.sleep(0.01)


class Talks:
    """What a node says to its signer, with what came of it."""

    def __init__(self, signer: FakeSigner, *, known: int = 0) -> None:
        self.log: list[tuple[str, dict[str, object]]] = []
        self.inbox = Inbox()
        self.telemetry = Telemetry(
            version="0", sink=lambda _, name, values: self.log.append((name, dict(values)))
        )
        door = SignerDoor(signer.connect, lambda: signer.kept, signer.keep)
        self.signing = Signing(
            public=KEY.public,
            door=door,
            threads=InlineThreads(),
            inbox=self.inbox,
            telemetry=self.telemetry,
            known=known,
        )

    def want(self, *heights: int) -> None:
        for height in heights:
            self.signing.want(SignatureWanted(height, statement(height), KEY.public))

    async def answers(self, count: int) -> list[Signed]:
        found: list[Signed] = []
        with trio.fail_after(60):
            while len(found) < count:
                taken = await self.inbox.take(trio.current_time() + 60)
                found += [event for event in taken if isinstance(event, Signed)]
        return found

    async def standing(self, wanted: str) -> str:
        with trio.fail_after(60):
            await polled(lambda: self.signing.state.standing == wanted)
        return self.signing.state.reason

    def said(self) -> list[str]:
        return [name for name, _ in self.log]


@asynccontextmanager
async def talking(*, known: int = 0) -> AsyncIterator[tuple[FakeSigner, Talks]]:
    async with trio.open_nursery() as nursery:
        signer = FakeSigner(nursery)
        talks = Talks(signer, known=known)
        nursery.start_soon(talks.signing.run)
        yield signer, talks
        nursery.cancel_scope.cancel()


def right(height: int) -> Signed:
    stated = statement(height)
    return Signed(height, stated, KEY.sign(Domain.ATTESTATION, stated))


async def test_what_waits_is_asked_for_together_lowest_first(autojump_clock: object) -> None:
    async with talking() as (signer, talks):
        talks.want(3, 1, 2)
        assert await talks.answers(3) == [right(1), right(2), right(3)]
        await talks.standing("there")
        assert signer.asked[:2] == [("who", 0), ("attest", 3)]
        assert talks.said() == ["signer.there"]


async def test_no_more_is_kept_than_is_bounded(autojump_clock: object) -> None:
    async with talking() as (_, talks):
        talks.want(*range(1, WANTED_MAX + 11))
        answers = await talks.answers(WANTED_MAX)
        assert [answer.height for answer in answers] == list(range(11, WANTED_MAX + 11))


async def test_one_that_is_away_is_tried_until_it_is_back(autojump_clock: object) -> None:
    async with talking() as (signer, talks):
        signer.talk = None
        talks.want(1)
        assert await talks.standing("away") == "no signer"
        await trio.sleep(30)
        talks.want(1)  # as the replica does each second
        signer.talk = signer.honest
        assert await talks.answers(1) == [right(1)]
        await talks.standing("there")
        assert talks.said() == ["signer.away", "signer.there"]


async def test_one_that_never_answers_costs_no_more_than_its_time(autojump_clock: object) -> None:
    async def silent(frames: SignerStream) -> None:
        await trio.sleep_forever()

    async with talking() as (signer, talks):
        signer.talk = silent
        talks.want(1)
        begun = trio.current_time()
        assert "nothing came" in await talks.standing("away")
        assert trio.current_time() - begun < 2 * ANSWER_SECONDS_MAX


async def test_a_late_answer_is_never_taken_for_the_next_ones(autojump_clock: object) -> None:
    async def late(frames: SignerStream) -> None:
        await who(frames)
        await frames.receive(seconds=1e6)
        await trio.sleep(ANSWER_SECONDS_MAX * 2)
        signature = KEY.sign(Domain.ATTESTATION, statement(1))
        await frames.send(reply_bytes(KEY.public, 1, [(signature, "")]), seconds=5)

    async with talking() as (signer, talks):
        signer.talk = late
        talks.want(1)
        await talks.standing("away")
        signer.talk = signer.honest
        talks.want(2)
        assert await talks.answers(2) == [right(1), right(2)]  # lowest first: after 2, 1 is refused
        assert talks.signing.state.standing == "there"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"\xff\xff", "not a reply"),
        (b"x" * 40_000, "a frame of"),
        (reply_bytes(KEY.public, 0, [(b"", "a"), (b"", "b")]), "to another request"),
        (reply_bytes(b"\x07" * 32, 9), "holds another key"),
    ],
)
async def test_nonsense_makes_it_away(body: bytes, said: str, autojump_clock: object) -> None:
    async def nonsense(frames: SignerStream) -> None:
        await frames.receive(seconds=1e6)
        await frames.send(body, seconds=5)

    async with talking() as (signer, talks):
        signer.talk = nonsense
        talks.want(1)
        assert said in await talks.standing("away")
        signer.talk = signer.honest
        talks.want(1)
        assert await talks.answers(1) == [right(1)]


async def test_a_refusal_and_a_wrong_signature_are_told_and_past_when_it_signs(
    autojump_clock: object,
) -> None:
    answers = [
        (b"", "another statement of height 1 is signed"),
        (KEY.sign(Domain.ATTESTATION, statement(9)), ""),
    ]

    async def refusing(frames: SignerStream) -> None:
        await who(frames)
        while True:
            await frames.receive(seconds=1e6)
            await frames.send(reply_bytes(KEY.public, 1, [answers.pop(0)]), seconds=5)
            if not answers:
                await self_honest(frames)

    async with talking() as (signer, talks):
        self_honest, signer.talk = signer.honest, refusing
        signer.highest = 1
        talks.want(1)
        assert await talks.answers(1) == [Signed(1, statement(1), None)]
        assert "another statement" in await talks.standing("refuses")
        talks.want(2)
        assert await talks.answers(1) == [Signed(2, statement(2), None)]
        assert talks.signing.state.reason == "the signature of height 2 does not verify"
        await trio.sleep(60)  # it answers who it is; that is no signature
        assert talks.signing.state.standing == "refuses"
        talks.want(3)
        assert await talks.answers(1) == [right(3)]
        await talks.standing("there")
        assert talks.telemetry.metrics.signer_refused._value.get() == 2


async def test_one_whose_guard_forgot_is_asked_for_nothing(autojump_clock: object) -> None:
    async with talking(known=50) as (signer, talks):
        signer.highest = 49
        reason = await talks.standing("set-back")
        assert reason == ("the signer's guard ends at height 49, but the key has signed height 50")
        talks.want(51)
        await trio.sleep(10)
        assert talks.signing.state.standing == "set-back"
        signer.highest = 50
        talks.want(51)
        assert await talks.answers(1) == [right(51)]


async def test_it_is_looked_after_while_nothing_is_asked(autojump_clock: object) -> None:
    async with talking() as (signer, talks):
        await talks.standing("there")
        signer.highest = 0
        signer.talk = None
        await trio.sleep(1)
        assert talks.signing.state.standing == "there"


async def test_greetings_are_kept_and_verified(autojump_clock: object) -> None:
    async with talking() as (signer, talks):
        hello = await talks.signing.hello(b"greeting")
        assert hello == KEY.sign(Domain.HELLO, b"greeting")
        signer.talk = None
        [signer.kept] = signer.greetings
        later = Talks(signer)
        assert await later.signing.hello(b"greeting") == hello
        with pytest.raises(PeerError, match="no signer"):
            await later.signing.hello(b"another")
        foreign = Greetings(SigningKey(b"\x01" * 32).public, signer.kept, signer.keep)
        assert foreign.get(b"greeting") is None
        assert Greetings(KEY.public, b"junk", signer.keep).get(b"greeting") is None


async def test_a_greeting_refused_is_an_error_of_that_link(autojump_clock: object) -> None:
    async def refusing(frames: SignerStream) -> None:
        while True:
            request = read_request(await frames.receive(seconds=1e6))
            answers = [(b"", "not today")] * len(request.messages)
            await frames.send(reply_bytes(KEY.public, 0, answers), seconds=5)

    async with talking() as (signer, talks):
        signer.talk = refusing
        with pytest.raises(PeerError, match="not today") as caught:
            await talks.signing.hello(b"greeting")
        assert caught.value.code == "signer-refused"


async def test_greetings_are_bounded_and_need_no_room(autojump_clock: object) -> None:
    async def full(data: bytes) -> None:
        raise StorageFull("no room")

    kept = Greetings(KEY.public, None, full)
    for number in range(KEPT_MAX + 1):
        await kept.keep(b"%d" % number, bytes(64))
    assert kept.get(b"0") is None
    assert kept.get(b"1") == bytes(64)


async def test_of_two_greetings_at_once_the_file_holds_both(autojump_clock: object) -> None:
    """Whichever of the two writes takes longer."""
    files: list[bytes] = []

    async def write(data: bytes) -> None:
        await trio.sleep(1.0 / len(data))  # the smaller file takes longer
        files.append(data)

    signed = {text: KEY.sign(Domain.HELLO, text) for text in (b"one", b"two")}
    kept = Greetings(KEY.public, None, write)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(kept.keep, b"one", signed[b"one"])
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(kept.keep, b"two", signed[b"two"])
    read = Greetings(KEY.public, files[-1], write)
    assert {text: read.get(text) for text in signed} == signed


async def test_a_greeting_given_up_closes_the_connection(autojump_clock: object) -> None:
    async def slow(frames: SignerStream) -> None:
        await who(frames)
        await frames.receive(seconds=1e6)
        await trio.sleep(1)
        await signer.honest(frames)

    async with trio.open_nursery() as nursery:
        signer = FakeSigner(nursery)
        talks = Talks(signer)
        signer.talk = slow
        with trio.move_on_after(0.5) as scope:
            await talks.signing.hello(b"greeting")
        assert scope.cancelled_caught
        signer.talk = signer.honest
        assert await talks.signing.hello(b"other") == KEY.sign(Domain.HELLO, b"other")
        nursery.cancel_scope.cancel()
