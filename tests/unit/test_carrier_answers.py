"""What the carrier's error replies mean. Source: its error reference; whatever is not there is doubt."""

import pytest

from dialer.carrier_answers import KNOWN_CODES, NotPlaced, OurFault, Refused, Unsure, meaning

THIS_NUMBER = (21202, 21211, 21214, 21216, 21217, 13223, 13224, 13225, 13226)
THIS_COUNTRY = (21215, 13227)
THE_ACCOUNT = (20003, 20005, 20006, 20008, 20403, 10001, 10002, 10005, 21203, 21210, 21212, 21213, 21219, 573005)
OUR_REQUEST = (21205, 21206, 21207, 21208, 21209, 21218, 21609, 21626)
NOT_NOW = (20429, 10004)
ALL = (*THIS_NUMBER, *THIS_COUNTRY, *THE_ACCOUNT, *OUR_REQUEST, *NOT_NOW)


@pytest.mark.parametrize("code", THIS_NUMBER)
def test_a_number_that_can_never_be_called_is_refused_for_good(code: int) -> None:
    said = meaning(http_status=400, code=code)
    assert isinstance(said, Refused)
    assert str(code) in said.reason


@pytest.mark.parametrize("code", THIS_COUNTRY)
def test_a_country_closed_to_the_account_is_our_fault_for_that_country_alone(code: int) -> None:
    said = meaning(http_status=400, code=code)
    assert isinstance(said, OurFault)
    assert said.region_only


@pytest.mark.parametrize("code", [*THE_ACCOUNT, *OUR_REQUEST])
@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_wrong_account_or_request_is_our_fault_and_never_the_contacts(code: int, status: int) -> None:
    said = meaning(http_status=status, code=code)
    assert isinstance(said, OurFault)
    assert not said.region_only
    assert str(code) in said.reason


@pytest.mark.parametrize("code", NOT_NOW)
def test_what_the_carrier_documents_as_not_processed_is_not_placed(code: int) -> None:
    assert isinstance(meaning(http_status=429 if code == 20429 else 400, code=code), NotPlaced)


def test_the_table_has_these_codes_and_no_other() -> None:
    assert set(ALL) == KNOWN_CODES


@pytest.mark.parametrize("code", ALL)
@pytest.mark.parametrize("status", [500, 502, 503, 504, 200, 201, 302])
def test_a_known_code_in_a_reply_that_is_no_refusal_proves_nothing(code: int, status: int) -> None:
    assert isinstance(meaning(http_status=status, code=code), Unsure)


@pytest.mark.parametrize("code", [None, 0, 502, 15001, 15002, 20500, 20503, 20404, 21220, 99999])
@pytest.mark.parametrize("status", [400, 404, 408, 409, 410, 500, 502, 503, 504])
def test_everything_unknown_is_doubt(code: int | None, status: int) -> None:
    assert isinstance(meaning(http_status=status, code=code), Unsure)


def test_too_many_requests_is_known_by_its_status_even_without_a_code() -> None:
    assert isinstance(meaning(http_status=429, code=None), NotPlaced)
    assert isinstance(meaning(http_status=429, code=99999), NotPlaced)


def test_wrong_credentials_are_known_by_their_status_even_without_a_code() -> None:
    assert isinstance(meaning(http_status=401, code=None), OurFault)


def test_doubt_says_what_the_reply_was() -> None:
    assert meaning(http_status=500, code=20500) == Unsure(reason="HTTP 500, code 20500")
    assert meaning(http_status=502, code=None) == Unsure(reason="HTTP 502")
