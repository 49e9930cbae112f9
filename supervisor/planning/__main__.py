"""The planning process: one JSON object in, the plan into the ledger, one JSON object out.

A process of its own because a book, its Markdown tree and its plan would stay in the parent's
heap for hours. The parent holds the state folder's lock meanwhile; this process is its agent.
"""

import sys
from contextlib import closing
from pathlib import Path

import msgspec

from supervisor.edge.ledger import Ledger
from supervisor.edge.ledger_values import JobSpec
from supervisor.errors import DiskFull, InputError, SupervisorError, Unwritable
from supervisor.narration.degrading import Recut, chars_of, found_again, with_rates
from supervisor.narration.fitting import fit_to_engine
from supervisor.narration.plan import Plan, PlanSummary
from supervisor.narration.summary import summarize
from supervisor.planning.read import UnusableInput, plan_inputs
from supervisor.planning.recut import RecutOrder, recut
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
    """

    state: str
    spec: JobSpec
    inputs: list[OrderedInput]
    segment_chars: int
    fresh: bool
    save: bool


class OtherOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A line that asks for something else than a plan."""

    recut: RecutOrder | None = None


class PlanningError(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no plan.

    Attributes:
        kind: `bad_input`, `disk_full`, `unwritable` or `internal`.
        message: What was seen, and the mend.
        input: Name of the input it is about, or empty.
    """

    kind: str
    message: str
    input: str = ""


def carry_out(order: PlanningOrder) -> PlanSummary:
    """Plan, and write the plan into the ledger if that was asked for.

    Raises:
        SupervisorError: If it cannot; nothing was changed then.
    """
    plan = _plan(order, order.inputs, {})
    if not order.save:
        return summarize(plan, sample_rate_hz=order.spec.sample_rate_hz)
    with closing(Ledger.open(Path(order.state))) as ledger:
        return _save(order, plan, ledger)


def _plan(order: PlanningOrder, inputs: list[OrderedInput], chapter_chars: dict[int, int]) -> Plan:
    read = plan_inputs(
        inputs,
        voice=order.spec.voice,
        seed=order.spec.seed,
        segment_chars=order.segment_chars,
        chapter_chars=chapter_chars,
    )
    return fit_to_engine(read, order.spec.engine)


def _save(order: PlanningOrder, plan: Plan, ledger: Ledger) -> PlanSummary:
    job, spec = order.spec.job, order.spec
    if order.fresh:  # only now: an input that cannot be read costs no finished audio
        ledger.forget(job, keep_deliveries=True)
    degrades = found_again(plan.chapters, ledger.kept_degrades(job, spec.engine_identity))
    if chars := chars_of(degrades):  # again, from the very same texts: a file may change meanwhile
        texts = zip(order.inputs, plan.sources, strict=True)
        inputs = [msgspec.structs.replace(each, text=source.text) for each, source in texts]
        plan = _plan(order, inputs, chars)
    return ledger.save_plan(spec, with_rates(plan, degrades), degrades)


def main() -> int:
    """Answer the order on standard input; the exit status is 0 or 1."""
    tie_to_parent_in_environment()
    answer: dict[str, PlanSummary | Recut | PlanningError]
    try:
        answer = {"ok": _answer(sys.stdin.buffer.read())}
    except SupervisorError as error:
        answer = {"error": _said(error)}
    except msgspec.DecodeError as error:  # an order of another version of this package
        answer = {"error": PlanningError(kind="internal", message=f"the order cannot be read: {error}")}
    sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
    sys.stdout.buffer.flush()
    return 0 if "ok" in answer else 1


def _answer(line: bytes) -> PlanSummary | Recut:
    other = msgspec.json.decode(line, type=OtherOrder).recut
    return carry_out(msgspec.json.decode(line, type=PlanningOrder)) if other is None else recut(other)


def _said(error: SupervisorError) -> PlanningError:
    kinds = {InputError: "bad_input", DiskFull: "disk_full", Unwritable: "unwritable"}
    kind = next((kind for class_, kind in kinds.items() if isinstance(error, class_)), "internal")
    name = error.input if isinstance(error, UnusableInput) else ""
    return PlanningError(kind=kind, message=str(error), input=name)


if __name__ == "__main__":
    sys.exit(main())
