"""Delivery keys: to which X25519 key of an office files are sealed, and where they are brought.

    50 publish delivery key  [key, previous until, post box or null]    by the office itself

A post box is [node, address]: the node that holds sealed files for the office, its own or another
institution's, and where that node takes them. Without one they stay at the node to which they were
brought, and the office fetches them there. A new key takes the place of the one before, which may
still open what was sealed to it, and is still shown, until `previous until`; a time that has passed
ends it at once. A key that was replaced never comes back.
"""

from __future__ import annotations

from govchaind.base.limits import OVERLAP_MILLISECONDS_MAX
from govchaind.ledger.operations.costs import COST_MICROSECONDS, Kind
from govchaind.ledger.operations.operation import Operation
from govchaind.ledger.outcomes import Code
from govchaind.ledger.shapes import Address, Bytes32, Count, Name, Shape
from govchaind.ledger.state_keys import delivery_key_key, node_key
from govchaind.ledger.working_state import Act, WorkingState

# places in a delivery key's value (state_keys.py)
KEY, PUBLISHED, PREVIOUS, PREVIOUS_UNTIL, BOX, HEIGHT = range(6)


class PublishDeliveryKey(Shape):
    """Arguments of `publish-delivery-key`."""

    key: Bytes32
    previous_until: Count
    box: tuple[Name, Address] | None


def publish_delivery_key(arguments: PublishDeliveryKey, act: Act, state: WorkingState) -> int:
    """Publish the author's key, a new one in place of it, or another post box."""
    key = delivery_key_key(act.institution, act.office)
    before = state.decoded(key)
    if arguments.previous_until > act.time + OVERLAP_MILLISECONDS_MAX:
        return Code.BAD_OVERLAP
    box = None if arguments.box is None else list(arguments.box)
    if box is not None and state.get(node_key(box[0])) is None:
        return Code.UNKNOWN_NODE
    previous, until = None, None
    if before is not None:
        previous, until = before[PREVIOUS], before[PREVIOUS_UNTIL]
        if arguments.key == previous:
            return Code.DELIVERY_KEY_REPLACED
        if arguments.key != before[KEY]:
            previous, until = before[KEY], arguments.previous_until
        elif box == before[BOX]:
            return Code.NOTHING_CHANGES
    state.put_value(key, [arguments.key, act.time, previous, until, box, act.height])
    return Code.APPLIED


OPERATIONS = (
    Operation(
        int(Kind.PUBLISH_DELIVERY_KEY),
        "publish-delivery-key",
        "deliveries",
        COST_MICROSECONDS[Kind.PUBLISH_DELIVERY_KEY],
        PublishDeliveryKey,
        publish_delivery_key,
    ),
)
