"""A value that must never be shown: its text form hides it, and only `reveal` gives it out."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Secret:
    """Holds one secret text."""

    _text: str

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__
