"""A value that must never be shown: its text form hides it, and only `reveal` gives it out."""

from typing import NoReturn


class Secret:
    """Holds one secret text. No dataclass: `asdict` would open it wherever a report holds one."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __deepcopy__(self, _: object) -> "Secret":
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not saved")
