"""Clients that write and read registers all the time, and write down what they were told.

Each has a thread and an SDK client of its own. A write puts a value that no other write puts; a
read asks for nothing older than its beginning. Both go into a log in Jepsen's form, which
`netsim history` judges. An answer that did not come is `:info`, and its process is not used again.
"""

from __future__ import annotations

import os
import random
import threading
import time
from dataclasses import dataclass, field

import trio

from govchaind.base.errors import GovchaindError, NotFound
from govchaind.base.types import Hash
from govchaind.client.client import Client
from govchaind.client.keyfile import OfficeKeyFile
from govchaind.client.transport import HttpTransport
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.transaction import build_body, read_transaction, sign_body

REGISTER = "facts"
KEYS = 4
ANSWER_SECONDS = 4.0
LIFETIME_MILLISECONDS = 10 * 60 * 1000


@dataclass(slots=True)
class Log:
    """What clients did and were told, shared by their threads."""

    lines: list[str] = field(default_factory=list)
    acknowledged: list[Hash] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    processes: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def process(self) -> int:
        """Return a number that no process had."""
        with self.lock:
            self.processes += 1
            return self.processes

    def say(self, process: int, kind: str, what: str, key: int, value: str) -> None:
        with self.lock:
            self.lines.append(f"{process}\t:{kind}\t:{what}\t[{key} {value}]")


class Customer:
    """One client; use it as a context."""

    def __init__(
        self, log: Log, urls: list[str], chain_id: Hash, key: OfficeKeyFile, seed: int
    ) -> None:
        self._log, self._urls, self._chain_id, self._key = log, urls, chain_id, key
        self._pick = random.Random(seed)
        self._values = seed * 1_000_000
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: trio.run(self._go_on), daemon=True)

    def __enter__(self) -> Customer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)

    def raw(self, kind: int, arguments: list[object]) -> bytes:
        """Return a signed transaction."""
        body = build_body(
            chain_id=self._chain_id,
            institution=self._key.institution,
            office=self._key.office,
            operations=[(kind, arguments)],
            valid_until=time.time_ns() // 1_000_000 + LIFETIME_MILLISECONDS,
            salt=os.urandom(16),
        )
        return sign_body(body, [self._key.signing_key()])

    def client(self) -> Client:
        return Client([HttpTransport(url) for url in self._urls], chain_id=self._chain_id)

    async def _go_on(self) -> None:
        process = self._log.process()
        async with self.client() as client:
            while not self._stop.is_set():
                key = self._pick.randrange(KEYS)
                call = self._write if self._pick.random() < 0.6 else self._read
                if not await call(client, process, key):
                    process = self._log.process()
                await trio.sleep(self._pick.uniform(0, 0.05))

    async def _write(self, client: Client, process: int, key: int) -> bool:
        """Write once; say whether its fate is known."""
        self._values += 1
        value = str(self._values)
        raw = self.raw(int(Kind.PUT), [REGISTER, b"%d" % key, [value], None])
        self._log.say(process, "invoke", "write", key, value)
        try:
            [fate] = await client.submit(
                [raw],
                deadline_seconds=ANSWER_SECONDS,
                first_node=self._pick.randrange(len(self._urls)),
            )
        except GovchaindError:
            fate = None
        if fate is None or fate.status not in ("committed", "certified"):
            self._log.say(process, "info", "write", key, value)
            return False
        if fate.code:
            self._log.unexpected.append(f"a write of {value} was answered {fate}")
        self._log.say(process, "ok", "write", key, value)
        self._log.acknowledged.append(read_transaction(raw).id)
        return True

    async def _read(self, client: Client, process: int, key: int) -> bool:
        """Read once, nothing older than now; say whether there was an answer."""
        self._log.say(process, "invoke", "read", key, "nil")
        try:
            with trio.fail_after(ANSWER_SECONDS):
                found = await client.record(REGISTER, b"%d" % key, linearizable=True)
            value = str(found["value"]["v"])
        except NotFound:
            value = "nil"
        except (GovchaindError, trio.TooSlowError):
            self._log.say(process, "info", "read", key, "nil")
            return False
        self._log.say(process, "ok", "read", key, value)
        return True
