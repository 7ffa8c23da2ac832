"""Alternates: which of a person's numbers is dialed next, where they have more than one. Pure.

They are tried in the order of the list, another at each attempt, and behind the last the first again.
"""

from dialer.model import Contact, Number, rules_its_number_out


def following(contact: Contact) -> Number | None:
    """The number after the present one, without those at which nobody is called again; None: no other is left."""
    refused = {past.to for past in contact.history if rules_its_number_out(past.outcome, past.detail)}
    phones = [number.phone for number in contact.numbers]
    behind = phones.index(contact.phone) + 1 if contact.phone in phones else 0
    in_turn = (*contact.numbers[behind:], *contact.numbers[:behind])
    return next((one for one in in_turn if one.phone != contact.phone and one.phone not in refused), None)
