"""Rehearsal: what a person would hear, without calling anybody; and one call to a number of the operator's own."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body
from aws_lambda_powertools.event_handler.router import LambdaFunctionUrlRouter
from pydantic import BaseModel, Field

from dialer import wiring
from dialer.adapters import twiml
from dialer.model import CampaignState
from shapes import CampaignId, Given, Region

router = LambdaFunctionUrlRouter()  # type: ignore[no-untyped-call]
_TAG = ["campaigns"]
_ABOUT = "https://voice.example/voice/preview/preview"
Person = Annotated[str, Field(pattern=r"^([0-9a-f]{24})?$")]


class Listener(Given):
    contact_id: Person = Field(default="", description="Whose variables are spoken; empty for nobody's.")


class SceneShape(BaseModel):
    """A page of TwiML, and how one comes to hear it."""

    when: str
    twiml: str


class PreviewShape(BaseModel):
    """All that a call can say, the answer first."""

    scenes: list[SceneShape]


class TestCall(Given):
    to: str = Field(min_length=1, max_length=40, description="The number to call.")
    region: Region = ""
    contact_id: Person = Field(default="", description="Whose variables are spoken; empty for nobody's.")


class TestCallShape(BaseModel):
    """The call is in a campaign of its own, which ends with it."""

    campaign_id: str
    test_of: str
    state: CampaignState


@router.post("/campaigns/<campaign_id>/preview", tags=_TAG, summary="Hear a campaign without calling anybody")
def preview(campaign_id: CampaignId, listener: Annotated[Listener | None, Body()] = None) -> PreviewShape:
    """Every page of the call, as TwiML. Calls nobody and writes nothing."""
    scenes = wiring.rehearsal().preview(campaign_id, contact_id=listener.contact_id if listener else "")
    return PreviewShape(
        scenes=[SceneShape(when=one.when, twiml=twiml.render(one.page, about=_ABOUT)) for one in scenes]
    )


@router.post("/campaigns/<campaign_id>/test-call", tags=_TAG, status_code=201, summary="Place one test call")
def place_test_call(campaign_id: CampaignId, wish: Annotated[TestCall, Body()]) -> TestCallShape:
    """One call as the campaign would make it: through the hours, the suppression list and the permission to dial."""
    made = wiring.rehearsal().test_call(campaign_id, wish.to, region=wish.region or None, contact_id=wish.contact_id)
    return TestCallShape(campaign_id=made.id, test_of=campaign_id, state=made.state)
