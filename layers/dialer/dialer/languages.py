"""Languages: how one is written, which one somebody asks for, and the words that opt out in it."""

import re
from collections.abc import Mapping
from functools import lru_cache

from dialer import opt_out

VARIABLE = "language"
"""The variable in which a list says what language somebody is spoken to in."""
_TAG = re.compile(r"[a-z]{2,3}(-[a-z]{4})?(-([a-z]{2}|[0-9]{3})(-[a-z0-9]{3,8})?)?", re.IGNORECASE | re.ASCII)
_SPOKEN = frozenset({
    "arb", "ca-ES", "cy-GB", "da-DK", "de-DE", "en-AU", "en-CA", "en-GB", "en-GB-WLS", "en-IN", "en-US", "es-ES",
    "es-MX", "es-US", "fi-FI", "fr-CA", "fr-FR", "hi-IN", "is-IS", "it-IT", "ja-JP", "ko-KR", "nb-NO", "nl-NL", "pl-PL",
    "pt-BR", "pt-PT", "ro-RO", "ru-RU", "sv-SE", "tr-TR", "zh-CN", "zh-HK", "zh-TW",
})  # fmt: skip
"""What the carrier speaks where no voice is named: `Say.Language` of Twilio's library for Java. In any other one it may
fail, and nothing is said at all."""
_HEARD = frozenset({
    "da-DK", "de-DE", "en-AU", "en-CA", "en-GB", "en-GH", "en-IE", "en-IN", "en-KE", "en-NG", "en-NZ", "en-PH",
    "en-SG", "en-TZ", "en-US", "en-ZA", "es-AR", "es-BO", "es-CL", "es-CO", "es-CR", "es-DO", "es-EC", "es-ES", "es-GT",
    "es-HN", "es-MX", "es-NI", "es-PA", "es-PE", "es-PR", "es-PY", "es-SV", "es-US", "es-UY", "es-VE", "fi-FI", "fr-CA",
    "fr-FR", "it-IT", "nb-NO", "nl-BE", "nl-NL", "pl-PL", "pt-BR", "pt-PT", "ro-RO", "ru-RU", "sv-SE",
})  # fmt: skip
"""What the carrier recognises, of the languages below: `Gather.Language` of the same. By any other one it may hear
nothing, no key either (Twilio's warning 13331)."""
_OPT_OUT_WORDS = {
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
    "pl": ("stop", "przestań", "przestańcie", "zakończ", "anuluj", "wycofuję", "wypisz", "nie dzwoń", "nie dzwonić"),
    "pt": ("pare", "parar", "basta", "cancelar", "revogar", "descadastrar", "sair da lista", "não me ligue"),
    "ro": ("stop", "opriți", "anulați", "revoc", "dezabonare", "nu mă mai sunați"),
    "ru": ("стоп", "хватит", "прекратите", "отмена", "отзываю", "отписаться", "не звоните"),
    "sv": ("stopp", "sluta", "avsluta", "avbryt", "återkalla", "avregistrera", "ring inte"),
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


def demand_spoken(written: str, *, campaign: str) -> None:
    """For somebody of a campaign in a language. Raises ValueError where the carrier could say nothing at all in it."""
    usual = tag(demand_tag(written))
    if usual not in _SPOKEN and not are_akin(usual, campaign):
        raise ValueError("is none that can be spoken without a voice: write one that can, as en-US or es-MX")


def asked_for(variables: Mapping[str, str]) -> str:
    """The language that somebody's list asks for; empty where it asks for none."""
    return tag(variables.get(VARIABLE, ""))


def are_akin(one: str, other: str) -> bool:
    """Whether two tags are one language, as it may be spoken in two countries."""
    return _first(one) == _first(other)


def opt_out_words(language: str) -> tuple[str, ...]:
    """Those that are known of a language; of most there are none."""
    return _OPT_OUT_WORDS.get(_first(language), ())


def is_spoken(language: str) -> bool:
    """By the carrier, where no voice is named."""
    return language in _SPOKEN


def is_heard(language: str) -> bool:
    return language in _HEARD


def _first(language: str) -> str:
    return language.partition("-")[0].lower()
