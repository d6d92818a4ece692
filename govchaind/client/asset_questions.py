"""What a client asks about assets: a node's word, and proofs that verify by themselves."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from govchaind.base.types import Height
from govchaind.client.questions import Asks, given


class AssetQuestions:
    """What a client asks of these; part of `Client`."""

    async def assets(self: Asks, *, after: str | None = None) -> dict[str, Any]:
        """Return one page of assets with their totals."""
        return await self.get_json("/v1/assets", given(after=after))

    async def asset(self: Asks, name: str) -> dict[str, Any]:
        """Return one asset with its totals. Raises NotFound."""
        return await self.get_json(_path(name))

    async def asset_holdings(self: Asks, name: str, *, after: str | None = None) -> dict[str, Any]:
        """Return one page of who holds an asset. Raises NotFound."""
        return await self.get_json(f"{_path(name)}/holdings", given(after=after))

    async def holdings(
        self: Asks, institution: str, office: str, *, after: str | None = None
    ) -> dict[str, Any]:
        """Return one page of what an office holds of all assets."""
        path = f"/v1/holdings/{quote(institution, safe='')}/{quote(office, safe='')}"
        return await self.get_json(path, given(after=after))

    async def holding(
        self: Asks, name: str, institution: str, office: str, purpose: str
    ) -> dict[str, Any]:
        """Return what an office holds of an asset for a purpose. Raises NotFound."""
        return await self.get_json(_holding_path(name, institution, office, purpose))

    async def asset_proof(self: Asks, name: str, *, height: Height | None = None) -> bytes:
        """Return the proof of an asset's totals at a certified height."""
        return await self.get_bytes(f"{_path(name)}/proof", given(height=height))

    async def holding_proof(
        self: Asks,
        name: str,
        institution: str,
        office: str,
        purpose: str,
        *,
        height: Height | None = None,
    ) -> bytes:
        """Return the proof of a holding, or that there never was one, at a certified height."""
        path = f"{_holding_path(name, institution, office, purpose)}/proof"
        return await self.get_bytes(path, given(height=height))


def _path(name: str) -> str:
    return f"/v1/assets/{quote(name, safe='')}"


def _holding_path(name: str, *holder: str) -> str:
    return f"{_path(name)}/holdings/{'/'.join(quote(each, safe='') for each in holder)}"
