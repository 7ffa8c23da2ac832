"""Languages: how one may be written, which one somebody asks for, and that its words opt out."""

import pytest

from dialer.languages import are_akin, asked_for, demand_tag, is_heard, opt_out_words, tag
from dialer.opt_out import is_among, plain

WRITTEN = {
    "en-US": "en-US", "es-MX": "es-MX", "EN-us": "en-US", "es": "es", "arb": "arb", "zh-hans-cn": "zh-Hans-CN",
    "es-419": "es-419", "sr-LATN": "sr-Latn",
}  # fmt: skip
NONE = [
    "Spanish", "español", "e", "en_US", "en-", "-US", "en-USA", "en US", "en-US ", "1-US", "en-U1", "en--US", "éé",
    "{x}", "en-US-x-private", 'en" voice="man',
]  # fmt: skip
KNOWN = ["cs", "da", "de", "en", "es", "fi", "fr", "it", "nb", "nl", "no", "pl", "pt", "ro", "ru", "sv", "uk"]


@pytest.mark.parametrize(("written", "usual"), WRITTEN.items())
def test_a_tag_has_one_form_however_its_capitals_are(written: str, usual: str) -> None:
    assert (tag(written), demand_tag(written), asked_for({"language": written})) == (usual, written, usual)


@pytest.mark.parametrize("written", NONE)
def test_whatever_else_is_written_is_no_language_and_is_not_asked_for(written: str) -> None:
    with pytest.raises(ValueError, match="is no language tag: write it as en-US or es-MX"):
        demand_tag(written)
    assert asked_for({"language": written}) == ""


def test_who_says_nothing_asks_for_none() -> None:
    assert [asked_for(said) for said in ({}, {"language": ""}, {"Language": "es-MX"})] == ["", "", ""]


def test_one_language_may_be_spoken_in_two_countries() -> None:
    assert are_akin("en-US", "EN-gb")
    assert are_akin("es", "es-MX")
    assert not are_akin("es-ES", "et-EE")


@pytest.mark.parametrize(("language", "heard"), [("es-MX", True), ("es", False), ("arb", False), ("es-419", False)])
def test_words_are_recognised_by_a_tag_with_a_country(language: str, heard: bool) -> None:
    assert is_heard(language) is heard


@pytest.mark.parametrize("language", KNOWN)
def test_each_word_that_opts_out_in_a_language_is_found_in_what_is_said(language: str) -> None:
    words = opt_out_words(f"{language}-XX")
    assert len(words) >= 5
    assert len({plain(word) for word in words}) == len(words)
    for word in words:
        assert is_among(words, f"… {word.upper()}!")
        assert not is_among(words, word[:-1] + "xx")


@pytest.mark.parametrize("language", ["zh-CN", "ja-JP", "arb", "tlh"])
def test_of_other_languages_no_words_are_known(language: str) -> None:
    assert opt_out_words(language) == ()
