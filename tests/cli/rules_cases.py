"""For each alert, series under which it comes, and series under which it does not.

Values are in promtool's notation, one each 30 s: `0x40` is 0 again and again, `0+6x40` rises by 6.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

INSTANCE = 'job="govchaind",instance="north:7600"'


def _gauge(name: str, bad: str, good: str, labels: str = "") -> tuple[dict[str, str], ...]:
    series = f"{name}{{{INSTANCE}{labels}}}"
    return {series: f"{bad}x400"}, {series: f"{good}x400"}


def _histogram(name: str, edge: str) -> tuple[dict[str, str], ...]:
    """Return a histogram of which a tenth lies above `edge`, and one of which nothing does."""
    low = f'{name}_bucket{{{INSTANCE},le="{edge}"}}'
    mid = f'{name}_bucket{{{INSTANCE},le="1.0"}}'
    top = f'{name}_bucket{{{INSTANCE},le="+Inf"}}'
    rise = "0+10x400"
    return {low: "0+9x400", mid: rise, top: rise}, {low: rise, mid: rise, top: rise}


def _pool(used: str) -> dict[str, str]:
    return {
        f"govchaind_pool_bytes{{{INSTANCE}}}": "1000x400",
        f"govchaind_pool_bytes_max{{{INSTANCE}}}": "1000000x400",
        f"govchaind_pool_transactions{{{INSTANCE}}}": f"{used}x400",
        f"govchaind_pool_transactions_max{{{INSTANCE}}}": "20000x400",
    }


def _http(failed: str) -> dict[str, str]:
    name = f'govchaind_http_requests_total{{{INSTANCE},method="GET",route="/v1/status"'
    return {f'{name},status="200"}}': "0+100x400", f'{name},status="503"}}': failed}


CASES: Mapping[str, tuple[dict[str, str], ...]] = MappingProxyType(
    {
        "GovchaindNodeDown": _gauge("up", "0", "1"),
        "GovchaindHeightStands": _gauge("govchaind_height", "7", "7+1"),
        "GovchaindSignerAway": _gauge("govchaind_signer_there", "0", "1"),
        "GovchaindNotAdmitted": _gauge("govchaind_in_configuration", "0", "1"),
        "GovchaindStorageFull": _gauge("govchaind_storage_room", "0", "1"),
        "GovchaindStorageFillsSoon": _gauge(
            "govchaind_storage_full_in_seconds", "1000000", "90000000"
        ),
        "GovchaindArchiveFails": _gauge(
            "govchaind_events_total", "0+1", "9", ',event="store.archive_failed"'
        ),
        "GovchaindStorageSlow": _histogram("govchaind_storage_sync_seconds", "0.1"),
        "GovchaindStorageStalls": _gauge("govchaind_write_pending_seconds", "5", "0.01"),
        "GovchaindLoopLate": _histogram("govchaind_event_loop_lateness_seconds", "0.2"),
        "GovchaindPoolFull": (_pool("19000"), _pool("100")),
        "GovchaindApiFails": (_http("0+10x400"), _http("0+1x400")),
        "GovchaindClockOff": _gauge("govchaind_clock_offset_seconds", "-31", "0.2"),
        "GovchaindLinkDown": _gauge("govchaind_peer_link_up", "0", "1", ',peer="south"'),
        "GovchaindMessagesDropped": _gauge(
            "govchaind_peer_dropped_messages_total", "0+3", "9", ',peer="south"'
        ),
        "GovchaindNoLeader": _gauge("govchaind_raft_role", "0", "1", ',role="leader"'),
        "GovchaindElectionsOften": _gauge("govchaind_raft_term", "1+1", "4"),
        "GovchaindCertificatesLag": _gauge("govchaind_certified_lag_heights", "300", "3"),
        "GovchaindGovernanceAtRisk": _gauge("govchaind_governance_level", "2", "1"),
        "GovchaindOfficeKeyEnds": _gauge(
            "govchaind_office_key_ends_in_seconds", "1000000", "9000000"
        ),
        "GovchaindOfficesQuiet": _gauge("govchaind_governing_offices_quiet", "1", "0"),
        "GovchaindDoubleSigning": _gauge("govchaind_evidence_unreported", "1", "0"),
        "GovchaindRequestsOverdue": _gauge("govchaind_request_clocks_lapsed", "2", "0"),
    }
)
