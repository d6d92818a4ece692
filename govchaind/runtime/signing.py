"""The node's side of a signer that holds its attestation key: what is asked, and when it is away.

Rules it keeps:
- The loop never waits for a signer: `want` takes what is to be signed, and each answer comes to the
  inbox. What is asked is bounded, and the replica asks again for what is lost here.
- Each exchange has ANSWER_SECONDS_MAX. A connection on which one failed or was given up is
  closed, so that a late reply is never taken for the next one's; then it is tried again.
- A signature is verified before it counts, on the worker threads.
- A signer of another key, or whose guard is behind what it has signed for this node, is asked for
  nothing: an older copy of its guard would let it sign twice.
- The greetings of links are kept in a file, so that a node that starts while its signer is away
  still links to the peers that it has met.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias

import trio

from govchaind.base.crypto import Domain, HeldElsewhere, Signer, verify
from govchaind.base.errors import InvalidSetting, PeerError
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.types import Height, PublicKey, Signature
from govchaind.replica.events import SignatureWanted, Signed
from govchaind.runtime.environment import Environment, SignerDoor, Threads
from govchaind.runtime.greetings import Greetings
from govchaind.runtime.inbox import Inbox
from govchaind.runtime.signer_frames import STATEMENTS_MAX, Reply, SignerStream, What
from govchaind.runtime.telemetry import Telemetry

ANSWER_SECONDS_MAX = 2.0
LOOK_SECONDS = 5.0  # between questions whether an idle signer is there
RETRY_SECONDS_MIN, RETRY_SECONDS_MAX = 0.1, 2.0
WANTED_MAX = 4 * STATEMENTS_MAX

Standing: TypeAlias = Literal["starting", "there", "away", "set-back", "refuses"]


@dataclass(slots=True)
class SignerState:
    """How the signer is, for readiness and metrics."""

    standing: Standing = "starting"
    reason: str = ""
    highest: Height = 0  # that it is known to have signed


class Signing:
    """One node's dealings with its signer."""

    def __init__(
        self,
        *,
        public: PublicKey,
        door: SignerDoor,
        threads: Threads,
        inbox: Inbox,
        telemetry: Telemetry,
        known: Height,
    ) -> None:
        """`known`: a height that this key has signed for this node, as the store tells."""
        self.state = SignerState(highest=known)
        self._public = public
        self._door = door
        self._threads = threads
        self._inbox = inbox
        self._telemetry = telemetry
        self._wanted: dict[Height, bytes] = {}
        self._due = trio.Event()
        self._turn = trio.Lock()  # one exchange at a time
        self._frames: SignerStream | None = None
        self._greetings = Greetings(public, door.greetings_read(), door.greetings_write)

    def want(self, wanted: SignatureWanted) -> None:
        """Take a statement that is to be signed; the oldest gives way when there are too many."""
        self._wanted[wanted.height] = wanted.statement
        if len(self._wanted) > WANTED_MAX:
            del self._wanted[min(self._wanted)]
        self._due.set()

    async def run(self) -> None:
        """Ask until cancelled."""
        pause = RETRY_SECONDS_MIN
        while True:
            try:
                await self._ask_on()
                pause = RETRY_SECONDS_MIN
            except PeerError:
                # What was wanted stays so: asked for after a later height, it would be refused.
                await trio.sleep(pause)
                pause = min(2 * pause, RETRY_SECONDS_MAX)

    async def hello(self, message: bytes) -> Signature:
        """Return the signature of a greeting: a kept one, or a new one. Raises PeerError."""
        kept = self._greetings.get(message)
        if kept is not None:
            return kept
        signature, reason = (await self._exchange("hello", [message])).answers[0]
        if not await self._holds(Domain.HELLO, message, signature):
            problem = reason or "a signature that does not verify"
            raise PeerError(f"the signer gave no greeting: {problem}", code="signer-refused")
        await self._greetings.keep(message, signature)
        return signature

    async def _ask_on(self) -> None:
        """Ask for what is wanted, or else whether the signer is there. Raises PeerError."""
        self._due = trio.Event()
        batch = sorted(self._wanted.items())[:STATEMENTS_MAX]
        if batch:
            started = trio.current_time()
            reply = await self._exchange("attest", [statement for _, statement in batch])
            self._telemetry.metrics.signer_answer.observe(trio.current_time() - started)
            await self._take(batch, reply)
        else:
            await self._exchange("who", [])
            if self.state.standing != "refuses":
                self._change("there")
        if not self._wanted:
            with trio.move_on_after(LOOK_SECONDS):
                await self._due.wait()

    async def _take(self, batch: Sequence[tuple[Height, bytes]], reply: Reply) -> None:
        """Verify signatures and hand them in; tell of the ones that were refused."""
        refused = ""
        for (height, statement), (given, reason) in zip(batch, reply.answers, strict=True):
            signature: Signature | None = given
            if not await self._holds(Domain.ATTESTATION, statement, given):
                signature = None
                refused = reason or f"the signature of height {height} does not verify"
                self._telemetry.metrics.signer_refused.inc()
            self._wanted.pop(height, None)
            self._inbox.put_own(Signed(height, statement, signature))
        self._change("refuses" if refused else "there", refused)

    async def _holds(self, domain: Domain, message: bytes, signature: Signature) -> bool:
        check = partial(verify, domain, self._public, message, signature)
        return bool(signature) and await self._threads.run(check)

    async def _exchange(self, what: What, messages: Sequence[bytes]) -> Reply:
        """Ask, over a new connection if there is none. Raises PeerError, and closes it then."""
        async with self._turn:
            try:
                with trio.move_on_after(2 * ANSWER_SECONDS_MAX):
                    if self._frames is None:
                        self._frames = SignerStream(await self._door.connect())
                        # Before anything is signed: what it signs hides how far back it was set.
                        self._judge(await self._frames.ask("who", [], seconds=ANSWER_SECONDS_MAX))
                    reply = await self._frames.ask(what, messages, seconds=ANSWER_SECONDS_MAX)
                    self._judge(reply)
                    return reply
                raise PeerError("the signer does not take the connection", code="signer-slow")
            except BaseException as error:
                frames, self._frames = self._frames, None
                if isinstance(error, PeerError):
                    set_back = error.code == "signer-set-back"
                    self._change("set-back" if set_back else "away", error.message)
                if frames is not None:
                    await frames.aclose()
                raise

    def _judge(self, reply: Reply) -> None:
        """Refuse a signer that is not this node's, or whose guard forgot. Raises PeerError."""
        if reply.public != self._public:
            held = reply.public.hex()[:16]
            raise PeerError(f"the signer holds another key, {held}…", code="signer-other-key")
        if reply.highest < self.state.highest:
            raise PeerError(
                f"the signer's guard ends at height {reply.highest}, but the key has signed "
                f"height {self.state.highest}",
                code="signer-set-back",
            )
        self.state.highest = reply.highest

    def _change(self, standing: Standing, reason: str = "") -> None:
        state = self.state
        before, state.standing, state.reason = state.standing, standing, reason
        if before == standing:
            return
        if standing == "there":
            self._telemetry.event("signer.there", highest=state.highest)
        elif standing == "refuses":
            self._telemetry.event("signer.refused", reason=reason)
        else:
            self._telemetry.event("signer.away", reason=reason)


def make_signings(
    signers: Iterable[Signer],
    environment: Environment,
    inbox: Inbox,
    telemetry: Telemetry,
    known_signed: Callable[[KeyValueReader, PublicKey], Height],
) -> dict[PublicKey, Signing]:
    """Return the dealings with the signers of those keys that this node does not hold itself.

    Raises InvalidSetting: there is no way to one of them.
    """
    made: dict[PublicKey, Signing] = {}
    for signer in signers:
        if not isinstance(signer, HeldElsewhere):
            continue
        door = environment.signers.get(signer.public)
        if door is None:
            raise InvalidSetting("the attestation key is held elsewhere, and no signer is named")
        snapshot = environment.storage.snapshot()
        try:
            known = known_signed(snapshot, signer.public)
        finally:
            snapshot.close()
        made[signer.public] = Signing(
            public=signer.public,
            door=door,
            threads=environment.threads,
            inbox=inbox,
            telemetry=telemetry,
            known=known,
        )
    if made:
        states = [signing.state for signing in made.values()]
        there = telemetry.metrics.signer_there
        there.set_function(lambda: float(all(state.standing == "there" for state in states)))
    return made
