"""What operations on duties, the catalogue, requests and grants say, in English and in Chinese."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from govchaind.api.motion_words import Words, day_words
from govchaind.ledger.operations.catalogue import PublishDataSet, ReviseDataSet
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.shapes import shaped
from govchaind.ledger.working_days import MILLISECONDS_A_DAY

FIELDS_SHOWN = 5
CLASSES: Mapping[str, Words] = MappingProxyType(
    {
        "unconditional": Words("shared without condition", "无条件共享"),
        "conditional": Words("shared on condition", "有条件共享"),
        "not-shared": Words("not shared", "不予共享"),
    }
)
STATUSES: Mapping[str, Words] = MappingProxyType(
    {
        "open": Words("waits for an answer", "等待答复"),
        "granted": Words("was granted", "已同意"),
        "refused": Words("was refused", "已拒绝"),
        "appealed": Words("is before the supervisor", "正由监督机构裁定"),
        "upheld": Words("was refused, and the refusal upheld", "拒绝决定已获维持"),
        "overturned": Words("was refused, and must now be granted", "拒绝决定已撤销，须予同意"),
        "withdrawn": Words("was withdrawn", "已撤回"),
    }
)


def request_words(
    requester: str,
    provider: str,
    fields: list[str],
    data_set: str,
    status: str,
    due: int | None,
    now: int,
) -> Words:
    """Return how a request stands, as a sentence. `due`: None where nobody owes an answer."""
    state = STATUSES[status]
    english = (
        f"{requester} asked {provider} for {_fields(fields).english} of its data set {data_set}; "
        f"the request {state.english}"
    )
    chinese = (
        f"{requester} 向 {provider} 请求数据集 {data_set} 的 {_fields(fields).chinese}；"
        f"{state.chinese}"
    )
    if due is not None:
        # The clock ends with its day: what is due at its last millisecond is due on that day.
        day = day_words(due + 1 - MILLISECONDS_A_DAY)
        if now > due:
            return Words(
                f"{english}, which was due on {day.english}.",
                f"{chinese}，已逾{day.chinese}的期限。",
            )
        return Words(
            f"{english}, which is due on {day.english}.", f"{chinese}，期限为{day.chinese}。"
        )
    return Words(f"{english}.", f"{chinese}。")


def _fields(fields: list[str]) -> Words:
    more = len(fields) > FIELDS_SHOWN
    shown = fields[:FIELDS_SHOWN]
    return Words(
        ", ".join(shown) + (" …" if more else ""), "、".join(shown) + ("等" if more else "")
    )


def _assign_duty(author: str, items: list[Any]) -> Words:
    name, title, office, mandate = items
    return Words(
        f"{author} gave the duty {name} ({title}) to the office {office}, under {mandate}.",
        f"{author} 依据 {mandate} 将职责 {name}（{title}）交由岗位 {office} 承担。",
    )


def _end_duty(author: str, items: list[Any]) -> Words:
    return Words(f"{author} ended the duty {items[0]}.", f"{author} 终止了职责 {items[0]}。")


def _publish(author: str, items: list[Any]) -> Words:
    wanted = shaped(items, PublishDataSet)
    sharing, count = CLASSES[wanted.sharing], len(wanted.fields)
    return Words(
        f"{author} put the data set {wanted.name} ({wanted.title}; fields: {count}) into the "
        f"catalogue: {sharing.english}, under {wanted.mandate}.",
        f"{author} 依据 {wanted.mandate} 将数据集 {wanted.name}（{wanted.title}，"
        f"{count} 个字段）编入目录：{sharing.chinese}。",
    )


def _revise(author: str, items: list[Any]) -> Words:
    wanted = shaped(items, ReviseDataSet)
    sharing = CLASSES[wanted.sharing]
    return Words(
        f"{author} revised the data set {wanted.name} ({wanted.title}): {sharing.english}, "
        f"under {wanted.mandate}.",
        f"{author} 依据 {wanted.mandate} 修订了数据集 {wanted.name}（{wanted.title}）："
        f"{sharing.chinese}。",
    )


def _retire(author: str, items: list[Any]) -> Words:
    name = items[0]
    return Words(
        f"{author} took the data set {name} out of the catalogue.",
        f"{author} 将数据集 {name} 移出目录。",
    )


def _request(author: str, items: list[Any]) -> Words:
    reference, provider, data_set, fields, mandate, _ = items
    shown = _fields(fields)
    return Words(
        f"{author} asked {provider} for {shown.english} of its data set {data_set}, "
        f"under {mandate} (request {reference}).",
        f"{author} 依据 {mandate} 向 {provider} 请求数据集 {data_set} 的 {shown.chinese}"
        f"（请求 {reference}）。",
    )


def _grant(author: str, items: list[Any]) -> Words:
    requester, reference, conditions, until, uses = items
    end = day_words(until)
    english, chinese = f", until {end.english}", f"，至{end.chinese}止"
    if uses is not None:
        english, chinese = f"{english}, for {uses} uses", f"{chinese}，可使用 {uses} 次"
    if conditions:
        english += f", on the conditions {', '.join(conditions)}"
        chinese += f"，条件为 {'、'.join(conditions)}"
    return Words(
        f"{author} granted the request {reference} of {requester}{english}.",
        f"{author} 同意了 {requester} 的请求 {reference}{chinese}。",
    )


def _refuse(author: str, items: list[Any]) -> Words:
    requester, reference, ground, _ = items
    return Words(
        f"{author} refused the request {reference} of {requester}, on the ground {ground}.",
        f"{author} 以 {ground} 为由拒绝了 {requester} 的请求 {reference}。",
    )


def _extend(author: str, items: list[Any]) -> Words:
    requester, reference = items
    return Words(
        f"{author} extended the time to answer the request {reference} of {requester}.",
        f"{author} 延长了答复 {requester} 的请求 {reference} 的期限。",
    )


def _appeal(author: str, items: list[Any]) -> Words:
    reference = items[0]
    return Words(
        f"{author} appealed in the matter of its request {reference}.",
        f"{author} 就其请求 {reference} 提出申诉。",
    )


def _rule(author: str, items: list[Any]) -> Words:
    requester, reference, overturned, ground, _ = items
    if overturned:
        return Words(
            f"{author} ruled that the request {reference} of {requester} must be granted "
            f"({ground}).",
            f"{author} 裁定须同意 {requester} 的请求 {reference}（{ground}）。",
        )
    return Words(
        f"{author} upheld the refusal of the request {reference} of {requester} ({ground}).",
        f"{author} 维持了对 {requester} 的请求 {reference} 的拒绝（{ground}）。",
    )


def _use(author: str, items: list[Any]) -> Words:
    reference, number, _ = items
    return Words(
        f"{author} signed for use {number} of its grant {reference}.",
        f"{author} 签署了对授权 {reference} 的第 {number} 次使用。",
    )


def _revoke(author: str, items: list[Any]) -> Words:
    requester, reference, ground, _ = items
    return Words(
        f"{author} revoked the grant {reference} of {requester}, on the ground {ground}.",
        f"{author} 以 {ground} 为由撤销了 {requester} 的授权 {reference}。",
    )


def _withdraw(author: str, items: list[Any]) -> Words:
    reference = items[0]
    return Words(
        f"{author} withdrew its request {reference}.", f"{author} 撤回了其请求 {reference}。"
    )


WRITERS: Mapping[int, Callable[[str, list[Any]], Words]] = MappingProxyType(
    {
        Kind.ASSIGN_DUTY: _assign_duty,
        Kind.END_DUTY: _end_duty,
        Kind.PUBLISH_DATA_SET: _publish,
        Kind.REVISE_DATA_SET: _revise,
        Kind.RETIRE_DATA_SET: _retire,
        Kind.REQUEST: _request,
        Kind.GRANT: _grant,
        Kind.REFUSE: _refuse,
        Kind.EXTEND: _extend,
        Kind.APPEAL: _appeal,
        Kind.RULE: _rule,
        Kind.USE_GRANT: _use,
        Kind.REVOKE_GRANT: _revoke,
        Kind.WITHDRAW_REQUEST: _withdraw,
    }
)
