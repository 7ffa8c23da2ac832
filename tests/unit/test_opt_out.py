"""Opting out by a key or by words: every way of saying it counts, and nothing else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.opt_out import WORDS, is_among, is_opt_out


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("saying", ["{}", "{}.", "Please {}!", "I want you to {} now", "  {}  "])
def test_each_word_opts_out_however_it_is_said(word: str, saying: str) -> None:
    for spoken in (saying.format(word), saying.format(word).upper(), saying.format(word.replace(" ", "-"))):
        assert is_opt_out(digit="9", words=WORDS, pressed="", spoken=spoken)


@pytest.mark.parametrize("spoken", ["", "yes", "nonstop", "ending", "quite", "weekend", "opt in", "out opt", "…"])
def test_what_only_looks_like_a_word_does_not(spoken: str) -> None:
    assert not is_opt_out(digit="9", words=WORDS, pressed="", spoken=spoken)


@pytest.mark.parametrize(
    ("digit", "pressed", "out"),
    [("9", "9", True), ("9", "8", False), ("9", "99", False), ("9", "", False), ("", "", False), ("", "9", False)],
)
def test_only_the_key_itself_opts_out(digit: str, pressed: str, out: bool) -> None:
    assert is_opt_out(digit=digit, words=WORDS, pressed=pressed, spoken="") is out


@given(spoken=st.text(), word=st.text())
def test_whatever_is_said_is_looked_at_and_no_word_at_all_opts_nobody_out(spoken: str, word: str) -> None:
    assert not is_among([], spoken)
    assert not is_among(["", " ", "…"], spoken)
    assert is_among([word], word) is any(sign.isalnum() for sign in word.casefold())
