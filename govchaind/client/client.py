"""The client: builds, signs, submits, waits, fetches; transports, time and entropy are given.

Rules: what it asks may be asked again of another node (`nodes.py`), what it submits is sent
unchanged (`submission.py`), and nothing that a node says is believed where a proof exists:
receipts and state proofs come back as bytes for `trust.py` to verify.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from functools import partial
from typing import Any
from urllib.parse import quote

import trio

from govchaind.base.errors import Busy, GovchaindError, InvalidSetting, PeerError
from govchaind.base.limits import LIFETIME_DEFAULT_MILLISECONDS, SALT_BYTES
from govchaind.base.types import BlockTime, Hash, Height, NodeId
from govchaind.client.asset_questions import AssetQuestions
from govchaind.client.deliveries import DeliveryQuestions
from govchaind.client.events import follow
from govchaind.client.exchange import ExchangeQuestions
from govchaind.client.keyfile import Author, Reader
from govchaind.client.nodes import NOTHING, Nodes
from govchaind.client.questions import given, record_path
from govchaind.client.reader import with_leaves
from govchaind.client.refusals import bytes_of, json_of
from govchaind.client.submission import Fate, Wait, read_fate, submit
from govchaind.client.tracing import ClientTraces, traces_of
from govchaind.client.transport import HttpTransport, Reply, Transport
from govchaind.ledger.transaction import build_body, sign_body

DEADLINE_SECONDS = 30.0
POLL_SECONDS = 0.2
_JSON = {"accept": "application/json"}
_CBOR = {"accept": "application/cbor"}

Operations = Iterable[tuple[int, list[Any]]]


def wall_milliseconds() -> BlockTime:
    """Return this machine's wall clock; transactions are valid until so long after it."""
    return time.time_ns() // 1_000_000


class Client(ExchangeQuestions, DeliveryQuestions, AssetQuestions):
    """One user of one chain.

    Args:
        transports: the nodes, the preferred one first.
        chain_id: the chain's; needed to sign, not to read.
        entropy: gives n random bytes (salts).
        wall_ms: the wall clock in milliseconds.
        deadline_seconds: how long any one call may take, unless it says otherwise.
        traces: takes spans of what is submitted; None: there are none.
    """

    def __init__(
        self,
        transports: Sequence[Transport],
        *,
        chain_id: Hash | None = None,
        entropy: Callable[[int], bytes] = os.urandom,
        wall_ms: Callable[[], BlockTime] = wall_milliseconds,
        deadline_seconds: float = DEADLINE_SECONDS,
        traces: ClientTraces | None = None,
    ) -> None:
        self.nodes = Nodes(transports)
        self._chain_id = chain_id
        self._entropy = entropy
        self._wall_ms = wall_ms
        self._deadline_seconds = deadline_seconds
        self._traces = traces

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
            await self.nodes.close()
        if self._traces is not None:
            await self._traces.end()

    # --- writing --------------------------------------------------------------------------------

    def sign(
        self,
        author: Author,
        operations: Operations,
        *,
        lifetime_milliseconds: int = LIFETIME_DEFAULT_MILLISECONDS,
    ) -> bytes:
        """Return a signed transaction; keep the bytes to send them again."""
        if self._chain_id is None:
            raise InvalidSetting(
                "signing needs the chain's id",
                code="no-chain",
                remedy="Name the network's file with --network, or its genesis with --genesis.",
            )
        body = build_body(
            chain_id=self._chain_id,
            institution=author.institution,
            office=author.office,
            operations=operations,
            valid_until=self._wall_ms() + lifetime_milliseconds,
            salt=self._entropy(SALT_BYTES),
        )
        return sign_body(body, author.keys)

    async def submit(
        self,
        raws: Sequence[bytes],
        *,
        wait: Wait = "committed",
        deadline_seconds: float | None = None,
        first_node: int | None = None,
    ) -> list[Fate]:
        """Submit signed transactions and wait; safe to call again with the same bytes.

        Args:
            first_node: which node to ask first (for spreading load); None: the present one.

        Raises:
            InvalidEncoding: one is not a transaction. PeerError, Busy: see `submission.submit`.
        """
        nodes = self.nodes if first_node is None else self.nodes.starting_at(first_node)
        deadline = self._deadline(deadline_seconds)
        call = partial(submit, nodes, raws, wait=wait, deadline=deadline)
        return await (call() if self._traces is None else self._traces.submitted(raws, call))

    async def fate(
        self, transaction: Hash, *, wait: Wait = "none", deadline_seconds: float | None = None
    ) -> Fate:
        """Return what became of a transaction, waiting until it is as far as asked for."""
        deadline = self._deadline(deadline_seconds)

        def read(reply: Reply, node: str) -> Fate:
            return read_fate(json_of(reply, node), node, transaction)

        while True:
            seconds = max(0.0, min(10.0, deadline - trio.current_time()))
            query = {"wait": wait, "timeout_seconds": f"{seconds:.3f}"}
            path = f"/v1/transactions/{transaction.hex()}"
            fate = await self.nodes.ask(
                "GET", path, deadline=deadline, query=query, headers=_JSON, read=read
            )
            late = trio.current_time() + POLL_SECONDS >= deadline
            if wait == "none" or fate.reached(wait) or late:
                return fate
            self.nodes.pass_over()
            await trio.sleep(POLL_SECONDS)

    # --- proofs: bytes that verify by themselves ------------------------------------------------

    async def receipt(self, transaction: Hash, *, deadline_seconds: float | None = None) -> bytes:
        """Return a transaction's receipt, waiting for its certificate."""
        path = f"/v1/transactions/{transaction.hex()}/receipt"
        call = partial(self.get_bytes, path, deadline_seconds=deadline_seconds)
        return await (call() if self._traces is None else self._traces.fetched(transaction, call))

    async def state_proof(
        self, register: str, key: bytes, *, height: Height | None = None
    ) -> bytes:
        """Return the proof of a record's value, or of its absence, at a certified height."""
        path, query = record_path(register, key)
        if height is not None:
            query["height"] = str(height)
        return await self.get_bytes(f"{path}/proof", query)

    async def proof_of(self, state_key: bytes, *, height: Height | None = None) -> bytes:
        """Return the proof of what stands under a state key at a certified height, or of nothing.

        Raises:
            Gone: the state at `height` can no longer be proved.
        """
        query = {"proof": "true", **given(height=height)}
        return await self.get_bytes(f"/v1/state/{state_key.hex()}", query)

    async def block(self, height: Height) -> bytes:
        """Return a block's bytes."""
        return await self.get_bytes(f"/v1/blocks/{height}")

    async def blocks(self, first: Height, limit: int) -> bytes:
        """Return [[block, certificate or null] …] of consecutive heights from `first` on.

        As many as `limit` says, at most 100; fewer where they are large, none above the newest.
        """
        return await self.get_bytes("/v1/blocks", {"first": str(first), "limit": str(limit)})

    async def trust_steps(self, height: Height, era: Height) -> bytes:
        """Return the steps from a head at `height` to the newest certified one.

        Args:
            era: height of the newest change of membership that is known; changes above it come
                too where the head is already beyond them.
        """
        return await self.get_bytes("/v1/trust", {"from": str(height), "era": str(era)})

    async def genesis(self) -> bytes:
        """Return the genesis; compare its hash with the chain id known from elsewhere."""
        return await self.get_bytes("/v1/genesis")

    # --- reading: a node's word -----------------------------------------------------------------

    async def record(
        self,
        register: str,
        key: bytes,
        *,
        height: Height | None = None,
        linearizable: bool = False,
    ) -> dict[str, Any]:
        """Return a record as the node has it. Raises NotFound where there is none."""
        path, query = record_path(register, key)
        if height is not None:
            query["height"] = str(height)
        if linearizable:
            query["linearizable"] = "true"
        return await self.get_json(path, query)

    async def history(
        self, register: str, key: bytes, *, limit: int = 100, before: Height | None = None
    ) -> dict[str, Any]:
        """Return one page of a record's changes, the newest first."""
        path, query = record_path(register, key)
        query["limit"] = str(limit)
        if before is not None:
            query["before"] = str(before)
        return await self.get_json(f"{path}/history", query)

    async def register(self, name: str) -> dict[str, Any]:
        """Return a register's title, mode, fields and writers. Raises NotFound."""
        found = await self.get_json(f"/v1/registers/{quote(name, safe='')}")
        view = found.get("register")
        if not isinstance(view, dict):
            raise PeerError("a node described a register in an unknown way")
        return view

    async def status(self) -> dict[str, Any]:
        """Return what one node says of itself."""
        return await self.get_json("/v1/status")

    async def members(self) -> dict[str, Any]:
        """Return the wanted members and the membership in force."""
        return await self.get_json("/v1/members")

    async def motions(
        self, *, state: str | None = None, after: str | None = None
    ) -> dict[str, Any]:
        """Return one page of motions: all, or those of one state."""
        return await self.get_json("/v1/motions", given(state=state, after=after))

    async def motion(self, digest: Hash) -> dict[str, Any]:
        """Return a motion as the node has it. Raises NotFound where there is none."""
        return await self.get_json(f"/v1/motions/{digest.hex()}")

    async def rules(self) -> dict[str, Any]:
        """Return by how many each kind of motion is carried, and its notice."""
        return await self.get_json("/v1/rules")

    async def calendars(self, *, after: str | None = None) -> dict[str, Any]:
        """Return one page of calendars, a line for each year."""
        return await self.get_json("/v1/calendars", given(after=after))

    async def calendar(self, name: str, year: int, *, version: int | None = None) -> dict[str, Any]:
        """Return one year of a calendar, its newest version unless one is named."""
        path = f"/v1/calendars/{quote(name, safe='')}/{year}"
        return await self.get_json(path, given(version=version))

    async def deadline(
        self, name: str, start: str, days: int, *, working: bool = True
    ) -> dict[str, Any]:
        """Return the end of the day that is so many days after `start`, by a calendar.

        Args:
            start: a day or a moment, ISO 8601; in the calendar's zone unless it names an offset.
        """
        query = {"from": start, "days": str(days), "working": "true" if working else "false"}
        return await self.get_json(f"/v1/calendars/{quote(name, safe='')}/deadline", query)

    async def mandates(
        self,
        *,
        state: str | None = None,
        ending_within_days: int | None = None,
        after: str | None = None,
    ) -> dict[str, Any]:
        """Return one page of mandates: all, or those of one state, or those that end soon."""
        query = given(state=state, ending_within_days=ending_within_days, after=after)
        return await self.get_json("/v1/mandates", query)

    async def mandate(self, name: str) -> dict[str, Any]:
        """Return one mandate. Raises NotFound."""
        return await self.get_json(f"/v1/mandates/{quote(name, safe='')}")

    async def outlook(self) -> dict[str, Any]:
        """Return whether institutions can go on deciding: now, soon and later."""
        return await self.get_json("/v1/outlook")

    async def offices(
        self,
        *,
        quiet: bool = False,
        ending_within_days: int | None = None,
        after: str | None = None,
    ) -> dict[str, Any]:
        """Return one page of offices: all, or those that are quiet, or of which a key ends soon."""
        query = given(
            quiet="true" if quiet else None, ending_within_days=ending_within_days, after=after
        )
        return await self.get_json("/v1/offices", query)

    async def parameters(self) -> dict[str, Any]:
        """Return the parameters, and the version of the ledger with who is ready for the next."""
        return await self.get_json("/v1/parameters")

    async def evidence(self) -> dict[str, Any]:
        """Return the proofs that a node has signed two different statements of one height."""
        return await self.get_json("/v1/evidence")

    def events(
        self, first: Height, *, certified: bool = False, patience_seconds: float = 60.0
    ) -> AbstractAsyncContextManager[AsyncGenerator[dict[str, Any], None]]:
        """Return a context whose value yields each block event from height `first` on.

        No height comes twice or is left out, whichever nodes come and go meanwhile.
        """
        return aclosing(
            follow(self.nodes, first, certified=certified, patience_seconds=patience_seconds)
        )

    # --- plain questions ------------------------------------------------------------------------

    async def get_json(
        self,
        path: str,
        query: Mapping[str, str] = NOTHING,
        *,
        deadline_seconds: float | None = None,
    ) -> dict[str, Any]:
        """Return the JSON object at `path`."""
        deadline = self._deadline(deadline_seconds)
        return await self.nodes.ask(
            "GET", path, deadline=deadline, query=query, headers=_JSON, read=json_of
        )

    async def get_bytes(
        self,
        path: str,
        query: Mapping[str, str] = NOTHING,
        *,
        deadline_seconds: float | None = None,
    ) -> bytes:
        """Return the CBOR bytes at `path`; "not certified yet" is waited for."""
        deadline = self._deadline(deadline_seconds)
        while True:
            try:
                return await self.nodes.ask(
                    "GET", path, deadline=deadline, query=query, headers=_CBOR, read=bytes_of
                )
            except GovchaindError as error:
                if error.code != "not-certified-yet" or isinstance(error, Busy | PeerError):
                    raise
                if trio.current_time() + POLL_SECONDS >= deadline:
                    raise
                await trio.sleep(POLL_SECONDS)

    def _deadline(self, seconds: float | None) -> float:
        return trio.current_time() + (self._deadline_seconds if seconds is None else seconds)


def connect(
    urls: Sequence[str],
    *,
    token: str | None = None,
    reader: Reader | None = None,
    names: Mapping[str, NodeId] = NOTHING,
    **settings: Any,
) -> Client:
    """Return a client over HTTP; `settings` as of Client, `traces` as the environment says.

    Args:
        token: what the nodes' operator gave this client, where nodes want one.
        reader: the office that reads, where nodes show things to those whom they concern.
        names: which node answers at an address, as far as that is known.
    """
    nodes: list[Transport] = [HttpTransport(url, token=token) for url in urls]
    if reader is not None:
        known = [names.get(url) for url in urls]
        nodes = with_leaves(nodes, known, reader, wall_milliseconds, settings.get("chain_id"))
    if "traces" not in settings:
        settings["traces"] = traces_of(os.environ)
    return Client(nodes, **settings)
