from supervisor.core.actions import Answer
from supervisor.core.asks import NOTHING, Asks, Held


def host(size_bytes: int) -> Held:
    return Held(host_bytes=size_bytes, device_bytes=None)


def test_what_waits_is_answered_by_one_deed_with_its_own_wait() -> None:
    asks = Asks()
    asks.take(1, 10.0)
    asks.take(2, 11.0)
    assert asks.is_waiting
    asks.begin(host(100), 12.0)
    assert (asks.is_waiting, asks.is_begun) == (False, True)
    assert asks.done(host(30), 12.5) == [
        Answer(ask=1, before_bytes=100, after_bytes=30, took_s=0.5, waited_s=2.0),
        Answer(ask=2, before_bytes=100, after_bytes=30, took_s=0.5, waited_s=1.0),
    ]
    assert not asks.is_begun
    assert asks.done(host(0), 13.0) == []


def test_who_comes_while_it_is_carried_out_is_answered_with_it() -> None:
    asks = Asks()
    asks.take(1, 10.0)
    asks.begin(host(100), 11.0)
    asks.take(2, 12.0)
    asks.begin(host(80), 13.0)
    answers = asks.done(host(30), 14.0)
    assert [(one.ask, one.before_bytes, one.took_s, one.waited_s) for one in answers] == [
        (1, 100, 3.0, 1.0),
        (2, 100, 3.0, 0.0),
    ]


def test_what_the_child_found_before_it_began_is_newer_than_what_was_read_of_it() -> None:
    asks = Asks()
    asks.take(1, 10.0)
    asks.begin(host(2), 11.0)
    asks.carried_out(6)
    assert asks.awaits_reading
    assert asks.done(host(5), 12.0) == [
        Answer(ask=1, before_bytes=6, after_bytes=5, took_s=1.0, waited_s=1.0)
    ]


def test_nothing_is_begun_where_nobody_asked() -> None:
    asks = Asks()
    asks.begin(host(1), 1.0)
    assert not asks.is_begun
    assert asks.refuse("over") == []


def test_all_are_told_when_it_cannot_be_done() -> None:
    asks = Asks()
    asks.take(1, 1.0)
    asks.begin(host(1), 1.0)
    asks.take(2, 1.0)
    assert asks.refuse("over") == [Answer(ask=2, error="over"), Answer(ask=1, error="over")]
    assert not asks.is_waiting
    assert not asks.is_begun


def test_device_bytes_are_told_only_where_both_sides_know_them() -> None:
    on_card = Held(host_bytes=5, device_bytes=700)
    for after, expected in [
        (Held(host_bytes=4, device_bytes=300), (700, 300, True)),
        (NOTHING, (700, 0, True)),
        (host(4), (5, 4, False)),
    ]:
        asks = Asks()
        asks.take(1, 0.0)
        asks.begin(on_card, 0.0)
        (answer,) = asks.done(after, 1.0)
        assert (answer.before_bytes, answer.after_bytes, answer.on_device) == expected
