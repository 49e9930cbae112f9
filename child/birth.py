"""Fork a child of the template that ends up a child of the supervisor.

The template forks a middle process, which forks the child and leaves; the kernel then gives the
child to the supervisor, which has declared itself the reaper of what its own leave behind:

    template ── fork ──▶ middle ── fork ──▶ child         waits for the word
       ◀── its pid ───────┘ │ leaves
       reaps the middle: from here on the child is the supervisor's
       ── the word ────────────────────────▶ child         ties itself to the supervisor, serves
       ── pid ─▶ supervisor

The child ties itself only after that: a tie to the middle process would kill it at once. If the
template dies before the word, the child reads the end of the pipe and leaves; if it dies
after it, untold, the supervisor closes the pipes and the child leaves for that. `kill -9` at any
moment leaves a child that is known, or none.
"""

import contextlib
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from supervisor.wire.forking import CHILD_NAME
from supervisor.wire.lifeline import LIFE_VARIABLE, ORPHANED_EXIT_CODE, name_process, tie_to_parent

_MOST_DIGITS = 32
_WORD = b"!"


class NoBirth(Exception):
    """No child came of it; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cradle:
    """What a new child gets.

    Attributes:
        life: Number of its life.
        supervisor_pid: Whose child it is to be.
        read_fd: Frames from the supervisor.
        write_fd: Frames to it.
        stderr_fd: Becomes its descriptors 1 and 2.
        not_its: Descriptors of the template alone.
    """

    life: int
    supervisor_pid: int
    read_fd: int
    write_fd: int
    stderr_fd: int
    not_its: tuple[int, ...]


def fork_child(cradle: Cradle, live: Callable[[int, int], int]) -> int:
    """Fork a child that lives by `live(read_fd, write_fd)`; return its pid once it is the supervisor's.

    Raises:
        NoBirth: If none came of it; nothing of it is left then.
    """
    sys.stderr.flush()  # what waits there would be written twice
    with contextlib.ExitStack() as closing:
        pipes = _open_pipes(closing)
        try:
            middle = _fork_middle(cradle, live, pipes)
        except OSError as error:
            raise NoBirth(f"fork: {error.strerror}") from error
        os.waitpid(middle, 0)  # what it forked is the supervisor's by the time this returns
        pid = _told(pipes.told_fd)
        # One that was killed meanwhile is the supervisor's to bury, like any other.
        os.write(pipes.speak_fd, _WORD)
        return pid


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pipes:
    """The middle process tells the child's pid on one, the template speaks the word on the other."""

    told_fd: int
    tell_fd: int
    heard_fd: int
    speak_fd: int


def _open_pipes(closing: contextlib.ExitStack) -> _Pipes:
    try:
        told_fd, tell_fd = os.pipe()
        closing.callback(_close, told_fd, tell_fd)
        heard_fd, speak_fd = os.pipe()
        closing.callback(_close, heard_fd, speak_fd)
    except OSError as error:
        raise NoBirth(f"pipe: {error.strerror}") from error
    os.set_blocking(told_fd, False)
    return _Pipes(told_fd=told_fd, tell_fd=tell_fd, heard_fd=heard_fd, speak_fd=speak_fd)


def _close(*fds: int) -> None:
    for fd in fds:
        os.close(fd)


def _told(fd: int) -> int:
    try:
        pid = int(os.read(fd, _MOST_DIGITS))
    except BlockingIOError:
        raise NoBirth("the process between template and child was killed") from None
    if pid <= 0:
        raise NoBirth(f"fork: {os.strerror(-pid)}")
    return pid


def _fork_middle(cradle: Cradle, live: Callable[[int, int], int], pipes: _Pipes) -> int:
    template_pid = os.getpid()
    middle = os.fork()
    if middle:
        return middle
    try:
        tie_to_parent(template_pid)  # one that is stopped must not outlive the template
        pid = os.fork()
        if pid == 0:
            _live(cradle, live, pipes)
        os.write(pipes.tell_fd, b"%d" % pid)
    except OSError as error:
        os.write(pipes.tell_fd, b"%d" % -(error.errno or 1))
    finally:
        os._exit(0)


def _live(cradle: Cradle, live: Callable[[int, int], int], pipes: _Pipes) -> NoReturn:
    """Be the child, whatever happens: nothing may return into the template's code."""
    status = 1
    try:
        name_process(CHILD_NAME)
        os.dup2(cradle.stderr_fd, 2)
        os.dup2(2, 1)
        _close(cradle.stderr_fd, pipes.told_fd, pipes.tell_fd, pipes.speak_fd, *cradle.not_its)
        if os.read(pipes.heard_fd, 1) != _WORD:
            os._exit(ORPHANED_EXIT_CODE)
        os.close(pipes.heard_fd)
        # Only now: until it is known to the supervisor it belongs to the template's group.
        os.setsid()
        tie_to_parent(cradle.supervisor_pid)
        os.environ[LIFE_VARIABLE] = str(cradle.life)
        status = live(cradle.read_fd, cradle.write_fd)
        sys.stderr.flush()
    except BaseException:  # noqa: BLE001 -- whatever it is, the fork ends with it
        os.write(2, traceback.format_exc().encode("utf-8", "backslashreplace"))
    finally:
        os._exit(status)
