"""A year among twelve institutions of one province, on a real network with simulated dates.

Three validators and an observer run in this process by the same call as in production, over TLS
and LMDB; only the clock is the story's. A bank is reluctant, an official is transferred, a rule is
repealed, a refusal is overturned, a delivery is wrong and corrected, an erasure is not confirmed
by one holder, a department leaves. At the end stand the statements, the catalogue's export and the
exit pack, which verifies without any of this software.
"""

from __future__ import annotations

import argparse
import shutil
import socket
import tempfile
from pathlib import Path

import trio
from demo_parts.telling import fail, govchaind, say, title
from story_parts.cast import INSTITUTIONS, found
from story_parts.chapters import Year
from story_parts.stage import Stage, moment

SETTLE_SECONDS = 30.0
MONTHS = ("2026-02", "2026-03", "2026-04")


async def play(directory: Path) -> None:
    """Play the year, then take out what it leaves."""
    start = moment(2026, 1, 5)
    cast = found(directory, start - 60_000, free_ports())
    stage = Stage(cast, start)
    async with trio.open_nursery() as nursery, stage.client:
        await nursery.start(stage.run)
        year = Year(stage)
        for chapter in (
            year.january,
            year.february,
            year.march,
            year.may,
            year.june,
            year.september,
            year.november,
        ):
            await chapter()
        await settle(stage)
        await trio.to_thread.run_sync(take_out, directory)
        nursery.cancel_scope.cancel()


async def settle(stage: Stage) -> None:
    """Wait until every height has its certificate."""
    with trio.move_on_after(SETTLE_SECONDS):
        while True:
            status = await stage.client.get_json("/v1/status")
            if status["certified"] == status["height"] == status["checkpoint"]:
                return
            await stage.day_goes_on()
            await trio.sleep(0.2)
    fail("the network does not come to rest")


def take_out(directory: Path) -> None:
    """Make the statements, the catalogue's export and the exit pack, as anybody would."""
    title("December: what the year leaves")
    network = ("--network", str(directory / "network.json"))
    for institution in ("civil-affairs", "city-bank", "housing"):
        for month in MONTHS:
            place = directory / "statements" / f"{institution}-{month}"
            place.parent.mkdir(exist_ok=True)
            govchaind("statement", "make", institution, month, "-o", str(place), *network)
            told = govchaind(
                "statement", "verify", str(place / "statement.json"),
                "--genesis", str(directory / "genesis.bin"),
            )  # fmt: skip
            say(f"   {told.splitlines()[0]}")
    for form, name in (("dcat", "catalogue.jsonld"), ("csv", "catalogue.csv")):
        govchaind("catalogue", "export", "--format", form, "-o", str(directory / name), *network)
    say(f"   The catalogue stands in {directory / 'catalogue.jsonld'} and catalogue.csv.")
    pack = directory / "exit-pack"
    url = next(line for line in addresses(directory))
    govchaind("exit-pack", str(pack), "--node", url)
    say(f"   The exit pack stands in {pack}; `python {pack / 'verify.py'}` needs PyNaCl alone.")


def addresses(directory: Path) -> list[str]:
    """Return the nodes' HTTP addresses."""
    from govchaind.client.network import read_network

    return read_network(directory / "network.json").urls()


def free_ports() -> int:
    """Return a base from which the ports of four nodes are free."""
    for base in range(21_000, 60_000, 100):
        try:
            for place in range(80):
                with socket.socket() as tried:
                    tried.bind(("127.0.0.1", base + place))
        except OSError:
            continue
        return base
    fail("no free ports")
    raise AssertionError


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--directory", type=Path, help="where to keep everything; else it is removed at the end"
    )
    chosen = parser.parse_args().directory
    if chosen is not None and chosen.exists() and any(chosen.iterdir()):
        parser.error(f"{chosen} is not empty; choose another --directory")
    directory = chosen or Path(tempfile.mkdtemp(prefix="govchaind-year-"))
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "nodes").mkdir()
    title(f"A year among {len(INSTITUTIONS)} institutions of one province")
    try:
        trio.run(play, directory)
    finally:
        if chosen is None:
            shutil.rmtree(directory, ignore_errors=True)
    title("The year is over; everything that was signed is provable still.")


if __name__ == "__main__":
    main()
