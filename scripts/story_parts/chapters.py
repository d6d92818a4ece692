"""The year, day by day. Each act is one that an institution would sign; each is checked.

Chapter names follow what happens in life: a rule is adopted, a bank is slow, an official moves on.
"""

from __future__ import annotations

import csv
import hashlib
import os
from pathlib import Path
from typing import Any

from demo_parts.telling import ROOT, fail, say, title

from govchaind.cli.calendar_file import read_calendar
from govchaind.client.keyfile import Author
from govchaind.client.sealing import DeliveryKey
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.operations.motion import MotionKind
from story_parts.cast import OFFICE, SUPERVISOR, fresh_key
from story_parts.post import Named, Post
from story_parts.stage import Stage, moment

COUNTIES = ROOT / "examples" / "divisions" / "county_divisions.csv"
CONDITIONS = [["no-copies", "The answer is not kept 结果不得留存"]]
GROUNDS = ["no-basis", "too-broad", "misuse"]
DAY = 24 * 3600 * 1000


def document(name: str) -> bytes:
    """Return the hash of a mandate's document."""
    return hashlib.sha256(f"{name}: the text of the document".encode()).digest()


def secret(text: str) -> bytes:
    """Return a commitment to what only the parties know; here its salted hash in one."""
    return hashlib.sha256(b"the salt of the story" + text.encode()).digest()


def data_set(name: str, text: str, field: str, mandate: str, **changes: Any) -> list[Any]:
    return [
        name,
        text,
        name,
        [["number", "Citizen number 公民身份号码", "text"], [field, text, "text"]],
        "daily",
        changes.get("sharing", "conditional"),
        changes.get("conditions", CONDITIONS),
        None,
        mandate,
    ]


class Year:
    """What happens, and what the chapters hand on to one another."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.post = Post(stage)
        self.folder = stage.cast.directory
        self.keys = {name: DeliveryKey(os.urandom(32)) for name in ("tax", "housing")}
        self.transfer: Author | None = None

    async def january(self) -> None:
        """Rules first: a calendar, two mandates, clocks, a register, duties and the catalogue."""
        stage = self.stage
        title("January: the rules, the register, the catalogue")
        await stage.act(
            "statistics", (Kind.CREATE_REGISTER, ["diary", "Diary 日志", [], "clear", []])
        )
        await stage.decide(MotionKind.ADOPT_CALENDAR, read_calendar("china-2026"))
        start = moment(2026, 1, 5, 0)
        order = ["order-809", "Regulation on Government Data Sharing 政务数据共享条例",
                 "国令第809号", "State Council 国务院", document("order-809"), start, None,
                 None]  # fmt: skip
        pilot = ["pilot", "Pilot rules of the province 省试点办法", "省政发〔2026〕1号",
                 "Provincial Government 省人民政府", document("pilot"), start, None,
                 None]  # fmt: skip
        for ordered in (order, pilot):
            await stage.decide(MotionKind.ADOPT_MANDATE, ordered)
            terms = [ordered[0], "china", 480, [10, True], [5, True], "supervisor", [15, True],
                     [20, True], [5, True], GROUNDS, SUPERVISOR]  # fmt: skip
            await stage.decide(MotionKind.SET_TERMS, terms)
        await self._counties()
        for who, name, text, field, mandate in (
            ("civil-affairs", "marriages", "Marriages 婚姻登记信息", "status", "order-809"),
            ("tax", "payments", "Tax payments 纳税信息", "paid", "order-809"),
            ("health", "births", "Births 出生医学信息", "day", "order-809"),
            ("city-bank", "mortgages", "Mortgages 住房贷款信息", "loan", "pilot"),
        ):
            await stage.act(
                who,
                (Kind.ASSIGN_DUTY, [name, text, OFFICE, mandate]),
                (Kind.PUBLISH_DATA_SET, data_set(name, text, field, mandate)),
            )
        for who, key in self.keys.items():
            await stage.act(who, (Kind.PUBLISH_DELIVERY_KEY, [key.public, 0, None]))

    async def february(self) -> None:
        """How it is meant to go: asked, granted in three days, delivered, received, used."""
        stage = self.stage
        title("February: how it is meant to go")
        await stage.day(2026, 2, 2)
        await self._ask("tax", "2026-1", "civil-affairs", "marriages", "status", "order-809")
        await stage.day(2026, 2, 5)
        await self._grant("civil-affairs", "tax", "2026-1", moment(2026, 12, 31), 100)
        delivery = await self._deliver("civil-affairs", "tax", "2026-1", "households.csv", 200)
        await self.post.receive("tax", delivery, self.keys["tax"], self.folder / "tax.csv")
        if (self.folder / "tax.csv").read_bytes() != (self.folder / "households.csv").read_bytes():
            fail("what was received is not what was delivered")
        await stage.act("tax", (Kind.USE_GRANT, ["2026-1", 1, secret("case 4711")]))
        too_much = ["tax", "2026-1", ["pays-ten"], moment(2026, 12, 31), None]
        await stage.act("civil-affairs", (Kind.GRANT, too_much), refused="request-not-open")

    async def march(self) -> None:
        """A reluctant bank: silence, an appeal, a ruling, and what it gives then is wrong."""
        stage = self.stage
        title("March and April: a reluctant bank, and a wrong delivery corrected")
        await stage.day(2026, 3, 2)
        await self._ask("housing", "2026-7", "city-bank", "mortgages", "loan", "pilot")
        await stage.act(
            "housing", (Kind.APPEAL, ["2026-7", secret("why")]), refused="nothing-to-appeal"
        )
        await stage.day(2026, 3, 18)
        overdue = (await stage.client.requests(overdue=True))["requests"]
        if [one["reference"] for one in overdue] != ["2026-7"]:
            fail(f"what is overdue is {overdue}")
        say(f"   Overdue, though nobody reported it: {overdue[0]['words']['english']}")
        await stage.act("housing", (Kind.APPEAL, ["2026-7", secret("the basis is article 6")]))
        await stage.day(2026, 3, 25)
        ruling = ["housing", "2026-7", True, "no-basis", None]
        await stage.act("city-bank", (Kind.RULE, ruling), refused="not-supervisor")
        await stage.act("big-data", (Kind.RULE, ruling))
        await stage.day(2026, 4, 2)
        await stage.act(
            "city-bank",
            (Kind.REFUSE, ["housing", "2026-7", "no-basis", None]),
            refused="request-not-open",
        )
        thought_up = ["housing", "2026-7", ["pays-ten"], moment(2026, 12, 31), None]
        await stage.act("city-bank", (Kind.GRANT, thought_up), refused="unknown-condition")
        await self._grant("city-bank", "housing", "2026-7", moment(2026, 12, 31), None)
        wrong = await self._deliver("city-bank", "housing", "2026-7", "wrong.csv", 3)
        await self.post.receive("housing", wrong, self.keys["housing"], self.folder / "h1.csv")
        await stage.act("housing", (Kind.DISPUTE, [*wrong, "wrong", secret("three rows only")]))
        right = await self._deliver(
            "city-bank", "housing", "2026-7", "right.csv", 120, corrects=wrong[2]
        )
        await self.post.receive("housing", right, self.keys["housing"], self.folder / "h2.csv")

    async def may(self) -> None:
        """An official is transferred; keys belong to the office, so nothing is lost."""
        stage = self.stage
        title("May: an official is transferred")
        await stage.day(2026, 5, 11)
        old, fresh = stage.authors["housing"], fresh_key()
        until = moment(2026, 5, 25)
        rotation = [OFFICE, old.keys[0].public, fresh.public, "Successor 继任者", None, until]
        await stage.act("housing", (Kind.ROTATE_KEY, rotation))
        stage.authors["housing"] = Author("housing", OFFICE, (fresh,))
        await stage.day(2026, 6, 1)
        use = (Kind.USE_GRANT, ["2026-7", 1, secret("case 1")])
        await stage.act("housing", use, author=old, refused="key-expired")
        await stage.act("housing", use)

    async def june(self) -> None:
        """A request is refused, and the refusal overturned; a rule is repealed."""
        stage = self.stage
        title("June and July: a refusal overturned, and a rule repealed")
        await stage.day(2026, 6, 8)
        await self._ask("insurer", "2026-3", "health", "births", "day", "order-809")
        await stage.day(2026, 6, 15)
        await stage.act(
            "health", (Kind.REFUSE, ["insurer", "2026-3", "too-broad", secret("all births")])
        )
        await stage.day(2026, 6, 22)
        await stage.act("insurer", (Kind.APPEAL, ["2026-3", secret("one field only")]))
        await stage.day(2026, 7, 6)
        await stage.act("big-data", (Kind.RULE, ["insurer", "2026-3", True, "too-broad", None]))
        await stage.day(2026, 7, 13)
        await self._grant("health", "insurer", "2026-3", moment(2026, 12, 31), None)
        await stage.decide(MotionKind.REPEAL_MANDATE, ["pilot", moment(2026, 8, 1, 0)])
        await stage.day(2026, 8, 3)
        late = ["2026-9", "civil-affairs", "marriages", ["status"], "pilot", secret("x")]
        await stage.act("telecom", (Kind.REQUEST, late), refused="mandate-not-in-force")

    async def september(self) -> None:
        """An erasure is ordered; one holder confirms it, another does not."""
        stage = self.stage
        title("September and October: an erasure that one holder does not confirm")
        await stage.day(2026, 9, 7)
        delivery: Named = ("tax", "2026-1", 1)
        holders = [["housing", OFFICE], ["tax", OFFICE]]
        order = [*delivery, moment(2026, 9, 30, 23), holders]
        await stage.act("civil-affairs", (Kind.ORDER_ERASURE, order))
        await stage.day(2026, 9, 14)
        await self.post.erase("tax", delivery, self.folder / "tax.csv")
        await stage.day(2026, 10, 9)
        missing = (await stage.client.erasures(overdue=True))["erasures"]
        named = [holder for one in missing for holder in one["erasure"]["missing"]]
        if len(named) != 1 or "housing" not in str(named[0]):
            fail(f"the erasures that are overdue are {missing}")
        say("   Not confirmed by its deadline, though nobody reported it: housing.")

    async def november(self) -> None:
        """A department leaves; what it did stays provable."""
        stage = self.stage
        title("November: a department leaves")
        await stage.day(2026, 11, 16)
        await stage.decide(MotionKind.SUSPEND_INSTITUTION, ["railways", "merging", None])
        await stage.decide(MotionKind.REMOVE_INSTITUTION, ["railways", "merged", None], of=11)
        request = ["2026-12", "civil-affairs", "marriages", ["status"], "order-809", secret("y")]
        await stage.act("railways", (Kind.REQUEST, request), refused="institution-removed")

    # --- what several chapters do ----------------------------------------------------------------

    async def _counties(self) -> None:
        with COUNTIES.open(encoding="utf-8", newline="") as stream:
            reader = csv.reader(stream)
            names = [
                "".join(f"-{sign.lower()}" if sign.isupper() else sign for sign in name)
                for name in next(reader)
            ]
            rows = list(reader)
        fields = [[name, "text"] for name in names]
        register = ["counties", "Counties 县级行政区", fields, "clear", []]
        await self.stage.act("civil-affairs", (Kind.CREATE_REGISTER, register))
        await self.stage.load("civil-affairs", "counties", rows)
        say(f"   civil-affairs entered {len(rows):,} counties into their register.")

    async def _ask(
        self, who: str, reference: str, provider: str, name: str, field: str, mandate: str
    ) -> None:
        details = secret(f"{reference}: purpose, scenario, period")
        arguments = [reference, provider, name, [field], mandate, details]
        await self.stage.act(who, (Kind.REQUEST, arguments))
        asked = await self.stage.client.request(who, reference)
        say(f"   → {asked['words']['english']}")

    async def _grant(
        self, who: str, requester: str, reference: str, until: int, uses: int | None
    ) -> None:
        arguments = [requester, reference, ["no-copies"], until, uses]
        await self.stage.act(who, (Kind.GRANT, arguments))

    async def _deliver(
        self,
        who: str,
        requester: str,
        reference: str,
        name: str,
        rows: int,
        *,
        corrects: int | None = None,
    ) -> Named:
        file = self.folder / name
        lines = [f"{number:018d},{name},{number % 7}\n" for number in range(rows)]
        file.write_text("".join(lines), encoding="utf-8")
        delivery = await self.post.deliver(
            who, file, (requester, reference), rows=rows, corrects=corrects
        )
        say(
            f"   {who} delivered {rows} rows, sealed, to {requester}: "
            f"{'/'.join(map(str, delivery))}"
        )
        return delivery


def files_of(folder: Path) -> list[Path]:
    """Return what a year leaves behind."""
    return sorted(path for path in folder.iterdir() if path.is_file())
