"""What can go wrong for somebody at a terminal: one sentence each, and an exit code that scripts can tell apart."""


class Problem(Exception):
    """One sentence that says what to do."""

    code = 1


class Refused(Problem):
    """The API says no: a wrong field, an unknown id, a campaign that is in no state for this."""

    code = 1


class Misused(Problem):
    """The command line or a file cannot be understood."""

    code = 2


class Denied(Problem):
    """No token, a wrong one, or one that may only look."""

    code = 3


class Unreachable(Problem):
    """The API does not answer, or says that it cannot now: the same again later may do."""

    code = 4
