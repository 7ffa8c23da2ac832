"""TwiML, read into verbs."""

from dataclasses import dataclass
from xml.etree import ElementTree as ET


class Unplayable(Exception):
    """No TwiML came, or it cannot be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verb:
    name: str
    text: str
    attributes: dict[str, str]
    children: tuple["Verb", ...]

    def number(self, name: str, usual: float) -> float:
        try:
            return max(0.0, float(self.attributes.get(name, usual)))
        except ValueError:
            return usual

    @property
    def method(self) -> str:
        return self.attributes.get("method", "POST").upper()


def read_twiml(document: str) -> tuple[Verb, ...]:
    try:
        root = ET.fromstring(document.strip())  # noqa: S314 -- from the system under test, on loopback
    except ET.ParseError as error:
        raise Unplayable(f"12100 Document parse failure: {error}") from error
    if root.tag != "Response":
        raise Unplayable(f"12100 The document is a <{root.tag}>, not a <Response>")
    return _verb(root).children


def _verb(element: ET.Element) -> Verb:
    return Verb(
        name=element.tag,
        text=(element.text or "").strip(),
        attributes=dict(element.attrib),
        children=tuple(_verb(child) for child in element),
    )
