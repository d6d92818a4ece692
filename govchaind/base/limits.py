"""Every bound in the system, with its reason. Units last in each name.

Bounds marked (consensus) decide what is valid on the ledger: all nodes must agree, so a change
is a change of format. The others are each node's own defence and may differ.
"""

from __future__ import annotations

# --- shapes of bytes (consensus) --------------------------------------------------------------
CBOR_DEPTH_MAX = 16  # no shape of ours nests deeper than 8; twice that leaves room
TRANSACTION_BYTES_MAX = 64 * 1024  # files never go on the ledger
TRANSACTION_OPERATIONS_MAX = 100  # one signature covers at most this many operations
TRANSACTION_SIGNATURES_MAX = 16  # M of N with N at most 16
KEY_BYTES_MAX = 128  # of a record in a register
VALUE_BYTES_MAX = 16 * 1024  # of a record in a register
NAME_CHARS_MAX = 32  # nodes, institutions, offices, registers: [a-z0-9-]
TITLE_CHARS_MAX = 200  # texts for people
OFFICE_KEYS_MAX = 16
DATA_SET_FIELDS_MAX = 100  # of a data set in the catalogue
CONDITIONS_MAX = 32  # of a data set
GROUNDS_MAX = 32  # for a refusal, that terms may know
CLOCK_DAYS_MAX = 366  # of one clock of a request
INSTITUTIONS_MAX = 1024
NODES_MAX = 1200  # validators and observers; a thousand observers is a stated aim
VALIDATORS_MAX = 25
SALT_BYTES = 16

# --- blocks (consensus) -----------------------------------------------------------------------
BLOCK_OPERATIONS_MAX = 500
BLOCK_BYTES_MAX = 1024 * 1024
BLOCK_COST_MICROSECONDS_MAX = 20_000
CHECKPOINT_CHANGES = 2_000  # a height is a checkpoint when so many changes have gathered …
CHECKPOINT_INTERVAL_MILLISECONDS = 50  # … or so much block time has passed since the last …
CHECKPOINT_CALM_CHANGES_MAX = 64  # … if no more than so many wait; with more, under load, …
CHECKPOINT_LOADED_INTERVAL_MILLISECONDS = 250  # … only this later: many share its cost

# --- the state's tree (consensus: the first two; measured with scripts/bench_state_tree) ----------
STATE_KEY_BYTES_MAX = 255  # its length is one byte of a history key; LMDB allows 511 in all
STATE_BUCKET_ENTRIES_MAX = 24  # 16 to 30 cost the same time; stays inside LMDB's 4 KiB page
STATE_TREE_CACHE_RECORDS_MAX = 8192  # decoded inner records, about 1.2 KB each; not consensus

# --- time (consensus, but for the follower's clock bound) ---------------------------------------
LIFETIME_DEFAULT_MILLISECONDS = 10 * 60 * 1000
LIFETIME_MAX_MILLISECONDS = 14 * 24 * 3600 * 1000
LIFETIME_MAX_MILLISECONDS_LEAST = 3600 * 1000  # no vote sets it lower: six times the default
LIVE_IDS_PER_INSTITUTION_MAX = 200_000  # bounds the duplicate memory whatever the lifetime
LIVE_IDS_PER_INSTITUTION_LEAST = 1000  # no vote sets it lower
CLOCK_AHEAD_MAX_MILLISECONDS = 30_000  # a follower holds back uncommitted blocks beyond it
REST_BLOCK_INTERVAL_SECONDS = 60.0  # an empty block at rest, so that deadlines lapse

# --- Raft ---------------------------------------------------------------------------------------
HEARTBEAT_SECONDS = 0.5
ELECTION_TIMEOUT_SECONDS_MIN = 1.5
ELECTION_TIMEOUT_SECONDS_MAX = 3.0
BROKEN_LINK_JITTER_SECONDS = 0.05  # pre-vote after a broken link to the leader
APPEND_BYTES_MAX = 1024 * 1024  # one AppendEntries; at least one entry is always sent
APPENDS_IN_FLIGHT_MAX = 64  # per follower; fills a 100 ms path
APPENDS_IN_FLIGHT_BYTES_MAX = 8 * 1024 * 1024  # per follower; a quarter of its outbox
READS_WAITING_MAX = 4096  # linearizable reads that wait for a round; more are refused
LOG_CACHE_BYTES_MAX = 4 * 1024 * 1024  # of the tail of the log kept in memory, decoded

# --- a node's own defences ----------------------------------------------------------------------
FRAME_BYTES_MAX = 4 * 1024 * 1024  # an append with one full block and change
HANDSHAKE_SECONDS_MAX = 5.0  # slow-loris on the peer listener
LINK_IDLE_SECONDS_MAX = 10.0  # a link without a frame so long is dead
LINK_WRITE_SECONDS_MAX = 10.0  # a peer that never reads
UNKNOWN_LINKS_MAX = 16  # handshakes under way at once
STRANGER_BYTES_MAX = 256 * 1024
INBOX_CONSENSUS_MAX = 512
INBOX_TRANSACTIONS_MAX = 8192
INBOX_TRANSACTION_BYTES_MAX = 32 * 1024 * 1024
OUTBOX_MESSAGES_MAX = 4096
OUTBOX_BYTES_MAX = 32 * 1024 * 1024
POOL_TRANSACTIONS_MAX = 20_000
POOL_BYTES_MAX = 64 * 1024 * 1024
POOL_SHARE_MAX = 0.25  # of the pool's count and bytes, for one institution
VERDICTS_MAX = 20_000  # remembered signature verdicts
VERIFY_BATCH_MAX = 200
CERTIFIED_LAG_HEIGHTS_READY_MAX = 200  # readiness says so when certificates lag further
STATE_WINDOW_CHECKPOINTS = 128  # old checkpoints at which the state can still be proved
RANGE_ITEMS_MAX = 1000  # one page of any listing
LISTING_ROWS_MAX = 2000  # that one page of a filtered listing looks at; about 20 ms
MOTIONS_PAGE_MAX = 100  # one page of motions: each may show as many ballots as institutions
STATEMENT_ROWS_MAX = 10_000  # of one institution in one month, each with its proof
DEADLINE_DAYS_MAX = 3660  # ten years; a question about a deadline walks through its days
HTTP_BODY_BYTES_MAX = 4 * 1024 * 1024
HTTP_BATCH_TRANSACTIONS_MAX = 1000
HTTP_WAIT_SECONDS_MAX = 60.0
HTTP_CONNECTIONS_MAX = 512
HTTP_HEADER_SECONDS_MAX = 10.0
HTTP_REQUESTS_PER_SECOND_MAX = 10_000.0  # of one address; four times what one core answers
AUTHOR_TRANSACTIONS_PER_SECOND_MAX = 20_000.0  # taken here; more than a network orders
EVENT_STREAMS_MAX = 64
START_CHECK_BLOCKS = 1000  # of the newest blocks, checked at each start; `verify` does all
START_CHECK_BYTES = 2 * 1024 * 1024  # … and not more of them than this: a fraction of a second
STORE_AHEAD_BYTES = 4 * 1024 * 1024  # zeros kept behind the store's last page; see RoomAhead
GUARD_INTERVAL_SECONDS = 1.0
EXIT_FILE_BYTES_MAX = 64 * 1024 * 1024  # one file of an exit pack: fits any medium, copied alone
BACKUP_PART_BYTES_MAX = 256 * 1024 * 1024  # one part of a backup: a broken-off one loses it
ARCHIVED_AT_BYTES_MAX = 512  # where an operator says that removed blocks are archived
TRACE_ENDPOINT_BYTES_MAX = 512  # where an operator says that traces are collected
TRACES_OPEN_MAX = 10_000  # transactions whose spans are not ended yet; about 4 MB
SPANS_WAITING_MAX = 4096  # for the collector; about 4 MB, and half a second of a busy node
KEEP_BLOCKS_MIN = 256  # never removed: twice what a feed sends ahead, for peers that are slow
KEEP_FOR_SLOW_BLOCKS_MAX = 10_000  # a leader keeps so many more for a peer that lacks them
PRUNE_STEP_HEIGHTS = 32  # removed with one write, in some 2 ms of the loop's time
PRUNE_STEP_SECONDS = 0.05  # … and not more often than this
DISK_RESERVE_BYTES = 64 * 1024 * 1024  # below this much free room writes are refused first

# --- joining by snapshot -------------------------------------------------------------------------
SNAPSHOT_CHUNK_BYTES_MAX = 768 * 1024  # of entries in one chunk: judged in some 25 ms
SNAPSHOT_STEPS_BYTES_MAX = 1024 * 1024  # changes of membership in one answer
SNAPSHOT_ASKED_MAX = 4  # questions of one peer that wait here for an answer; more are dropped
SNAPSHOT_ASKED_ALL_MAX = 64  # … and of all peers together
SNAPSHOTS_KEPT = 2  # laid out for others at once: the newest, and one that is still being fetched

# --- deliveries: sealed files beside the ledger -------------------------------------------------
SEALED_CHUNK_BYTES = 64 * 1024  # of plain content in one chunk: what sealing keeps in memory
SEALED_CHUNK_BYTES_MIN = 4 * 1024  # a reader's bounds: 17 bytes of each chunk are the seal's
SEALED_CHUNK_BYTES_MAX = 1024 * 1024
SEALED_HEADER_BYTES_MAX = 1024  # seven names and three keys take half of it
SEALED_LETTER_BYTES = 1024  # padded: the length of a file's name shows nothing
SEALED_NAME_CHARS_MAX = 120  # of the file; 4 bytes each at most, so it fits the letter
CARRY_CHUNK_BYTES_MAX = 1024 * 1024  # in one request, or in one frame between nodes
CARRY_SECONDS_MAX = 60.0  # for one chunk between nodes; slower than that is given up
CARRY_WAITING_MAX = 1000  # sealed files that a node holds at once, whole or in part
CARRY_LEAVE_MILLISECONDS = 15 * 60 * 1000  # an office key's leave to bring or fetch ends so soon
READS_NOTED_MAX = 4096  # offices and kinds of reads that a node remembers having logged
READ_NOTE_SECONDS = 60.0  # an office's reads of one kind are logged no more often

# --- side values: sealed texts beside the ledger --------------------------------------------------
SIDE_READERS_MAX = 16  # offices that one is sealed to (consensus)
SIDE_SEALED_BYTES_MAX = 64 * 1024  # of one sealed file (consensus): a text, never data
SIDE_TEXT_BYTES_MAX = 48 * 1024  # of the text in it; padding, salt and header take the rest
SIDE_HEADER_BYTES_MAX = 4 * 1024  # of a sealed text: 16 readers take three quarters of it
SIDE_FILES_MAX = 20_000  # that a node holds; 1.3 GB at most

# --- the ledger's shapes (consensus) ------------------------------------------------------------
NODE_ADDRESSES_MAX = 4  # seeds only; a node announces the rest itself
ADDRESS_CHARS_MAX = 262  # a name of 253 characters, brackets, a colon and a port
REGISTER_FIELDS_MAX = 64
OVERLAP_MILLISECONDS_MAX = 92 * 24 * 3600 * 1000  # of an office's old delivery key and its new one
ERASURE_MILLISECONDS_MAX = 366 * 24 * 3600 * 1000  # from an order to its deadline
ERASURE_HOLDERS_MAX = 16  # offices that one order names
ACTING_MILLISECONDS_MAX = 366 * 24 * 3600 * 1000
NOTICE_MILLISECONDS_MAX = 366 * 24 * 3600 * 1000
RULE_DENOMINATOR_MAX = 100
STANDINGS_MAX = 256  # institutions suspended or removed: a deciding ballot looks at each of them
REGISTER_WRITERS_MAX = 64
AMOUNT_MAX = (1 << 64) - 1  # of an asset: all that was ever issued; the encoding's largest integer
ASSET_PURPOSES_MAX = 64
HOLDING_FREEZES_MAX = 16  # each with a ground of its own; a holding stays below 2 KiB
OFFICES_AT_ADMISSION_MAX = 16  # more are created by the governing office
LAPSES_PER_BLOCK_MAX = 16  # blocks whose ids lapse in one block: bounds the work of one apply
GENESIS_BYTES_MAX = 2 * 1024 * 1024  # all institutions and nodes at their bounds
MEMBERSHIP_BYTES_MAX = 256 * 1024  # voters and learners at their bounds
CERTIFICATE_BYTES_MAX = 16 * 1024  # a statement and the signatures of two sets of 25
RECOVERY_BYTES_MAX = 768 * 1024  # a record of recovery: the proofs of a hundred institutions' keys
RECEIPT_BYTES_MAX = TRANSACTION_BYTES_MAX + 64 * 1024  # a transaction, paths, a certificate
TRUST_STEPS_MAX = 10_000  # changes of membership in one advance of a trust file
