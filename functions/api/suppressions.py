"""Suppressions: who must not be called, in which scope, and why; and the forgetting of a person."""

import re
from datetime import datetime
from typing import Annotated, Self

from aws_lambda_powertools.event_handler.openapi.params import Body, Query
from aws_lambda_powertools.event_handler.router import LambdaFunctionUrlRouter
from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, model_validator

import changing
from dialer import wiring
from dialer.errors import BadInput, NotFound
from dialer.model import Purpose
from dialer.office_ports import Listing, Suppressed
from shapes import Cursor, Given, Page, Region, Why, e164

router = LambdaFunctionUrlRouter()  # type: ignore[no-untyped-call]
_TAG = ["suppressions"]
_HASH = 64
_PURPOSES = "|".join(Purpose)
Phone = Annotated[str, Field(max_length=_HASH, description="A phone, or a hash as this API lists it.")]
_SCOPE = rf"^(global|campaign:[0-9a-f]{{12}}|purpose:({_PURPOSES}))$"
_SCOPES = f"`global`, `campaign:ID` and `purpose:NAME`, where NAME is {', '.join(Purpose)}"
_PART = 1000
_YEARS = range(2000, 2101)
Scope = Annotated[str, Field(pattern=_SCOPE, description="`global`, `campaign:ID` or `purpose:NAME`.")]


class NewSuppression(Given):
    phone: Phone
    region: Region = ""
    scope: Scope = "global"
    source: str = Field(default="operator", min_length=1, max_length=40, pattern=r"^[A-Za-z][A-Za-z _-]*$")
    reason: Why = Field(min_length=1)


def _of_a_list(moment: datetime) -> datetime:
    if moment.year not in _YEARS:
        raise ValueError("no moment of this century")
    return moment


class SuppressionRow(Given):
    """A phone, and what another list says of it. What it leaves empty is what the whole request says."""

    phone: str = Field(max_length=200, description="A phone, or a hash as this API lists it.")
    scope: str = Field(default="", max_length=200, description="`global`, `campaign:ID` or `purpose:NAME`.")
    source: str = Field(default="", max_length=40, pattern=r"^([A-Za-z][A-Za-z _-]*)?$")
    reason: Why = ""
    at: Annotated[AwareDatetime, AfterValidator(_of_a_list)] | None = Field(default=None, description="Since when.")


class NewSuppressions(Given):
    """A part of a list: send as many parts as it has."""

    phones: list[Phone] = Field(default=[], max_length=_PART)
    rows: list[SuppressionRow] = Field(
        default=[], max_length=_PART, description="Instead of `phones`, where each has a scope or a reason of its own."
    )
    region: Region = ""
    scope: Scope = "global"
    source: str = Field(default="import", min_length=1, max_length=40, pattern=r"^[A-Za-z][A-Za-z _-]*$")
    reason: Why = Field(min_length=1)

    @model_validator(mode="after")
    def _either(self) -> Self:
        if bool(self.phones) == bool(self.rows):
            raise ValueError("send `phones` or `rows`, and at least one")
        return self

    def listings(self) -> list[Listing]:
        """Raises BadInput naming the place of the first that is no phone, or has no scope of ours."""
        rows = self.rows or [SuppressionRow(phone=phone) for phone in self.phones]
        return [self._listing(place, row) for place, row in enumerate(rows)]

    def _listing(self, place: int, row: SuppressionRow) -> Listing:
        if row.scope and not re.fullmatch(_SCOPE, row.scope):
            raise BadInput(f"phone {place}: its scope is none of {_SCOPES}.")
        return Listing(
            phone=_phone(row.phone, region=self.region, place=place),
            scope=row.scope or self.scope,
            source=row.source or self.source,
            reason=row.reason or self.reason,
            at=row.at,
        )


class Unwanted(Given):
    phone: Phone
    region: Region = ""
    scope: Scope = "global"
    reason: Why = Field(min_length=1)


class Asked(Given):
    phone: Phone
    region: Region = ""


class Forgotten(Asked):
    reason: Why = Field(default="", description="Why; it is kept in the audit log alone.")


class ScopeShape(BaseModel):
    scope: str
    source: str
    reason: str
    at: datetime | None


class SuppressionShape(BaseModel):
    hash: str = Field(description="The phone's hash under this deployment's key: phones are not kept.")
    scopes: list[ScopeShape]


class SuppressionPage(Page):
    items: list[SuppressionShape]


class Outcome(BaseModel):
    new: int = Field(description="How many were not in this scope before.")


class ErasedShape(BaseModel):
    erased: int = Field(description="Contacts that were removed.")
    waiting: list[str] = Field(
        description="Contacts whose phone may be ringing, who are held, or whose campaign has an open file: ask again "
        "later."
    )
    files: int = Field(description="Lists with their rejects, and exports, of these campaigns, that were removed.")
    open_files: list[str] = Field(description="Lists still being read and exports still being written.")


@router.post("/suppressions", tags=_TAG, status_code=201, summary="Suppress a phone")
def suppress(wish: Annotated[NewSuppression, Body()]) -> Outcome:
    """Answered only when no request to it can leave any more."""
    phone = _phone(wish.phone, region=wish.region)
    _tell(phone, scope=wish.scope)
    return Outcome(new=wiring.registry().suppress([phone], scope=wish.scope, source=wish.source, reason=wish.reason))


@router.post("/suppressions/import", tags=_TAG, status_code=201, summary="Suppress many phones")
def bring(wish: Annotated[NewSuppressions, Body()]) -> Outcome:
    """Phones or hashes that were exported from this deployment; all of them, or none where one is no phone."""
    return Outcome(new=wiring.registry().enlist(wish.listings()))


@router.post("/suppressions/remove", tags=_TAG, summary="Let a phone be called again")
def remove(wish: Annotated[Unwanted, Body()]) -> Outcome:
    """In one scope; the others stay. Who did it, and why, stands in the audit log under the phone's hash."""
    phone = _phone(wish.phone, region=wish.region)
    _tell(phone, scope=wish.scope)
    wiring.registry().unsuppress(phone, scope=wish.scope)
    return Outcome(new=0)


@router.post("/suppressions/find", tags=_TAG, summary="Ask whether a phone is suppressed")
def find(wanted: Annotated[Asked, Body()]) -> SuppressionShape:
    """It changes nothing. The hash, which a refusal names too, is what the audit log knows the phone by."""
    phone = _phone(wanted.phone, region=wanted.region)
    found = wiring.registry().suppressed(phone)
    if found is None:
        raise NotFound(f"This phone is not suppressed. The audit log knows it by its hash, {_hash(phone)}.")
    return _shape(found)


@router.get("/suppressions", tags=_TAG, summary="List what is suppressed")
def page(
    cursor: Cursor = "",
    limit: Annotated[int, Query(ge=1, le=1000, description="How many at most.")] = 200,
) -> SuppressionPage:
    """By hash: what `import` takes back."""
    found = wiring.suppression_list().page(limit=limit, behind=cursor)
    following = found[-1].hash if len(found) == limit else ""
    return SuppressionPage(items=[_shape(one) for one in found], next=following)


@router.post("/erase", tags=_TAG, summary="Forget a person")
def erase(wanted: Annotated[Forgotten, Body()]) -> ErasedShape:
    """Removes what is kept of a phone in every campaign, and all files of these campaigns: uploaded lists, rejects and
    exports. The hash that it must not be called is kept."""
    phone = _phone(wanted.phone, region=wanted.region)
    _tell(phone)
    erased = wiring.registry().erase(phone)
    return ErasedShape(
        erased=erased.erased,
        waiting=list(erased.waiting),
        files=erased.files,
        open_files=list(erased.open_files),
    )


def _tell(phone: str, **about: str) -> None:
    """The audit log, about whom it is."""
    changing.tell(router.context, hash=_hash(phone), **about)


def _hash(phone: str) -> str:
    return wiring.suppression_list().hash_of(phone)


def _phone(written: str, *, region: str, place: int | None = None) -> str:
    """In E.164, as contacts have it, or a hash of ours. Raises BadInput."""
    return written if _is_hash(written) else e164(written, region=region, place=place)


def _is_hash(text: str) -> bool:
    return len(text) == _HASH and all(character in "0123456789abcdef" for character in text)


def _shape(found: Suppressed) -> SuppressionShape:
    scopes = [ScopeShape(scope=one.scope, source=one.source, reason=one.reason, at=one.at) for one in found.scopes]
    return SuppressionShape(hash=found.hash, scopes=scopes)
