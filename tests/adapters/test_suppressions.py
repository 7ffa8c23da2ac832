"""Suppressions: in their scope, for good, and never as a phone that could be read."""

import pytest
from pymongo.database import Database

from dialer.adapters.mongo import Document
from dialer.adapters.suppressions import GLOBAL, MongoSuppressions, campaign_scope
from dialer.errors import BadSettings
from dialer.secret import Secret
from tests.adapters.racing import in_threads
from tests.builders import a_phone, now

KEY = Secret("a key of these tests")


@pytest.fixture
def suppressions(database: Database[Document]) -> MongoSuppressions:
    return MongoSuppressions(database["suppressions"], key=KEY)


def suppress(suppressions: MongoSuppressions, phone: str, scope: str = GLOBAL) -> None:
    suppressions.suppress(phone, scope=scope, source="keypress", reason="opted out")


def test_who_opted_out_everywhere_is_suppressed_for_every_campaign(suppressions: MongoSuppressions) -> None:
    phone, other = a_phone(), a_phone()
    suppress(suppressions, phone)
    assert suppressions.among("one", [phone, other]) == {phone}
    assert suppressions.among("another", [phone, other]) == {phone}


def test_who_opted_out_of_one_campaign_may_be_called_by_another(suppressions: MongoSuppressions) -> None:
    phone = a_phone()
    suppress(suppressions, phone, campaign_scope("one"))
    assert suppressions.among("one", [phone]) == {phone}
    assert suppressions.among("another", [phone]) == frozenset()
    suppress(suppressions, phone, campaign_scope("another"))
    assert suppressions.among("another", [phone]) == {phone}
    assert suppressions.among("one", [phone]) == {phone}


def test_a_campaign_named_like_a_scope_is_still_a_campaign(suppressions: MongoSuppressions) -> None:
    phone = a_phone()
    suppress(suppressions, phone, campaign_scope("global"))
    assert suppressions.among("one", [phone]) == frozenset()
    suppress(suppressions, phone, "$scope")
    assert suppressions.among("$scope", [phone]) == frozenset()


def test_nobody_is_suppressed_by_an_empty_question(suppressions: MongoSuppressions) -> None:
    assert suppressions.among("one", []) == frozenset()


def test_a_thousand_phones_are_asked_about_at_once(suppressions: MongoSuppressions) -> None:
    phones = [a_phone(index) for index in range(1000)]
    for phone in phones[::100]:
        suppress(suppressions, phone)
    assert suppressions.among("one", phones) == set(phones[::100])


def test_nothing_that_is_stored_shows_a_phone(database: Database[Document], suppressions: MongoSuppressions) -> None:
    phone, before = a_phone(), now()
    suppress(suppressions, phone)
    (document,) = database["suppressions"].find({"scopes": {"$exists": True}})
    assert phone[1:] not in str(document)
    assert phone[-7:] not in str(document)
    assert len(document["_id"]) == 64
    told = document["listed"]["global"]
    assert (told["source"], told["reason"]) == ("keypress", "opted out")
    assert before <= told["at"] <= now()


def test_under_another_key_nobody_gets_an_answer(database: Database[Document], suppressions: MongoSuppressions) -> None:
    """It would be "nobody opted out". The hash needs the key, so that a thief cannot try every number there is."""
    phone = a_phone()
    suppress(suppressions, phone)
    other = MongoSuppressions(database["suppressions"], key=Secret("another key"))
    for _ in range(2):
        with pytest.raises(BadSettings, match=r"^The key in PHONE_HASH_KEY_PARAMETER is not the one"):
            other.among("one", [phone])
        with pytest.raises(BadSettings, match="put the old one back"):
            suppress(other, phone)
    same = MongoSuppressions(database["suppressions"], key=KEY)
    assert same.among("one", [phone]) == {phone}


def test_suppressing_again_is_harmless_and_keeps_every_scope(
    database: Database[Document], suppressions: MongoSuppressions
) -> None:
    phone = a_phone()
    scopes = [GLOBAL, campaign_scope("one"), campaign_scope("two"), GLOBAL]
    in_threads(lambda scope: suppress(suppressions, phone, scope), scopes * 4)
    (document,) = database["suppressions"].find({"scopes": {"$exists": True}})
    assert sorted(document["scopes"]) == sorted(set(scopes))
