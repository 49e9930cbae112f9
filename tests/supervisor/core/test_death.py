import signal

import pytest

from supervisor.core.death import Death


@pytest.mark.parametrize("number", [one for one in signal.Signals if one < signal.SIGRTMIN])
def test_names_are_those_of_the_system(number: signal.Signals) -> None:
    if number.name not in {
        "SIGCHLD",
        "SIGCONT",
        "SIGSTOP",
        "SIGTSTP",
        "SIGTTIN",
        "SIGTTOU",
        "SIGURG",
        "SIGWINCH",
    }:
        assert Death(signal=number).signal_name == number.name  # those above end nothing


@pytest.mark.parametrize(
    ("death", "words", "outside"),
    [
        (Death(exit_code=0), "exited with status 0", False),
        (Death(exit_code=15), "exited with status 15", False),
        (Death(signal=11, core_dumped=True), "killed by SIGSEGV (segmentation fault), core dumped", False),
        (Death(signal=9), "killed by SIGKILL", True),
        (Death(signal=15), "killed by SIGTERM (asked to terminate)", True),
        (Death(signal=50), "killed by signal 50", False),
    ],
)
def test_an_end_is_told_in_words_and_by_whose_hand(death: Death, words: str, outside: bool) -> None:
    assert death.in_words == words
    assert death.may_be_from_outside is outside
