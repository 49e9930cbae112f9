"""The cache is one allocation, says when it is full, and keeps nothing of what it is told to forget."""

from pathlib import Path

import pytest
import torch

from tests.tts_core.live import LiveBytes
from tests.tts_core.lm.models import ALL, CPU, cache_for, config, random_ids, random_llama
from tts_core.errors import SettingError
from tts_core.lm.cache import KvCache


def test_room_is_rounded_up_and_held_bytes_are_what_it_takes() -> None:
    cache = KvCache(config(), 65, device=CPU, dtype=torch.bfloat16)
    assert cache.capacity_tokens == 128
    keys_and_values = 2 * 2 * 2 * 16 * 128 * 2  # both, layers, heads, width, positions, bytes
    tables = 128 * (2 * 16 * 2 + 8 + 4)  # two turns of a head's width, a slot, a zero
    assert cache.held_bytes == keys_and_values + tables


def test_a_whole_segment_allocates_nothing_that_stays() -> None:
    llama, ids = random_llama(), random_ids(40)
    cache = cache_for(llama)
    with LiveBytes() as live:
        for _ in range(3):
            cache.reset()
            llama.prefill(ids[:, :20], cache, ALL)
            for at in range(20, 40):
                llama.step(ids[:, at : at + 1], cache, ALL)
        assert live.now == 0
        assert live.peak > 0


def test_what_is_beyond_the_room_is_refused_with_the_figures() -> None:
    llama = random_llama()
    cache = cache_for(llama, 64)
    llama.prefill(random_ids(60), cache, ALL)
    with pytest.raises(SettingError, match=r"64 positions, 60 are in use, and 5 more"):
        llama.prefill(random_ids(5), cache, ALL)
    llama.prefill(random_ids(4), cache, ALL)
    with pytest.raises(SettingError, match=r"64 are in use, and 1 more"):
        llama.step(random_ids(1), cache, ALL)
    assert cache.length == 64


def test_after_a_reset_nothing_is_left_even_of_what_was_no_number() -> None:
    llama = random_llama()
    cache = cache_for(llama)
    llama.prefill(random_ids(50), cache, ALL)
    for keys, values in cache.layers:
        keys[:, :, :50] = torch.nan
        values[:, :, :50] = torch.nan
    cache.reset()
    assert cache.length == 0
    assert all(not one.any() for layer in cache.layers for one in layer)


@pytest.mark.parametrize(("capacity", "batch"), [(0, 1), (1, 0), (-5, 1)])
def test_a_cache_of_nothing_is_refused(capacity: int, batch: int) -> None:
    with pytest.raises(SettingError, match="at least 1"):
        KvCache(config(), capacity, device=CPU, dtype=torch.float32, batch=batch)


def test_room_that_is_not_used_is_not_resident() -> None:
    def resident_bytes() -> int:
        lines = Path("/proc/self/status").read_text("ascii").splitlines()
        return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))

    llama = random_llama()
    cache_for(llama)
    before_bytes = resident_bytes()
    cache = cache_for(llama, 400_000)
    room = sum(one.nbytes for layer in cache.layers for one in layer)
    assert resident_bytes() - before_bytes < room / 2 + 2 * (cache.held_bytes - room)
    llama.prefill(random_ids(100), cache, ALL)
