"""What the client asks about decisions, answered by a real node."""

from __future__ import annotations

from pathlib import Path

import pytest

from govchaind.base.errors import Invalid, NotFound
from govchaind.client.client import connect
from govchaind.ledger.operations.ballots import motion_digest
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.operations.motions import MOTIONS
from tests.api.node import running
from tests.api.voting import BOTH, CHINA, DAY, REMOVE, mandate, vote


async def test_every_question_has_its_answer(tmp_path: Path) -> None:
    async with running(tmp_path) as node, connect([node.url]) as client:
        now = node.context.board.status.block_time
        await vote(node, MotionKind.ADOPT_CALENDAR, CHINA, *BOTH)
        await vote(node, MotionKind.REMOVE_NODE, REMOVE, "bank")
        for arguments in (mandate("a", now), mandate("b", now, now + DAY), mandate("c", now + DAY)):
            await vote(node, MotionKind.ADOPT_MANDATE, arguments, *BOTH)
        opened = await client.motions(state="open")
        digest = motion_digest(0, MotionKind.REMOVE_NODE, REMOVE)
        all_motions = (await client.motions())["motions"]
        behind = await client.motions(after=all_motions[0]["digest"])

        assert [item["digest"] for item in opened["motions"]] == [digest.hex()]
        assert len(all_motions) == len(behind["motions"]) + 1 == 5
        assert (await client.motion(digest))["voted"] == ["bank"]
        assert len((await client.rules())["rules"]) == len(MOTIONS)
        assert (await client.outlook())["level"] == "fine"
        names = [row["office"] for row in (await client.offices())["offices"]]
        assert names == ["branch", "head"] or len(names) > 2
        assert len((await client.offices(after="bank/branch"))["offices"]) == len(names) - 1
        assert (await client.offices(quiet=True))["offices"] == []
        assert (await client.offices(ending_within_days=9))["offices"] == []
        assert (await client.parameters())["ledger_version"] == 1
        assert [row["year"] for row in (await client.calendars())["calendars"]] == [2026]
        assert (await client.calendars(after="china/2026"))["calendars"] == []
        assert (await client.calendar("china", 2026))["worked"] == ["2026-01-04"]
        assert (await client.calendar("china", 2026, version=1))["newest"] == 1
        due = await client.deadline("china", "2025-12-31T20:00+00:00", 1)
        assert (due["from_day"], due["last_day"]) == ("2026-01-01", "2026-01-04")
        due = await client.deadline("china", "2026-01-01", 1, working=False)
        assert due["last_day"] == "2026-01-02"
        names = [row["name"] for row in (await client.mandates())["mandates"]]
        soon = await client.mandates(state="in-force", ending_within_days=2)
        assert names == ["a", "b", "c"]
        assert [row["name"] for row in soon["mandates"]] == ["b"]
        assert (await client.mandates(after="b"))["mandates"][0]["state"] == "not-yet"
        assert (await client.mandate("a"))["state"] == "in-force"
        with pytest.raises(NotFound):
            await client.calendar("china", 2026, version=2)
        with pytest.raises(Invalid):
            await client.mandate("no name")
