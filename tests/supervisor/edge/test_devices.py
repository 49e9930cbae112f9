import pytest

from supervisor.core.readings import DeviceUnknown
from supervisor.edge.devices import ByIndex, ByUuid, Choice, choose, seen_and_mend


@pytest.mark.parametrize(
    ("device", "visible", "expected"),
    [
        ("auto", None, ByIndex(index=0)),
        ("cuda", None, ByIndex(index=0)),
        ("cuda:3", None, ByIndex(index=3)),
        ("auto", "2,0", ByIndex(index=2)),
        ("cuda:1", "2, 0", ByIndex(index=0)),
        ("cuda:1", "GPU-aa,GPU-bb", ByUuid(uuid="GPU-bb")),
        ("auto", "MIG-1234", ByUuid(uuid="MIG-1234")),
        ("cuda:1", "0,-1,1", "CUDA_VISIBLE_DEVICES='0,-1,1' shows 1 GPUs"),
        ("auto", "", "shows 0 GPUs"),
        ("auto", "-1", "shows 0 GPUs"),
        ("cuda:2", "0,1", "there is no cuda:2"),
        ("cpu", None, "'cpu' is no GPU"),
        ("cuda:x", None, "'cuda:x' is no GPU"),
    ],
)
def test_a_device_is_the_one_that_cuda_would_take(
    device: str, visible: str | None, expected: Choice | str
) -> None:
    chosen = choose(device, visible)
    if isinstance(chosen, DeviceUnknown):
        assert isinstance(expected, str)
        assert expected in chosen.text
        assert chosen.kind == "absent"
    else:
        assert chosen == expected


@pytest.mark.parametrize(
    ("text", "seen", "mend"),
    [
        ("the GPU is lost; reboot", "the GPU is lost", "reboot"),
        ("it hangs; work goes on; reboot", "it hangs", "work goes on; reboot"),
        ("nothing to mend", "nothing to mend", ""),
    ],
)
def test_what_is_said_of_a_trouble_is_what_was_seen_and_its_mend(text: str, seen: str, mend: str) -> None:
    assert seen_and_mend(text) == (seen, mend)
