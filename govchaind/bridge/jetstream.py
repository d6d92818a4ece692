"""The sink that is a stream of NATS JetStream: messages in order, each once, one writer.

Rules it keeps:
- Every message is published on the condition that the stream's last sequence is the one that this
  bridge expects. So the order holds, a message that was taken is not taken again, however long ago
  that was, and a second writer is found out.
- Progress is the stream itself: the last message of PREFIX.heights says which height is whole, and
  what lies after it is the beginning of the next, which is completed and not begun anew.
- JetStream's own recognition of duplicates (`Nats-Msg-Id`) is a second bolt on the same door.
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import trio

from govchaind.backup.part import Tip
from govchaind.base.errors import Conflict, GovchaindError, InvalidSetting, Refused
from govchaind.bridge.changes import Changed, Register, changes_of
from govchaind.bridge.feed import Verified
from govchaind.bridge.nats_messages import (
    HEADER_ID,
    Message,
    Subjects,
    message_id,
    messages_of,
    read_register,
    read_tip,
)
from govchaind.bridge.nats_wire import Connection, Reply, Server, open_connection, unreachable
from govchaind.ledger.genesis import Genesis

IDLE_SECONDS_MAX = 60.0  # servers ask for a sign of life every two minutes
DUPLICATES_NANOSECONDS = 120 * 10**9
BATCH_BYTES_MAX = 1024 * 1024  # under way at once
BATCH_MESSAGES_MAX = 256
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PREFIX = re.compile(r"[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64}){0,7}")
_WRONG_LAST_SEQUENCE = 10071
_STREAM_NOT_FOUND = 10059
_NO_MESSAGE = 10037


class JetStreamSink:
    """One stream, which the bridge makes where it is not there."""

    def __init__(self, server: Server, stream: str, prefix: str) -> None:
        """Raises InvalidSetting: a name is none."""
        if not _NAME.fullmatch(stream) or not _PREFIX.fullmatch(prefix):
            raise InvalidSetting(
                f"{stream!r} or {prefix!r} is no name of a stream, or no beginning of subjects",
                code="bad-stream-name",
                remedy="Use letters, digits, - and _; a prefix may have dots between them.",
            )
        self._server = server
        self._stream = stream
        self._subjects = Subjects(prefix)
        self._connection: Connection | None = None
        self._genesis: Genesis | None = None
        self._registers: dict[str, Register] = {}
        self._last = 0  # the sequence of the stream's last message
        self._part = 0  # how many messages of the next height are there
        self._used = 0.0

    @property
    def name(self) -> str:
        return f"stream {self._stream} of NATS at {self._server}"

    async def open(self, genesis: Genesis) -> Tip | None:
        self._genesis = genesis
        self._connection = await open_connection(self._server)
        self._registers = {}
        await self._made()
        state = await self._api(f"STREAM.INFO.{self._stream}", {})
        self._last = self._number(state.get("state"), "last_seq")
        self._used = trio.current_time()
        height = await self._newest(self._subjects.heights)
        if height is None:
            self._part = self._last
            await self._check_part(genesis, 0)
            return None
        sequence, body = height
        members = await self._newest(self._subjects.membership)
        tip = read_tip(body, None if members is None else members[1], genesis)
        self._part = self._last - sequence
        await self._check_part(genesis, tip.height)
        return tip

    async def write(self, verified: Verified) -> int:
        if trio.current_time() - self._used > IDLE_SECONDS_MAX and self._genesis is not None:
            await self.close()
            tip = await self.open(self._genesis)
            if (0 if tip is None else tip.height) != verified.height - 1:
                raise self._moved()
        for name in _named(verified):
            await self._learn(name)
        messages = messages_of(verified, self._subjects, self._register)
        rest = messages[self._part :]
        while rest:
            batch: list[Message] = []
            size = 0
            while rest and size < BATCH_BYTES_MAX and len(batch) < BATCH_MESSAGES_MAX:
                size += len(rest[0].body)
                batch.append(rest.pop(0))
            await self._put(batch)
        self._part = 0
        self._used = trio.current_time()
        return len(messages) - 1

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    # --- the stream -------------------------------------------------------------------------------

    async def _made(self) -> None:
        """Make the stream where it is not there."""
        try:
            await self._api(f"STREAM.INFO.{self._stream}", {})
        except _ApiError as error:
            if error.number != _STREAM_NOT_FOUND:
                raise
        else:
            return
        settings = {
            "name": self._stream,
            "subjects": [self._subjects.everything],
            "retention": "limits",
            "storage": "file",
            "discard": "new",  # a full stream holds the bridge up; it forgets nothing
            "duplicate_window": DUPLICATES_NANOSECONDS,
            "deny_delete": True,
            "deny_purge": True,
        }
        await self._api(f"STREAM.CREATE.{self._stream}", settings)

    async def _newest(self, subject: str) -> tuple[int, bytes] | None:
        """Return sequence and body of the newest message of a subject."""
        try:
            found = await self._message({"last_by_subj": subject})
        except _ApiError as error:
            if error.number != _NO_MESSAGE:
                raise
            return None
        return self._number(found, "seq"), self._bytes(found, "data")

    async def _message(self, which: dict[str, Any]) -> dict[str, Any]:
        reply = await self._api(f"STREAM.MSG.GET.{self._stream}", which)
        message = reply.get("message")
        return message if isinstance(message, dict) else {}

    async def _check_part(self, genesis: Genesis, height: int) -> None:
        """See that what follows the last whole height is the beginning of the next, and ours."""
        if self._last == 0:
            return
        found = await self._message({"seq": self._last})
        headers = self._bytes(found, "hdrs").decode("utf-8", "replace")
        told = dict(line.partition(": ")[::2] for line in headers.split("\r\n"))
        if told.get("Govchain-Chain") != genesis.chain_id.hex():
            raise Conflict(
                f"{self.name} holds another chain, or messages that no bridge has written",
                code="other-chain",
                remedy="Name another stream with --stream, and another --prefix.",
            )
        expected = message_id(genesis.chain_id, height + 1, self._part)
        if self._part and told.get(HEADER_ID) != expected:
            raise self._moved()

    def _number(self, told: object, name: str) -> int:
        value = told.get(name) if isinstance(told, dict) else None
        if not isinstance(value, int):
            raise unreachable(self._server, "an answer of JetStream is none")
        return value

    def _bytes(self, told: dict[str, Any], name: str) -> bytes:
        try:
            return base64.b64decode(told.get(name, ""), validate=True)
        except (ValueError, TypeError):
            raise unreachable(self._server, "an answer of JetStream is none") from None

    async def _learn(self, name: str) -> None:
        """Know a register that began at an earlier height."""
        if name in self._registers:
            return
        found = await self._newest(self._subjects.schema(name))
        if found is not None:
            self._registers[name] = read_register(found[1])

    def _register(self, name: str) -> Register:
        register = self._registers.get(name)
        if register is None:
            raise _ApiError(self.name, f"it has lost the schema of register {name}", 0)
        return register

    async def _put(self, batch: list[Message]) -> None:
        """Publish messages one after the other; each waits for the one before it."""
        connection = self._connected()
        sending = []
        for number, message in enumerate(batch):
            if len(message.body) > connection.payload_bytes_max:
                raise Refused(
                    f"a message of {len(message.body)} bytes is larger than {self.name} takes",
                    code="message-too-large",
                    remedy="Raise max_payload of the server.",
                )
            condition = {"Nats-Expected-Last-Sequence": str(self._last + number)}
            sending.append((message.subject, {**message.headers, **condition}, message.body))
        for reply in await connection.publish(sending):
            told = self._read(reply)
            if told.get("duplicate") or told.get("seq") != self._last + 1:
                raise self._moved()
            self._last += 1

    async def _api(self, what: str, question: dict[str, Any]) -> dict[str, Any]:
        payload = json.dumps(question).encode() if question else b""
        return self._read(await self._connected().request(f"$JS.API.{what}", payload))

    def _connected(self) -> Connection:
        if self._connection is None:
            raise unreachable(self._server, "there is no connection")
        return self._connection

    def _read(self, reply: Reply) -> dict[str, Any]:
        """Return what JetStream answered. Raises what an error of it comes to."""
        if reply.status == "503":
            raise unreachable(
                self._server, "nobody answers for JetStream, or for the stream's subjects"
            )
        try:
            told = json.loads(reply.payload)
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict):
            raise unreachable(self._server, "an answer of JetStream is none")
        error = told.get("error")
        if not isinstance(error, dict):
            return told
        said = str(error.get("description", "it gave no reason"))
        if error.get("err_code") == _WRONG_LAST_SEQUENCE:
            raise self._moved()
        if error.get("code") == 503:
            raise unreachable(self._server, said)
        number = error.get("err_code")
        raise _ApiError(self.name, said, number if isinstance(number, int) else 0)

    def _moved(self) -> GovchaindError:
        return Conflict(
            f"somebody else has written into {self.name}",
            code="progress-moved",
            remedy="Run one bridge for a stream, and publish nothing else below its prefix.",
        )


class _ApiError(Refused):
    """JetStream's definite no."""

    code = "stream-differs"
    remedy = "See the stream's limits and subjects, and what this user may do."

    def __init__(self, name: str, said: str, number: int) -> None:
        super().__init__(f"{name} refused ({number}): {said}")
        self.number = number


def _named(verified: Verified) -> list[str]:
    """Return the registers whose records a height changes."""
    found = [one.register for one in changes_of(verified) if isinstance(one, Changed)]
    return list(dict.fromkeys(found))
