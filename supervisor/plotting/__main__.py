"""`python -m supervisor.plotting`: one order on standard input, one answer on standard output."""

import sys
from pathlib import Path

import msgspec

from supervisor.config import load_config
from supervisor.config.memoryterms import memory_terms
from supervisor.edge.hostmem import read_host
from supervisor.edge.tracelines import read_trace
from supervisor.errors import SupervisorError
from supervisor.plotting.story import Story, Teller
from supervisor.wire.lifeline import tie_to_parent_in_environment


class Trace(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A trace: what people call it, and where it is read."""

    name: str
    path: str


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be drawn.

    Attributes:
        traces: In order.
        output: The picture; its suffix says what kind.
        config: As after `--config`; None looks in the usual places.
        sets: As after each `--set`.
    """

    traces: list[Trace]
    output: str
    config: str | None
    sets: list[str]


def carry_out(order: Order) -> None:
    """Draw.

    Raises:
        SupervisorError: If it cannot be; the picture that was there before stays.
    """
    story = _tell(order)
    try:
        from supervisor.plotting.picture import save  # noqa: PLC0415 - a second, after all that can be refused
    except ImportError as error:
        raise SupervisorError(
            f"matplotlib, which draws, cannot be imported here ({error}); mend: pip install matplotlib"
        ) from error
    save(story, Path(order.output))


def _tell(order: Order) -> Story:
    config = load_config(file=None if order.config is None else Path(order.config), sets=order.sets)
    machine_bytes = read_host(None).total_bytes
    teller = Teller()
    for trace in order.traces:
        records = read_trace(trace.path, name=trace.name)
        terms = memory_terms(config, host_total_bytes=machine_bytes)
        teller.add(trace.name, records, terms, stall_s=config.child.stall_s)
    return teller.story


def main() -> int:
    """Answer the order on standard input; the exit status is 0 or 1."""
    tie_to_parent_in_environment()
    try:
        carry_out(msgspec.json.decode(sys.stdin.buffer.read(), type=Order))
        answer: dict[str, str | int] = {}
    except SupervisorError as error:
        answer = {"error": str(error), "exit_code": error.exit_code}
    except msgspec.DecodeError as error:  # an order of another version of this package
        answer = {"error": f"the order cannot be read: {error}", "exit_code": SupervisorError.exit_code}
    sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
    sys.stdout.buffer.flush()
    return 1 if answer else 0


if __name__ == "__main__":
    sys.exit(main())
