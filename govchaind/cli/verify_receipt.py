"""`govchaind verify-receipt`: judge a receipt or a state proof with nothing but files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from govchaind.api.proof_words import receipt_words
from govchaind.api.sentence import LANGUAGES, Sentence
from govchaind.api.sentences import author_of
from govchaind.base.encoding import decode
from govchaind.base.errors import GovchaindError, InvalidProof, InvalidSetting
from govchaind.base.limits import RECEIPT_BYTES_MAX
from govchaind.cli.language import language
from govchaind.cli.options import FILE, json_option, key_bytes
from govchaind.cli.output import line, moment, print_json
from govchaind.cli.reading import state_name, state_sentence, state_value
from govchaind.client.trust import load_trust, trust_from_genesis
from govchaind.ledger.operations.table import OPERATIONS
from govchaind.ledger.receipt import VerifiedReceipt
from govchaind.ledger.receipt import verify_receipt as check_receipt
from govchaind.ledger.state_keys import RECORD, record_key
from govchaind.ledger.state_proof import VerifiedState, verify_state_proof
from govchaind.ledger.trust import TrustRoot


@click.command("verify-receipt", short_help="Verify a receipt or a state proof, offline.")
@click.argument("file", type=FILE)
@click.option("--trust", "trust_file", type=FILE, help="Your trust file.")
@click.option("--genesis", type=FILE, help="The chain's genesis, if you have no trust file.")
@click.option("--register", metavar="NAME", help="Refuse a proof of another register's record.")
@click.option("--key", metavar="KEY", help="Refuse a proof of another record; with --register.")
@click.option("--hex", "key_is_hex", is_flag=True, help="KEY is given in hex.")
@json_option
def verify_receipt(
    *,
    file: Path,
    trust_file: Path | None,
    genesis: Path | None,
    register: str | None,
    key: str | None,
    key_is_hex: bool,
    as_json: bool,
) -> None:
    """Verify FILE, a receipt or a state proof, without asking anyone.

    A receipt proves that a transaction was included and what came of it; a state proof, that a
    record had a value at a height, or that there was none. Both are judged by what you trust: the
    chain's genesis, or a trust file. The exit code is 2 when the proof does not hold.

    A state proof that somebody gives you names its record; if you asked for one, name it with
    --register and --key, so that a true proof of another one is not taken for it.

    \b
    Example:
      govchaind verify-receipt receipt.cbor --genesis my-network/genesis.bin
      govchaind verify-receipt beijing.proof --trust trust.file \\
          --register provinces --key 110000
    """
    if (trust_file is None) == (genesis is None):
        raise click.UsageError("give either --trust FILE or --genesis FILE")
    wanted = _wanted(register, key, key_is_hex)
    trust = load_trust(trust_file) if trust_file else trust_from_genesis(genesis or Path())
    data = _read(file)
    try:
        proved = _verify(data, trust)
    except GovchaindError as error:
        known = isinstance(error, InvalidProof)
        remedy = error.remedy if known else "It is no proof, or damaged: fetch it again."
        raise InvalidProof(
            f"{file} proves nothing: {error.message}", code=error.code, remedy=remedy
        ) from None
    if wanted is not None:
        _compare(file, wanted, proved)
    if isinstance(proved, VerifiedReceipt):
        details = _receipt_details(proved)
        sentence = _receipt_sentence(proved)
    else:
        details = _state_details(proved)
        sentence = state_sentence(proved)
    details["certified_height"] = proved.certified_height
    if as_json:
        details["recoveries"] = [asdict(each) for each in trust.recoveries]
        told = {"english": sentence.english, "chinese": sentence.chinese}
        print_json({"holds": True, "sentence": told, **details, "trust": trust.describe()})
        return
    for each in (language(), *(other for other in LANGUAGES if other != language())):
        click.echo(line(sentence.said(each)))
    for name, value in details.items():
        if value is not None:
            click.echo(f"  {name.replace('_', ' '):16} {value}")
    click.echo(f"  {'believed by':16} {trust.describe()}")


def _verify(data: bytes, trust: TrustRoot) -> VerifiedReceipt | VerifiedState:
    shape = decode(data, bytes_max=RECEIPT_BYTES_MAX)
    what = shape[0] if isinstance(shape, list) and shape else None
    if what == "receipt":
        return check_receipt(data, trust)
    if what == "state-proof":
        return verify_state_proof(data, trust)
    raise InvalidProof("it is neither a receipt nor a state proof", code="not-a-proof")


def _wanted(register: str | None, key: str | None, is_hex: bool) -> bytes | None:
    """Return the state key of the record that the options name, if they name one."""
    if register is None and key is None and not is_hex:
        return None
    if register is None or key is None:
        raise click.UsageError("a record is named by both --register NAME and --key KEY")
    return record_key(register, key_bytes(key, is_hex))


def _compare(file: Path, wanted: bytes, proved: VerifiedReceipt | VerifiedState) -> None:
    """Raise InvalidProof unless what is proved is what was asked for."""
    if isinstance(proved, VerifiedState) and proved.key == wanted:
        return
    what = (
        "a transaction" if isinstance(proved, VerifiedReceipt) else state_name(proved.key).english
    )
    raise InvalidProof(
        f"{file} holds, but it is of {what}, not of {state_name(wanted).english}",
        code="other-key",
        remedy="Fetch the proof of that very record: `govchaind get REGISTER KEY --proof FILE`.",
    )


def _receipt_sentence(proved: VerifiedReceipt) -> Sentence:
    transaction = proved.transaction
    return receipt_words(
        transaction=proved.transaction_id,
        author=None if transaction is None else author_of(transaction),
        outcome=proved.outcome,
        height=proved.height,
        time=proved.time,
        certified=proved.certified_height,
    )


def _receipt_details(proved: VerifiedReceipt) -> dict[str, Any]:
    operations = None
    if proved.transaction is not None:
        names = [
            OPERATIONS[kind].name if kind in OPERATIONS else f"operation {kind}"
            for kind, _ in proved.transaction.operations
        ]
        counted = {name: names.count(name) for name in names}
        operations = ", ".join(f"{count} {name}" for name, count in counted.items())
    return {
        "kind": "receipt",
        "transaction": proved.transaction_id.hex(),
        "code": int(proved.outcome.code),
        "outcome": proved.outcome.text.name,
        "operation": proved.outcome.operation,
        "operations": operations,
        "height": proved.height,
        "block_time": moment(proved.time),
        "block_hash": proved.block_hash.hex(),
        "leader": proved.leader,
    }


def _state_details(proved: VerifiedState) -> dict[str, Any]:
    return {
        "kind": "state-proof",
        "record": state_name(proved.key).english if proved.key.startswith(RECORD) else None,
        "key": proved.key.hex(),
        "present": proved.value is not None,
        "value": state_value(proved.value),
        "height": proved.height,
        "block_time": moment(proved.time),
        "state_root": proved.state_root.hex(),
    }


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            data = opened.read(RECEIPT_BYTES_MAX + 1)
    except OSError as error:
        raise InvalidSetting(f"cannot read {file}: {error.strerror}") from None
    if len(data) > RECEIPT_BYTES_MAX:
        raise InvalidProof(f"{file} is longer than any receipt", code="too-large")
    return data
