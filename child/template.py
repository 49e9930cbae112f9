"""`python -m child.template --control FD`: a warm process that children are forked from.

It imports the engine and prepares it, says that it is warm, and then forks a child at each request:
one thread, no CUDA, and no message of the wire is ever read or written here. It ends with
the parent, or when the parent closes the control socket; its children live on without it.
"""

import os

# Before numpy: its threads would stand beside the forks.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import faulthandler
import gc
import signal
import socket
import sys
import time
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from supervisor.wire.errors import PeerError
from supervisor.wire.forking import (
    DESCRIPTORS,
    MAX_PACKET_BYTES,
    TEMPLATE_NAME,
    Born,
    Fork,
    FromTemplate,
    Prepare,
    Refused,
    Unfit,
    Warm,
    decode_order,
    encode_packet,
)
from supervisor.wire.lifeline import PARENT_VARIABLE, name_process, tie_to_parent_in_environment

if TYPE_CHECKING:
    from child.engines import Prepared

EXIT_DONE, EXIT_UNFIT, EXIT_DAMAGED = 0, 1, 2


def main() -> int:
    """Prepare, fork as asked, and return the exit status."""
    started_s = time.monotonic()
    faulthandler.register(signal.SIGUSR1)
    faulthandler.enable()
    # Of the whole terminal; what it means is the parent's to decide. Children inherit that.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(fileno=_arguments().control)
    control.set_inheritable(False)
    name_process(TEMPLATE_NAME)
    tie_to_parent_in_environment()
    try:
        return Template(control, started_s).run()
    except PeerError as error:
        _log(f"the parent broke the contract: {error}")
        return EXIT_DAMAGED
    except (BrokenPipeError, ConnectionResetError):
        return EXIT_DONE


class Template:
    """The two stages: to get warm, and to fork."""

    def __init__(self, control: socket.socket, started_s: float) -> None:
        """Take the socket.

        Args:
            control: To the parent.
            started_s: `time.monotonic()` at the start of the process.
        """
        self._control = control
        self._started_s = started_s
        self._supervisor_pid = int(os.environ.get(PARENT_VARIABLE, os.getppid()))

    def run(self) -> int:
        """Serve until the parent lets go; returns the exit status.

        Raises:
            PeerError: If the parent says what it may not.
            BrokenPipeError: If it has gone.
        """
        prepared = self._prepare()
        if prepared is None:
            return EXIT_UNFIT
        while self._fork_next(prepared):
            pass
        return EXIT_DONE

    def _prepare(self) -> "Prepared | None":
        packet = self._control.recv(MAX_PACKET_BYTES)
        order = decode_order(packet) if packet else None
        if not isinstance(order, Prepare):
            return None
        try:
            prepared, files = _prepared(order)
        except Exception as error:  # noqa: BLE001 -- an engine may raise anything; a cold child will tell it in full
            self._send(_unfit(error))
            return None
        reason = _why_not()
        if reason is not None:
            self._send(Unfit(why=reason, for_good=False))
            return None
        self._send(_warm(files, self._started_s))
        return prepared

    def _fork_next(self, prepared: "Prepared") -> bool:
        """Answer one request; False when there will be no more."""
        packet, fds, _, _ = socket.recv_fds(
            self._control, MAX_PACKET_BYTES, DESCRIPTORS, socket.MSG_CMSG_CLOEXEC
        )
        try:
            if not packet:
                return False
            order = decode_order(packet)
            if not isinstance(order, Fork) or len(fds) != DESCRIPTORS:
                raise PeerError(f"{type(order).__name__} with {len(fds)} descriptors after the start")
            answer = self._forked(order.life, fds, prepared)
        finally:
            for fd in fds:
                os.close(fd)
        self._send(answer)  # when nothing of the child is held here any more
        return True

    def _forked(self, life: int, fds: list[int], prepared: "Prepared") -> FromTemplate:
        from child.birth import Cradle, NoBirth, fork_child  # noqa: PLC0415 -- imported while it got warm

        reason = _why_not()
        if reason is not None:
            return Refused(life=life, why=reason, for_good=True)
        read_fd, write_fd, stderr_fd = fds
        cradle = Cradle(
            life=life,
            supervisor_pid=self._supervisor_pid,
            read_fd=read_fd,
            write_fd=write_fd,
            stderr_fd=stderr_fd,
            not_its=(self._control.fileno(),),
        )
        try:
            return Born(life=life, pid=fork_child(cradle, partial(_live, prepared, time.monotonic())))
        except NoBirth as error:
            return Refused(life=life, why=str(error), for_good=False)

    def _send(self, message: FromTemplate) -> None:
        self._control.send(encode_packet(message))


def _prepared(order: Prepare) -> "tuple[Prepared, list[str]]":
    from child.engines import prepare_engine, weight_files_of  # noqa: PLC0415 -- after the lifeline: it takes its time

    prepared = prepare_engine(order.engine, order.device, order.settings)
    return prepared, weight_files_of(prepared.engine, order.settings)


def _warm(files: list[str], started_s: float) -> Warm:
    for module in ("child.birth", "child.serve", "child.recital"):
        import_module(module)  # what every child would import otherwise
    from child.vitals import give_back_host_memory, private_bytes  # noqa: PLC0415 -- needed once warm

    give_back_host_memory()
    # A collection in a child would write into every object, and so copy every page of them.
    gc.freeze()
    return Warm(weight_files=files, private_bytes=private_bytes(), took_s=time.monotonic() - started_s)


def _unfit(error: Exception) -> Unfit:
    from child.failings import broken, log_bug  # noqa: PLC0415 -- numpy, which an engine would have imported

    log_bug(error)
    said = broken(error)
    return Unfit(why=said.message, for_good=said.kind in ("configuration", "voice_not_found"))


def _why_not() -> str | None:
    from child.forkable import why_not  # noqa: PLC0415 -- needed once warm

    return why_not()


def _live(prepared: "Prepared", started_s: float, read_fd: int, write_fd: int) -> int:
    """Live as `python -m child` does."""
    from child.link import Link, ParentGone  # noqa: PLC0415 -- imported while the template got warm
    from child.serve import EXIT_DONE, serve  # noqa: PLC0415 -- see above

    try:
        return serve(Link(read_fd, write_fd), started_s=started_s, prepared=prepared)
    except ParentGone:
        return EXIT_DONE


def _log(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


class _Arguments(argparse.Namespace):
    control: int


def _arguments() -> _Arguments:
    parser = argparse.ArgumentParser(
        prog="python -m child.template", description="Started by tts-supervisor."
    )
    parser.add_argument("--control", type=int, required=True, metavar="FD", help="socket to the supervisor")
    return parser.parse_args(namespace=_Arguments())


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()
    # No teardown: see `child/__main__.py`.
    os._exit(status)
