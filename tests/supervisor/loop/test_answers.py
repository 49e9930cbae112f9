"""What workers and endings mean for a command's exit code."""

from typing import get_args

import pytest

from supervisor.core.actions import Ending, Finish
from supervisor.errors import DiskFull
from supervisor.loop.answers import WorkerError, ending_error, worker_error

# Interface §1: 2 configuration, 4 stopped, 75 try again, 76 the driver keeps it, 77 unkillable,
# 78 crash loop.
EXIT_CODES = {
    "stopped": 4,
    "full": 75,
    "unwritable": 1,
    "cannot": 75,
    "configuration": 2,
    "gave_up": 78,
    "stuck": 77,
    "held": 76,
}


@pytest.mark.parametrize(
    ("kind", "code"),
    [("usage", 2), ("bad_input", 1), ("disk_full", 75), ("unwritable", 1), ("in_use", 75), ("internal", 1)],
)
def test_a_workers_error_keeps_its_message_and_gets_an_exit_code(kind: str, code: int) -> None:
    error = worker_error(WorkerError(kind=kind, message="what was seen"))
    assert (error.exit_code, str(error)) == (code, "what was seen")


def test_a_full_disk_says_how_much_was_to_be_written() -> None:
    error = worker_error(WorkerError(kind="disk_full", message="it is full", needed_bytes=9))
    assert isinstance(error, DiskFull)
    assert error.needed_bytes == 9


def test_an_answer_of_neither_kind_is_a_bug_that_says_so() -> None:
    assert "report it" in str(worker_error(None))


def test_every_ending_but_the_good_one_has_an_exit_code() -> None:
    assert EXIT_CODES.keys() == set(get_args(Ending)) - {"spoken"}
    for ending in get_args(Ending):
        if ending != "spoken":
            error = ending_error(Finish(ending=ending, why="because"))
            assert (error.exit_code, str(error)) == (EXIT_CODES[ending], "because")
