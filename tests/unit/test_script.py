"""A call's script: what follows what, from every place in it."""

import pytest

from dialer.script import (
    Ask,
    Choice,
    HangUp,
    Menu,
    Place,
    Play,
    Record,
    Say,
    Script,
    Stream,
    Transfer,
    after,
    every_step,
    into,
    onward,
    step_at,
    takes_speech,
    texts,
)


def say(text: str) -> Say:
    return Say(text=text)


INNER = Menu(
    name="day",
    prompt=(say("Which day?"),),
    choices=(
        Choice(key="1", outcome="monday", then=(say("Monday."),)),
        Choice(key="*", outcome="other", then=(say("Another."), HangUp())),
    ),
    otherwise=(say("No day."),),
)
SCRIPT: Script = (
    say("Hello."),
    Menu(
        name="coming",
        prompt=(say("Are you coming?"),),
        choices=(
            Choice(key="1", outcome="yes", then=(say("Good."),)),
            Choice(key="2", outcome="move", then=(INNER, say("Moved."))),
        ),
    ),
    Transfer(to="+12015550100", otherwise=(say("Nobody is here."),)),
    say("Goodbye."),
)


def story(place: str, script: Script = SCRIPT) -> list[str]:
    """What comes from a place on: texts, and the kinds of all other steps."""
    steps = [step for _, step in onward(script, tuple(place.split(".")))]
    return [step.text if isinstance(step, Say) else type(step).__name__ for step in steps]


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("0", ["Hello.", "Menu", "Transfer", "Goodbye."]),
        ("3", ["Goodbye."]),
        ("4", []),
        ("1.1.0", ["Good.", "Transfer", "Goodbye."]),
        ("1.1.1", ["Transfer", "Goodbye."]),
        ("1.o.0", ["Transfer", "Goodbye."]),
        ("1.2.0", ["Menu", "Moved.", "Transfer", "Goodbye."]),
        ("1.2.0.1.0", ["Monday.", "Moved.", "Transfer", "Goodbye."]),
        ("1.2.0.s.0", ["Another.", "HangUp", "Moved.", "Transfer", "Goodbye."]),
        ("1.2.0.o.0", ["No day.", "Moved.", "Transfer", "Goodbye."]),
        ("2.o.0", ["Nobody is here.", "Goodbye."]),
    ],
)
def test_a_branch_leads_back_to_what_follows_the_step_that_branched(place: str, expected: list[str]) -> None:
    assert story(place) == expected


@pytest.mark.parametrize(
    "place", ["", "x", "-1", "5", "1.3.0", "1.1.2", "0.1.0", "1.2.0.7.0", "4.1.0", "1.1", "999999999999", "\u0663"]
)
def test_a_place_that_is_not_in_the_script_has_nothing_and_breaks_nothing(place: str) -> None:
    assert step_at(SCRIPT, tuple(place.split("."))) is None


def test_each_step_is_found_at_its_own_place() -> None:
    def walk(script: Script, above: Place) -> int:
        count = 0
        for number, step in enumerate(script):
            place = (*above, str(number))
            assert step_at(SCRIPT, place) is step
            inner = getattr(step, "choices", ())
            count += 1 + sum(walk(one.then, into(place, {"*": "s"}.get(one.key, one.key))[:-1]) for one in inner)
        return count

    assert walk(SCRIPT, ()) == 4 + 1 + 2 + 1 + 2


def test_places_are_counted_within_their_branch() -> None:
    assert after(("1", "2", "0")) == ("1", "2", "1")
    assert into(("1",), "2") == ("1", "2", "0")


def test_every_step_is_met_once_with_those_in_branches() -> None:
    assert sum(isinstance(step, Say) for step in every_step(SCRIPT)) == 8


@pytest.mark.parametrize(
    ("script", "listens"),
    [
        (SCRIPT, False),
        ((Ask(name="why", prompt=()),), True),
        ((Menu(name="a", prompt=(), choices=(Choice(key="1", outcome="x", words=("yes",)),)),), True),
        ((Menu(name="a", prompt=(), choices=(Choice(key="1", outcome="x", then=(Ask(name="b", prompt=()),)),)),), True),
    ],
)
def test_a_call_takes_speech_where_any_step_of_it_does(script: Script, listens: bool) -> None:
    assert takes_speech(script) is listens


def test_all_texts_with_variables_are_known() -> None:
    script = (
        say("a"),
        Play(url="https://sounds.example/a.mp3"),
        Record(name="r", prompt=(say("b"),)),
        Transfer(to="+12015550100", whisper="c", otherwise=(say("d"),)),
        Stream(url="wss://agent.example", parameters=(("who", "e"),)),
    )
    assert sorted(texts(script)) == ["a", "b", "c", "d", "e"]
