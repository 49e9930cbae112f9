"""The configuration as the conductor's terms."""

from supervisor.config import Config, load_config
from supervisor.loop.terms import hello_of, terms_of
from supervisor.wire.messages import Reference
from supervisor.wire.version import VERSION


def config(*sets: str) -> Config:
    return load_config(sets=["engine.name=scripted", *sets], environ={})


def test_each_deadline_comes_from_its_key() -> None:
    terms = terms_of(
        config("child.start_timeout_s=7", "child.term_grace_s=2", "child.stall_s=9", "child.attempts=4"),
        job="j",
        voice=None,
    )
    assert (terms.times.start_s, terms.times.term_s, terms.times.release_s) == (7.0, 2.0, 9.0)
    assert (terms.stall_s, terms.attempts, terms.version) == (9.0, 4, VERSION)


def test_marks_are_shares_of_their_own_total() -> None:
    terms = terms_of(config('memory.device.soft="1GiB"', 'memory.device.hard="50%"'), job="j", voice=None)
    limits = terms.memory.device(4 * 2**30)
    assert (limits.soft_bytes, limits.hard_bytes) == (2**30, 2**31)


def test_on_a_card_where_the_fixed_mark_is_over_the_share_the_hard_one_acts_first() -> None:
    terms = terms_of(config('memory.device.soft="3GiB"', 'memory.device.hard="50%"'), job="j", voice=None)
    limits = terms.memory.device(4 * 2**30)
    assert limits.soft_bytes == limits.hard_bytes == 2**31


def test_the_child_is_told_the_engines_table_and_the_faults() -> None:
    hello = hello_of(config("engine.scripted.load_s=0.5", 'engine.faults.leak_bytes="1MiB"'), voice="sine")
    assert (hello.engine, hello.settings["load_s"], hello.voice) == ("scripted", 0.5, "sine")
    assert hello.reference is None
    assert hello.faults is not None
    assert hello.faults.leak_bytes == 2**20


def test_the_child_is_told_the_recording_of_the_jobs_voice() -> None:
    ada = Reference(path="/state/recordings/ab.wav", text="I am Ada.")
    hello = terms_of(config(), job="j", voice=None, reference=ada).hello
    assert (hello.voice, hello.reference) == (None, ada)


def test_a_service_stays_counts_its_children_on_and_is_told_the_voices() -> None:
    ends, stays = terms_of(config(), job="j", voice=None), terms_of(config(), job="", voice=None, lives=0)
    assert (ends.stays, ends.lives, ends.hello.tells_voices) == (False, 0, False)
    assert (stays.stays, stays.lives, stays.hello.tells_voices) == (True, 0, True)
    assert terms_of(config(), job="", voice=None, lives=7).lives == 7
