from supervisor.doors.http.spans import Span
from supervisor.doors.http.tickets import MOST_PARTS, TICKET_S, Part, Tickets


def part(name: str = "a.wav", spans: int = 0) -> Part:
    return Part(name=name, seconds=1.0, media="audio/wav", spans=tuple(Span(count=1) for _ in range(spans)))


def test_a_ticket_opens_what_it_was_given_for_and_nothing_else() -> None:
    tickets = Tickets(lambda: 0.0)
    one, other = tickets.give([part("a"), part("b")]), tickets.give([part("c")])
    assert (tickets.part(one, 1), tickets.part(other, 0)) == (part("b"), part("c"))
    assert tickets.part(one, 2) is tickets.part("", 0) is tickets.part(one[:-1], 0) is None


def test_no_ticket_is_like_another_and_none_can_be_guessed() -> None:
    tickets = Tickets(lambda: 0.0)
    given = {tickets.give([part()]) for _ in range(200)}
    assert len(given) == 200
    assert {len(bytes.fromhex(ticket)) for ticket in given} == {24}


def test_a_ticket_runs_out() -> None:
    now_s = [0.0]
    tickets = Tickets(lambda: now_s[0])
    ticket = tickets.give([part()])
    now_s[0] = TICKET_S - 1
    assert tickets.part(ticket, 0) is not None
    now_s[0] = TICKET_S
    assert tickets.part(ticket, 0) is None
    tickets.give([part()])
    now_s[0] = TICKET_S - 1
    assert tickets.part(ticket, 0) is None, "it is forgotten"


def test_tickets_hold_so_much_and_the_oldest_goes_for_a_new_one() -> None:
    tickets = Tickets(lambda: 0.0)
    first = tickets.give([part(spans=MOST_PARTS // 2)])
    second = tickets.give([part(spans=MOST_PARTS // 2 - 2)])
    assert tickets.part(first, 0) is not None
    third = tickets.give([part()])
    assert tickets.part(first, 0) is None
    assert tickets.part(second, 0) is not None
    assert tickets.part(third, 0) is not None
    huge = tickets.give([part()] * (MOST_PARTS + 5))
    assert tickets.part(huge, MOST_PARTS) is not None, "one alone is always kept"
    assert tickets.part(third, 0) is None
