"""What the loop orders is what the delivery process reads."""

from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from supervisor.config import load_config
from supervisor.delivery.order import Order, Pause, SegmentAudio, read_order
from supervisor.edge.audiofile import sha256_of_file
from supervisor.edge.ledger import Ledger, LedgerError
from supervisor.edge.statefolder import StateFolder
from supervisor.errors import ConfigError
from supervisor.loop.orders import delivery_order, planning_order, results_order
from supervisor.loop.requests import InputSpec, JobRequest
from supervisor.narration.plan import VoiceSpec
from supervisor.planning.__main__ import OtherOrder, PlanningOrder
from supervisor.planning.results import ResultsOrder
from tests.standin.jobs import plan_of, speak_all, spec_for


def test_an_order_carries_every_piece_with_its_hash(tmp_path: Path) -> None:
    state, spec = StateFolder(tmp_path), spec_for("/out/story.wav")
    with closing(Ledger.open(state.path)) as ledger:
        ledger.save_plan(spec, plan_of(["One.", "Two."]))
        (file,) = ledger.files(spec.job)
        with pytest.raises(LedgerError, match="neither spoken nor set aside"):
            list(delivery_order(ledger, spec.job, file))
        speak_all(ledger, state, spec.job)
        (file,) = ledger.files(spec.job)
        order, pieces = read_order(delivery_order(ledger, spec.job, file))
        paths = [state.audio_path(spec.job, segment.key) for segment in ledger.segments(spec.job)]
    assert order == Order(path="/out/story.wav", format="wav", sample_rate_hz=22_050, title="Chapter 1")
    one, two = (
        SegmentAudio(wav=str(path), samples=2205, sample_rate_hz=22_050, sha256=sha256_of_file(path))
        for path in paths
    )
    assert pieces == [one, Pause(seconds=0.25), two]


def test_the_planner_reads_what_was_asked_for() -> None:
    config = load_config(sets=["engine.name=scripted", "narration.pause_heading_s=2"], environ={})
    request = JobRequest(
        output="/out/story.wav",
        format="wav",
        sample_rate_hz=48_000,
        voice=VoiceSpec(name="reed"),
        seed=7,
        inputs=[InputSpec(path=None, name="text", text="One.")],
        fresh=True,
        again=True,
    )
    line = planning_order(config, Path("/state"), request)
    order = msgspec.json.decode(line, type=PlanningOrder)
    assert (order.state, order.fresh, order.save, order.segment_chars) == ("/state", True, True, 200)
    assert (order.again, order.rate_hz) == (True, None)
    spec = order.spec
    assert (spec.output, spec.sample_rate_hz, spec.seed, spec.voice.name) == (
        "/out/story.wav",
        48_000,
        7,
        "reed",
    )
    assert spec.pauses_s["heading"] == 2.0
    assert spec.engine_identity.startswith("scripted/")
    assert [(each.name, each.text) for each in order.inputs] == [("text", "One.")]


def test_the_planner_reads_whose_lines_are_to_be_told() -> None:
    order = msgspec.json.decode(results_order(Path("/state"), "j1"), type=OtherOrder)
    assert order.results == ResultsOrder(state="/state", job="j1")


def test_a_rate_whose_vocoder_is_missing_is_refused_before_anything_is_spoken(tmp_path: Path) -> None:
    sets = ["engine.name=glm", f'engine.glm.checkpoint="{tmp_path}"']
    config = load_config(sets=sets, environ={})
    request = JobRequest(
        output="/out/a.wav", format="wav", sample_rate_hz=32_000, voice=VoiceSpec(), seed=0, inputs=[]
    )
    with pytest.raises(
        ConfigError, match=r"^32000 Hz .*generator_jit\.ckpt: there is no .* or ask for no rate"
    ):
        planning_order(config, tmp_path, request)
    # The engine itself looks at that of its own rate, and no other needs one.
    at_32k = load_config(sets=[*sets, "engine.glm.sample_rate=32000"], environ={})
    assert planning_order(at_32k, tmp_path, request)
    assert planning_order(config, tmp_path, msgspec.structs.replace(request, sample_rate_hz=44_100))
    assert planning_order(config, tmp_path, msgspec.structs.replace(request, sample_rate_hz=None))
