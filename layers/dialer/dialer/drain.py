"""Drain: a campaign that is paused or stopped takes back what still waits in the carrier's own queue.

A pause keeps new requests from leaving. Those that the carrier took before it may wait there, since it dials only so
many calls a second, and would ring long after the pause. They are cancelled there, and their attempts given back.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from dialer import call_status
from dialer.callback import Callback
from dialer.errors import BadSettings, Unavailable
from dialer.model import Contact, attempt_of
from dialer.office_ports import Witness
from dialer.ports import CallRef, Campaigns, Draining, Waiting
from dialer.reconcile import Settled
from dialer.workers import each


@dataclass(kw_only=True)
class DrainReport:
    """What became of the calls that waited at the carrier."""

    settled: list[Settled] = field(default_factory=list)
    unavailable: list[str] = field(default_factory=list)
    drained: list[str] = field(default_factory=list)
    """Campaigns of which nothing waits there any more."""


@dataclass(frozen=True, kw_only=True)
class Drain:
    """The parts of one run. Two at once are harmless: the carrier cancels a call once, and its end settles once."""

    campaigns: Campaigns
    waiting: Waiting
    callback: Callback
    witness: Witness
    workers: int = 8

    def __call__(self, *, enough_time: Callable[[], bool], campaign_id: str = "") -> DrainReport:
        """Every campaign that has to be drained, or only this one; what time does not allow is left to the next run."""
        report = DrainReport()
        try:
            for draining in self.campaigns.draining():
                if campaign_id in {"", draining.campaign_id} and enough_time():
                    self._campaign(draining, report, enough_time)
        except Unavailable as cause:
            report.unavailable.append(str(cause))
        return report

    def _campaign(self, draining: Draining, report: DrainReport, enough_time: Callable[[], bool]) -> None:
        waiting = self.waiting.not_heard_of(draining.campaign_id)
        report.unavailable += waiting.troubles
        for done in each(waiting.contacts, lambda one: self._one(one) if enough_time() else None, workers=self.workers):
            if isinstance(done, Settled):
                report.settled.append(done)
            elif done:
                report.unavailable.append(done)
        if not self.waiting.any_left(draining.campaign_id) and self.campaigns.drained(draining):
            report.drained.append(draining.campaign_id)

    def _one(self, contact: Contact) -> Settled | str:
        """One call; a part that does not answer leaves it for the next run, and the others go on."""
        try:
            return self._take_back(contact)
        except Unavailable as cause:
            return str(cause)
        except BadSettings:
            raise
        except Exception as bug:  # noqa: BLE001  one contact that breaks us must not keep the others in the queue
            return f"contact {contact.id}: {type(bug).__name__}"

    def _take_back(self, contact: Contact) -> Settled:
        sid = attempt_of(contact).sid
        report = self.witness.report(sid)
        if report is not None and report.status == "queued":
            self.witness.cancel(sid)
            report = self.witness.report(sid) or report
        if report is None or not call_status.is_known(report.status):
            return _settled(contact, "unknown to the carrier")
        heard = self.callback.status(CallRef(contact_id=contact.id, attempt_id=attempt_of(contact).id), report)
        said = replace(_settled(contact, f"asked: {report.status}"), alarm=heard.alarm)
        if heard.outcome != "settled":
            return said
        return replace(said, outcome=heard.detail, sid=heard.sid, state=heard.state)


def _settled(contact: Contact, finding: str) -> Settled:
    return Settled(
        contact_id=contact.id,
        attempt_id=attempt_of(contact).id,
        finding=finding,
        campaign_id=contact.campaign_id,
    )
