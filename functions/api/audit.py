"""Audit: who has changed what, and when."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.router import LambdaFunctionUrlRouter
from pydantic import BaseModel, Field

from dialer import wiring
from dialer.errors import BadInput
from shapes import Cursor, Limit, Page

router = LambdaFunctionUrlRouter()  # type: ignore[no-untyped-call]
_PHONE = re.compile(r"\+?(?:[\s().-]*\d){7,15}[\s().-]*")  # no id is so few digits and nothing else
_ABOUT = "Only what is about this: an id, a scope, or a phone's hash, which `POST /suppressions/find` names."
About = Annotated[str, Query(max_length=100, description=_ABOUT)]
Who = Annotated[str, Query(max_length=100, description="Only what this token has done, by its id, or `IAM`.")]


class DeedShape(BaseModel):
    id: str
    at: datetime
    who: str = Field(description="The id of the token; `IAM` for whoever invoked the function itself.")
    name: str = Field(description="The token's name.")
    what: str
    about: Mapping[str, str] = Field(
        description="The ids of what it was about; of a suppression its scope, and the phone's keyed hash."
    )
    reason: str = Field(description="Why, in the words of whoever asked for it; empty where they gave no reason.")
    fields: list[str] = Field(description="What was given, by name.")
    outcome: str = Field(description="The HTTP status; `unknown` where it did not come to an end.")


class AuditPage(Page):
    items: list[DeedShape]


@router.get("/audit", tags=["audit"], summary="Read the audit log")
def page(cursor: Cursor = "", limit: Limit = 50, about: About = "", who: Who = "") -> AuditPage:
    """The newest first. Of what was given it holds the reason; other values are not in it, and no phone. What is about
    nothing that it knows is an empty page."""
    if _PHONE.fullmatch(about):
        raise BadInput("about: no phone is in the audit log, but its hash, which `POST /suppressions/find` names.")
    if cursor and not (cursor.isalnum() and len(cursor) == 24):
        raise BadInput("This cursor is none of ours: take `next` of the page before.")
    found = wiring.audit_log().page(limit=limit, behind=cursor, about=about, who=who)
    items = [DeedShape(**{name: getattr(one, name) for name in DeedShape.model_fields}) for one in found]
    return AuditPage(items=items, next=found[-1].id if len(found) == limit else "")
