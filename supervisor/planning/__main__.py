"""The planning process: one JSON object in, the plan into the ledger, one JSON object out.

Before the answer come empty lines, as the work gets on.

A process of its own because a book, its Markdown tree and its plan would stay in the parent's
heap for hours. The parent holds the state folder's lock meanwhile; this process is its agent.
"""

import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec

from supervisor.edge.ledger import Ledger
from supervisor.edge.ledger_values import JobSpec
from supervisor.edge.pulse import Pulse
from supervisor.errors import DiskFull, InputError, SupervisorError, Unwritable, UsageError
from supervisor.narration.degrading import Recut, chars_of, found_again, with_rates
from supervisor.narration.fitting import Speaker, fit_to_engine
from supervisor.narration.plan import Plan, PlanSummary
from supervisor.narration.summary import summarize
from supervisor.planning.read import Asked, UnusableInput, plan_inputs
from supervisor.planning.recordings import Passed, Read, Recordings, settled
from supervisor.planning.recut import RecutOrder, recut, spoken_voices
from supervisor.planning.results import ResultsOrder, ResultsWritten, write_results
from supervisor.wire.lifeline import tie_to_parent_in_environment


class OrderedInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One input: a file (`path`) or a text that was given (`text`)."""

    path: str | None
    name: str
    text: str | None = None


class PlanningOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the parent asks for.

    Attributes:
        state: The state folder.
        spec: The job.
        inputs: In speaking order.
        segment_chars: Most characters of a segment.
        fresh: Forget what an earlier run of the job finished.
        save: Write the plan into the ledger; False only reports it.
        rate_hz: That the engine's settings tell it; None = it has no such setting.
        again: Take recordings as an earlier plan of the job found them.
    """

    state: str
    spec: JobSpec
    inputs: list[OrderedInput]
    segment_chars: int
    fresh: bool
    save: bool
    rate_hz: int | None = None
    again: bool = False


class OtherOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A line that asks for something else than a plan."""

    recut: RecutOrder | None = None
    results: ResultsOrder | None = None


class PlanningError(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no plan.

    Attributes:
        kind: `usage`, `bad_input`, `disk_full`, `unwritable` or `internal`.
        message: What was seen, and the mend.
        input: Name of the input it is about, or empty.
    """

    kind: str
    message: str
    input: str = ""


def carry_out(order: PlanningOrder, *, alive: Callable[[], object] = bool) -> PlanSummary:
    """Plan, and write the plan into the ledger if that was asked for.

    Args:
        order: What is asked for.
        alive: Called as the work gets on.

    Raises:
        SupervisorError: If it cannot; nothing was changed then.
    """
    if not order.save:
        return summarize(_Planner(order, None).plan(), sample_rate_hz=order.spec.sample_rate_hz)
    with closing(Ledger.open(Path(order.state))) as ledger:
        return _save(_Planner(order, ledger), order, ledger, alive)


class _Planner:
    """Plans an order, as often as that is wanted, with the recordings read once."""

    def __init__(self, order: PlanningOrder, ledger: Ledger | None) -> None:
        spec = order.spec
        self._order = order
        self._speaker = Speaker(engine=spec.engine, rate_hz=order.rate_hz, asked_hz=spec.sample_rate_hz)
        self._recordings = self._found(ledger)
        self.spec = msgspec.structs.replace(spec, voice=settled(spec.voice, self._recordings))

    def plan(
        self, inputs: list[OrderedInput] | None = None, chapter_chars: dict[int, int] | None = None
    ) -> Plan:
        """Return the plan; `inputs` in place of those that were ordered."""
        asked = Asked(
            voice=self.spec.voice,
            seed=self.spec.seed,
            segment_chars=self._order.segment_chars,
            chapter_chars=chapter_chars or {},
            names_files=self.spec.output.endswith("/"),
        )
        read = plan_inputs(inputs or self._order.inputs, asked, self._recordings)
        return fit_to_engine(read, self._speaker)

    def _found(self, ledger: Ledger | None) -> Recordings:
        if self._speaker.is_plain:
            return Passed()
        state, job = Path(self._order.state), self._order.spec.job
        earlier = [] if ledger is None else spoken_voices(ledger, job)
        here = Path(self._order.spec.folder)
        return Read(state, earlier, here=here, keeps=self._order.save, again=self._order.again)


def _save(
    planner: _Planner, order: PlanningOrder, ledger: Ledger, alive: Callable[[], object]
) -> PlanSummary:
    alive()
    plan, spec, job = planner.plan(), planner.spec, order.spec.job
    alive()
    if order.fresh:  # only now: an input that cannot be read costs no finished audio
        ledger.forget(job, keep_deliveries=True)
    degrades = found_again(plan.chapters, ledger.kept_degrades(job, spec.engine_identity))
    if chars := chars_of(degrades):  # again, from the very same texts: a file may change meanwhile
        texts = zip(order.inputs, plan.sources, strict=True)
        inputs = [msgspec.structs.replace(each, text=source.text) for each, source in texts]
        plan = planner.plan(inputs, chars)
    return ledger.save_plan(spec, with_rates(plan, degrades), degrades, alive=alive)


def main() -> int:
    """Answer the order on standard input; the exit status is 0 or 1."""
    tie_to_parent_in_environment()
    answer: dict[str, PlanSummary | Recut | ResultsWritten | PlanningError]
    try:
        answer = {"ok": _answer(sys.stdin.buffer.read())}
    except SupervisorError as error:
        answer = {"error": _said(error)}
    except msgspec.DecodeError as error:  # an order of another version of this package
        answer = {"error": PlanningError(kind="internal", message=f"the order cannot be read: {error}")}
    sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
    sys.stdout.buffer.flush()
    return 0 if "ok" in answer else 1


def _answer(line: bytes) -> PlanSummary | Recut | ResultsWritten:
    other = msgspec.json.decode(line, type=OtherOrder)
    if other.recut is not None:
        return recut(other.recut)
    if other.results is not None:
        return write_results(other.results)
    return carry_out(msgspec.json.decode(line, type=PlanningOrder), alive=Pulse(sys.stdout.fileno()).beat)


def _said(error: SupervisorError) -> PlanningError:
    kinds = {
        UsageError: "usage",
        InputError: "bad_input",
        DiskFull: "disk_full",
        Unwritable: "unwritable",
    }
    kind = next((kind for class_, kind in kinds.items() if isinstance(error, class_)), "internal")
    name = error.input if isinstance(error, UnusableInput) else ""
    return PlanningError(kind=kind, message=str(error), input=name)


if __name__ == "__main__":
    sys.exit(main())
