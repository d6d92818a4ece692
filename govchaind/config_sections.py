"""The sections of a node's settings file, each setting described where it is declared."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from govchaind.base import limits

ADDRESS = r"^(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/]+):[0-9]{1,5}$"


class NodeSection(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who this node is and where its files lie."""

    name: Annotated[
        str | None,
        Meta(description="Name of this node. If set, it must be the one in identity.toml."),
    ] = None
    data_directory: Annotated[
        str, Meta(min_length=1, description="Folder of the node's keys, genesis, guard and store.")
    ] = "."
    verify_threads: Annotated[
        int, Meta(ge=1, le=64, description="Worker threads that check signatures.")
    ] = 2


class PeerSection(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The door for other nodes (TLS 1.3, both sides proved)."""

    listen: Annotated[
        str, Meta(pattern=ADDRESS, description="host:port on which other nodes reach this one.")
    ] = "127.0.0.1:7400"
    dial: Annotated[
        tuple[Annotated[str, Meta(pattern=ADDRESS)], ...],
        Meta(
            max_length=64,
            description="Further host:port addresses to try, besides those of the membership.",
        ),
    ] = ()


class ApiSection(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The door for clients (HTTP)."""

    listen: Annotated[
        str, Meta(pattern=ADDRESS, description="host:port of the HTTP API and the status page.")
    ] = "127.0.0.1:7500"
    connections_max: Annotated[
        int, Meta(ge=1, le=65_536, description="Open HTTP connections; further ones wait.")
    ] = limits.HTTP_CONNECTIONS_MAX
    body_bytes_max: Annotated[
        int, Meta(ge=65_536, le=64 * 1024 * 1024, description="Largest request body, in bytes.")
    ] = limits.HTTP_BODY_BYTES_MAX
    wait_seconds_max: Annotated[
        float, Meta(ge=0, le=3600, description="Longest that a request may ask to wait.")
    ] = limits.HTTP_WAIT_SECONDS_MAX
    event_streams_max: Annotated[
        int, Meta(ge=0, le=65_536, description="Server-sent event streams open at once.")
    ] = limits.EVENT_STREAMS_MAX
    token_file: Annotated[
        str | None,
        Meta(description="File of clients' tokens, from data_directory; unset: none is needed."),
    ] = None
    reading_needs_token: Annotated[
        bool, Meta(description="With a token_file: whether reading needs a token as well.")
    ] = False
    reads: Annotated[
        Literal["open", "members", "offices"],
        Meta(
            description="What concerns offices is shown to: everybody; every office of the "
            "ledger; those offices alone."
        ),
    ] = "offices"
    requests_per_second_max: Annotated[
        float, Meta(ge=0, le=10**6, description="Requests of one address; 0: no bound.")
    ] = limits.HTTP_REQUESTS_PER_SECOND_MAX
    author_transactions_per_second_max: Annotated[
        float,
        Meta(ge=0, le=10**6, description="Transactions taken of one office; 0: no bound."),
    ] = limits.AUTHOR_TRANSACTIONS_PER_SECOND_MAX


class MetricsSection(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The door for Prometheus."""

    enabled: Annotated[bool, Meta(description="Whether /metrics is served at all.")] = True
    listen: Annotated[
        str, Meta(pattern=ADDRESS, description="host:port of /metrics, apart from the API.")
    ] = "127.0.0.1:7600"


class StorageSection(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The store."""

    directory: Annotated[
        str, Meta(min_length=1, description="Folder of the store, from data_directory.")
    ] = "store"
    map_bytes_max: Annotated[
        int,
        Meta(
            ge=16 * 1024 * 1024,
            le=16 * 1024**4,
            description="Largest size of the store's file; only what is written takes disk.",
        ),
    ] = 64 * 1024**3
    reserve_bytes: Annotated[
        int,
        Meta(ge=0, le=1024**4, description="With less free room than this, writes are refused."),
    ] = limits.DISK_RESERVE_BYTES
    keep_blocks: Annotated[
        int,
        Meta(ge=0, le=1 << 53, description="Older blocks than so many are removed; 0: none are."),
    ] = 0
    keep_days: Annotated[
        float,
        Meta(ge=0, le=36_525, description="Blocks of so many days are kept too, if any are not."),
    ] = 0.0
    archive_directory: Annotated[
        str | None,
        Meta(description="Folder, from data_directory, where blocks are put before they go."),
    ] = None
    archived_at: Annotated[
        str | None,
        Meta(description="What is told to who asks for a removed block: where the archive is."),
    ] = None


class DeliverySection(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Sealed files, carried beside the ledger."""

    enabled: Annotated[bool, Meta(description="Whether this node carries sealed files.")] = True
    listen: Annotated[
        str | None,
        Meta(description="host:port at which other nodes bring sealed files; unset: none do."),
    ] = None  # an address, which config.py checks: no pattern stands on what may be unset
    directory: Annotated[
        str, Meta(min_length=1, description="Folder of sealed files, from data_directory.")
    ] = "deliveries"
    quota_bytes: Annotated[
        int,
        Meta(ge=0, le=1024**5, description="All sealed files together take no more than this."),
    ] = 16 * 1024**3
    reserve_bytes: Annotated[
        int,
        Meta(ge=0, le=1024**4, description="With less free disk than this, files are refused."),
    ] = 4 * limits.DISK_RESERVE_BYTES  # before the ledger's own writes are
    side_directory: Annotated[
        str, Meta(min_length=1, description="Folder of side values, from data_directory.")
    ] = "side-values"
    side_bytes_max: Annotated[
        int,
        Meta(ge=0, le=1024**4, description="All side values together take no more than this."),
    ] = 1024**3
    hold_days: Annotated[
        float, Meta(gt=0, le=3660, description="A sealed file that nobody fetches goes after this.")
    ] = 14.0
    carries_max: Annotated[
        int,
        Meta(ge=1, le=256, description="Files that come from other nodes at once, or go."),
    ] = 4
    bytes_per_second_max: Annotated[
        int,
        Meta(ge=65_536, le=10**11, description="All deliveries together go no faster than this."),
    ] = 32 * 1024**2


class SnapshotSection(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Joining by snapshot, and giving snapshots to others."""

    behind_blocks: Annotated[
        int,
        Meta(
            ge=0,
            le=10**12,
            description="So many blocks behind, the state is fetched instead; 0: never.",
        ),
    ] = 100_000
    new_blocks: Annotated[
        int,
        Meta(
            ge=0,
            le=10**12,
            description="The same for a node with less than a tenth of the blocks; 0: never.",
        ),
    ] = 1000
    serve: Annotated[bool, Meta(description="Whether others may join by this node's state.")] = True
    keep_ready: Annotated[
        bool,
        Meta(description="Whether a state is always laid out, so that nobody waits for it."),
    ] = False
    bytes_per_second_max: Annotated[
        int,
        Meta(ge=65_536, le=10**11, description="What is given to others goes no faster."),
    ] = 32 * 1024**2


class LogSection(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the node writes to standard error."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="Least level shown.")
    ] = "info"
    format: Annotated[
        Literal["auto", "json", "console"],
        Meta(description="json for machines, console for people; auto: console on a terminal."),
    ] = "auto"


class TraceSection(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Traces of transactions, for OpenTelemetry."""

    endpoint: Annotated[
        str | None,
        Meta(description="Where a collector takes OTLP over HTTP (http://…:4318); unset: none."),
    ] = None  # an address, which config.py checks
    ratio: Annotated[
        float,
        Meta(ge=0, le=1, description="How many transactions are traced, of 1; by their ids."),
    ] = 1.0


class ShutdownSection(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the node ends on SIGTERM or SIGINT."""

    grace_seconds: Annotated[
        float,
        Meta(ge=0, le=600, description="How long requests under way may finish when stopping."),
    ] = 10.0


class AttestationSection(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The key that signs what this node has come to."""

    signer: Annotated[
        str | None,
        Meta(description="Socket of the signer that holds the key; unset: attestation.key does."),
    ] = None
    next_signer: Annotated[
        str | None,
        Meta(description="The same for the key in `next/`, while the node's keys change."),
    ] = None


class RaftSection(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Timing of consensus; the same on all validators."""

    heartbeat_seconds: Annotated[
        float, Meta(gt=0, le=60, description="A leader at rest speaks this often.")
    ] = limits.HEARTBEAT_SECONDS
    election_timeout_seconds_min: Annotated[
        float, Meta(gt=0, le=600, description="Shortest silence before an election.")
    ] = limits.ELECTION_TIMEOUT_SECONDS_MIN
    election_timeout_seconds_max: Annotated[
        float, Meta(gt=0, le=600, description="Longest silence before an election.")
    ] = limits.ELECTION_TIMEOUT_SECONDS_MAX
    broken_link_jitter_seconds: Annotated[
        float, Meta(ge=0, le=10, description="Spread of elections after a broken link.")
    ] = limits.BROKEN_LINK_JITTER_SECONDS
