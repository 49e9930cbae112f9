import pytest

from supervisor.config.checks import (
    command,
    devices,
    label,
    number,
    place,
    rate_or_own,
    seconds_or_auto,
    whole,
)


def test_one_device_is_a_list_of_one() -> None:
    assert devices("auto") == devices(["auto"]) == ["auto"]


def test_several_devices_keep_their_order_and_may_be_the_same() -> None:
    assert devices(["cuda:1", "cuda:0", "cuda:1"]) == ["cuda:1", "cuda:0", "cuda:1"]
    assert devices(["cpu", "cpu"]) == ["cpu", "cpu"]


@pytest.mark.parametrize("mixed", [["cpu", "cuda:0"], ["auto", "cuda:0"], ["cuda:1", "cpu", "cuda:1"]])
def test_devices_of_several_kinds_would_mix_bytes_within_a_job_and_are_refused(mixed: list[str]) -> None:
    with pytest.raises(ValueError, match=r"of one kind.*name GPUs alone"):
        devices(mixed)


@pytest.mark.parametrize("wrong", ["cuda", "cuda:-1", "CPU", "cpu,cpu", ["cuda:0", ""], [], {}, 0, True])
def test_what_is_no_device_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="need"):
        devices(wrong)


def test_true_is_no_number() -> None:
    for check in (number(least=0, most=2), whole(least=0, most=2)):
        with pytest.raises(ValueError, match="got true or false"):
            check(True)


def test_a_command_is_cut_as_a_shell_would_and_a_list_is_left() -> None:
    assert command("mail -s 'a night' me") == ["mail", "-s", "a night", "me"]
    assert command(["mail -s"]) == ["mail -s"]


def test_a_place_is_made_whole_and_none_stays_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somewhere")
    assert place("~/models") == "/somewhere/models"
    assert place("") == ""


def test_a_rate_is_one_that_can_be_made_or_the_engines_own() -> None:
    assert [rate_or_own(rate) for rate in (0, 8_000, 192_000)] == [0, 8_000, 192_000]
    for wrong in (7_999, 192_001, -1, 16_000.0, "16000", False):
        with pytest.raises(ValueError, match="need"):
            rate_or_own(wrong)


def test_a_silence_is_seconds_or_left_to_the_narration() -> None:
    assert [seconds_or_auto(silence) for silence in ("auto", 0, 1.5, 60)] == ["auto", 0.0, 1.5, 60.0]
    for wrong in ("never", -0.1, 60.1, True):
        with pytest.raises(ValueError, match="need"):
            seconds_or_auto(wrong)


def test_a_label_is_what_dns_can_carry() -> None:
    assert [label(name) for name in ("", "Narrator", " 朗读 ")] == ["", "Narrator", "朗读"]
    for wrong in ("x" * 64, "朗" * 22, "a\nb", 5):
        with pytest.raises(ValueError, match="need"):
            label(wrong)
