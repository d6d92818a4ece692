"""Why each property must hold, and where the bugs it finds have been seen: for `netsim explain`."""

from __future__ import annotations

from types import MappingProxyType

WHY = MappingProxyType({
    "I-1": (
        "Two leaders of one term may put two different entries at one index and both "
        "commit them."
    ),
    "I-2": (
        "A second vote in one term can elect a second leader. The vote is forgotten most "
        "easily in a restart, between the answer and the write."
    ),
    "I-3": (
        "All of Raft's argument rests on leaders that only append: an entry that a leader"
        " cuts may already be counted elsewhere."
    ),
    "I-4": (
        "Followers compare one entry only, the one before the new ones; that is enough as"
        " long as equal index and term mean an equal prefix."
    ),
    "I-5": "A leader without a committed entry will overwrite it on everybody else.",
    "I-6": (
        "This is the ledger's whole promise: one page at each height, for everybody and "
        "for ever."
    ),
    "I-7": (
        "What goes back has been forgotten, and what has been forgotten will be promised "
        "again."
    ),
    "I-8": (
        "A follower that commits beyond what its leader has compared commits a stale "
        "tail."
    ),
    "I-9": (
        "Everybody counts on an answer; if the disk does not hold it, a power cut takes "
        "it back."
    ),
    "I-10": (
        "What is committed must survive the loss of any minority, also when all lose "
        "power at once."
    ),
    "I-11": "A match that is too high is counted towards a commit that no majority holds.",
    "I-12": "Figure 8 of the Raft paper: an old entry on a majority can still be overwritten.",
    "I-13": "Two changes at once can make two majorities that share nobody.",
    "I-14": (
        "Votes of nodes that are no members, or of a store that is gone, elect leaders "
        "that no majority has chosen."
    ),
    "I-15": "Auditors follow the chain by hashes; a break in it is a break in the evidence.",
    "I-16": (
        "Nodes that apply the same blocks must sign the same results, or nothing is ever "
        "certified."
    ),
    "I-17": (
        "A transaction that takes effect twice is a duty fulfilled twice, or a vote "
        "counted twice."
    ),
    "I-18": "An institution acts on what it was told; it cannot be untold.",
    "I-20": "A client that reads after a write must see it, whichever node it asks.",
    "I-23": "Two signed statements of one height are a proof of guilt against an honest node.",
    "I-24": "A signature says `this is final`; given earlier, it may be a lie after a crash.",
    "I-26": "A node that starts from half a write knows something that was never true.",
    "I-32": (
        "While nodes of two releases work together each signs what it has computed itself: one "
        "block that they judge differently stops one half of them."
    ),
    "I-33": "A failure that cannot be played again cannot be mended.",
    "I-34": (
        "A quorum that turns bad can sign a second history; whoever has seen the first must not "
        "be led away from it."
    ),
    "I-60": (
        "Whoever accepts an asset believes that nobody can make more of it, or spend what "
        "is frozen."
    ),
    "L-a": "A network that could have a leader and has none is down.",
    "L-b": "A transaction that was accepted and is never certified is a promise not kept.",
    "L-c": (
        "A member that never catches up is a member less, and nobody notices until the "
        "next one."
    ),
    "L-d": "Elections without need stop writes, and each one is a chance for the next bug.",
    "L-e": "Messages without end are a network that is busy and gets nothing done.",
    "L-f": "A leader that cannot write or cannot hear, and stays, stops everybody.",
    "L-g": "Operators hand leadership over before maintenance; it must never block writes.",
    "N-1": "An honest node among honest nodes has no reason to stop.",
    "N-2": "A peer that is taken for a liar loses its link; honest ones must not.",
    "N-6": "Who has signed two things and is not found out will do it again.",
    "N-4": (
        "A node lives for years: what is left open once an hour fills its memory or its table"
        " of files, and an old view keeps LMDB from using any page again."
    ),
    "N-5": "What no office has signed binds nobody, and a ledger that holds it proves nothing.",
})  # fmt: skip

# By a bug's id in the design: where it was seen outside this project.
SEEN = MappingProxyType({
    "E-1": "bakwc/PySyncObj#84",
    "E-2": "bakwc/PySyncObj#202",
    "E-3": "hashicorp/raft#661",
    "E-4": "microsoft/CCF#5891",
    "E-7": "camunda/camunda#1068",
    "E-10": "the Raft thesis, 3.6.1",
    "E-12": "the Raft paper, figure 2",
    "E-17": "butaneprotocol/oracles#32",
    "R-1": "microsoft/CCF#5748",
    "R-3": "bakwc/PySyncObj#166",
    "R-6": "microsoft/CCF#6016",
    "R-8": "mofa-org/mofa#1151",
    "R-12": "eBay/NuRaft#274",
    "R-16": "microsoft/CCF#5927",
    "D-1": "tikv/tikv#994",
    "D-7": "hyperledger/fabric#1964",
    "D-10": "hyperledger/fabric#3639",
    "S-5": "scylladb/scylladb#30984",
    "M-1": "raft-dev, Ongaro 2015",
    "Q-2": "memgraph/memgraph#2374",
    "Q-9": "CurvineIO/curvine#676",
    "Q-10": "Jepsen on Redis-Raft",
    "L-1": "the Cloudflare outage of 2020-11-02",
    "L-2": "RedisLabs/raft#24",
    "L-7": "hashicorp/raft#413",
    "A-1": "cosmos/cosmos-sdk#206",
    "A-2": "cosmos/cosmos-sdk#2264",
    "B-1": "tikv/tikv#994",
})  # fmt: skip
