"""What one seed decides of a run of gear 2, drawn before it begins.

As in gear 1, each kind of fault has a random source of its own, so that leaving one out changes
nothing that is drawn for the others, and each is off in many seeds.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from netsim.options import source

FAULTS = (
    "lost",
    "unanswered",
    "reset",
    "clog",
    "cut",
    "partition",
    "crash",
    "stop",
    "disk-slow",
    "disk-hang",
    "disk-error",
    "disk-full",
    "rot",
    "wipe",
    "restore",
    "membership",
    "joins",
    "prune",
    "malicious",
    "vandal",
    "clock",
    "customer-loss",
)

SECONDS = 25.0

STORMY = 0.04  # of all seeds have every kind on; as many have none

# How often each kind is on, of all others.
LIKELY = {
    "lost": 0.4,
    "unanswered": 0.3,
    "reset": 0.4,
    "clog": 0.3,
    "cut": 0.4,
    "partition": 0.6,
    "crash": 0.7,
    "stop": 0.3,
    "disk-slow": 0.35,
    "disk-hang": 0.3,
    "disk-error": 0.35,
    "disk-full": 0.25,
    "rot": 0.3,
    "wipe": 0.2,
    "restore": 0.2,
    "membership": 0.35,
    "joins": 0.25,
    "prune": 0.2,
    "malicious": 0.3,
    "vandal": 0.3,
    "clock": 0.4,
    "customer-loss": 0.4,
}


@dataclass(frozen=True, slots=True)
class Options:
    """All that a seed decides. Seconds unless the name says otherwise; rates are probabilities."""

    seed: int
    seconds: float  # of the safety phase
    voters: int
    observers: int
    spares: int  # nodes that no membership names at first
    faults: tuple[str, ...]  # the kinds that are on
    real_signatures: bool
    heartbeat: float
    election_min: float
    election_max: float
    delay_min: float
    delay_mean: float
    window_bytes: int  # under way on one connection, at most
    lost: float  # sends that TCP must repeat
    unanswered: float  # connections that come to nothing
    write_mean: float  # of a synced write
    fault_every: float  # mean time between two faults of one kind
    fault_lasts: float  # mean time until it ends
    lies: float  # share of a malicious member's messages that are changed
    power_cuts: float  # share of crashes that close no connection
    clock_skew: float  # at most, either way
    customers: int
    customer_delay: float
    customer_loss: float  # requests, and replies, that get lost
    patience: float  # how long a customer waits for one thing
    think_mean: float
    keys: int
    reads: float  # share of reads among what customers do
    cas: float  # share of compare-and-set among writes
    batch_max: int  # transactions in one submission
    receipts: float  # share of writes whose receipt is fetched
    watchers: int  # who follow the event stream
    # of joining by snapshot, where that is on
    behind_blocks: int  # so far behind, a node fetches the state
    new_blocks: int  # the same for one with hardly any blocks
    keep_ready: bool  # a state is always laid out
    chunk_bytes: int  # of a chunk, at most
    fresh_heights: int  # what is laid out is offered so long
    # of removing old blocks, where that is on
    keep_blocks: int  # that stay, at least

    @property
    def by_snapshot(self) -> bool:
        """Whether nodes can join by snapshot in this run: where blocks go they must."""
        return self.on("joins") or self.on("prune")

    def on(self, fault: str) -> bool:
        """Say whether this kind of fault happens in this run."""
        return fault in self.faults

    def lines(self) -> list[str]:
        """Return one printable line for each option."""
        return [f"{item.name:18} {_shown(getattr(self, item.name))}" for item in fields(self)]


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, tuple):
        return " ".join(value) or "none"
    return str(value)


def _kinds(
    seed: int,
    *,
    calm: bool,
    without: tuple[str, ...],
    only: tuple[str, ...] | None,
    also: tuple[str, ...],
) -> tuple[str, ...]:
    """Draw which kinds are on, each from a source of its own."""
    storm = source(seed, "gear2/storm").random() < STORMY
    faults = []
    for fault in FAULTS:
        drawn = storm or source(seed, f"gear2/on/{fault}").random() < LIKELY[fault]
        wanted = drawn if only is None else fault in only
        if fault in also or (wanted and not calm and fault not in without):
            faults.append(fault)
    return tuple(faults)


def draw(
    seed: int,
    *,
    nodes: int | None = None,
    seconds: float = SECONDS,
    without: tuple[str, ...] = (),
    only: tuple[str, ...] | None = None,
    also: tuple[str, ...] = (),
) -> Options:
    """Draw a run's options. `nodes` fixes the number of voters; kinds in `also` are on anyway."""
    pick = source(seed, "gear2/options")
    voters = pick.choices((1, 2, 3, 4, 5), weights=(4, 4, 56, 12, 24))[0]
    if nodes is not None:
        voters = nodes
    calm = pick.random() < 0.04
    faults = _kinds(seed, calm=calm, without=without, only=only, also=also)
    delay_mean = pick.choice((0.0005, 0.002, 0.01, 0.05))
    election_min = pick.choice((1.5, 1.5, 0.8))
    lost, unanswered = pick.choice((0.005, 0.02, 0.1)), pick.choice((0.05, 0.3))
    join = source(seed, "gear2/joins")
    skew, loss = pick.choice((0.1, 5.0, 20.0)), pick.choice((0.02, 0.1))
    return Options(
        seed=seed,
        seconds=seconds,
        voters=voters,
        observers=max(
            pick.choices((0, 1), weights=(3, 1))[0],
            int("malicious" in faults and voters < 4),  # then it is an observer that lies
        ),
        spares=source(seed, "gear2/spares").choice((1, 1, 2)) if "membership" in faults else 0,
        faults=faults,
        real_signatures=seed % 20 == 19,
        heartbeat=election_min / 3,
        election_min=election_min,
        election_max=election_min * 2,
        delay_min=delay_mean * pick.uniform(0.1, 0.9),
        delay_mean=delay_mean,
        window_bytes=pick.choice((2_000, 64_000, 4_000_000)),
        lost=lost if "lost" in faults else 0.0,
        unanswered=unanswered if "unanswered" in faults else 0.0,
        write_mean=pick.choice((0.0005, 0.002, 0.01, 0.05)),
        fault_every=pick.choice((4.0, 8.0, 16.0)),
        fault_lasts=pick.choice((1.0, 3.0, 8.0)),
        lies=source(seed, "gear2/lies").choice((0.01, 0.05, 0.2)),
        power_cuts=pick.choice((0.0, 0.5, 1.0)),
        clock_skew=skew if "clock" in faults else 0.0,
        customers=pick.choice((1, 2, 3, 5)),
        customer_delay=pick.choice((0.001, 0.01)),
        customer_loss=loss if "customer-loss" in faults else 0.0,
        patience=pick.choice((3.0, 10.0)),
        think_mean=pick.choice((0.3, 1.0, 3.0)),
        keys=pick.choice((1, 2, 4)),
        reads=pick.choice((0.2, 0.4, 0.6)),
        cas=pick.choice((0.0, 0.3, 0.7)),
        batch_max=pick.choice((1, 1, 3, 20)),
        receipts=pick.choice((0.2, 0.6)),
        watchers=pick.choice((0, 1, 2)),
        behind_blocks=join.choice((2, 4, 8)),
        new_blocks=join.choice((2, 4)),
        keep_ready=join.random() < 0.3,
        chunk_bytes=join.choice((500, 4000, 768 * 1024)),
        fresh_heights=join.choice((4, 16, 4096)),
        keep_blocks=source(seed, "gear2/prune").choice((8, 8, 12)),
    )


def falling_behind(options: Options) -> Options:
    """Return a run in which much is written and somebody falls behind every other second."""
    return replace(
        options,
        think_mean=0.3,
        customers=2,
        batch_max=1,
        receipts=0.2,
        delay_min=0.0005,
        delay_mean=0.001,
        write_mean=0.002,
        fault_every=2.0,
        fault_lasts=1.0,
        behind_blocks=2,
        new_blocks=2,
        chunk_bytes=500,
        fresh_heights=4,
    )
