"""Four real nodes of four institutions order, prove and keep China's administrative divisions.

Starts three validators and an observer as processes of their own on loopback, loads 3,351 records
as signed transactions through different nodes, shows proofs that verify with no node running,
kills the leader in the middle of the work, and leaves the network up to be looked at.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import trio
from rich.console import Console

from govchaind.base.errors import Busy, GovchaindError, PeerError
from govchaind.cli.output import Ticks, progress
from govchaind.client.client import Client
from govchaind.client.keyfile import Author, author_of
from govchaind.client.network import Network, read_network
from govchaind.client.transport import HttpTransport
from govchaind.ledger.operations.costs import Kind

ROOT = Path(__file__).resolve().parent.parent
DIVISIONS = ROOT / "examples" / "divisions"
REGISTERS = (
    ("provinces", "Provinces 省级行政区", "province_divisions.csv"),
    ("cities", "Cities 地级行政区", "city_divisions.csv"),
    ("counties", "Counties 县级行政区", "county_divisions.csv"),
)
OWNER = "civil-affairs"
BATCH = 20  # transactions in one request
UNDER_WAY = 6  # requests at once, each through the next node
KILL_AT = 0.5  # of the records that are left for the second part
START_SECONDS_MAX = 60.0
SETTLE_SECONDS_MAX = 60.0

console = Console(highlight=False, soft_wrap=True)


def say(text: str = "") -> None:
    console.print(text)


def title(text: str) -> None:
    console.print(f"\n[bold]{text}[/bold]")


def govchaind(*arguments: str, expect: int = 0) -> str:
    """Run the command as a user would; return what it prints. Ends the demonstration otherwise."""
    shown = " ".join(argument.replace(str(ROOT), ".") for argument in arguments)
    done = subprocess.run(
        [sys.executable, "-m", "govchaind", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    if done.returncode != expect:
        fail(f"`govchaind {shown}` ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout + (done.stderr if expect else "")


def fail(text: str) -> None:
    console.print(f"[bold red]The demonstration failed:[/bold red] {text}")
    raise SystemExit(1)


class Nodes:
    """The daemons, as processes of their own."""

    def __init__(self, directory: Path, network: Network) -> None:
        self.directory = directory
        self.network = network
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        log = (self.directory / f"{name}.log").open("ab")
        with log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "govchaind", "run", str(self.directory / "nodes" / name)],
                stdout=log,
                stderr=log,
                cwd=ROOT,
                start_new_session=True,  # Ctrl-C is ours to pass on
            )

    def start_all(self) -> None:
        for node in self.network.nodes:
            self.start(node.name)

    def stop_all(self) -> None:
        """Stop cleanly: SIGTERM, and only after the grace time SIGKILL."""
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for name, process in self.processes.items():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                fail(f"{name} did not stop within 30 s of SIGTERM; see {name}.log")
        self.processes.clear()

    def kill(self, name: str) -> None:
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def check_alive(self) -> None:
        for name, process in self.processes.items():
            if process.poll() is not None:
                tail = (self.directory / f"{name}.log").read_text(errors="replace")[-800:]
                fail(f"{name} ended with {process.returncode}. The end of its log:\n{tail}")

    def api(self, name: str) -> str:
        return next(node.api for node in self.network.nodes if node.name == name)

    async def statuses(self) -> dict[str, dict[str, Any] | None]:
        """Ask every node how it is; None for one that does not answer."""
        found: dict[str, dict[str, Any] | None] = {}

        async def ask(name: str, url: str) -> None:
            async with httpx.AsyncClient(base_url=url, timeout=5) as http:
                try:
                    reply = await http.get("/v1/status")
                    found[name] = reply.json() if reply.status_code == 200 else None
                except httpx.HTTPError:
                    found[name] = None

        async with trio.open_nursery() as nursery:
            for node in self.network.nodes:
                nursery.start_soon(ask, node.name, node.api)
        return found

    async def wait_ready(self) -> None:
        """Wait until every node says that it is ready."""
        with trio.move_on_after(START_SECONDS_MAX):
            for node in self.network.nodes:
                async with httpx.AsyncClient(base_url=node.api, timeout=5) as http:
                    while True:
                        self.check_alive()
                        try:
                            if (await http.get("/readyz")).status_code == 200:
                                break
                        except httpx.HTTPError:
                            pass
                        await trio.sleep(0.1)
            return
        fail(f"the nodes are not ready within {START_SECONDS_MAX:.0f} s; see {self.directory}")

    async def leader(self) -> str:
        with trio.move_on_after(START_SECONDS_MAX):
            while True:
                for status in (await self.statuses()).values():
                    if status is not None and status.get("role") == "leader":
                        return str(status["node"])
                await trio.sleep(0.1)
        fail("no leader was elected")
        raise AssertionError


class Loader:
    """Signs records and submits them through different nodes."""

    def __init__(self, nodes: Nodes, client: Client, author: Author) -> None:
        self._nodes = nodes
        self._client = client
        self._author = author
        self.committed: list[tuple[float, bytes]] = []  # when, transaction id
        self._more = trio.Event()

    def signed(self, operations: Sequence[tuple[int, list[Any]]]) -> bytes:
        return self._client.sign(self._author, operations)

    async def create_registers(self) -> None:
        for name, text, file in REGISTERS:
            fields = [[field, "text"] for field in next(rows(file, head=True))]
            raw = self.signed([(Kind.CREATE_REGISTER, [name, text, fields, "clear", []])])
            await self._submit([raw], 0)

    async def load(self, records: Sequence[tuple[str, list[str]]], ticks: Ticks) -> None:
        """Load records, one a transaction, keeping several requests under way."""
        batches = [records[i : i + BATCH] for i in range(0, len(records), BATCH)]
        send, receive = trio.open_memory_channel[tuple[int, Sequence[tuple[str, list[str]]]]](0)

        async def work(channel: trio.MemoryReceiveChannel[Any]) -> None:
            async for place, batch in channel:
                raws = [
                    self.signed([(Kind.PUT, [register, values[0].encode(), values, None])])
                    for register, values in batch
                ]
                await self._submit(raws, place)
                ticks.advance(len(batch))

        async with trio.open_nursery() as nursery:
            for _ in range(UNDER_WAY):
                nursery.start_soon(work, receive)
            async with send:
                for item in enumerate(batches):
                    await send.send(item)

    async def wait_for(self, count: int) -> None:
        """Wait until so many transactions are committed."""
        while len(self.committed) < count:
            more = self._more
            await more.wait()

    async def _submit(self, raws: list[bytes], place: int) -> None:
        """Submit through node `place` first; the same bytes again until all are committed."""
        deadline = trio.current_time() + START_SECONDS_MAX
        count = len(self._nodes.network.nodes)
        while True:
            try:
                fates = await self._client.submit(raws, first_node=place % count)
            except (PeerError, Busy):
                if trio.current_time() > deadline:
                    raise
                await trio.sleep(0.05)
                continue
            now = trio.current_time()
            if all(fate.applied for fate in fates):
                self.committed += [(now, fate.id) for fate in fates]
                self._more.set()
                self._more = trio.Event()
                return
            wrong = next(fate for fate in fates if not fate.applied)
            if wrong.status not in ("pending", "unknown") or now > deadline:
                fail(f"a transaction is {wrong.status}: {wrong.outcome} {wrong.text}")


def rows(file: str, *, head: bool = False) -> Iterator[list[str]]:
    """Yield the rows of one of the carried files; with `head`, its field names alone."""
    with (DIVISIONS / file).open(encoding="utf-8", newline="") as stream:
        reader = csv.reader(stream)
        names = next(reader)
        if head:
            yield ["".join(f"-{c.lower()}" if c.isupper() else c for c in n) for n in names]
        else:
            yield from reader


def all_records() -> list[tuple[str, list[str]]]:
    return [(name, row) for name, _, file in REGISTERS for row in rows(file)]


async def load_first_part(loader: Loader, records: Sequence[tuple[str, list[str]]]) -> None:
    title(f"1. Loading {len(all_records()):,} records, each signed, through all four nodes")
    await loader.create_registers()
    began = trio.current_time()
    with progress("records", len(records), "records") as ticks:
        await loader.load(records, ticks)
    seconds = trio.current_time() - began
    say(
        f"   {len(records):,} of them are committed: {len(records) / seconds:,.0f} a second, "
        "one transaction each."
    )


async def show_proofs(nodes: Nodes, loader: Loader, directory: Path) -> None:
    title("2. Proofs that need nobody's word")
    genesis = str(directory / "genesis.bin")
    network = str(directory / "network.json")
    files = {
        "a receipt": directory / "a-transaction.receipt",
        "a value": directory / "beijing.proof",
        "an absence": directory / "no-such-province.proof",
    }
    transaction = loader.committed[len(REGISTERS)][1].hex()
    govchaind("receipt", transaction, "-o", str(files["a receipt"]), "--network", network)
    govchaind("get", "provinces", "11", "--proof", str(files["a value"]), "--network", network)
    govchaind("get", "provinces", "99", "--proof", str(files["an absence"]), "--network", network)
    say("   Fetched a receipt and two state proofs. Now all four nodes are stopped.")
    await trio.to_thread.run_sync(nodes.stop_all)
    for what, file in files.items():
        told = govchaind("verify-receipt", str(file), "--genesis", genesis)
        say(f"   [green]holds[/green]    {what}: {told.splitlines()[0]}")
    for what, file in files.items():
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        changed = directory / "changed.proof"
        changed.write_bytes(data)
        told = govchaind("verify-receipt", str(changed), "--genesis", genesis, expect=2)
        say(f"   [green]refused[/green]  {what}, one bit changed: {told.strip().splitlines()[-1]}")
    nodes.start_all()
    await nodes.wait_ready()
    say("   The nodes run again, each from its own store.")


async def survive_the_leader(
    nodes: Nodes, loader: Loader, records: Sequence[tuple[str, list[str]]]
) -> None:
    title("3. The leader is killed while loading goes on")
    before = len(loader.committed)
    killed: list[tuple[str, float]] = []

    async def kill_in_the_middle() -> None:
        await loader.wait_for(before + int(len(records) * KILL_AT))
        name = await nodes.leader()
        nodes.kill(name)
        killed.append((name, trio.current_time()))

    with progress("records", len(records), "records") as ticks:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(kill_in_the_middle)
            await loader.load(records, ticks)
    name, at = killed[0]
    after = [when for when, _ in loader.committed if when > at]
    if not after:
        fail("nothing was committed after the leader was killed")
    still = longest_pause([when for when, _ in loader.committed[before:]], at)
    leader = await nodes.leader()
    say(
        f"   SIGKILL to {name}. Writes stood still for {still * 1000:,.0f} ms, then {leader} led; "
        f"all {len(records):,} records were committed, none twice."
    )
    nodes.start(name)
    began = trio.current_time()
    statuses = await settle(nodes)
    say(f"   {name} was started again and had caught up {trio.current_time() - began:.1f} s later.")
    heights = {str(status["height"]) for status in statuses.values()}
    roots = {str(status["state_root"]) for status in statuses.values()}
    say(
        f"   All four nodes: height {', '.join(heights)}, state root {', '.join(roots)}, "
        "and every block certified."
    )


def longest_pause(times: Sequence[float], at: float) -> float:
    """Return the longest time without a commit that includes or follows the kill."""
    ordered = sorted(times)
    return max(
        (late - early for early, late in itertools.pairwise(ordered) if late >= at),
        default=0.0,
    )


async def settle(nodes: Nodes) -> dict[str, dict[str, Any]]:
    """Wait until all nodes have one height, one state root and no height without certificate."""
    with trio.move_on_after(SETTLE_SECONDS_MAX):
        while True:
            nodes.check_alive()
            found = await nodes.statuses()
            known = {name: status for name, status in found.items() if status is not None}
            facts = {
                (status["height"], status["state_root"], status["certified"])
                for status in known.values()
            }
            if len(known) == len(nodes.network.nodes) and len(facts) == 1:
                height, _, certified = facts.pop()
                if height == certified:
                    return known
            await trio.sleep(0.1)
    fail(f"the nodes do not come to one height and state root: {await nodes.statuses()}")
    raise AssertionError


def count_records(nodes: Nodes) -> None:
    """Count what the ledger holds: each record of the files once, with its first revision."""
    held = 0
    with httpx.Client(base_url=nodes.network.nodes[-1].api, timeout=10) as http:
        for name, _, _ in REGISTERS:
            after: str | None = None
            while True:
                query = {"limit": "1000"} | ({"after": after} if after else {})
                reply = http.get(f"/v1/registers/{name}/records", params=query).json()
                wrong = [record for record in reply["records"] if record["revision"] != 1]
                if wrong:
                    fail(f"{name} holds a record that was written twice: {wrong[0]}")
                held += len(reply["records"])
                after = reply["next"]
                if after is None:
                    break
    if held != len(all_records()):
        fail(f"the ledger holds {held} records, not {len(all_records())}")
    say(f"   The observer's ledger holds {held:,} records, each with revision 1.")


async def demonstrate(directory: Path, *, once: bool) -> None:
    network = read_network(directory / "network.json")
    nodes = Nodes(directory, network)
    author = author_of([directory / "keys" / f"{OWNER}.key"])
    transports = [HttpTransport(node.api) for node in network.nodes]
    try:
        nodes.start_all()
        await nodes.wait_ready()
        leader = await nodes.leader()
        say(f"   Three validators and an observer run; {leader} leads.")
        records = all_records()
        half = len(records) // 2
        async with Client(transports, chain_id=network.chain_id) as client:
            loader = Loader(nodes, client, author)
            await load_first_part(loader, records[:half])
            await show_proofs(nodes, loader, directory)
            await survive_the_leader(nodes, loader, records[half:])
        await trio.to_thread.run_sync(count_records, nodes)
        show_where(nodes)
        if not once:
            await wait_for_interrupt(nodes)
    finally:
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(nodes.stop_all)
    say("   All nodes stopped cleanly.")


def show_where(nodes: Nodes) -> None:
    title("Where to look")
    for node in nodes.network.nodes:
        say(f"   {node.name:16} {node.api}/  {node.api}/docs  {node.metrics}")
    say(f"   Files: {nodes.directory}")


async def wait_for_interrupt(nodes: Nodes) -> None:
    say("\n   The network stays up. Press Ctrl-C to stop it.")
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch, nodes)
            async for _ in signals:
                nursery.cancel_scope.cancel()
                break
    say("\n   Stopping …")


async def watch(nodes: Nodes) -> None:
    while True:
        nodes.check_alive()
        await trio.sleep(1)


def free_base_port() -> int:
    """Return a base port whose listeners (peer, +100 HTTP, +200 metrics) are all free."""
    for base in range(7400, 9400, 400):
        ports = [base + offset + i for offset in (0, 100, 200) for i in range(4)]
        if all(port_is_free(port) for port in ports):
            return base
    fail("no free ports from 7400 on; stop another network first")
    raise AssertionError


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="scripts/demo",
        description=(__doc__ or "").split("\n")[0],
        epilog="Example: scripts/demo --once",
    )
    parser.add_argument("--once", action="store_true", help="end by itself after the last step")
    parser.add_argument("--directory", type=Path, help="new folder for the network (default: a "
                        "temporary one, removed at the end)")  # fmt: skip
    arguments = parser.parse_args()
    made = Path(tempfile.mkdtemp(prefix="govchaind-demo-")) if not arguments.directory else None
    directory: Path = (made or arguments.directory.resolve()) / "network"
    title("Making keys, certificates, a genesis and four node directories")
    say(govchaind("init", "network", "--directory", str(directory), "--name", "demonstration",
                  "--base-port", str(free_base_port())).rstrip())  # fmt: skip
    began = time.monotonic()
    try:
        trio.run(lambda: demonstrate(directory, once=arguments.once))
    except KeyboardInterrupt:
        say("Interrupted.")
        raise SystemExit(130) from None
    except GovchaindError as error:
        fail(f"{error.message} — {error.remedy}")
    finally:
        if made is not None:
            shutil.rmtree(made, ignore_errors=True)
    say(f"   Done in {time.monotonic() - began:.0f} s.")


if __name__ == "__main__":
    main()
