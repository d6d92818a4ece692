"""A trust root for a run that proves thousands of things under the same certificates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from govchaind.base.types import Hash
from govchaind.ledger.certificate import Certificate
from govchaind.ledger.trust import TrustRoot


class RememberedTrust(TrustRoot):
    """A trust root that judges one certificate once, for all that is proved under it.

    The client's judgement is a function of what is trusted and of the certificate's bytes, and
    neither changes; a certificate in which a bit differs is another one, and judged anew.
    """

    __slots__ = ("_believed",)

    _believed: set[Certificate]

    def check(self, certificate: Certificate, to_head: Sequence[Hash] | None = None) -> None:
        if to_head is not None or certificate not in self._believed:
            super().check(certificate, to_head)
        if to_head is None:
            self._believed.add(certificate)

    @classmethod
    def of(cls, trust: TrustRoot) -> RememberedTrust:
        """Return what believes as `trust` does."""
        made = cls(*(getattr(trust, each.name) for each in fields(trust)))
        object.__setattr__(made, "_believed", set())  # as what is frozen is made
        return made
