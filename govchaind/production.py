"""Production's side of every seam of a node: store, network, threads, clock, files, signer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import time_ns

from govchaind.api.listener import listen_http
from govchaind.base.errors import GovchaindError
from govchaind.base.limits import STORE_AHEAD_BYTES
from govchaind.config import Config
from govchaind.identity import Identity
from govchaind.runtime.environment import DeliveryDoors, Environment, SignerDoor, TraceDoor
from govchaind.runtime.guard import remembered
from govchaind.runtime.lmdb_storage import LmdbStorage
from govchaind.runtime.signer_socket import signer_door
from govchaind.runtime.snapshots import make_doors
from govchaind.runtime.store_exchange import exchange
from govchaind.runtime.system import (
    CrashRecord,
    GuardFile,
    WorkerThreads,
    entropy,
    software_version,
    wall_milliseconds,
)
from govchaind.runtime.tcp import TcpNetwork
from govchaind.runtime.telemetry import Telemetry
from govchaind.runtime.tls import TlsIdentity, TlsKeys
from govchaind.runtime.traces import end_traces
from govchaind.tracing.collector import open_exporter, traces_address
from govchaind.tracing.span import resource_of

DELIVERY_THREADS = 2
CRASH_FILE = "last-fault"


def _signers(config: Config, identity: Identity) -> dict[bytes, SignerDoor]:
    """Return the doors to the signers that the settings name, by the keys that they hold."""
    sockets = (config.attestation.signer, config.attestation.next_signer)
    return {
        each.attestation_public: signer_door(socket, each.greetings_path)
        for each, socket in zip(identity.held(), sockets, strict=False)
        if socket is not None
    }


def _trace_door(config: Config, identity: Identity) -> TraceDoor | None:
    """Raises InvalidSetting: traces are asked for, and the extra for them is not installed."""
    if config.trace.endpoint is None:
        return None
    resource = resource_of("govchaind", software_version(), identity.name)
    return TraceDoor(open_exporter(traces_address(config.trace.endpoint), resource), time_ns)


@asynccontextmanager
async def production(
    config: Config, identity: Identity, telemetry: Telemetry
) -> AsyncIterator[Environment]:
    """Make production's side of every seam; the store closes last."""
    traces = _trace_door(config, identity)
    crash = CrashRecord(config.data_directory / CRASH_FILE)
    crash.check()
    guard_file = GuardFile(identity.guard_path)
    guard = remembered(guard_file.read())
    await exchange(config.store_directory, config.storage, guard, telemetry)
    storage = LmdbStorage(
        config.store_directory,
        map_bytes_max=config.storage.map_bytes_max,
        ahead_bytes=STORE_AHEAD_BYTES,
        reserve_bytes=config.storage.reserve_bytes,
    )
    verifiers = WorkerThreads("verify", config.node.verify_threads)
    carriers = WorkerThreads("deliver", DELIVERY_THREADS)
    try:
        crash.open()

        def refused(address: str, error: GovchaindError) -> None:
            telemetry.event("link.refused", address=address, code=error.code, reason=error.message)

        tls = TlsKeys(
            *(
                TlsIdentity(each.tls_seed, each.certificate_path.read_bytes())
                for each in identity.held()
            )
        )
        doors = None
        if config.delivery.enabled:
            network = TcpNetwork(tls, refused=refused, setting="delivery.listen")
            doors = DeliveryDoors(network, carriers)
        yield Environment(
            storage=storage,
            network=TcpNetwork(tls, refused=refused),
            threads=verifiers,
            wall_milliseconds=wall_milliseconds,
            entropy=entropy,
            guard_read=guard_file.read,
            guard_write=GuardFile(identity.guard_path, storage.reserve.release_for).write,
            listen_http=listen_http,
            delivery=doors,
            signers=_signers(config, identity),
            snapshots=make_doors(
                config.data_directory, config.store_directory, config.storage, carriers
            ),
            traces=traces,
        )
    finally:
        if traces is not None:
            await end_traces(traces)
        verifiers.close()
        carriers.close()
        storage.close()
        crash.close()
