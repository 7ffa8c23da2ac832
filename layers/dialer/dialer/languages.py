"""Languages: how one is written, which one somebody asks for, and the words that opt out in it."""

import re
from collections.abc import Mapping
from functools import lru_cache

from dialer import opt_out

VARIABLE = "language"
"""The variable in which a list says what language somebody is spoken to in."""
_TAG = re.compile(r"[a-z]{2,3}(-[a-z]{4})?(-([a-z]{2}|[0-9]{3}))?", re.IGNORECASE | re.ASCII)
_OF_A_COUNTRY = re.compile(r"[a-z]{2,3}-[A-Z]{2}")
_OPT_OUT_WORDS = {
    "cs": ("přestaňte", "ukončit", "zrušit", "odvolat", "odhlásit", "nevolejte"),
    "da": ("stop", "afslut", "annuller", "afmeld", "tilbagekald", "ring ikke"),
    "de": ("stopp", "aufhören", "abbrechen", "beenden", "widerrufen", "abmelden", "abbestellen", "nicht mehr anrufen"),
    "en": opt_out.WORDS,
    "es": (
        "alto", "basta", "pare", "parar", "cancelar", "revocar", "dar de baja", "darme de baja", "no me llame",
        "no me llamen",
    ),
    "fi": ("lopeta", "lopettakaa", "peruuta", "älä soita", "älkää soittako"),
    "fr": (
        "stop", "arrêt", "arrêter", "arrêtez", "annuler", "révoquer", "désabonner", "désinscrire", "ne m'appelez plus",
    ),
    "it": ("stop", "basta", "fermate", "annulla", "annullare", "revocare", "disiscrivere", "non chiamatemi"),
    "nb": ("stopp", "avslutt", "avbryt", "trekk tilbake", "meld meg av", "ikke ring"),
    "nl": ("stop", "stoppen", "ophouden", "annuleren", "intrekken", "afmelden", "uitschrijven", "niet meer bellen"),
    "no": ("stopp", "avslutt", "avbryt", "trekk tilbake", "meld meg av", "ikke ring"),
    "pl": ("stop", "przestań", "przestańcie", "zakończ", "anuluj", "wycofuję", "wypisz", "nie dzwoń", "nie dzwonić"),
    "pt": ("pare", "parar", "basta", "cancelar", "revogar", "descadastrar", "sair da lista", "não me ligue"),
    "ro": ("stop", "opriți", "anulați", "revoc", "dezabonare", "nu mă mai sunați"),
    "ru": ("стоп", "хватит", "прекратите", "отмена", "отзываю", "отписаться", "не звоните"),
    "sv": ("stopp", "sluta", "avsluta", "avbryt", "återkalla", "avregistrera", "ring inte"),
    "uk": ("стоп", "досить", "припиніть", "скасувати", "відкликаю", "відписатися", "не дзвоніть", "не телефонуйте"),
}  # fmt: skip
"""By the first part of a tag. A language that is written without spaces has none: words are found between them."""


@lru_cache(maxsize=1024)
def tag(written: str) -> str:
    """A language in its usual form, `en-US` for `EN-us`; empty for what is none."""
    if not _TAG.fullmatch(written):
        return ""
    first, *others = written.split("-")
    return "-".join([first.lower(), *(part.title() if len(part) == 4 else part.upper() for part in others)])


def demand_tag(written: str) -> str:
    """What was written. Raises ValueError where it is no language."""
    if not tag(written):
        raise ValueError("is no language tag: write it as en-US or es-MX")
    return written


def asked_for(variables: Mapping[str, str]) -> str:
    """The language that somebody's list asks for; empty where it asks for none."""
    return tag(variables.get(VARIABLE, ""))


def are_akin(one: str, other: str) -> bool:
    """Whether two tags are one language, as it may be spoken in two countries."""
    return _first(one) == _first(other)


def opt_out_words(language: str) -> tuple[str, ...]:
    """Those that are known of a language; of most there are none."""
    return _OPT_OUT_WORDS.get(_first(language), ())


def is_heard(language: str) -> bool:
    """Whether the carrier recognises words by a tag of this form: one without a country it does not take."""
    return bool(_OF_A_COUNTRY.fullmatch(language))


def _first(language: str) -> str:
    return language.partition("-")[0].lower()
