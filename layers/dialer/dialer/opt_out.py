"""Opting out: the key and the words that end all calls to a person, at any point of a call."""

import re
import unicodedata
from collections.abc import Iterable

DIGIT = "9"
WORDS = ("stop", "quit", "end", "revoke", "opt out", "cancel", "unsubscribe")
"""Those of 47 CFR 64.1200(a)(10)."""
_BETWEEN_WORDS = re.compile(r"[\W_]+")
_COMMAS = str.maketrans("şţ", "șț")


def is_opt_out(*, digit: str, words: Iterable[str], pressed: str, spoken: str) -> bool:
    """Whether a key or an utterance opts out. A word counts wherever it is said: better one call too few."""
    by_key = bool(digit) and pressed == digit
    return by_key or is_among(words, spoken)


def is_among(words: Iterable[str], spoken: str) -> bool:
    """Whether one of the words, whole, is in what was said: upper case, stops and hyphens have no meaning."""
    said = f" {plain(spoken)} "
    return any(f" {plain(word)} " in said for word in words if plain(word))


def plain(text: str) -> str:
    """However its accents are encoded; Romanian's cedillas are its commas."""
    whole = unicodedata.normalize("NFC", text.casefold()).translate(_COMMAS)
    return _BETWEEN_WORDS.sub(" ", whole).strip()
