"""Languages: how one may be written, which one somebody asks for, and that its words opt out."""

import unicodedata

import pytest

from dialer.languages import are_akin, asked_for, demand_spoken, demand_tag, is_heard, opt_out_words, tag
from dialer.opt_out import is_among, plain

WRITTEN = {
    "en-US": "en-US", "es-MX": "es-MX", "EN-us": "en-US", "es": "es", "arb": "arb", "zh-hans-cn": "zh-Hans-CN",
    "es-419": "es-419", "sr-LATN": "sr-Latn", "en-gb-wls": "en-GB-WLS",
}  # fmt: skip
NONE = [
    "Spanish", "español", "e", "en_US", "en-", "-US", "en-USA", "en US", "en-US ", "1-US", "en-U1", "en--US", "éé",
    "{x}", "en-US-x-private", 'en" voice="man',
]  # fmt: skip
KNOWN = ["da", "de", "en", "es", "fi", "fr", "it", "nb", "nl", "pl", "pt", "ro", "ru", "sv"]


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


@pytest.mark.parametrize("language", ["es-MX", "en-IE", "nb-NO"])
def test_words_are_recognised_by_a_tag_that_the_carrier_takes(language: str) -> None:
    assert is_heard(language)


@pytest.mark.parametrize("language", ["es", "es-419", "es-GB", "en-ZZ", "en-MX", "no-NO", "arb", ""])
def test_by_no_other_tag_words_are_recognised_however_well_formed(language: str) -> None:
    assert not is_heard(language)


@pytest.mark.parametrize(
    ("language", "campaign"),
    [("es-MX", "en-US"), ("EN-gb", "fr-FR"), ("cs", "cs-CZ"), ("es-AR", "es-ES"), ("en", "en-US")],
)
def test_a_person_may_be_spoken_to_in_what_the_carrier_speaks_or_the_campaign(language: str, campaign: str) -> None:
    demand_spoken(language, campaign=campaign)


@pytest.mark.parametrize(
    ("language", "campaign"), [("es", "en-US"), ("cs-CZ", "en-US"), ("tlh", "en-US"), ("no-NO", "")]
)
def test_nobody_is_to_be_spoken_to_in_what_nothing_would_be_said_in(language: str, campaign: str) -> None:
    with pytest.raises(ValueError, match="is none that can be spoken without a voice: write one that can, as en-US"):
        demand_spoken(language, campaign=campaign)


@pytest.mark.parametrize("language", KNOWN)
def test_each_word_that_opts_out_in_a_language_is_found_in_what_is_said(language: str) -> None:
    words = opt_out_words(f"{language}-XX")
    assert len(words) >= 5
    assert len({plain(word) for word in words}) == len(words)
    for word in words:
        assert is_among(words, f"… {word.upper()}!")
        assert is_among(words, unicodedata.normalize("NFD", word))
        assert not is_among(words, word[:-1] + "xx")


@pytest.mark.parametrize("language", ["zh-CN", "ja-JP", "arb", "tlh"])
def test_of_other_languages_no_words_are_known(language: str) -> None:
    assert opt_out_words(language) == ()
