"""A request's text is cut as the planning process cuts that of `say`: the same segments, seeds and pauses."""

import tempfile
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from supervisor.config import Config
from supervisor.core.segments import WaitingSegment
from supervisor.edge.ledger import Ledger
from supervisor.edge.ledger_values import Silence
from supervisor.edge.statefolder import StateFolder
from supervisor.edge.voices import VoiceShelf
from supervisor.errors import InputError
from supervisor.loop.cutting import MOST_TEXT_CHARS, CutText, cut_text
from supervisor.loop.orders import planning_order
from supervisor.loop.requests import InputSpec, JobRequest
from supervisor.loop.service import CannotAsk
from supervisor.loop.speaking import SpeechRequest
from supervisor.narration.plan import MAX_SEED, VoiceSpec
from supervisor.planning.__main__ import PlanningOrder, carry_out
from tests.standin.jobs import speak
from tests.supervisor.loop.floors import config

WORDS = st.sampled_from(
    [
        "Hello",
        "there",
        "said the fox",
        "It is 3.5 km",
        "No",
        "你好。",
        "再见！",
        "e.g. this",
        "…",
        "—",
        "a\u0301",
    ]
)
ENDS = st.sampled_from([". ", "! ", "? ", ", ", "; ", ".\n", ".\n\n", "\n\n\n", " ", ".\r\n\r\n", ""])
TEXTS = st.lists(st.tuples(WORDS, ENDS), min_size=1, max_size=30).map(
    lambda pairs: "".join(word + end for word, end in pairs)
)
ANY_TEXT = TEXTS | st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


def own(text: str, under: Config, state: Path, **asked: object) -> CutText:
    request = msgspec.convert({"text": text, **asked}, SpeechRequest)
    return cut_text(under, state, "r1", request)


def plan_for_say(text: str, under: Config, state: Path, seed: int, voice: str | None) -> tuple[Ledger, str]:
    """What the planning process does with the order that `say` gives it."""
    request = JobRequest(
        output=f"{state}/say.wav",
        format="wav",
        sample_rate_hz=None,
        voice=VoiceSpec(name=voice),
        seed=seed,
        inputs=[InputSpec(path=None, name="text", text=text)],
    )
    order = msgspec.json.decode(planning_order(under, state, request), type=PlanningOrder)
    carry_out(order)
    return Ledger.open(state), order.spec.job


def alike(segments: list[WaitingSegment] | tuple[WaitingSegment, ...]) -> list[WaitingSegment]:
    """Without what names the job."""
    return [msgspec.structs.replace(segment, job="", key="") for segment in segments]


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(
    text=ANY_TEXT,
    seed=st.integers(0, MAX_SEED),
    chars=st.integers(20, 300),
    voice=st.sampled_from([None, "bell"]),
)
@example(text="Same. Same. Same.\n\nSame.", seed=0, chars=20, voice=None)
@example(text="\ufeffOne.\n\nTwo.", seed=1, chars=200, voice=None)
def test_segments_seeds_and_marks_are_those_that_the_planner_makes(
    text: str, seed: int, chars: int, voice: str | None
) -> None:
    under = config(narration__segment_chars=chars)
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        try:
            ledger, job = plan_for_say(text, under, state, seed, voice)
        except InputError:
            with pytest.raises(CannotAsk, match="nothing to speak") as caught:
                own(text, under, state, seed=seed, voice=voice)
            assert (caught.value.kind, caught.value.retryable) == ("bad_input", False)
            return
        with closing(ledger):
            cut = own(text, under, state, seed=seed, voice=voice)
            assert alike(ledger.waiting(job, -1, 100_000)) == alike(cut.segments)
            assert ledger.job_size(job).segments == len(cut.segments) == len(cut.pauses_s)
            assert [segment.number for segment in cut.segments] == list(range(len(cut.segments)))


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(text=TEXTS, chars=st.integers(20, 200))
def test_pauses_are_those_that_the_finished_file_of_say_has(text: str, chars: int) -> None:
    under = config(
        narration__segment_chars=chars, narration__pause_sentence_s=0.11, narration__pause_paragraph_s=0.77
    )
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        try:
            ledger, job = plan_for_say(text, under, state, 0, None)
        except InputError:
            return
        with closing(ledger):
            for segment in ledger.waiting(job, -1, 100_000):
                speak(ledger, StateFolder(state), job, segment)
            (file,) = ledger.files(job)
            silences = [piece.seconds for piece in ledger.pieces(job, file) if isinstance(piece, Silence)]
            cut = own(text, under, state)
            assert silences == [pause_s for pause_s in cut.pauses_s[:-1] if pause_s]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"text": "x" * (MOST_TEXT_CHARS + 1)}, "jobs/submit"),
        ({"text": "Hello.", "seed": -1}, "seed: -1"),
        ({"text": "Hello.", "seed": MAX_SEED + 1}, "seed"),
        ({"text": " \n… — "}, "nothing to speak"),
        ({"text": ""}, "nothing to speak"),
    ],
)
def test_what_cannot_be_cut_is_refused_with_the_mend(
    tmp_path: Path, asked: dict[str, object], words: str
) -> None:
    with pytest.raises(CannotAsk, match=words) as caught:
        cut_text(config(), tmp_path, "r1", msgspec.convert(asked, SpeechRequest))
    assert (caught.value.kind, caught.value.retryable) == ("bad_input", False)


def add_voice(state: Path) -> VoiceShelf:
    shelf = VoiceShelf(state)
    recording = state / "ada-as-recorded.wav"
    recording.write_bytes(b"RIFF, as far as the shelf minds")
    with shelf.adding("ada", str(recording), "I am Ada.") as voice:
        shelf.put(voice, replace=False)
    return shelf


def test_a_cloned_voice_is_named_by_its_recording_and_another_by_its_name(tmp_path: Path) -> None:
    shelf = add_voice(tmp_path)
    voice = shelf.find("ada")
    assert voice is not None
    glm = config(engine__name="glm", engine__scripted__seconds_per_char=0.01)
    (segment,) = own("Hello there.", glm, tmp_path, voice="ada").segments
    assert segment.voice is None
    assert segment.reference is not None
    assert (segment.reference.path, segment.reference.text) == (str(shelf.recording(voice)), "I am Ada.")
    assert segment.reference.called == "ada"
    for under, name in ((glm, "plain-en"), (config(), "ada"), (glm, "../ada"), (glm, "/etc/passwd")):
        (segment,) = own("Hello there.", under, tmp_path, voice=name).segments
        assert (segment.voice, segment.reference) == (name, None)


def test_a_rate_that_the_engine_can_speak_at_goes_to_the_engine(tmp_path: Path) -> None:
    glm = config(engine__name="glm")
    (segment,) = own("Hello there.", glm, tmp_path, sample_rate=32_000).segments
    assert segment.settings == {"sample_rate": 32_000}
    (segment,) = own("Hello there.", config(), tmp_path, sample_rate=32_000).segments
    assert segment.settings == {}
