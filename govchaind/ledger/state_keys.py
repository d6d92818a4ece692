"""Where each thing lies in the authenticated state. Part of the format: numbers are for ever.

    01 name                     institution  [title, class, governing office, height admitted]
    02 institution 00 office    office       [title, threshold, [seat …]]
    03 name                     register     [title, mode, schema, writers, owner, height made]
    04 register 00 key          record       [revision, retired, value]
    05 name                     node wanted  member, as membership.py has it
    06                          network      [institutions, nodes, validators, ordered at]
    07 digest                   motion       [kind, arguments, round, ballots, height moved,
                                              height enacted or null, time carried or null]
    08 digest institution       ballot       height
    09 height (8 bytes)         live ids     [digest of the ids, latest expiry,
                                              [[institution, count] …]]
    0a key (32 bytes)           node key     name of the node that uses it
    0b motion kind (1 byte)     rule         [numerator, denominator, notice in milliseconds]
    0c name 00 year version     calendar     [minutes ahead of UTC, working days, height adopted];
                                             year and version are two bytes each
    0d name                     mandate      [title, number, issuer, document, effect,
                                              until or null, predecessor or null,
                                              successor or null, ends or null, height adopted]
    0e institution 00 name      duty         [title, office, mandate, data sets, ended or null,
                                              height]
    0f institution 00 name      data set     [revision, retired, title, duty, [field …], cycle,
                                              class, [condition …], service or null, mandate,
                                              height]
    10 month institution        sums         [counters as provider, counters as requester]
    11 mandate                  terms        [calendar or null, minutes ahead of UTC, reply,
                                              extension or null, extender, appeal, ruling,
                                              delivery or null, [ground …], supervisor, height]
    12 institution 00 reference request      [office, provider, data set, revision, class,
                                              [condition …], [field …], mandate, mandate of the
                                              terms, details, status, asked, due, [[year,
                                              version] …], extended, answered, ground, reason,
                                              appealed, appeal's details, ruled (all or null),
                                              appealable until [time, [[year, version] …]] or
                                              null, height]
    13 institution 00 reference grant        [provider, its office, requester's office, data set,
                                              revision, [field …], [condition …], details,
                                              granted, until, uses at most or null, uses, delivery
                                              due [time, [[year, version] …]] or null, revoked or
                                              null, ground or null, reason or null, height]
    14 month provider 00 data set 00 requester  account  a counter for each accounts.Entry; the
                                              month is two bytes, twelve times the year and 0 to 11
    15 institution 00 office    delivery key [key, published, previous or null, previous until or
                                              null, [node, address] or null, height]
    16 institution 00 reference 00 number    delivery  [sender, receiver, commitment, size, rows or
                                              null, request, sealed, corrects or null, sent,
                                              received or null, [ground, commitment, time] or null,
                                              corrected by or null, [ground, time, office] or null,
                                              [deadline, ordered, [[office, answer or null, time or
                                              null] …]] or null, height]; the number is four bytes
    17 deadline institution 00 reference 00 number    open erasure  height; the deadline is eight
                                              bytes; here until the last holder has answered
    18 name                     asset        [title, unit, mandate, issuer, supervisor,
                                              [purpose …], expiry or null, height made]
    19 name                     totals       [issued, redeemed, in circulation] of the asset
    1a asset 00 institution 00 office 00 purpose
                                holding      [balance, [[ground, amount or null, reason or null,
                                              height frozen] …]]
    1c                          standings    [institution …], sorted: those that do not count
    1c name                     standing     [1 suspended or 2 removed, ground, commitment or
                                              null, height, block time]
    1d institution 00 office    last act     [height, block time] of its first transaction of the
                                              day on which it last acted
    1e name                     parameter    [value, height set]
    1f 00                       version      [version of the ledger, height activated]
    1f 01 name                  ready        [version for which a node is ready, height declared]
    20 institution 00 commitment  side value  [office, SHA-256 of the sealed file, its length,
                                              [[institution, office] …] that it is sealed to,
                                              [requester, reference] or null, recorded,
                                              [ground, time] of its removal or null, height]
    21 key (32 bytes) height    evidence     [node, its institution, [statement, signature],
                                              [statement, signature], reporter, height]
    22 height                   recovery     [kept height, kept block's hash, certified height, lost
                                              height or null, block time, digest of what was signed,
                                              [institution …] that signed, [node …] left out]

A seat of an office is [number, public key, title, valid from, valid until or null, revoked at or
null]; a key that replaces another sits on its seat, so that during the overlap one holder cannot
sign twice. A writer, an owner, an issuer and a supervisor are [institution, office]. Names hold no
zero byte, so 00 ends them. Values are deterministic CBOR.
"""

from __future__ import annotations

from govchaind.base.types import Hash, Height, PublicKey

INSTITUTION = b"\x01"
OFFICE = b"\x02"
REGISTER = b"\x03"
RECORD = b"\x04"
NODE = b"\x05"
NETWORK = b"\x06"
MOTION = b"\x07"
BALLOT = b"\x08"
LIVE = b"\x09"
NODE_KEY = b"\x0a"
RULE = b"\x0b"
CALENDAR = b"\x0c"
MANDATE = b"\x0d"
DUTY = b"\x0e"
DATA_SET = b"\x0f"
ACCOUNT_SUM = b"\x10"
TERMS = b"\x11"
REQUEST = b"\x12"
GRANT = b"\x13"
ACCOUNT = b"\x14"
DELIVERY_KEY = b"\x15"
DELIVERY = b"\x16"
ERASURE = b"\x17"
ASSET = b"\x18"
ASSET_TOTALS = b"\x19"
HOLDING = b"\x1a"
STANDING = b"\x1c"
ACTED = b"\x1d"
PARAMETER = b"\x1e"
VERSION = b"\x1f\x00"
READY = b"\x1f\x01"
SIDE_VALUE = b"\x20"
EVIDENCE = b"\x21"
RECOVERY = b"\x22"


def institution_key(name: str) -> bytes:
    return INSTITUTION + name.encode()


def office_key(institution: str, office: str) -> bytes:
    return OFFICE + institution.encode() + b"\x00" + office.encode()


def register_key(name: str) -> bytes:
    return REGISTER + name.encode()


def record_key(register: str, key: bytes) -> bytes:
    return RECORD + register.encode() + b"\x00" + key


def record_prefix(register: str) -> bytes:
    """Return what the keys of all records of a register start with."""
    return RECORD + register.encode() + b"\x00"


def node_key(name: str) -> bytes:
    return NODE + name.encode()


def motion_key(motion: Hash) -> bytes:
    return MOTION + motion


def ballot_key(motion: Hash, institution: str) -> bytes:
    return BALLOT + motion + institution.encode()


def live_key(height: Height) -> bytes:
    return LIVE + height.to_bytes(8, "big")


def rule_key(motion: int) -> bytes:
    return RULE + motion.to_bytes(1, "big")


def calendar_key(name: str, year: int, version: int) -> bytes:
    return CALENDAR + name.encode() + b"\x00" + year.to_bytes(2, "big") + version.to_bytes(2, "big")


def mandate_key(name: str) -> bytes:
    return MANDATE + name.encode()


def duty_key(institution: str, name: str) -> bytes:
    return DUTY + institution.encode() + b"\x00" + name.encode()


def data_set_key(institution: str, name: str) -> bytes:
    return DATA_SET + institution.encode() + b"\x00" + name.encode()


def terms_key(mandate: str) -> bytes:
    return TERMS + mandate.encode()


def request_key(requester: str, reference: str) -> bytes:
    return REQUEST + requester.encode() + b"\x00" + reference.encode()


def grant_key(requester: str, reference: str) -> bytes:
    return GRANT + requester.encode() + b"\x00" + reference.encode()


def account_sum_key(month: int, institution: str) -> bytes:
    return ACCOUNT_SUM + month.to_bytes(2, "big") + institution.encode()


def account_prefix(month: int) -> bytes:
    """Return what the keys of all accounts of a month start with."""
    return ACCOUNT + month.to_bytes(2, "big")


def account_key(month: int, provider: str, data_set: str, requester: str) -> bytes:
    named = b"\x00".join(name.encode() for name in (provider, data_set, requester))
    return account_prefix(month) + named


def delivery_key_key(institution: str, office: str) -> bytes:
    return DELIVERY_KEY + institution.encode() + b"\x00" + office.encode()


def delivery_prefix(requester: str, reference: str) -> bytes:
    """Return what the keys of all deliveries of a grant start with."""
    return DELIVERY + requester.encode() + b"\x00" + reference.encode() + b"\x00"


def delivery_key(requester: str, reference: str, number: int) -> bytes:
    return delivery_prefix(requester, reference) + number.to_bytes(4, "big")


def side_value_prefix(institution: str) -> bytes:
    """Return what the keys of all side values of an institution start with."""
    return SIDE_VALUE + institution.encode() + b"\x00"


def side_value_key(institution: str, commitment: Hash) -> bytes:
    return side_value_prefix(institution) + commitment


def erasure_key(deadline: int, requester: str, reference: str, number: int) -> bytes:
    named = requester.encode() + b"\x00" + reference.encode() + b"\x00"
    return ERASURE + deadline.to_bytes(8, "big") + named + number.to_bytes(4, "big")


def standing_key(institution: str) -> bytes:
    """Return the key of an institution's standing; that of "" lists all that have one."""
    return STANDING + institution.encode()


def acted_key(institution: str, office: str) -> bytes:
    return ACTED + institution.encode() + b"\x00" + office.encode()


def parameter_key(name: str) -> bytes:
    return PARAMETER + name.encode()


def ready_key(node: str) -> bytes:
    return READY + node.encode()


def node_key_key(key: PublicKey) -> bytes:
    return NODE_KEY + key


def evidence_key(key: PublicKey, height: Height) -> bytes:
    return EVIDENCE + key + height.to_bytes(8, "big")


def recovery_key(height: Height) -> bytes:
    return RECOVERY + height.to_bytes(8, "big")


def asset_key(name: str) -> bytes:
    return ASSET + name.encode()


def asset_totals_key(name: str) -> bytes:
    return ASSET_TOTALS + name.encode()


def holding_key(asset: str, institution: str, office: str, purpose: str) -> bytes:
    return HOLDING + f"{asset}\x00{institution}\x00{office}\x00{purpose}".encode()


def holdings_prefix(asset: str, institution: str = "", office: str = "") -> bytes:
    """Return what the keys of an asset's holdings start with: all, or those of one office."""
    holder = f"{institution}\x00{office}\x00" if institution else ""
    return HOLDING + f"{asset}\x00{holder}".encode()
