"""What one seed decides: every option of a run, drawn before the first event.

Each kind of fault has a random source of its own, named by the seed and the kind, so that leaving
one kind out (`without`) does not change what is drawn for the others: that is how a failing run is
made smaller by hand. Several kinds are off in most seeds (swarm testing, Groce et al. 2012): a
fault that is always on hides what happens without it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, fields

FAULTS = (
    "loss",
    "duplicate",
    "reorder",
    "hold",
    "cut",
    "partition",
    "crash",
    "pause",
    "slow",
    "wipe",
    "restore",
    "disk-slow",
    "disk-hang",
    "disk-error",
    "disk-full",
    "rot",
    "clock",
    "membership",
    "transfer",
    "malicious",
    "clog",
    "half-open",
    "cap",
    "slow-reader",
    "flood",
    "ambush",
    "upgrade",
    "sleep",
)

MESSAGES_MAX = 5_000
MINUTES = 10.0
SAFETY_SHARE = 0.6  # of the messages and of the time; the rest is for liveness

# How often each kind is on, of all seeds. Kinds that make the others rarer to reach are rarer.
LIKELY = {
    "loss": 0.5,
    "duplicate": 0.4,
    "reorder": 0.5,
    "hold": 0.35,
    "cut": 0.4,
    "partition": 0.6,
    "crash": 0.7,
    "pause": 0.3,
    "slow": 0.25,
    "wipe": 0.25,
    "restore": 0.2,
    "disk-slow": 0.35,
    "disk-hang": 0.3,
    "disk-error": 0.25,
    "disk-full": 0.2,
    "rot": 0.2,
    "clock": 0.4,
    "membership": 0.4,
    "transfer": 0.4,
    "malicious": 0.2,
    "clog": 0.3,
    "half-open": 0.25,
    "cap": 0.25,
    "slow-reader": 0.2,
    "flood": 0.2,
    "ambush": 0.6,
    "upgrade": 0.15,
    "sleep": 0.4,
}


@dataclass(frozen=True, slots=True)
class Options:
    """All that a seed decides. Seconds unless the name says otherwise; rates are probabilities."""

    seed: int
    minutes: float
    messages_max: int
    voters: int
    spares: int  # nodes that no membership names at first
    observers: int
    faults: tuple[str, ...]  # the kinds that are on
    real_signatures: bool
    links_notice_cuts: bool  # an idle link is given up; otherwise only Raft's own time-outs notice
    mesh_is_strict: bool  # who is no member gets no link
    heartbeat: float
    election_min: float
    election_max: float
    delay_min: float
    delay_mean: float
    write_mean: float  # of a synced write
    loss: float
    duplicate: float
    reorder: float
    reorder_extra: float
    hold: float
    hold_mean: float
    fault_every: float  # mean time between two faults of one kind
    fault_lasts: float  # mean time until it ends
    clients: int
    think_mean: float
    keys: int
    reads: float  # share of reads among what clients do
    cas: float  # share of compare-and-set among writes
    retry: float  # a client that waits too long tries again, here or elsewhere
    abandon: float
    client_duplicate: float  # a client sends the same bytes to two nodes at once
    client_patience: float
    eager: float  # share of what clients do at once, and at leaders, when leadership has changed
    callers: int  # who ask each new leader at once, for reads
    rivals: int  # 1: the second of two candidates of one term comes late to the first
    clerks: int  # who do all else that the ledger allows, and much that it refuses
    clerk_think: float
    errands: float  # share of what clerks do about the catalogue, requests and grants
    motions: float  # share of what they do about motions, before all else
    sides: float  # share of what they do about side values and evidence, before all else
    lifetime_extra: int  # milliseconds that every transaction is valid longer
    follower_skew: float  # seconds that whoever follows is ahead; for two runs that must agree
    clock_skew: float  # seconds, at most, either way
    power_cuts: float  # share of crashes that close no link

    def on(self, fault: str) -> bool:
        """Say whether this kind of fault happens in this run."""
        return fault in self.faults

    @property
    def has_liar(self) -> bool:
        """Whether one member lies: at most a third may."""
        return self.on("malicious") and self.voters >= 4

    def lines(self) -> list[str]:
        """Return one printable line for each option."""
        return [f"{item.name:18} {_shown(getattr(self, item.name))}" for item in fields(self)]


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, tuple):
        return " ".join(value) or "none"
    return str(value)


def source(seed: int, purpose: str) -> random.Random:
    """Return the random source of one purpose: the same in every process."""
    return random.Random(f"netsim/{seed}/{purpose}")


def draw(
    seed: int,
    *,
    nodes: int | None = None,
    minutes: float = MINUTES,
    messages_max: int = MESSAGES_MAX,
    without: tuple[str, ...] = (),
    only: tuple[str, ...] | None = None,
) -> Options:
    """Draw a run's options. `nodes` fixes the number of voters at genesis."""
    pick = source(seed, "options")
    voters = pick.choices((1, 2, 3, 4, 5, 7), weights=(4, 4, 40, 16, 30, 6))[0]
    if nodes is not None:
        voters = nodes
    calm = pick.random() < 0.04
    faults = [] if calm else _faults(seed, without, only)
    if "malicious" in faults and nodes is None:
        voters = max(voters, source(seed, "among-liars").choice((4, 4, 5, 7)))
    fast = pick.random() < 0.3  # short time-outs and long delays: elections collide
    delay_mean = pick.choice((0.001, 0.005, 0.02, 0.08)) if not fast else pick.uniform(0.02, 0.2)
    election_min = 1.5 if not fast else pick.uniform(max(0.3, 4 * delay_mean), 1.5)
    spares = pick.choice((1, 1, 2)) if "membership" in faults or "wipe" in faults else 0
    return Options(
        seed=seed,
        minutes=minutes,
        messages_max=messages_max,
        voters=voters,
        spares=spares,
        observers=pick.choices((0, 1, 2), weights=(6, 3, 1))[0],
        faults=tuple(faults),
        real_signatures=seed % 4 == 3 or ("malicious" in faults and voters >= 4),
        links_notice_cuts=pick.random() < 0.6,
        mesh_is_strict=pick.random() < 0.6,
        heartbeat=election_min / 3,
        election_min=election_min,
        election_max=election_min * 2,
        delay_min=delay_mean * pick.uniform(0.1, 0.9),
        delay_mean=delay_mean,
        write_mean=pick.choice((0.0005, 0.002, 0.01, 0.05)),
        loss=pick.choice((0.005, 0.02, 0.1)),
        duplicate=pick.choice((0.01, 0.05, 0.2)),
        reorder=pick.choice((0.05, 0.2, 0.5)),
        reorder_extra=pick.choice((2, 10, 40)) * delay_mean,
        hold=pick.choice((0.002, 0.01, 0.03)),
        hold_mean=pick.choice((1.0, 4.0, 20.0)),
        fault_every=pick.choice((2.0, 5.0, 12.0)) * (election_min + 0.5),
        fault_lasts=pick.choice((0.5, 2.0, 6.0)) * (election_min + 0.5),
        clients=pick.choice((1, 2, 3, 5)),
        think_mean=pick.choice((0.3, 1.0, 3.0)),
        keys=pick.choice((1, 2, 4)),
        reads=pick.choice((0.2, 0.4, 0.6)),
        cas=pick.choice((0.0, 0.3, 0.7)),
        retry=pick.choice((0.3, 0.8)),
        abandon=pick.choice((0.05, 0.3)),
        client_duplicate=pick.choice((0.0, 0.1, 0.3)),
        client_patience=pick.choice((2.0, 6.0)),
        eager=source(seed, "eager").choice((0.0, 0.5, 0.9)),
        callers=source(seed, "callers?").choice((0, 0, 0, 2)),
        rivals=source(seed, "rivals?").choice((0, 0, 0, 0, 0, 0, 0, 1)),
        clerks=pick.choice((0, 1, 1, 2)),
        clerk_think=pick.choice((1.0, 3.0, 6.0)),
        errands=source(seed, "errands").choice((0.0, 0.6, 0.9)),
        motions=source(seed, "motions").choice((0.0, 0.0, 0.0, 0.7)),
        # The name of the source leaves the seeds that most planted bugs are pinned to as they were.
        sides=source(seed, "of-sides").choice((0.0, 0.0, 0.0, 0.0, 0.5)),
        lifetime_extra=0,
        follower_skew=0.0,
        clock_skew=pick.choice((0.1, 5.0, 20.0)) if "clock" in faults else 0.0,
        power_cuts=pick.choice((0.0, 0.5, 1.0)),
    )


def _faults(seed: int, without: tuple[str, ...], only: tuple[str, ...] | None) -> list[str]:
    """Return the kinds of faults that are on."""
    drawn = [each for each in FAULTS if source(seed, f"on/{each}").random() < LIKELY[each]]
    wanted = drawn if only is None else [each for each in FAULTS if each in only]
    return [each for each in wanted if each not in without]
