"""Parameters that institutions may change, and the version of the ledger with who is ready."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from govchaind.api.context import Context
from govchaind.api.outlook_models import ParametersReply, ParameterView, ReadyNodeView
from govchaind.api.parameter_words import PARAMETER_WORDS
from govchaind.api.replies import json_reply, words_view
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.quorum import certificate_quorum
from govchaind.base.types import Height
from govchaind.ledger.operations.parameters import PARAMETERS, Parameter
from govchaind.ledger.operations.upgrades import readiness
from govchaind.ledger.state import State
from govchaind.ledger.state_keys import NODE, VERSION, parameter_key, ready_key
from govchaind.ledger.versions import KNOWN_VERSION, version_of
from govchaind.ledger.working_state import WorkingState
from govchaind.replica.store import applied_height


def routes(context: Context) -> APIRouter:
    """Return the routes of this page."""
    router = APIRouter(prefix="/v1", tags=["decisions"])

    @router.get(
        "/parameters",
        operation_id="listParameters",
        summary="Parameters with their bounds; the version of the ledger and who is ready for more",
        response_model=ParametersReply,
    )
    async def list_parameters() -> Response:
        with context.reading() as reader:
            reply = parameters_view(reader, applied_height(reader))
        return json_reply(reply, reply.height)

    return router


def parameters_view(reader: KeyValueReader, applied: Height) -> ParametersReply:
    """Return parameters and versions as one snapshot has them."""
    state = WorkingState(State(), reader, {}, keeps_cache=False)
    version = version_of(state)
    activated = state.decoded(VERSION)
    ready, validators = readiness(version + 1, state)
    return ParametersReply(
        height=applied,
        parameters=[_parameter(each, state) for each in PARAMETERS.values()],
        ledger_version=version,
        ledger_version_known=KNOWN_VERSION,
        activated_at=None if activated is None else activated[1],
        ready=ready,
        ready_needed=certificate_quorum(validators),
        nodes=[_node(fields, state) for _, fields in state.scan(NODE)],
    )


def _parameter(parameter: Parameter, state: WorkingState) -> ParameterView:
    found = state.decoded(parameter_key(parameter.name))
    return ParameterView(
        name=parameter.name,
        words=words_view(PARAMETER_WORDS[parameter.name]),
        value=parameter.default if found is None else found[0],
        default=parameter.default,
        least=parameter.least,
        most=parameter.most,
        set_at=None if found is None else found[1],
    )


def _node(fields: list[object], state: WorkingState) -> ReadyNodeView:
    declared = state.decoded(ready_key(str(fields[0])))
    return ReadyNodeView(
        name=str(fields[0]),
        institution=str(fields[1]),
        role=str(fields[2]),
        version=None if declared is None else declared[0],
    )
