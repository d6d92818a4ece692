"""What each motion orders, as part of a sentence in English and in Chinese. For people.

The English follows "voted to", the Chinese follows "投票赞成". Rules: what is named is named as the
ledger names it; a moment is told by its day in the zone of UTC+8, with the clock only where it is
not midnight; an end is told by the last day before it. Nothing here needs the rest of this floor,
so that the command line can say the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from govchaind.ledger.operations.calendars import AdoptCalendar
from govchaind.ledger.operations.mandates import AdoptMandate, RepealMandate
from govchaind.ledger.operations.motion import MotionKind
from govchaind.ledger.operations.motions import (
    MOTIONS,
    AdmitInstitution,
    ReadmitNode,
    RecoverOffice,
    RemoveNode,
    SetNode,
)
from govchaind.ledger.operations.rules import SetRule
from govchaind.ledger.operations.terms import SetTerms
from govchaind.ledger.shapes import shaped
from govchaind.ledger.working_days import MILLISECONDS_A_DAY

ZONE = timedelta(hours=8)
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)
_ROLES = {"validator": "验证节点", "learner": "学习节点", "observer": "观察节点"}


@dataclass(frozen=True, slots=True)
class Words:
    """The same thing in two languages."""

    english: str
    chinese: str


KIND_WORDS: Mapping[int, Words] = MappingProxyType(
    {
        MotionKind.ADMIT_INSTITUTION: Words("admitting an institution", "接纳机构"),
        MotionKind.SET_NODE: Words("admitting or changing a node", "接纳或变更节点"),
        MotionKind.REMOVE_NODE: Words("removing a node", "移除节点"),
        MotionKind.READMIT_NODE: Words("taking a node back", "重新接纳节点"),
        MotionKind.SET_RULE: Words("changing a rule of voting", "变更表决规则"),
        MotionKind.RECOVER_OFFICE: Words("giving an office new keys", "为岗位更换密钥"),
        MotionKind.ADOPT_CALENDAR: Words("adopting a calendar", "采用工作日历"),
        MotionKind.ADOPT_MANDATE: Words("adopting a mandate", "通过依据文件"),
        MotionKind.REPEAL_MANDATE: Words("repealing a mandate", "废止依据文件"),
        MotionKind.SET_TERMS: Words("setting the clocks of requests", "设定请求期限"),
    }
)


def motion_words(kind: int, arguments: list[Any]) -> Words:
    """Return what a motion orders.

    Raises:
        ValueError: there is no such kind. InvalidEncoding: these are not its arguments.
    """
    motion = MOTIONS.get(kind)
    if motion is None:
        raise ValueError(f"there is no kind of motion {kind}")
    return _WRITERS[kind](shaped(arguments, motion.shape))


def day_words(milliseconds: int) -> Words:
    """Return the day on which something begins, with the clock where it is not midnight."""
    try:
        moment = datetime.fromtimestamp(milliseconds // 1000, UTC) + ZONE
    except (OverflowError, ValueError, OSError):
        text = f"{milliseconds} ms"
        return Words(text, text)
    english = f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"
    chinese = f"{moment.year}年{moment.month}月{moment.day}日"
    if _is_midnight(milliseconds):
        return Words(english, chinese)
    return Words(f"{english}, {moment:%H:%M} (UTC+8)", f"{chinese}{moment:%H:%M}（UTC+8）")


def end_words(milliseconds: int) -> Words:
    """Return until when something holds that no longer does at this moment."""
    if not _is_midnight(milliseconds):
        end = day_words(milliseconds)
        return Words(f"until {end.english}", f"至{end.chinese}止")
    last = day_words(milliseconds - MILLISECONDS_A_DAY)
    return Words(f"to the end of {last.english}", f"至{last.chinese}（含当日）")


def share_words(numerator: int, denominator: int) -> Words:
    """Return how many of the institutions a motion takes."""
    if numerator >= denominator:
        return Words("all institutions", "全部机构")
    if 2 * numerator == denominator:
        return Words("more than half of all institutions", "过半数的机构")
    part = f"{numerator}/{denominator}"
    return Words(f"more than {part} of all institutions", f"超过 {part} 的机构")


def notice_words(milliseconds: int) -> Words:
    """Return how long a carried motion waits before it may take effect."""
    if milliseconds == 0:
        return Words("no notice", "无需公示")
    for unit, english, chinese in (
        (MILLISECONDS_A_DAY, "day", "天"),
        (3_600_000, "hour", "小时"),
        (60_000, "minute", "分钟"),
        (1000, "second", "秒"),
    ):
        count, rest = divmod(milliseconds, unit)
        if rest == 0:
            ending = "" if count == 1 else "s"
            return Words(f"{count} {english}{ending} of notice", f"公示 {count} {chinese}")
    return Words(f"{milliseconds} ms of notice", f"公示 {milliseconds} 毫秒")


def clock_words(clock: tuple[int, bool] | list[Any]) -> Words:
    """Return how long a clock runs."""
    days, working = clock
    ending = "" if days == 1 else "s"
    if working:
        return Words(f"{days} working day{ending}", f"{days} 个工作日")
    return Words(f"{days} day{ending}", f"{days} 天")


def _is_midnight(milliseconds: int) -> bool:
    return (milliseconds + ZONE // timedelta(milliseconds=1)) % MILLISECONDS_A_DAY == 0


def _admit(wanted: AdmitInstitution) -> Words:
    return Words(
        f"admit the institution {wanted.name} ({wanted.title})",
        f"接纳机构 {wanted.name}（{wanted.title}）",
    )


def _set_node(wanted: SetNode) -> Words:
    role = _ROLES[wanted.role]
    return Words(
        f"have the node {wanted.name} of {wanted.institution} take part as {_article(wanted.role)}",
        f"让 {wanted.institution} 的节点 {wanted.name} 作为{role}参加",
    )


def _article(role: str) -> str:
    return f"an {role}" if role.startswith("o") else f"a {role}"


def _remove_node(wanted: RemoveNode) -> Words:
    return Words(f"remove the node {wanted.name}", f"移除节点 {wanted.name}")


def _readmit_node(wanted: ReadmitNode) -> Words:
    return Words(
        f"take the node {wanted.name} back with its new store",
        f"重新接纳更换了存储的节点 {wanted.name}",
    )


def _set_rule(wanted: SetRule) -> Words:
    number = wanted.motion  # any: whether there is such a kind is judged when it is enacted
    unknown = Words(f"motions of the unknown kind {number}", f"未知类别 {number}")
    kind = KIND_WORDS.get(number, unknown)
    share = share_words(wanted.numerator, wanted.denominator)
    notice = notice_words(wanted.notice)
    return Words(
        f"have {kind.english} take the votes of {share.english}, and {notice.english}",
        f"规定{kind.chinese}须经{share.chinese}同意，{notice.chinese}",
    )


def _recover(wanted: RecoverOffice) -> Words:
    office = f"{wanted.institution}/{wanted.office}"
    count = len(wanted.keys)
    return Words(
        f"give the office {office} new keys, of which {wanted.threshold} of {count} sign for it",
        f"为岗位 {office} 更换密钥，{count} 把中须有 {wanted.threshold} 把共同签名",
    )


def _adopt_calendar(wanted: AdoptCalendar) -> Words:
    days = int.from_bytes(wanted.days, "big").bit_count()
    return Words(
        f"adopt version {wanted.version} of the calendar {wanted.name} for {wanted.year}, "
        f"with {days} working days",
        f"采用工作日历 {wanted.name} {wanted.year} 年第 {wanted.version} 版，共 {days} 个工作日",
    )


def _adopt_mandate(wanted: AdoptMandate) -> Words:
    effect = day_words(wanted.effect)
    english = (
        f"adopt the mandate {wanted.name} ({wanted.title}; {wanted.number}, {wanted.issuer}), "
        f"in force from {effect.english}"
    )
    chinese = (
        f"通过依据文件 {wanted.name}（{wanted.title}；{wanted.number}，{wanted.issuer}），"
        f"自{effect.chinese}起施行"
    )
    if wanted.until is not None:
        end = end_words(wanted.until)
        english, chinese = f"{english} {end.english}", f"{chinese}，{end.chinese}"
    if wanted.predecessor is not None:
        english += f", in place of {wanted.predecessor}"
        chinese += f"，取代 {wanted.predecessor}"
    return Words(english, chinese)


def _repeal_mandate(wanted: RepealMandate) -> Words:
    day = day_words(wanted.ends)
    return Words(
        f"repeal the mandate {wanted.name} from {day.english}",
        f"自{day.chinese}起废止依据文件 {wanted.name}",
    )


def _set_terms(wanted: SetTerms) -> Words:
    reply, appeal, ruling = (
        clock_words(clock) for clock in (wanted.reply, wanted.appeal, wanted.ruling)
    )
    supervisor = "/".join(wanted.supervisor)
    return Words(
        f"have requests under the mandate {wanted.mandate} answered within {reply.english}, "
        f"appealed within {appeal.english} and ruled on by {supervisor} within {ruling.english}",
        f"规定依据文件 {wanted.mandate} 项下的请求须在{reply.chinese}内答复，"
        f"可在{appeal.chinese}内申诉，由 {supervisor} 在{ruling.chinese}内裁定",
    )


_WRITERS: Mapping[int, Callable[[Any], Words]] = MappingProxyType(
    {
        MotionKind.ADMIT_INSTITUTION: _admit,
        MotionKind.SET_NODE: _set_node,
        MotionKind.REMOVE_NODE: _remove_node,
        MotionKind.READMIT_NODE: _readmit_node,
        MotionKind.SET_RULE: _set_rule,
        MotionKind.RECOVER_OFFICE: _recover,
        MotionKind.ADOPT_CALENDAR: _adopt_calendar,
        MotionKind.ADOPT_MANDATE: _adopt_mandate,
        MotionKind.REPEAL_MANDATE: _repeal_mandate,
        MotionKind.SET_TERMS: _set_terms,
    }
)
