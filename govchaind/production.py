"""Production's side of every seam of a node: store, network, threads, clock, files, signer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from govchaind.api.listener import listen_http
from govchaind.base.errors import GovchaindError
from govchaind.base.limits import STORE_AHEAD_BYTES
from govchaind.config import Config
from govchaind.identity import Identity
from govchaind.runtime.environment import DeliveryDoors, Environment
from govchaind.runtime.lmdb_storage import LmdbStorage
from govchaind.runtime.signer_socket import signer_door
from govchaind.runtime.system import (
    CrashRecord,
    GuardFile,
    WorkerThreads,
    entropy,
    wall_milliseconds,
)
from govchaind.runtime.tcp import TcpNetwork
from govchaind.runtime.telemetry import Telemetry
from govchaind.runtime.tls import TlsIdentity

DELIVERY_THREADS = 2
CRASH_FILE = "last-fault"


@asynccontextmanager
async def production(
    config: Config, identity: Identity, telemetry: Telemetry
) -> AsyncIterator[Environment]:
    """Make production's side of every seam; the store closes last."""
    crash = CrashRecord(config.data_directory / CRASH_FILE)
    crash.check()
    storage = LmdbStorage(
        config.store_directory,
        map_bytes_max=config.storage.map_bytes_max,
        ahead_bytes=STORE_AHEAD_BYTES,
    )
    verifiers = WorkerThreads("verify", config.node.verify_threads)
    carriers = WorkerThreads("deliver", DELIVERY_THREADS)
    try:
        crash.open()
        guard_file = GuardFile(identity.guard_path)
        certificate = identity.certificate_path.read_bytes()

        def refused(address: str, error: GovchaindError) -> None:
            telemetry.event("link.refused", address=address, code=error.code, reason=error.message)

        tls = TlsIdentity(identity.tls_seed, certificate)
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
            guard_write=guard_file.write,
            listen_http=listen_http,
            delivery=doors,
            signer=signer_door(config.attestation.signer, identity.greetings_path),
        )
    finally:
        verifiers.close()
        carriers.close()
        storage.close()
        crash.close()
