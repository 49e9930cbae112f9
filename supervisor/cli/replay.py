"""`replay TRACE...`: what the memory policies decide over recorded traces; `plot TRACE...`: a picture."""

from collections.abc import Callable
from contextlib import ExitStack

from supervisor.cli.drawing import Source, draw, must_be_drawable, sources
from supervisor.cli.parser import Arguments
from supervisor.cli.recital import HEAD, Recital
from supervisor.cli.request import configuration
from supervisor.cli.words import emit, emit_json, tell
from supervisor.config import Config
from supervisor.config.memoryterms import memory_terms
from supervisor.core.replaying import steps
from supervisor.display.words import size
from supervisor.edge.hostmem import read_host
from supervisor.edge.tracelines import read_trace


def replay(args: Arguments) -> int:
    """Print every decision over the traces, and draw them if that was asked for; return the exit code."""
    config = configuration(args)
    if args.plot is not None:
        must_be_drawable(args.plot)
    with ExitStack() as opened:
        traces = sources(args.traces, opened, again=args.plot is not None)
        if args.json:
            for trace in traces:
                _for_programs(trace, config)
        else:
            _for_people(traces, config)
        if args.plot is not None:
            draw(args, traces, args.plot)
            tell(f"drawn: {args.plot}")
    return 0


def plot(args: Arguments) -> int:
    """Draw the traces, and say where; return the exit code."""
    output = args.output or ""
    configuration(args)  # what is wrong with it is said before any work
    must_be_drawable(output)
    with ExitStack() as opened:
        draw(args, sources(args.traces, opened, again=True), output)
    emit(output)
    return 0


def _for_programs(trace: Source, config: Config) -> None:
    records = read_trace(trace.path, name=trace.name, told=tell)
    terms = memory_terms(config, host_total_bytes=_machine_bytes())
    for _, decisions in steps(records, terms, stall_s=config.child.stall_s, remark=_remarking(trace)):
        for one in decisions:
            emit_json(
                {"trace": trace.name, "t": one.t, "action": one.action, "policy": one.policy, "why": one.why}
            )


def _remarking(trace: Source) -> Callable[[str], None]:
    return lambda text: tell(f"{trace.name}: {text}")


def _for_people(traces: list[Source], config: Config) -> None:
    marks = config.memory.host
    may_tell = marks.soft.share is not None or marks.hard.share is not None
    for trace in traces:
        recital = _recite(trace, config)
        if may_tell and recital.lacks_host_total:
            may_tell = False
            tell(
                f"{trace.name}: no reading says how much memory the machine had; memory.host.soft and .hard "
                f"are taken as shares of this machine's {size(_machine_bytes())}"
            )


def _recite(trace: Source, config: Config) -> Recital:
    records = read_trace(trace.path, name=trace.name, told=tell)
    terms = memory_terms(config, host_total_bytes=_machine_bytes())
    recital = Recital()
    emit(f"{trace.name}\n{HEAD}")
    for record, decisions in steps(records, terms, stall_s=config.child.stall_s, remark=_remarking(trace)):
        recital.take(record)
        for one in decisions:
            emit(recital.line(one))
    emit("\n".join(recital.summary()))
    return recital


def _machine_bytes() -> int:
    return read_host(None).total_bytes
