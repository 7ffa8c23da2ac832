"""The one table of moves: every pair of state and move, and the laws that no change of the table may break."""

from itertools import product

import pytest

from dialer.adapters.contact_documents import states
from dialer.lifecycle import BOOKED, IN_FLIGHT, LIVE, MOVES, TERMINAL, UNSETTLED, Move, Owner, State, allows, target

# The agreed table, written down a second time: whoever changes the product's must change this one too, and mean it.
AGREED = {
    Move.CLAIM: ("pending", "claimed"),
    Move.SIFT: ("claimed", "pending suppressed"),
    Move.UNSEND: ("claimed", "pending"),
    Move.EXPIRE: ("claimed", "pending failed"),
    Move.TAKE_LINE: ("claimed", "dialing"),
    Move.PUT_OFF: ("claimed", "pending"),
    Move.FORBID: ("dialing", "pending suppressed"),
    Move.STEP_BACK: ("dialing", "pending"),
    Move.ACCEPT: ("dialing uncertain placed held", "placed"),
    Move.RECOVER: ("claimed", "placed"),
    Move.REFUSE: ("dialing uncertain", "failed pending"),
    Move.NOT_PLACED: ("dialing uncertain", "pending"),
    Move.DOUBT: ("dialing uncertain", "uncertain"),
    Move.FALL_SILENT: ("dialing", "uncertain"),
    Move.HEAR: ("dialing uncertain placed held", "placed"),
    Move.ANSWER: ("dialing uncertain placed held", "placed"),
    Move.SETTLE: ("dialing uncertain placed held", "done failed pending"),
    Move.ADOPT: ("uncertain", "placed"),
    Move.HOLD: ("uncertain", "held"),
    Move.RELEASE: ("uncertain", "pending failed"),
    Move.GIVE_UP: ("held placed", "failed"),
    Move.RESOLVE: ("held", "pending failed"),
    Move.POSTPONE: ("pending claimed", "pending"),
    Move.CANCEL: ("pending claimed", "failed"),
}
PAIRS = list(product(State, Move))
EDGES = [
    (source, move, end) for move, rule in MOVES.items() for source in rule.sources for end in rule.targets - {source}
]


def test_every_move_has_a_rule_and_a_reason() -> None:
    assert set(MOVES) == set(Move) == set(AGREED)
    assert all(rule.why and rule.step and rule.sources and rule.targets for rule in MOVES.values())


@pytest.mark.parametrize(("state", "move"), PAIRS)
def test_a_move_does_something_only_in_the_states_agreed_on(state: State, move: Move) -> None:
    assert allows(state, move) == (state in AGREED[move][0].split())


@pytest.mark.parametrize(("state", "move"), PAIRS)
def test_a_move_ends_only_in_the_states_agreed_on(state: State, move: Move) -> None:
    if state in AGREED[move][1].split():
        assert target(move, state) is state
    else:
        with pytest.raises(ValueError, match=f"{move} never ends in {state}"):
            target(move, state)


@pytest.mark.parametrize(("state", "move"), PAIRS)
def test_the_databases_guard_lets_through_what_the_table_allows(state: State, move: Move) -> None:
    wanted = states(move)
    admitted = wanted["$in"] if isinstance(wanted, dict) else [wanted]
    assert (state in admitted) == allows(state, move)


@pytest.mark.parametrize("move", Move)
@pytest.mark.parametrize("state", sorted(TERMINAL))
def test_nothing_moves_a_contact_that_is_settled(state: State, move: Move) -> None:
    assert not allows(state, move)


def test_only_a_tick_moves_a_waiting_contact_on_and_only_to_claimed_and_a_person_may_cancel_it() -> None:
    leaving = {(move, end) for source, move, end in EDGES if source is State.PENDING}
    assert leaving == {(Move.CLAIM, State.CLAIMED), (Move.CANCEL, State.FAILED)}
    assert (MOVES[Move.CLAIM].owner, MOVES[Move.CANCEL].owner) == (Owner.TICK, Owner.PERSON)


def test_permission_to_dial_is_given_by_one_move_of_the_call_function() -> None:
    assert [(source, move) for source, move, end in EDGES if end is State.DIALING] == [(State.CLAIMED, Move.TAKE_LINE)]
    assert MOVES[Move.TAKE_LINE].owner is Owner.CALL


def test_doubt_waits_again_only_by_proof_by_the_carriers_word_or_by_the_campaigns_choice() -> None:
    back = {move for source, move, end in EDGES if source is State.UNCERTAIN and end is State.PENDING}
    assert back == {Move.REFUSE, Move.NOT_PLACED, Move.SETTLE, Move.RELEASE}


def test_no_schedule_dials_a_held_contact_again() -> None:
    back = {move for source, move, end in EDGES if source is State.HELD and end is State.PENDING}
    assert back == {Move.SETTLE, Move.RESOLVE}
    assert MOVES[Move.RESOLVE].owner is Owner.PERSON


@pytest.mark.parametrize("state", sorted(IN_FLIGHT))
def test_reconcile_can_end_every_state_in_flight_so_nothing_is_stuck(state: State) -> None:
    assert any(source is state and MOVES[move].owner is Owner.RECONCILE for source, move, _ in EDGES)


def test_a_placed_call_ends_by_the_carriers_word_or_as_unknown_when_the_carrier_has_none() -> None:
    ends = {(move, end) for source, move, end in EDGES if source is State.PLACED}
    assert ends == {(Move.GIVE_UP, State.FAILED), *((Move.SETTLE, end) for end in MOVES[Move.SETTLE].targets)}


def test_every_state_is_reached_and_every_state_leads_to_an_end() -> None:
    assert {end for _, _, end in EDGES} == set(State)
    ending = set(TERMINAL)
    while grown := {source for source, _, end in EDGES if end in ending} - ending:
        ending |= grown
    assert ending == set(State)


def test_the_sets_of_states_contain_one_another() -> None:
    assert LIVE < UNSETTLED < IN_FLIGHT
    assert LIVE < BOOKED < IN_FLIGHT
    assert not IN_FLIGHT & TERMINAL
    assert set(State) == IN_FLIGHT | TERMINAL | {State.PENDING}
