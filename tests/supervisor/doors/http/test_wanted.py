import msgspec
import pytest

from supervisor.doors.http.refusals import Refusal
from supervisor.doors.http.wanted import MEDIA, SpeechBody, VoiceId, Wanted, models_of, wanted_of
from supervisor.loop.speaking import SpeechRequest
from tests.supervisor.doors.http.visit import terms_of


def wanted(body: dict[str, object], **sets: str) -> Wanted:
    read = msgspec.convert({"input": "Hm."} | body, SpeechBody)
    return wanted_of(read, terms_of(**sets), "scripted")


def refused(body: dict[str, object], **sets: str) -> Refusal:
    with pytest.raises(Refusal) as caught:
        wanted(body, **sets)
    return caught.value


def test_what_is_left_out_is_what_openai_has() -> None:
    made = wanted({})
    assert made == Wanted(request=SpeechRequest(text="Hm.", audio="inline"), format="mp3", is_sse=False)
    nothing = dict.fromkeys(("model", "voice", "response_format", "stream_format", "speed", "instructions"))
    assert wanted({**nothing, "sample_rate": None, "seed": None}) == made


def test_what_is_not_known_is_passed_over() -> None:
    assert wanted({"volume_multiplier": 2, "stream": True}) == wanted({})


@pytest.mark.parametrize("name", ["scripted", "tts-1", "tts-1-hd", "gpt-4o-mini-tts", "kokoro"])
def test_a_model_that_is_listed_is_this_service(name: str) -> None:
    assert wanted({"model": name}, models='["kokoro"]').format == "mp3"
    assert name in models_of(terms_of(models='["kokoro"]'), "scripted")


def test_a_model_that_is_not_listed_is_not_found() -> None:
    refusal = refused({"model": "kokoro"})
    assert (refusal.status, refusal.code, refusal.param) == (404, "model_not_found", "model")
    assert "http.models" in str(refusal)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("alloy", None),
        ("nova", "fox"),
        ("fox", "fox"),
        ({"id": "nova"}, "fox"),
        ({"id": "x"}, "x"),
        (None, None),
    ],
)
def test_a_voice_is_what_the_table_says_and_else_itself(given: object, meant: str | None) -> None:
    assert wanted({"voice": given}, voices='{ nova = "fox" }').request.voice == meant


def test_a_voice_by_id_is_read_as_such() -> None:
    assert msgspec.json.decode(b'{"input": "x", "voice": {"id": "y"}}', type=SpeechBody).voice == VoiceId(
        id="y"
    )


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"speed": 1.5}, "speed"),
        ({"speed": 0}, "speed"),
        ({"input": "  \n"}, "input"),
        ({"input": "x" * 4097}, "input"),
        ({"voice": " "}, "voice"),
        ({"voice": {"id": ""}}, "voice"),
    ],
)
def test_what_cannot_be_had_is_refused_by_its_field(body: dict[str, object], param: str) -> None:
    refusal = refused(body)
    assert (refusal.status, refusal.param) == (400, param)
    assert "xxxx" not in str(refusal)


def test_the_limit_of_the_text_is_that_of_the_configuration() -> None:
    assert wanted({"input": "x" * 10}, text_chars="10").request.text == "x" * 10
    assert refused({"input": "x" * 11}, text_chars="10").code == "string_above_max_length"


def test_bare_samples_have_the_rate_that_clients_take_them_for() -> None:
    assert wanted({"response_format": "pcm"}).request.sample_rate == 24_000
    assert wanted({"response_format": "pcm", "sample_rate": 16_000}).request.sample_rate == 16_000
    assert wanted({"response_format": "wav"}).request.sample_rate is None


def test_every_format_has_its_media_type() -> None:
    assert {form: wanted({"response_format": form}).format for form in MEDIA} == {
        form: form for form in MEDIA
    }
