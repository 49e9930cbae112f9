"""The planning process: one JSON object in, the plan into the ledger, one JSON object out.

A process of its own because a book, its Markdown tree and its plan would stay in the parent's
heap for hours. The parent holds the state folder's lock meanwhile; this process is its agent.
"""

import sys
from pathlib import Path

import msgspec

from supervisor.edge.ledger import Ledger
from supervisor.edge.ledger_values import JobSpec
from supervisor.errors import DiskFull, InputError, SupervisorError, Unwritable
from supervisor.narration.fitting import fit_to_engine
from supervisor.narration.plan import Plan, PlanSummary
from supervisor.narration.summary import summarize
from supervisor.planning.read import UnusableInput, plan_inputs
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
    read = plan_inputs(
        order.inputs, voice=order.spec.voice, seed=order.spec.seed, segment_chars=order.segment_chars
    )
    plan = fit_to_engine(read, order.spec.engine)
    if not order.save:
        return summarize(plan, sample_rate_hz=order.spec.sample_rate_hz)
    return _save(order, plan)


def _save(order: PlanningOrder, plan: Plan) -> PlanSummary:
    ledger = Ledger.open(Path(order.state))
    try:
        if order.fresh:  # only now: an input that cannot be read costs no finished audio
            ledger.forget(order.spec.job, keep_deliveries=True)
        return ledger.save_plan(order.spec, plan)
    finally:
        ledger.close()


def main() -> int:
    """Answer the order on standard input; the exit status is 0 or 1."""
    tie_to_parent_in_environment()
    try:
        order = msgspec.json.decode(sys.stdin.buffer.read(), type=PlanningOrder)
        answer = {"ok": carry_out(order)}
    except SupervisorError as error:
        answer = {"error": _said(error)}
    except msgspec.DecodeError as error:  # an order of another version of this package
        answer = {"error": PlanningError(kind="internal", message=f"the order cannot be read: {error}")}
    sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
    sys.stdout.buffer.flush()
    return 0 if "ok" in answer else 1


def _said(error: SupervisorError) -> PlanningError:
    kinds = {InputError: "bad_input", DiskFull: "disk_full", Unwritable: "unwritable"}
    kind = next((kind for class_, kind in kinds.items() if isinstance(error, class_)), "internal")
    name = error.input if isinstance(error, UnusableInput) else ""
    return PlanningError(kind=kind, message=str(error), input=name)


if __name__ == "__main__":
    sys.exit(main())
