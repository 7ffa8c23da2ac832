"""Tick function: the schedule, a refill hint, or one campaign by name; one tick; its report."""

from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, Field, ValidationError

from dialer import announcements, measures, wiring
from dialer.errors import BadInput, Unavailable
from dialer.tick import CampaignTick, TickReport

logger = Logger(service="tick")
_ONE_CAMPAIGN_MS = 10_000  # the longest a campaign's tick takes: none is started with less left


@logger.inject_lambda_context
@wiring.invocation("tick")
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """`{"scheduled_at": …}` ticks every running campaign, `{"campaign_id": …}` or a refill batch only those named."""
    began = context.get_remaining_time_in_millis()
    if "scheduled_at" in event:
        _keep_schedule()
    report = _tick(event, context)
    for campaign in report.campaigns:
        _log(campaign)
    took = timedelta(milliseconds=began - context.get_remaining_time_in_millis())
    wiring.measure(measures.of_tick(report, took=took, scheduled="scheduled_at" in event))
    wiring.announcer().note(*map(announcements.campaign_finished, wiring.finish()(report)))
    _publish()
    return {"campaigns": [asdict(campaign) for campaign in report.campaigns], "not_reached": report.not_reached}


def _tick(event: dict[str, Any], context: LambdaContext) -> TickReport:
    def enough_time() -> bool:
        return context.get_remaining_time_in_millis() > _ONE_CAMPAIGN_MS

    tick = wiring.tick()
    if "Records" in event or event.get("campaign_id"):
        return tick.named(_named(event), enough_time=enough_time)
    if "scheduled_at" in event:
        return tick.every_campaign(enough_time=enough_time)
    raise BadInput("A tick event has `scheduled_at`, `campaign_id`, or refill records.")


def _keep_schedule() -> None:
    """Whose own start has come is ticked at once. Where nobody can be asked, the next minute does."""
    try:
        for turn in wiring.schedule().keep():
            logger.info("turn", extra=asdict(turn))
            wiring.announcer().note(announcements.campaign_turned(turn.campaign_id, turn.state, turn.reason))
    except Unavailable as cause:
        logger.warning("the schedule was not kept to its end", extra={"cause": str(cause)})


def _named(event: dict[str, Any]) -> list[str]:
    if "Records" in event:
        hinted = (_hinted(record["body"]) for record in event["Records"])
        return sorted({campaign_id for campaign_id in hinted if campaign_id})
    return [str(event["campaign_id"])]


def _hinted(body: str) -> str:
    """The campaign a hint names, or nothing: one that fails would block its batch, and the schedule comes anyway."""
    with suppress(ValidationError):
        return _Hint.model_validate_json(body).campaign_id
    logger.error("unreadable refill hint")
    return ""


class _Hint(BaseModel):
    campaign_id: Annotated[str, Field(min_length=1)]


def _publish() -> None:
    if untaken := wiring.publish():
        logger.warning("announcements were not taken", extra={"count": untaken})


def _log(campaign: CampaignTick) -> None:
    (logger.error if campaign.alarm else logger.info)("tick", extra=asdict(campaign))
