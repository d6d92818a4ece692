"""`govchaind top`: a whole network at a glance, anew every few seconds.

One row a node, made from what the node says of itself (`/v1/status`); the rate is the difference
of two answers. A node that does not answer keeps its row and says why.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import click

from govchaind.base.errors import GovchaindError, PeerError
from govchaind.cli.language import language
from govchaind.cli.options import Target, json_option, target_options
from govchaind.cli.output import Word, cell, print_json, print_table, told, word
from govchaind.cli.status import ask_all
from govchaind.cli.wording import worded

if TYPE_CHECKING:
    from rich.table import Table

SECONDS_A_DAY = 86_400
ONCE_SECONDS = 1.0  # between the two answers of which --once makes a rate
COLUMNS = ("node", "role", "term", "height", "lag", "pool", "a second", "disk days", "links",
           "ready")  # fmt: skip
Answers = Mapping[str, dict[str, Any] | GovchaindError]


@dataclass(frozen=True, slots=True)
class Seen:
    """One node at one moment. What is None is not known."""

    url: str
    node: str | None = None
    role: str | None = None
    term: int | None = None
    height: int | None = None
    certified_lag: int | None = None
    pool_transactions: int | None = None
    transactions_a_second: float | None = None
    disk_days: float | None = None  # None also: the store does not grow
    links: int | None = None
    ready: bool | None = None
    trouble: str = ""  # why there is no answer, or why it is not ready


def seen(url: str, answers: Answers, before: Answers, seconds: float) -> Seen:
    """Return one node's row, from its answer now and the one `seconds` before."""
    now, earlier = answers[url], before.get(url)
    if isinstance(now, GovchaindError):
        return Seen(url, trouble=now.code)
    rate = None
    if isinstance(earlier, dict) and seconds > 0:
        made = _difference(now.get("transactions"), earlier.get("transactions"))
        rate = None if made is None else made / seconds
    full_in = now.get("storage_full_in_seconds")
    peers = now.get("peers_linked")
    return Seen(
        url=url,
        node=now.get("node"),
        role=now.get("role"),
        term=now.get("term"),
        height=now.get("height"),
        certified_lag=now.get("certified_lag"),
        pool_transactions=now.get("pool_transactions"),
        transactions_a_second=rate,
        disk_days=full_in / SECONDS_A_DAY if isinstance(full_in, int) else None,
        links=len(peers) if isinstance(peers, list) else None,
        ready=now.get("ready"),
        trouble="; ".join(str(reason) for reason in now.get("reasons", [])),
    )


def _difference(now: object, earlier: object) -> int | None:
    """Return how many more there are; None after a restart, which counts from 0 again."""
    if isinstance(now, int) and isinstance(earlier, int) and now >= earlier:
        return now - earlier
    return None


def row(one: Seen) -> list[str]:
    """Return a node's cells, under COLUMNS."""
    if one.node is None:
        return [one.url, one.trouble, *["–"] * (len(COLUMNS) - 2)]
    rate, days = one.transactions_a_second, one.disk_days
    return [
        one.node,
        word(one.role),
        cell(one.term),
        cell(one.height),
        cell(one.certified_lag),
        cell(one.pool_transactions),
        "–" if rate is None else f"{rate:.1f}",
        "–" if days is None else f"{days:.0f}",
        cell(one.links),
        word(one.ready),
    ]


def summary(rows: Sequence[Seen]) -> Word:
    """Return one line on the network as a whole."""
    answering = [one for one in rows if one.node is not None]
    leaders = [one.node for one in answering if one.role == "leader"]
    said = [
        word(f"{len(answering)} of {len(rows)} nodes answer"),
        word(f"{leaders[0]} leads") if leaders else word("nobody leads"),
    ]
    heights = [one.height for one in answering if one.height is not None]
    if heights:
        said.append(word(f"height {max(heights)}"))
    between = ", " if language() == "en" else "，"
    return Word(", ".join(said), between.join(map(told, said)))


@click.command(short_help="Watch all nodes of a network, live.")
@target_options
@click.option("--once", is_flag=True, help="Show it once and end.")
@click.option(
    "--interval", type=click.FloatRange(0.2, 3600), default=2.0, show_default=True,
    metavar="SECONDS", help="How often to ask.",
)  # fmt: skip
@json_option
def top(target: Target, once: bool, interval: float, as_json: bool) -> None:
    """Watch the nodes of a network: role, term, height, certificates that lag, pool, rate, disk.

    On a terminal it goes on until Ctrl-C; elsewhere, and with --once or --json, it asks twice, a
    second apart, shows the answers and ends. The exit code is 3 when no node answers. Disk days
    are at the pace of the last day; a store that does not grow has none.

    \b
    Example:
      govchaind top --network my-network/network.json
      govchaind top --network my-network/network.json --once
      govchaind top --network my-network/network.json --json
    """
    import trio

    if not (once or as_json) and sys.stdout.isatty():
        trio.run(_watch, target, interval)
        return
    rows = trio.run(_look_twice, target)
    if as_json:
        print_json([asdict(one) for one in rows])
    else:
        print_table(summary(rows), COLUMNS, [row(one) for one in rows])
    if all(one.node is None for one in rows):
        raise PeerError(
            f"none of {len(rows)} nodes answered",
            code="unreachable",
            remedy="Start them with `govchaind run`, or check the addresses.",
        )


async def _look_twice(target: Target) -> list[Seen]:
    import trio

    before, asked = dict(await ask_all(target)), trio.current_time()
    await trio.sleep(ONCE_SECONDS)
    answers = dict(await ask_all(target))
    seconds = trio.current_time() - asked
    return [seen(url, answers, before, seconds) for url in target.urls]


async def _watch(target: Target, interval: float) -> None:
    import trio
    from rich.live import Live

    before: Answers = {}
    asked = trio.current_time()
    with Live(auto_refresh=False, screen=True) as live:
        while True:
            answers = dict(await ask_all(target))
            now = trio.current_time()
            rows = [seen(url, answers, before, now - asked) for url in target.urls]
            live.update(drawn(rows), refresh=True)
            before, asked = answers, now
            await trio.sleep(interval)


def drawn(rows: Sequence[Seen]) -> Table:
    """Return the table that a terminal shows; what is not ready stands out, with its reasons."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    reasons = [f"{one.node}: {one.trouble}" for one in rows if one.node and one.trouble]
    table = Table(
        title=Text(told(summary(rows))),
        caption=Text("\n".join(reasons)),
        box=SIMPLE_HEAD,
        title_justify="left",
        caption_justify="left",
        pad_edge=False,
    )
    for place, column in enumerate(COLUMNS):
        table.add_column(
            worded(column), justify="right" if 2 <= place <= 8 else "left", no_wrap=True
        )
    for one in rows:
        style = "bold" if one.role == "leader" else None if one.ready else "red"
        table.add_row(*(Text(told(text)) for text in row(one)), style=style)
    return table
