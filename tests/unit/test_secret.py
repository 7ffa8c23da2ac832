"""A secret is given out by `reveal` and by nothing else."""

import copy
import json
import logging
import pickle
import traceback
from dataclasses import asdict, dataclass
from typing import Any

import pytest

from dialer.secret import Secret

VALUE = "hunter2-0123456789"


@dataclass(frozen=True)
class Holder:
    token: Secret


FORMS = {
    "repr": repr,
    "str": str,
    "format": format,
    "f-string": lambda secret: f"{secret} {secret!r} {secret!s} {secret!a}",
    "percent": lambda secret: "%s %r" % (secret, secret),  # noqa: UP031
    "in a list": lambda secret: str([secret, {"token": secret}]),
    "in a dataclass": lambda secret: repr(Holder(secret)),
    "in a dataclass made a dictionary": lambda secret: str(asdict(Holder(secret))),
    "in JSON by its text": lambda secret: json.dumps({"token": secret}, default=str),
    "in a log line": lambda secret: logging.makeLogRecord({"msg": "%s", "args": (secret,)}).getMessage(),
    "as an error": lambda secret: "".join(traceback.format_exception(ValueError(secret))),
    "copied": lambda secret: str(copy.deepcopy(secret)),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=list(FORMS))
def test_no_form_of_a_secret_shows_it(form: Any) -> None:
    assert VALUE not in form(Secret(VALUE))
    assert "hunter2" not in form(Secret(VALUE))


def test_a_secret_reveals_itself_when_asked() -> None:
    assert Secret(VALUE).reveal() == VALUE


def test_a_secret_is_not_saved() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(Secret(VALUE))
    with pytest.raises(TypeError):
        json.dumps(Secret(VALUE))


def test_a_secret_has_no_dictionary_to_be_dumped() -> None:
    with pytest.raises(TypeError):
        vars(Secret(VALUE))
