"""What can be counted of answers: what a script or the carrier has words for, wherever in the script it is asked."""

from dialer.answers import countable
from dialer.script import Ask, Choice, Menu, Record, Say, Script, Stream, Transfer

QUESTION = (Say(text="How was it?"),)
DEEP = Menu(name="again", prompt=QUESTION, choices=(Choice(key="1", outcome="yes"),))
SCRIPT: Script = (
    Menu(
        name="rating",
        prompt=QUESTION,
        choices=(Choice(key="1", outcome="good"), Choice(key="2", outcome="bad", then=(DEEP,))),
        otherwise=(Transfer(to="queue:support", name="agent"),),
    ),
    Ask(name="why", prompt=QUESTION, hints=("too late",)),
    Record(name="message", prompt=QUESTION),
    Stream(url="wss://agent.example.com/", answers=("mood",)),
)


def test_choices_and_ends_of_transfers_are_countable_in_branches_too() -> None:
    found = countable(SCRIPT)
    assert {answer for name, answer in found if name == "rating"} == {"good", "bad"}
    assert {answer for name, answer in found if name == "again"} == {"yes"}
    assert {"completed", "no-answer", "bridged", "hangup", "queue-full"} <= {
        answer for name, answer in found if name == "agent"
    }


def test_what_may_be_anybody_s_own_words_is_not_countable() -> None:
    assert {name for name, _ in countable(SCRIPT)} == {"rating", "again", "agent", "opt_out"}


def test_opt_outs_are_countable_whatever_is_said() -> None:
    assert countable(()) == {("opt_out", "keypress"), ("opt_out", "speech"), ("opt_out", "agent")}
