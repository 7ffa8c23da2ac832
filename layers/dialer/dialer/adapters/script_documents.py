"""What is said, as a document: each step with its kind, spans in milliseconds, and only what is not usual."""

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields
from datetime import timedelta
from typing import Any

from dialer.adapters.contact_documents import milliseconds
from dialer.adapters.mongo import Document
from dialer.model import CallPlan, OnMachine
from dialer.script import Ask, Choice, HangUp, Menu, Play, Record, Say, Stream, Transfer

_KINDS: Mapping[str, type[Any]] = {
    "say": Say,
    "play": Play,
    "menu": Menu,
    "choice": Choice,
    "ask": Ask,
    "record": Record,
    "transfer": Transfer,
    "stream": Stream,
    "hang_up": HangUp,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_KIND = "do"
_MS = "_ms"


def call_document(plan: CallPlan) -> Document:
    """What stands at its usual value is left out, but for what every campaign has always had."""
    always = {"say", "twiml", "voice", "language", "ring_timeout", "talk_limit", "detect_machine", "opt_out_digit"}
    return _document(plan, always=always)


def call_of(document: Document) -> CallPlan:
    """The plan of any campaign, also of one from before there were scripts."""
    known = _values(document)
    return CallPlan(**{**known, "on_machine": OnMachine(known.get("on_machine", OnMachine.GO_ON))})


def _document(value: Any, *, always: Iterable[str] = ()) -> Document:
    written: Document = {}
    for field in fields(value):
        held = getattr(value, field.name)
        usual = field.default if field.default is not MISSING else MISSING
        if held != usual or field.name in always:
            written |= _entry(field.name, held)
    return written


def _entry(name: str, value: Any) -> Document:
    if isinstance(value, timedelta):
        return {f"{name}{_MS}": milliseconds(value)}
    return {name: _written(value)}


def _written(value: Any) -> Any:
    if type(value) in _NAMES:
        return {_KIND: _NAMES[type(value)], **_document(value)}
    if isinstance(value, tuple):
        return [_written(one) for one in value]
    return value


def _values(document: Document) -> dict[str, Any]:
    return {
        name.removesuffix(_MS): timedelta(milliseconds=value) if name.endswith(_MS) else _read(value)
        for name, value in document.items()
        if name != _KIND
    }


def _read(value: Any) -> Any:
    match value:
        case {"do": str(kind)}:
            return _KINDS[kind](**_values(value))
        case list():
            return tuple(_read(one) for one in value)
    return value
