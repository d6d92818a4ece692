"""`govchaind status`: how each node of a network is, side by side."""

from __future__ import annotations

from typing import Any

import click

from govchaind.base.errors import GovchaindError, PeerError
from govchaind.cli.options import Target, json_option, target_options
from govchaind.cli.output import cell, note, print_json, print_table, short, word

_COLUMNS = ["node", "role", "term", "leader", "height", "certified", "state root", "at", "pool",
            "linked to", "ready", "release", "address"]  # fmt: skip
NODE_SECONDS_MAX = 5.0


@click.command(short_help="Show how the nodes of a network are.")
@target_options
@json_option
def status(target: Target, as_json: bool) -> None:
    """Ask every node how it is, and show the answers side by side.

    Nodes that agree show one leader, about one height, and one state root at each checkpoint. The
    exit code is 3 when no node answers.

    \b
    Example:
      govchaind status --network my-network/network.json
      govchaind status --url http://127.0.0.1:7500 --json
    """
    import trio

    found = trio.run(ask_all, target)
    if as_json:
        print_json([_json(url, answer) for url, answer in found])
    else:
        print_table("", _COLUMNS, [_row(url, answer) for url, answer in found])
        for _, answer in found:
            if isinstance(answer, dict) and not answer.get("ready", True):
                reasons = "; ".join(str(reason) for reason in answer.get("reasons", []))
                note(f"{answer.get('node')} is not ready: {reasons}")
    if all(isinstance(answer, GovchaindError) for _, answer in found):
        raise PeerError(
            f"none of {len(found)} nodes answered",
            code="unreachable",
            remedy="Start them with `govchaind run`, or check the addresses.",
        )


async def ask_all(target: Target) -> list[tuple[str, dict[str, Any] | GovchaindError]]:
    """Ask all nodes at once, each once; an answer is a status or why there is none."""
    import trio

    from govchaind.client.refusals import json_of
    from govchaind.client.transport import HttpTransport

    answers: dict[str, dict[str, Any] | GovchaindError] = {}

    async def ask(url: str) -> None:
        transport = HttpTransport(url, token=target.token)
        try:
            reply = await transport.request(
                "GET",
                "/v1/status",
                query={},
                headers={"accept": "application/json"},
                body=b"",
                timeout_seconds=min(target.timeout_seconds, NODE_SECONDS_MAX),
            )
            answers[url] = json_of(reply, url)
        except GovchaindError as error:
            answers[url] = error
        finally:
            await transport.close()

    async with trio.open_nursery() as nursery:
        for url in target.urls:
            nursery.start_soon(ask, url)
    return [(url, answers[url]) for url in target.urls]


def _json(url: str, answer: dict[str, Any] | GovchaindError) -> dict[str, Any]:
    if isinstance(answer, GovchaindError):
        return {"url": url, "error": {"code": answer.code, "message": answer.message}}
    return {"url": url, **answer}


def _row(url: str, answer: dict[str, Any] | GovchaindError) -> list[str]:
    if isinstance(answer, GovchaindError):
        return ["–", word(answer.code), *["–"] * 10, url]
    peers = answer.get("peers_linked")
    return [
        cell(answer.get("node")),
        word(answer.get("role")),
        cell(answer.get("term")),
        cell(answer.get("leader")),
        cell(answer.get("height")),
        cell(answer.get("certified")),
        short(answer.get("state_root")),
        cell(answer.get("checkpoint")),
        cell(answer.get("pool_transactions")),
        word(f"{len(peers)} nodes") if isinstance(peers, list) else "–",
        word(answer.get("ready")),
        cell(answer.get("version")),
        url,
    ]
