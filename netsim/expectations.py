"""What a world file expects of a run, beyond that every property holds."""

from __future__ import annotations

from msgspec import Struct

from netsim.run import Verdict


class Expect(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One number or name for each thing expected; what is not given is not asked."""

    committed_min: int | None = None
    committed_an_hour_min: float | None = None
    certified_min: int | None = None
    elections_max: int | None = None
    answered_min: int | None = None
    answered_share_min: float | None = None
    observers_height_min: int | None = None
    marks: tuple[str, ...] = ()
    properties: tuple[str, ...] | None = None  # these alone are looked at; None: all


def unmet(expect: Expect, verdict: Verdict) -> list[str]:
    """Return one sentence for each expectation that a run has not met."""
    found: list[str] = []

    def least(name: str, wanted: float | None, was: float) -> None:
        if wanted is not None and was < wanted:
            found.append(f"{name} = {wanted:g}, and it was {was:g}")

    hours = max(verdict.simulated_seconds, 1e-9) / 3600
    least("committed_min", expect.committed_min, verdict.heights)
    least("committed_an_hour_min", expect.committed_an_hour_min, verdict.heights / hours)
    least("certified_min", expect.certified_min, verdict.certified)
    least("answered_min", expect.answered_min, verdict.answered)
    share = verdict.answered / verdict.operations if verdict.operations else 0.0
    least("answered_share_min", expect.answered_share_min, share)
    least("observers_height_min", expect.observers_height_min, verdict.observers_height or 0)
    if expect.elections_max is not None and verdict.terms > expect.elections_max:
        found.append(f"elections_max = {expect.elections_max}, and it was {verdict.terms}")
    missed = [mark for mark in expect.marks if mark not in verdict.marks]
    if missed:
        found.append(f"marks: {' '.join(missed)} not reached")
    return found
