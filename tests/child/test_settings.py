"""Every refusal names the key."""

import pytest

from child.engine import SettingsError
from child.settings import Bounds, read_flag, read_number, read_one_of, read_size_bytes, refuse_unknown
from supervisor.wire.messages import Setting

HALF = Bounds(0.5, 0.0, 1.0)


@pytest.mark.parametrize(
    ("written", "size_bytes"),
    [(0, 0), (4096, 4096), ("0MiB", 0), ("20MiB", 20 * 1024**2), ("1.5 GiB", 3 * 512 * 1024**2), ("7B", 7)],
)
def test_sizes_have_units(written: Setting, size_bytes: int) -> None:
    assert read_size_bytes({"load_bytes": written}, "load_bytes", "engine.x") == size_bytes


@pytest.mark.parametrize("written", [-1, True, 1.5, "20", "MiB", "-1MiB", "1e3MiB", "20 mib", "20MiBB", []])
def test_what_is_no_size_is_refused(written: Setting) -> None:
    with pytest.raises(SettingsError, match=r"engine\.x\.load_bytes"):
        read_size_bytes({"load_bytes": written}, "load_bytes", "engine.x")


@pytest.mark.parametrize("written", [-0.1, 1.1, float("nan"), float("inf"), "0.5", True])
def test_what_is_no_number_within_bounds_is_refused(written: Setting) -> None:
    with pytest.raises(SettingsError, match=r"engine\.x\.share"):
        read_number({"share": written}, "share", "engine.x", HALF)


def test_a_missing_key_takes_its_default() -> None:
    assert read_number({}, "share", "engine.x", HALF) == 0.5
    assert read_size_bytes({}, "load_bytes", "engine.x") == 0


def test_an_unknown_key_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r"engine\.x\.shere .*share"):
        refuse_unknown({"shere": 1}, ["share"], "engine.x")


@pytest.mark.parametrize("written", [0, 1, "true", []])
def test_what_is_neither_true_nor_false_is_refused(written: Setting) -> None:
    with pytest.raises(SettingsError, match=r"engine\.x\.loud"):
        read_flag({"loud": written}, "loud", "engine.x", default=False)
    assert read_flag({"loud": True}, "loud", "engine.x", default=False)
    assert not read_flag({}, "loud", "engine.x", default=False)


def test_what_is_none_of_a_few_is_refused_with_those_there_are() -> None:
    with pytest.raises(SettingsError, match=r"engine\.x\.kind = 'c'; there are: 'a', 'b'"):
        read_one_of({"kind": "c"}, "kind", "engine.x", ("a", "b"))
    with pytest.raises(SettingsError, match=r"engine\.x\.rate = True"):
        read_one_of({"rate": True}, "rate", "engine.x", (1, 2))
    assert read_one_of({"kind": "b"}, "kind", "engine.x", ("a", "b")) == "b"
    assert read_one_of({}, "rate", "engine.x", (24, 32)) == 24
