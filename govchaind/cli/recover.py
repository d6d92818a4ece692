"""`govchaind recover`: go on with what is left when the quorum is lost for good."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from govchaind.base.errors import Conflict, InvalidProof, InvalidSetting
from govchaind.cli.options import FILE, FOLDER, json_option
from govchaind.cli.output import line, moment, note, print_json, progress

if TYPE_CHECKING:
    from govchaind.base.types import Height
    from govchaind.ledger.genesis import Genesis
    from govchaind.ledger.recovery import Recovery
    from govchaind.ledger.trust import TrustRoot
    from govchaind.recovery.survivor import Survivor
    from govchaind.runtime.lmdb_storage import LmdbStorage

_trust_option = click.option(
    "--trust", "trust_file", type=FILE, help="Your trust file: judge the record by it."
)
_genesis_option = click.option(
    "--genesis", type=FILE, help="Or the chain's genesis.bin, if no validator ever changed."
)


@click.group(short_help="Go on when the quorum is lost for good.")
def recover() -> None:
    """Go on with what is left when a majority of the validators' stores is lost for good.

    The survivors stay stopped. `prepare` reads their stores and writes a record; institutions sign
    it with the keys of their governing offices; `apply` carries it out in each survivor's store.
    It is written into the chain, and every trust file and exit pack shows it from then on. See
    docs/operate/quorum-lost.md.

    \b
    Example:
      govchaind recover prepare recovery.record nodes/north-1 nodes/east-1
      govchaind recover sign recovery.record --key keys/civil-affairs.key --trust trust.file
      govchaind recover apply nodes/north-1 recovery.record
    """


@recover.command(short_help="Make a record from the survivors' stores.")
@click.argument("record", type=FILE)
@click.argument("directories", metavar="DIRECTORY...", nargs=-1, required=True, type=FOLDER)
@click.option(
    "--seen",
    type=FILE,
    multiple=True,
    help="A trust file of somebody: nothing that it has seen may be lost unsaid.",
)
@click.option(
    "--accept-loss",
    is_flag=True,
    help="Go on without certified heights that no survivor holds; the record says so.",
)
@json_option
def prepare(
    *,
    record: Path,
    directories: tuple[Path, ...],
    seen: tuple[Path, ...],
    accept_loss: bool,
    as_json: bool,
) -> None:
    """Check the stores of the survivors in DIRECTORY… wholly and write RECORD, for signing.

    Give the folders of all nodes that are left, also of observers; no node may run. The longest log
    is kept, and goes on with the validators among them. No store is changed. Blocks that some of
    them lack are written to RECORD.blocks.

    \b
    Example:
      govchaind recover prepare recovery.record nodes/north-1 nodes/east-1 nodes/observer-1
      govchaind recover prepare recovery.record nodes/north-1 --seen trust.file
    """
    from govchaind.client.trust import load_trust
    from govchaind.recovery.preparing import prepare as make
    from govchaind.recovery.record_file import save_record, save_tail
    from govchaind.runtime.system import wall_milliseconds

    if record.exists():
        raise InvalidSetting(
            f"{record} is already there",
            code="already-there",
            remedy="Name another file; a record that somebody has signed is never written over.",
        )
    heads = [load_trust(path).head_height for path in seen]
    with ExitStack() as stack:
        survivors, genesis = _survivors(directories, stack)
        beside_stores = _second_stores(directories, survivors)
        made = make(
            survivors,
            genesis,
            now=wall_milliseconds(),
            seen=max(heads, default=0),
            accept_loss=accept_loss,
        )
    save_record(record, made.recovery)
    beside = save_tail(record, made.tail)
    if as_json:
        print_json({**_facts(made.recovery), "kept_from": made.kept_from,
                    "blocks": None if beside is None else str(beside),
                    "second_stores": beside_stores})  # fmt: skip
        return
    _tell(made.recovery)
    if beside is not None:
        note(f"Copy {beside} with the record to every survivor.")
    note("Compare the digest with each institution, then have each sign: `govchaind recover sign`.")


@recover.command(short_help="Sign a record for an institution.")
@click.argument("record", type=FILE)
@click.option("--key", "key_file", type=FILE, required=True, help="Key of the governing office.")
@_trust_option
@_genesis_option
@json_option
def sign(
    *, record: Path, key_file: Path, trust_file: Path | None, genesis: Path | None, as_json: bool
) -> None:
    """Add one signature to RECORD, after judging what it says by your own trust file.

    A record whose time is ahead of this machine's clock is not signed.

    Copies may be signed apart: `recover apply` takes several files of one record.

    \b
    Example:
      govchaind recover sign recovery.record --key keys/civil-affairs.key --trust trust.file
    """
    from govchaind.client.keyfile import read_key_file
    from govchaind.ledger.recovery_quorum import institutions_signed
    from govchaind.recovery.own_clock import check_recovery_time
    from govchaind.recovery.record_file import load_record, save_record
    from govchaind.runtime.system import wall_milliseconds

    file = read_key_file(key_file)
    made = load_record([record])
    trust = _trust(trust_file, genesis)
    lookup = _judged(made, trust)
    check_recovery_time(made.body.time, wall_milliseconds())
    signed = made.signed(file.institution, file.signing_key())
    institutions_signed(signed, lookup)  # that the key signs for it
    save_record(record, signed)
    _show(signed, trust, as_json=as_json)


@recover.command(short_help="Say what a record does and who has signed it.")
@click.argument("records", metavar="RECORD...", nargs=-1, required=True, type=FILE)
@_trust_option
@_genesis_option
@json_option
def show(
    *, records: tuple[Path, ...], trust_file: Path | None, genesis: Path | None, as_json: bool
) -> None:
    """Say what the record in RECORD… does, who has signed it and how many must.

    \b
    Example:
      govchaind recover show recovery.record --trust trust.file
    """
    from govchaind.recovery.record_file import load_record

    _show(load_record(records), _trust(trust_file, genesis), as_json=as_json)


@recover.command("apply", short_help="Carry a signed record out in a survivor's store.")
@click.argument("directory", type=FOLDER)
@click.argument("records", metavar="RECORD...", nargs=-1, required=True, type=FILE)
@click.option("--blocks", type=FILE, help="Blocks that this store lacks.  [default: RECORD.blocks]")
@json_option
def carry_out(
    *, directory: Path, records: tuple[Path, ...], blocks: Path | None, as_json: bool
) -> None:
    """Carry out the record in RECORD… in the store of the node in DIRECTORY, which may not run.

    All of it is judged by what the store itself holds before one write changes it, and its time by
    this machine's clock. A second store that a join by snapshot has left is removed: it would take
    the recovered one's place. Running the command again changes nothing more. When each survivor
    has it, start them all.

    \b
    Example:
      govchaind recover apply nodes/north-1 recovery.record
      govchaind recover apply nodes/north-1 from-court.record from-registry.record
    """
    import trio

    from govchaind.node import load
    from govchaind.recovery.applying import apply_record
    from govchaind.recovery.record_file import load_record, load_tail
    from govchaind.recovery.second_store import remove_second_store
    from govchaind.runtime.system import wall_milliseconds

    made = load_record(records)
    tail = load_tail(records[0], blocks)
    with _opened(directory) as (storage, genesis, name):
        with storage.snapshot() as snapshot:
            survivor = _survivor(directory, name, snapshot, genesis)
            applied = apply_record(survivor, genesis, made, tail, now=wall_milliseconds())
        removed = False
        if applied.batch is not None:
            removed = remove_second_store(load(directory)[0].store_directory)  # before the write
            trio.run(storage.write, applied.batch)
    if as_json:
        print_json({"node": name, "height": applied.height, "changed": applied.batch is not None,
                    "signed_by": list(applied.institutions), "blocks_taken": applied.taken,
                    "blocks_dropped": applied.dropped,
                    "second_store_removed": removed})  # fmt: skip
        return
    if applied.batch is None:
        click.echo(f"{name} was recovered at height {applied.height} before; nothing was changed.")
        return
    click.echo(
        f"{name} goes on after the recovery at height {applied.height}, signed by "
        f"{', '.join(applied.institutions)}; {applied.taken} blocks taken, "
        f"{applied.dropped} that nobody had committed dropped."
    )
    if removed:
        note("The second store that a join by snapshot had left there was removed.")
    note("Carry it out on every survivor, then start them: `govchaind run`.")


@contextmanager
def _opened(directory: Path) -> Iterator[tuple[LmdbStorage, Genesis, str]]:
    from govchaind.node import load
    from govchaind.runtime.lmdb_storage import LmdbStorage

    config, identity, genesis = load(directory)
    if not config.store_directory.exists():
        raise Conflict(
            f"{directory} has no store",
            code="no-store",
            remedy="Leave this node out: there is nothing of it that could be kept.",
        )
    storage = LmdbStorage(config.store_directory, map_bytes_max=config.storage.map_bytes_max)
    try:
        yield storage, genesis, identity.name
    finally:
        storage.close()


def _survivors(directories: Sequence[Path], stack: ExitStack) -> tuple[list[Survivor], Genesis]:
    """Check every store wholly; return what each says. Raises StorageCorrupt, Conflict."""
    from govchaind.replica.store import last_index
    from govchaind.runtime.verify_store import verify_store

    found: list[Survivor] = []
    chain: Genesis | None = None
    for directory in directories:
        storage, genesis, name = stack.enter_context(_opened(directory))
        if chain is not None and genesis.chain_id != chain.chain_id:
            raise InvalidSetting(
                f"{directory} is of another chain than {directories[0]}", code="other-chain"
            )
        chain = genesis
        snapshot = stack.enter_context(storage.snapshot())
        survivor = _survivor(directory, name, snapshot, genesis)
        with progress(f"checking {name}", last_index(snapshot), "blocks") as ticks:
            verify_store(storage, genesis, ticks.advance)
        found.append(survivor)
    if chain is None or len({each.name for each in found}) != len(found):
        raise InvalidSetting("one node was given twice", code="given-twice")
    return found, chain


def _second_stores(directories: Sequence[Path], survivors: Sequence[Survivor]) -> dict[str, Height]:
    """Say which nodes have a whole second store, before anything is refused for what is lost."""
    from govchaind.node import load
    from govchaind.recovery.second_store import whole_second_store

    found: dict[str, Height] = {}
    for directory, survivor in zip(directories, survivors, strict=True):
        (config, _, _), name = load(directory), survivor.name
        limit = config.storage.map_bytes_max
        height = whole_second_store(config.store_directory, map_bytes_max=limit)
        if height is None:
            continue
        found[name] = height
        if height > survivor.last:
            note(
                f"{name} has a whole snapshot of height {height} beside its store, which is not "
                "read here. If it may hold what is lost, start this node alone, so that it goes on "
                "from it, stop it and prepare anew: `recover apply` removes it."
            )
        else:
            note(
                f"{name} has a whole snapshot of height {height} beside its store, which is not "
                f"read here: the store itself reaches {survivor.last}. `recover apply` removes it."
            )
    return found


def _survivor(directory: Path, name: str, reader: Any, genesis: Genesis) -> Survivor:
    from govchaind.node import load
    from govchaind.recovery.survivor import read_survivor
    from govchaind.runtime.guard import remembered
    from govchaind.runtime.system import GuardFile

    _, identity, _ = load(directory)
    guard = remembered(GuardFile(identity.guard_path).read())
    return read_survivor(name, reader, genesis, guard)


def _trust(trust_file: Path | None, genesis: Path | None) -> TrustRoot | None:
    from govchaind.client.trust import load_trust, trust_from_genesis

    if trust_file is not None:
        return load_trust(trust_file)
    return None if genesis is None else trust_from_genesis(genesis)


def _judged(made: Recovery, trust: TrustRoot | None) -> Any:
    """Return what answers for state keys, judged by a trust file where there is one."""
    from govchaind.ledger.recovery_proof import proved_lookup

    if trust is None:
        return proved_lookup(made, lambda _: None)
    body = made.body
    if trust.chain_id != body.chain_id:
        raise InvalidProof("the record is of another chain", code="other-chain")
    if trust.head_height > max(body.kept, body.lost or 0):
        raise InvalidProof(
            f"your trust file has seen height {trust.head_height} certified; the record keeps "
            f"{body.kept} and does not say that the rest is lost",
            code="recovery-lost-the-head",
            remedy="Do not sign. Give your trust file to whoever prepares the record (--seen).",
        )
    return proved_lookup(made, trust.check)


def _show(made: Recovery, trust: TrustRoot | None, *, as_json: bool) -> None:
    from govchaind.ledger.recovery_quorum import institutions_signed, signatures_needed

    lookup = _judged(made, trust)
    signed, needed = institutions_signed(made, lookup), signatures_needed(lookup)
    if as_json:
        print_json({**_facts(made), "signed_by": signed, "needed": needed,
                    "judged": trust is not None})  # fmt: skip
        return
    _tell(made)
    click.echo(f"  {'signed by':16} {', '.join(signed) or 'nobody'}")
    click.echo(f"  {'needed':16} {needed} institutions")
    if trust is None:
        note("Its proofs were not compared with a trust file: give --trust FILE.")


def _facts(made: Recovery) -> dict[str, Any]:
    body = made.body
    return {
        "chain_id": body.chain_id.hex(),
        "digest": made.digest.hex(),
        "recovery_height": body.height,
        "kept_height": body.kept,
        "kept_block": body.kept_hash.hex(),
        "certified_height": body.certified,
        "lost_up_to": body.lost,
        "term": body.term,
        "time": moment(body.time),
        "validators": [member.name for member in body.membership.voters()],
        "left_out": list(body.left_out),
    }


def _tell(made: Recovery) -> None:
    body = made.body
    lost = "" if body.lost is None else f" Heights {body.kept + 1} to {body.lost} are LOST."
    click.echo(
        f"Recovery at height {body.height}: everything up to height {body.kept} is kept; "
        f"{len(body.membership.voters())} validators go on.{lost}"
    )
    for name, value in _facts(made).items():
        said = ", ".join(value) if isinstance(value, list) else value
        if said not in (None, ""):
            click.echo(f"  {name.replace('_', ' '):16} {line(said)}")
