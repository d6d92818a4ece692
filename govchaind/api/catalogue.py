"""Duties and the catalogue: who holds which data, and on what conditions they are shared."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from govchaind.api.context import Context
from govchaind.api.exchange_models import (
    CatalogueReply,
    ConditionView,
    DataSetHistoryReply,
    DataSetReply,
    DataSetView,
    DutiesReply,
    DutyView,
    FieldView,
    SharingClass,
)
from govchaind.api.listing import sifted
from govchaind.api.reading import stored
from govchaind.api.replies import AtHeight, Limit, check_height, failures, json_reply
from govchaind.base.errors import Invalid, NotFound
from govchaind.base.keyvalue import KeyValueReader
from govchaind.base.limits import TITLE_CHARS_MAX
from govchaind.ledger.state import State
from govchaind.ledger.state_keys import DATA_SET, DUTY, data_set_key, duty_key
from govchaind.ledger.transaction import is_name
from govchaind.replica.store import applied_height

InstitutionName = Annotated[
    str, Path(description="the institution's name", examples=["civil-affairs"])
]
DataSetName = Annotated[str, Path(description="the data set's name", examples=["marriages"])]
After = Annotated[
    str | None, Query(max_length=200, description="INSTITUTION/NAME of the last one before")
]
OfInstitution = Annotated[str | None, Query(description="only those of this institution")]
_STATE = State()


def routes(context: Context) -> APIRouter:
    """Return the routes of this page."""
    router = APIRouter(prefix="/v1", tags=["exchange"])

    @router.get(
        "/duties",
        operation_id="listDuties",
        summary="Duties of offices, in order of institution and name",
        response_model=DutiesReply,
        responses=failures(400),
    )
    async def list_duties(
        institution: OfInstitution = None, after: After = None, limit: Limit = 100
    ) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            duties, following = duty_page(reader, after, limit, institution=institution)
        return json_reply(DutiesReply(height=applied, duties=duties, next=following), applied)

    @router.get(
        "/catalogue",
        operation_id="searchCatalogue",
        summary="Data sets, in order of institution and name, or those that fit a search",
        response_model=CatalogueReply,
        responses=failures(400),
    )
    async def search(
        institution: OfInstitution = None,
        text: Annotated[
            str | None,
            Query(
                max_length=TITLE_CHARS_MAX,
                description="only those with this text in a name or title, theirs or a field's",
            ),
        ] = None,
        sharing: Annotated[
            SharingClass | None, Query(description="only those of this class")
        ] = None,
        retired: Annotated[bool, Query(description="also those that are retired")] = False,
        after: After = None,
        limit: Limit = 100,
    ) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            found, following = catalogue_page(
                reader,
                after,
                limit,
                institution=institution,
                text=text,
                sharing=sharing,
                retired=retired,
            )
        return json_reply(CatalogueReply(height=applied, data_sets=found, next=following), applied)

    _data_set_routes(context, router)
    return router


def _data_set_routes(context: Context, router: APIRouter) -> None:
    @router.get(
        "/catalogue/{institution}/{name}",
        operation_id="getDataSet",
        summary="One data set, now or as it was",
        response_model=DataSetReply,
        responses=failures(400, 404, 410),
    )
    async def get_data_set(
        institution: InstitutionName, name: DataSetName, height: AtHeight = None
    ) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            check_height(height, applied)
            found, _ = data_set_history(
                reader, institution, name, limit=1, before=None if height is None else height + 1
            )
        if not found:
            raise _nothing(institution, name)
        return json_reply(DataSetReply(**dict(found[0]), height=applied), applied)

    @router.get(
        "/catalogue/{institution}/{name}/history",
        operation_id="getDataSetHistory",
        summary="Every revision of a data set, newest first",
        response_model=DataSetHistoryReply,
        responses=failures(400, 404, 410),
    )
    async def history(
        institution: InstitutionName,
        name: DataSetName,
        before: Annotated[int | None, Query(ge=0, description="only those below it")] = None,
        limit: Limit = 100,
    ) -> Response:
        with context.reading() as reader:
            applied = applied_height(reader)
            found, following = data_set_history(
                reader, institution, name, limit=limit, before=before
            )
        if not found and before is None:
            raise _nothing(institution, name)
        reply = DataSetHistoryReply(height=applied, revisions=found, next=following)
        return json_reply(reply, applied)


def duty_page(
    reader: KeyValueReader, after: str | None, limit: int, *, institution: str | None = None
) -> tuple[list[DutyView], str | None]:
    """Return one page of duties, and INSTITUTION/NAME to go on after."""

    def view(key: bytes, value: bytes) -> DutyView:
        owner, name = _parts(key)
        title, office, mandate, data_sets, ended, height = stored(value)
        return DutyView(
            institution=owner,
            name=name,
            title=title,
            office=office,
            mandate=mandate,
            data_sets=data_sets,
            ended_ms=ended,
            assigned_at=height,
        )

    prefix, behind = DUTY, b""
    if institution is not None:
        check_name(institution)
        prefix, behind = duty_key(institution, ""), duty_key(institution, "")[1:]
    last = None if after is None else duty_key(*split_named(after))
    found, following = sifted(
        reader,
        prefix,
        after=last,
        limit=limit,
        view=lambda key, value: view(behind + key, value),
    )
    return found, named(following)


def catalogue_page(
    reader: KeyValueReader,
    after: str | None,
    limit: int,
    *,
    institution: str | None = None,
    text: str | None = None,
    sharing: SharingClass | None = None,
    retired: bool = False,
) -> tuple[list[DataSetView], str | None]:
    """Return one page of the catalogue, and INSTITUTION/NAME to go on after."""
    wanted = None if text is None else text.casefold()
    prefix, behind = DATA_SET, b""
    if institution is not None:
        check_name(institution)
        prefix, behind = data_set_key(institution, ""), data_set_key(institution, "")[1:]

    def view(key: bytes, value: bytes) -> DataSetView | None:
        made = data_set_view(*_parts(behind + key), value)
        if (made.retired and not retired) or sharing not in (None, made.sharing):
            return None
        return made if wanted is None or _speaks_of(made, wanted) else None

    last = None if after is None else data_set_key(*split_named(after))
    found, following = sifted(reader, prefix, after=last, limit=limit, view=view)
    return found, named(following)


def data_set_history(
    reader: KeyValueReader, institution: str, name: str, *, limit: int, before: int | None
) -> tuple[list[DataSetView], int | None]:
    """Return revisions, newest first, and the height to go on below."""
    check_name(institution)
    check_name(name)
    key = data_set_key(institution, name)
    versions = _STATE.history(reader, key, limit=limit, before_height=before)
    found = [data_set_view(institution, name, value) for _, value in versions if value is not None]
    return found, versions[-1][0] if len(versions) == limit else None


def data_set_view(institution: str, name: str, value: bytes) -> DataSetView:
    """Return a data set as the catalogue has it."""
    (
        revision, retired, title, duty, fields, cycle, sharing, conditions, service, mandate,
        height,
    ) = stored(value)  # fmt: skip
    return DataSetView(
        institution=institution,
        name=name,
        revision=revision,
        retired=retired,
        title=title,
        duty=duty,
        fields=[FieldView(name=each[0], title=each[1], type=each[2]) for each in fields],
        cycle=cycle,
        sharing=sharing,
        conditions=[ConditionView(name=each[0], text=each[1]) for each in conditions],
        service=service,
        mandate=mandate,
        changed_at=height,
    )


def _speaks_of(data_set: DataSetView, text: str) -> bool:
    texts = [data_set.institution, data_set.name, data_set.title]
    for field in data_set.fields:
        texts += (field.name, field.title)
    return any(text in each.casefold() for each in texts)


def _parts(key: bytes) -> tuple[str, str]:
    institution, _, name = key.partition(b"\x00")
    return institution.decode(), name.decode()


def named(key: bytes | None) -> str | None:
    """Return INSTITUTION/NAME of a state key, which goes on after it."""
    return None if key is None else "/".join(_parts(key[1:]))


def split_named(text: str) -> tuple[str, str]:
    """Return institution and name of INSTITUTION/NAME. Raises Invalid."""
    institution, _, name = text.partition("/")
    check_name(institution)
    check_name(name)
    return institution, name


def check_name(name: str) -> None:
    """Raise Invalid for what is no name."""
    if not is_name(name):
        raise Invalid("a name is 1 to 32 of a-z, 0-9 and '-'", code="invalid-parameter")


def _nothing(institution: str, name: str) -> NotFound:
    return NotFound(f"{institution} has no data set {name!r} in the catalogue")
