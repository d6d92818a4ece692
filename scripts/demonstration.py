"""Four real nodes of four institutions order, prove and keep China's administrative divisions.

Starts three validators and an observer as processes of their own on loopback, loads 3,351 records
as signed transactions through different nodes, shows proofs that verify with no node running,
kills the leader in the middle of the work, and leaves the network up to be looked at.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import trio
from demo_parts.loader import REGISTERS, Loader, all_records
from demo_parts.nodes import Nodes
from demo_parts.telling import fail, govchaind, say, title

from govchaind.base.errors import GovchaindError
from govchaind.cli.output import progress
from govchaind.client.client import Client
from govchaind.client.keyfile import author_of
from govchaind.client.network import read_network
from govchaind.client.transport import HttpTransport

OWNER = "civil-affairs"
KILL_AT = 0.5  # of the records that are left for the second part
SETTLE_SECONDS_MAX = 60.0


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
