"""Which of a person's numbers comes next: each in its turn, and none that the carrier has refused."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.alternates import following
from dialer.model import FAX, Contact, FinishedAttempt, Number, Outcome
from tests.builders import a_contact, a_phone, now

PHONES = tuple(a_phone(index) for index in range(5))


def with_numbers(*phones: str, at: str = "", refused: tuple[str, ...] = ()) -> Contact:
    numbers = tuple(Number(phone=phone, region=f"US {phone}") for phone in phones)
    contact = a_contact(phone=at or phones[0], listed=phones[0], numbers=numbers)
    return replace(contact, history=tuple(an_end(phone, Outcome.REFUSED) for phone in refused))


def an_end(to: str, outcome: Outcome) -> FinishedAttempt:
    return FinishedAttempt(id="x-1", n=1, to=to, from_number="", dial_at=None, ended_at=now(), sid="", outcome=outcome)


def test_who_has_one_number_has_no_other() -> None:
    assert following(a_contact()) is None
    assert following(with_numbers(PHONES[0])) is None


def test_numbers_follow_each_other_in_the_order_of_the_list_and_begin_again() -> None:
    first, second, third = PHONES[:3]
    for at, after in ((first, second), (second, third), (third, first)):
        assert following(with_numbers(first, second, third, at=at)) == Number(phone=after, region=f"US {after}")


def test_a_number_that_the_carrier_refused_is_passed_over() -> None:
    first, second, third = PHONES[:3]
    after = following(with_numbers(first, second, third, at=first, refused=(second,)))
    assert after is not None
    assert after.phone == third
    assert following(with_numbers(first, second, at=first, refused=(second,))) is None


def test_a_number_where_a_fax_answers_is_passed_over_too() -> None:
    contact = replace(with_numbers(*PHONES[:2]), history=(replace(an_end(PHONES[1], Outcome.MACHINE), detail=FAX),))
    assert following(contact) is None


@pytest.mark.parametrize("outcome", [one for one in Outcome if one is not Outcome.REFUSED])
def test_a_number_that_was_only_not_reached_has_its_turn_again(outcome: Outcome) -> None:
    contact = replace(with_numbers(*PHONES[:2]), history=(an_end(PHONES[1], outcome),))
    after = following(contact)
    assert after is not None
    assert after.phone == PHONES[1]


def test_a_number_that_is_not_in_the_list_any_more_is_followed_by_the_first() -> None:
    after = following(with_numbers(*PHONES[:2], at=PHONES[4]))
    assert after is not None
    assert after.phone == PHONES[0]


@given(
    phones=st.lists(st.sampled_from(PHONES), min_size=1, max_size=5, unique=True),
    refused=st.sets(st.sampled_from(PHONES)),
)
def test_in_as_many_turns_as_there_are_numbers_each_that_is_not_refused_is_met_once(
    phones: list[str], refused: set[str]
) -> None:
    contact, met = with_numbers(*phones, refused=tuple(refused)), list[str]()
    for _ in phones:
        number = following(contact)
        if number is None:
            break
        contact = replace(contact, phone=number.phone, region=number.region)
        met.append(number.phone)
    others = [phone for phone in phones[1:] if phone not in refused]
    assert met[: len(others)] == others
    assert not refused & set(met)
