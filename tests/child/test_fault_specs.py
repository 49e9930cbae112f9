"""Specs of faults: read exactly, refused by name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from child.engine import SettingsError
from child.fault_specs import Fault, FaultTable
from supervisor.wire.messages import FaultPlan


@given(st.sampled_from(Fault), st.integers(1, 10**6))
def test_a_fault_strikes_at_its_segment_and_no_other(fault: Fault, at: int) -> None:
    table = FaultTable(FaultPlan(faults=[f"{fault.value}@{at}"]))
    assert table.striking(at, "text") == [fault]
    assert table.striking(at + 1, "text") == []


def test_several_faults_strike_at_once_the_harmless_first() -> None:
    table = FaultTable(FaultPlan(faults=["crash@3", "stray@3", "step@3", "stray@3"], poison={"x": "nan"}))
    assert table.striking(3, "text x") == [Fault.STEP, Fault.STRAY, Fault.NAN, Fault.CRASH]


def test_a_poison_word_strikes_wherever_it_is_spoken() -> None:
    table = FaultTable(FaultPlan(poison={"xyzzy": "crash", "毒": "oom"}))
    assert table.striking(1, "say xyzzy now") == [Fault.CRASH]
    assert table.striking(99, "有毒。") == [Fault.OOM]
    assert table.striking(1, "Xyzz y") == []


@pytest.mark.parametrize(
    "spec",
    [
        "crash",
        "crash@",
        "crash@0",
        "crash@-1",
        "crash@1.5",
        "crsh@5",
        "Crash@5",
        " crash@5",
        "crash@5 ",
        "@5",
    ],
)
def test_a_spec_that_means_nothing_is_named(spec: str) -> None:
    with pytest.raises(SettingsError, match=rf"engine\.faults\.faults: '{spec}'"):
        FaultTable(FaultPlan(faults=[spec]))


@pytest.mark.parametrize(("word", "name"), [("xyzzy", "crash@5"), ("xyzzy", "boom"), ("", "crash")])
def test_a_poison_that_means_nothing_is_named(word: str, name: str) -> None:
    with pytest.raises(SettingsError, match=rf"engine\.faults\.poison: '{word}' = '{name}'"):
        FaultTable(FaultPlan(poison={word: name}))


@pytest.mark.parametrize(
    "plan",
    [
        FaultPlan(peak_bytes=-1),
        FaultPlan(leak_bytes=-1),
        FaultPlan(plateau=-1),
        FaultPlan(slowdown=-0.1),
        FaultPlan(slowdown=float("nan")),
    ],
)
def test_a_negative_number_is_refused(plan: FaultPlan) -> None:
    with pytest.raises(SettingsError, match=r"engine\.faults\."):
        FaultTable(plan)
