"""What a service answers is the JSON of interface §4, and stays it."""

import msgspec

from supervisor.errors import TryLater
from supervisor.loop.service import (
    CannotAsk,
    ChildStatus,
    GivenBack,
    LifeStatus,
    NothingToAsk,
    Status,
    Totals,
)


def the_json(value: msgspec.Struct) -> dict[str, object]:
    return msgspec.json.decode(msgspec.json.encode(value), type=dict[str, object])


def test_a_status_has_the_fields_of_the_contract() -> None:
    status = Status(state="idle", child=None, queue=0, lives=[], totals=Totals())
    assert the_json(status).keys() >= {"state", "child", "queue", "lives", "totals"}
    assert the_json(status)["child"] is None


def test_a_child_and_a_life_have_the_fields_of_the_contract() -> None:
    child = ChildStatus(pid=7, life=2, ready=True, device="cpu", segments=3, memory={"host_private": 1})
    assert the_json(child).keys() >= {"pid", "life", "ready", "device", "segments", "memory"}
    life = LifeStatus(life=1, ended="exited with 0", why="leak", segments=9)
    assert the_json(life).keys() >= {"life", "ended", "why", "segments"}


def test_what_was_given_back_has_the_fields_of_the_contract() -> None:
    given = GivenBack(before_bytes=9, after_bytes=4, took_s=0.5)
    assert the_json(given).keys() >= {"before_bytes", "after_bytes", "took_s"}


def test_nothing_to_ask_is_worth_another_try() -> None:
    nothing = NothingToAsk("no child runs now")
    assert isinstance(nothing, CannotAsk)
    assert isinstance(nothing, TryLater)
    assert (nothing.kind, nothing.retryable, nothing.exit_code) == ("busy", True, 75)
