"""What can go wrong, named by what the caller does about it.

DialerError
├── BadInput              the sender fixes what they sent; the message says what
│   ├── BadList           a contact list that cannot be read at all
│   ├── BadCampaign       a campaign with a wrong or missing field
│   ├── NotFound          nothing has that id
│   │   ├── UnknownCampaign
│   │   ├── UnknownList
│   │   └── UnknownExport
│   └── Conflict          what is asked for cannot be done in the state that the thing is in
├── Stranger              no good token came with the request; the words are for the log
├── TooFast               this token has used up its requests: come again a little later
├── BadSettings           the operator fixes the deployment; the message names the setting
├── Unavailable           try again later: the part did not answer, and nothing was decided
├── Unproven              a write may or may not have happened and cannot be read back: do nothing that relies on it
└── PhoneBusy             another contact with this phone has an unsettled attempt
"""


class DialerError(Exception):
    """The root: catch it only at an edge."""


class BadInput(DialerError):
    """The sender fixes what they sent."""


class BadList(BadInput):
    """The contact list cannot be read at all; single bad rows are rejects, not errors."""


class BadCampaign(BadInput):
    """A campaign field is wrong or missing."""


class NotFound(BadInput):
    """Nothing has that id."""


class Conflict(BadInput):
    """What is asked for cannot be done in the state that the thing is in."""


class UnknownCampaign(NotFound):
    """No campaign has that id."""

    def __init__(self, campaign_id: str) -> None:
        super().__init__(f"There is no campaign {campaign_id!r}.")


class UnknownList(NotFound):
    """No list has that id."""

    def __init__(self, list_id: str) -> None:
        super().__init__(f"There is no list {list_id!r}.")


class UnknownExport(NotFound):
    """No export has that id."""

    def __init__(self, export_id: str) -> None:
        super().__init__(f"There is no export {export_id!r}.")


class Stranger(DialerError):
    """No good token came with the request. Which of the reasons it is, only the log says."""


class TooFast(DialerError):
    """This token has used up its requests: come again a little later."""


class BadSettings(DialerError):
    """The deployment is wrong; the message names every setting to fix and never shows a value."""


class Unavailable(DialerError):
    """A part did not answer and nothing was decided: try again later."""


class Unproven(DialerError):
    """A write may have happened and cannot be read back: nothing that relies on it may follow."""


class PhoneBusy(DialerError):
    """Another contact with this phone has an unsettled attempt: calls to one phone never overlap."""
