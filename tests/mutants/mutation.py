"""A named small change of the source that removes one defence, and how it is tried without touching the source."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_LOADED_AGAIN = ("dialer", "tests.simulation")


class NoLongerApplies(Exception):
    """The text to be changed is not there exactly once: the list of mutations is behind the source."""


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """One defence, gone."""

    name: str
    """What the dialer does wrong with it."""
    file: str
    old: str
    new: str
    tests: str
    """The tests that must turn red: paths and options for pytest."""
    laws: str = ""
    """The laws that the simulation must see broken; empty where no universe is affected."""

    def applied(self) -> str:
        """The file's text with the change in it."""
        text = (ROOT / self.file).read_text()
        if text.count(self.old) != 1:
            raise NoLongerApplies(f"{self.name!r}: its text is {text.count(self.old)} times in {self.file}")
        return text.replace(self.old, self.new)

    def __str__(self) -> str:
        return self.name


@contextmanager
def loaded(mutation: Mutation) -> Iterator[None]:
    """Within, an import of the product or of the simulation finds them with the mutation in it; nothing stays."""
    before = _taken_out()
    finder = _Finder(origin=str(ROOT / mutation.file), text=mutation.applied())
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        _taken_out()
        sys.modules.update(before)


def _taken_out() -> dict[str, ModuleType]:
    names = [
        name for name in sys.modules if name in _LOADED_AGAIN or name.startswith(tuple(f"{n}." for n in _LOADED_AGAIN))
    ]
    return {name: sys.modules.pop(name) for name in names}


@dataclass(kw_only=True)
class _Finder(MetaPathFinder):
    origin: str
    text: str

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.origin != self.origin:
            return None
        spec.loader = _Loader(fullname, self.origin, self.text)
        return spec


class _Loader(SourceFileLoader):
    def __init__(self, fullname: str, path: str, text: str) -> None:
        super().__init__(fullname, path)
        self._text = text

    def get_code(self, fullname: str) -> CodeType:
        code: Any = compile(self._text, self.path, "exec")
        assert isinstance(code, CodeType)
        return code
