import pytest

from supervisor.config.checks import command, devices, number, place, whole


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
