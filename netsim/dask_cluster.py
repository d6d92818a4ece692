"""A sweep on a Dask cluster: the same jobs, in chunks, wherever a worker is free.

Workers must run the same code, or a seed means something else there: each is asked for a digest of
what it would run, and a cluster with another one is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import govchaind
import netsim
from govchaind.base.errors import InvalidSetting, PeerError

J = TypeVar("J")
V = TypeVar("V")

CHUNK_SEEDS = 16
CONNECT_SECONDS = 10


def code_digest() -> str:
    """Return a digest of all code of govchaind and netsim, as this process would import it."""
    found = hashlib.blake2b(digest_size=16)
    for package in (govchaind, netsim):
        folder = Path(next(iter(package.__path__)))
        for path in sorted(folder.rglob("*.py")):
            found.update(path.relative_to(folder).as_posix().encode() + b"\0")
            found.update(path.read_bytes() + b"\0")
    return found.hexdigest()


class Cluster:
    """A connection to a scheduler. Raises InvalidSetting without dask, PeerError without it."""

    def __init__(self, address: str) -> None:
        try:
            distributed: Any = import_module("distributed")
        except ImportError:
            raise InvalidSetting(
                "dask.distributed is not installed here",
                code="no-dask",
                remedy="Install it with `pip install 'govchaind[dask]'`, or sweep without --dask.",
            ) from None
        self._distributed = distributed
        try:
            self._client: Any = distributed.Client(address, timeout=CONNECT_SECONDS)
        except (OSError, ValueError) as error:
            raise PeerError(
                f"no Dask scheduler answers at {address}: {str(error).splitlines()[0]}",
                code="no-cluster",
                remedy="Start one with `dask scheduler` and workers with `dask worker ADDRESS`.",
            ) from error
        self._check()

    def _check(self) -> None:
        own = code_digest()
        told: dict[str, str] = self._client.run(code_digest)
        if not told:
            self.close()
            raise PeerError(
                "the Dask cluster has no workers",
                code="no-cluster",
                remedy="Start some with `dask worker ADDRESS`.",
            )
        others = sorted(name for name, digest in told.items() if digest != own)
        if others:
            self.close()
            raise PeerError(
                f"{len(others)} of {len(told)} workers run other code, such as {others[0]}",
                code="other-code",
                remedy="Install this version on every worker, and start the workers again.",
            )

    @property
    def threads(self) -> int:
        """Return how many jobs the cluster works on at once."""
        workers = self._client.scheduler_info(n_workers=-1)["workers"]
        return sum(int(worker["nthreads"]) for worker in workers.values())

    def verdicts(
        self, jobs: Sequence[J], play_chunk: Callable[[Sequence[J]], list[V]]
    ) -> Iterator[V]:
        """Yield verdicts as they come. `play_chunk` runs some jobs on a worker; it must be a
        function that workers can import."""
        size = max(1, min(CHUNK_SEEDS, len(jobs) // (2 * max(1, self.threads)) or 1))
        chunks = [jobs[at : at + size] for at in range(0, len(jobs), size)]
        futures = self._client.map(play_chunk, chunks, pure=False)
        try:
            for _, found in self._distributed.as_completed(futures, with_results=True):
                yield from found
        finally:
            self._client.cancel(futures)

    def close(self) -> None:
        """End the connection; the cluster stays."""
        self._client.close()
