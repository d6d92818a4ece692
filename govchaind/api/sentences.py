"""Each operation as one plain sentence, in English and in Chinese. For pages; proves nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from govchaind.api import exchange_words
from govchaind.api.chain import operation_name
from govchaind.api.motion_words import day_words, motion_words
from govchaind.base.errors import InvalidEncoding
from govchaind.ledger.operations.costs import Kind
from govchaind.ledger.transaction import Transaction

KEY_CHARS_SHOWN = 40
DIGEST_CHARS_SHOWN = 16


@dataclass(frozen=True, slots=True)
class Sentence:
    english: str
    chinese: str


def sentences(transaction: Transaction, limit: int, *, refused: bool = False) -> list[Sentence]:
    """Return a sentence for each of the first `limit` operations; what was refused is called so."""
    author = f"{transaction.institution}/{transaction.office}"
    told = [_sentence(author, kind, items) for kind, items in transaction.operations[:limit]]
    if not refused:
        return told
    return [
        Sentence(f"Refused, and not done: {one.english}", f"被拒绝，未执行：{one.chinese}")
        for one in told
    ]


def headline(transaction: Transaction, *, refused: bool = False) -> str:
    """Return one English sentence for the whole transaction."""
    count = len(transaction.operations)
    first = sentences(transaction, 1, refused=refused)[0].english
    return first if count == 1 else f"{first} And {count - 1} more."


def _sentence(author: str, kind: int, items: list[Any]) -> Sentence:
    write, exchange = _WRITERS.get(kind), exchange_words.WRITERS.get(kind)
    try:
        if exchange is not None:
            words = exchange(author, items)
            return Sentence(words.english, words.chinese)
        if write is not None:
            return write(author, items)
    except (AttributeError, IndexError, InvalidEncoding, TypeError, ValueError):
        pass  # arguments of a wrong shape are on the ledger too, as a refused transaction
    name = operation_name(kind)
    return Sentence(
        f"{author} asked for {name}, in a form that the ledger does not know.",
        f"{author} 提交了账本无法识别的操作 {name}。",
    )


def _key(key: bytes) -> str:
    try:
        text = key.decode()
    except UnicodeDecodeError:
        text = key.hex()
    if not text.isprintable():
        text = key.hex()
    return text if len(text) <= KEY_CHARS_SHOWN else text[:KEY_CHARS_SHOWN] + "…"


def _create_register(author: str, items: list[Any]) -> Sentence:
    name, title = items[0], items[1]
    return Sentence(
        f"{author} created the register {name} ({title}).",
        f"{author} 创建了登记册 {name}（{title}）。",
    )


def _put(author: str, items: list[Any]) -> Sentence:
    register, key = items[0], _key(items[1])
    return Sentence(
        f"{author} entered record {key} in the register {register}.",
        f"{author} 在登记册 {register} 中登记了记录 {key}。",
    )


def _retire(author: str, items: list[Any]) -> Sentence:
    register, key = items[0], _key(items[1])
    return Sentence(
        f"{author} retired record {key} of the register {register}.",
        f"{author} 停用了登记册 {register} 中的记录 {key}。",
    )


def _create_office(author: str, items: list[Any]) -> Sentence:
    name, title, threshold, keys = items[0], items[1], items[2], len(items[3])
    return Sentence(
        f"{author} created the office {name} ({title}); {threshold} of {keys} keys sign for it.",
        f"{author} 设立了岗位 {name}（{title}），{keys} 把密钥中须有 {threshold} 把共同签名。",
    )


def _set_key_policy(author: str, items: list[Any]) -> Sentence:
    office, threshold, keys = items[0], items[1], len(items[2])
    return Sentence(
        f"{author} set new keys for the office {office}; {threshold} of {keys} sign for it.",
        f"{author} 为岗位 {office} 设定了新的密钥，{keys} 把中须有 {threshold} 把共同签名。",
    )


def _rotate_key(author: str, items: list[Any]) -> Sentence:
    office, title = items[0], items[3]
    return Sentence(
        f"{author} handed a seat of the office {office} over to a new key ({title}).",
        f"{author} 将岗位 {office} 的一个席位交接给新的密钥（{title}）。",
    )


def _revoke_key(author: str, items: list[Any]) -> Sentence:
    office = items[0]
    return Sentence(
        f"{author} revoked a key of the office {office}.",
        f"{author} 吊销了岗位 {office} 的一把密钥。",
    )


def _name_acting(author: str, items: list[Any]) -> Sentence:
    office, title, until = items[0], items[3], day_words(items[5])
    return Sentence(
        f"{author} named an acting holder ({title}) for a seat of the office {office}, "
        f"until {until.english}.",
        f"{author} 指定了岗位 {office} 一个席位的代理人（{title}），至{until.chinese}止。",
    )


def _vote(author: str, items: list[Any]) -> Sentence:
    words = motion_words(items[1], items[2])
    return Sentence(f"{author} voted to {words.english}.", f"{author} 投票赞成{words.chinese}。")


def _withdraw(author: str, items: list[Any]) -> Sentence:
    motion = _motion(items)
    return Sentence(
        f"{author} took back its vote for the motion {motion}.",
        f"{author} 撤回了对议案 {motion} 的赞成票。",
    )


def _enact(author: str, items: list[Any]) -> Sentence:
    motion = _motion(items)
    return Sentence(
        f"{author} put the motion {motion} into effect after its notice.",
        f"{author} 在公示期满后使议案 {motion} 生效。",
    )


def _motion(items: list[Any]) -> str:
    digest: str = items[0].hex()
    return digest if len(digest) <= DIGEST_CHARS_SHOWN else digest[:DIGEST_CHARS_SHOWN] + "…"


_WRITERS: dict[int, Callable[[str, list[Any]], Sentence]] = {
    Kind.CREATE_REGISTER: _create_register,
    Kind.PUT: _put,
    Kind.RETIRE: _retire,
    Kind.CREATE_OFFICE: _create_office,
    Kind.SET_KEY_POLICY: _set_key_policy,
    Kind.ROTATE_KEY: _rotate_key,
    Kind.REVOKE_KEY: _revoke_key,
    Kind.NAME_ACTING: _name_acting,
    Kind.VOTE: _vote,
    Kind.WITHDRAW: _withdraw,
    Kind.ENACT: _enact,
}
