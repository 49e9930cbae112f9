"""Traces of the corpus are what a live run would have written."""

import json
import pathlib
from typing import TypeVar

import pytest

from benchmarks.traces.__main__ import name_of, write
from benchmarks.traces.corpus import drawn
from benchmarks.traces.recording import play
from supervisor.core.traces import (
    Boundary,
    LifeEnded,
    LifeReady,
    Reading,
    Record,
    Released,
    SegmentBegin,
    SegmentEnd,
    decode,
    encode,
)
from supervisor.edge.tracelines import read_trace


def trace(kind: str, seed: int = 2, texts: int = 120) -> list[Record]:
    return play(drawn(kind, seed, texts=texts))[0]


Kind = TypeVar("Kind", bound=Record)


def of(records: list[Record], kind: type[Kind]) -> list[Kind]:
    return [record for record in records if isinstance(record, kind)]


@pytest.mark.parametrize("kind", ["plain", "leak, lives", "jobs", "host cache", "released", "fast"])
def test_records_come_in_the_order_in_which_things_happen(kind: str) -> None:
    records = trace(kind)
    times = [record.t for record in records]
    assert times == sorted(times)
    begun = [record.segment for record in of(records, SegmentBegin)]
    assert begun == [record.segment for record in of(records, SegmentEnd)] == list(range(1, len(begun) + 1))
    assert len(of(records, LifeReady)) == len(of(records, LifeEnded))
    assert isinstance(records[0], LifeReady)
    assert isinstance(records[-1], LifeEnded)


@pytest.mark.parametrize("kind", ["plain", "host", "faults"])
def test_every_record_can_be_written_and_read(kind: str) -> None:
    records = trace(kind)
    assert [decode(encode(record)) for record in records] == records


def test_paragraphs_end_and_caches_are_released_where_it_was_drawn() -> None:
    records = trace("released", seed=4)
    assert of(records, Boundary)
    assert of(records, Released)


def test_a_child_that_finds_no_memory_twice_is_replaced() -> None:
    ends = of(trace("fast"), LifeEnded)
    assert {end.why for end in ends} == {"oom", "recycle"}


def test_a_child_without_torch_reports_its_host_memory_alone() -> None:
    vitals = of(trace("host leak"), SegmentEnd)[-1].vitals
    assert vitals.host_private is not None
    assert (vitals.live, vitals.reserved, vitals.declared) == (None, None, None)


def test_hidden_figures_are_null_and_time_outs_leave_gaps() -> None:
    scenarios = [drawn("faults", seed, texts=120) for seed in range(40)]
    by_sensor = {one.sensor: play(one)[0] for one in scenarios}
    assert set(by_sensor) == {"hidden", "flaky", "time-outs", "versions"}
    assert {one.child_device for one in of(by_sensor["hidden"], Reading)} == {None}
    flaky = of(by_sensor["flaky"], Reading)
    assert {one.child_device is None for one in flaky} == {True, False}
    assert any(end.vitals.live is None for end in of(by_sensor["flaky"], SegmentEnd))
    assert len(of(by_sensor["time-outs"], Reading)) < len(of(by_sensor["time-outs"], SegmentEnd))


def test_traces_are_written_as_files_that_replay_reads(tmp_path: pathlib.Path) -> None:
    truth = write("leak, lives", 2, tmp_path, texts=50)
    path = tmp_path / name_of("leak, lives", 2)
    assert path.name == "leak-lives-2.jsonl"
    assert list(read_trace(str(path))) == play(drawn("leak, lives", 2, texts=50))[0]
    assert json.loads(path.read_text("utf-8").splitlines()[0])["kind"] == "ready"
    assert truth.onset == 1
