"""A whole audit: the reconcile function is asked again until it has read everything, and what it found is added up."""

import json
import time
from collections.abc import Callable
from typing import Any

from local.deploy import client
from local.environments import Refused

Json = dict[str, Any]
SHOWN = 20
_SUMS = ("calls", "attempts", "unsettled", "unreadable")
_INVOCATIONS, _PATIENCE = 10_000, 5


def whole(wish: Json, *, ask: Callable[[Json], Json]) -> Json:
    """The answers to this audit as one. Raises Refused where the audit is refused, or cannot be brought to its end."""
    answer = _answered(ask({"audit": wish}))
    found, failures = answer, 0
    for _ in range(_INVOCATIONS):
        if not answer["next"]:
            return {name: value for name, value in found.items() if name not in {"next", "unavailable"}}
        failures = failures + 1 if answer["unavailable"] else 0
        if failures > _PATIENCE:
            raise Refused(f"The audit could not be brought to its end: {answer['unavailable']}.")
        time.sleep(failures)
        answer = _answered(ask({"audit": {**wish, "next": answer["next"]}}))
        found = _sum(found, answer)
    raise Refused("The audit did not come to an end: choose a shorter time.")


def invoke(world: Json, event: Json) -> Json:
    """Invoke the reconcile function of a world."""
    of = client("lambda", world["aws"]["url"])
    reply = of.invoke(FunctionName=world["functions"]["ReconcileFunction"], Payload=json.dumps(event))
    answer: Json = json.loads(reply["Payload"].read())
    if "FunctionError" in reply:
        raise Refused(f"The audit failed: {answer.get('errorMessage', answer)}")
    return answer


def _answered(answer: Json) -> Json:
    if "refused" in answer:
        raise Refused(answer["refused"])
    return answer


def _sum(found: Json, answer: Json) -> Json:
    return {
        **found,
        **{name: found[name] + answer[name] for name in _SUMS},
        "counts": {kind: found["counts"][kind] + more for kind, more in answer["counts"].items()},
        "first": {kind: [*found["first"][kind], *more][:SHOWN] for kind, more in answer["first"].items()},
    }
