"""eSpeak NG as it is: why this project forks, and how the library is asked.

Nothing speaks in the test process itself: what eSpeak says there afterwards, in other tests too, would depend
on it.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from child.espeak_library import Library, Order
from child.forked import run_forked
from tests.child.driver import ROOT


def spoken(library: Library, text: str, *, end_pause: bool = False) -> bytes:
    pieces: list[bytes] = []
    assert library.speak(Order(identifier="gmw/en-US", text=text, end_pause=end_pause), pieces.append) is None
    return b"".join(pieces)


def in_a_fork(call: Callable[[Library], str]) -> str:
    """Return what a call says of a library in a process that ends with it."""
    library = Library()

    def work(write: Callable[[bytes], None]) -> None:
        write(call(library).encode())

    return b"".join(run_forked(work)).decode()


def test_what_it_gives_depends_on_what_it_spoke_before() -> None:
    # If this ever fails, eSpeak was mended and the forks can go.
    def hashes(library: Library) -> str:
        return " ".join(
            hashlib.sha256(spoken(library, "Hello there, said the fox.")).hexdigest() for _ in range(6)
        )

    assert len(set(in_a_fork(hashes).split())) > 1


def test_an_end_pause_is_silence_at_the_end() -> None:
    def sizes(library: Library) -> str:
        return f"{len(spoken(library, 'Hello.', end_pause=True))} {len(spoken(library, 'Hello.'))}"

    with_pause, without = map(int, in_a_fork(sizes).split())
    assert with_pause > without + 22050 // 4


def test_a_voice_that_is_not_there_is_told_in_words() -> None:
    nobody = Order(identifier="gmw/nobody", text="x", end_pause=False)
    assert "gmw/nobody" in in_a_fork(lambda library: str(library.speak(nobody, lambda _: None)))


@pytest.mark.parametrize(("voice", "silent"), [("gmw/en-US", "℃★<"), ("sit/cmn", "℃→★€<")])
def test_it_tells_which_symbols_a_voice_is_silent_on(voice: str, silent: str) -> None:
    first = "a" if voice == "gmw/en-US" else "好"
    assert in_a_fork(lambda library: library.unheard(voice, first + "5℃→%★€<")) == silent


def test_no_listed_voice_needs_data_that_the_wheel_lacks() -> None:
    voices = Library().voice_files()
    assert len({voice.identifier for voice in voices}) == len(voices) > 130
    assert all(voice.languages and voice.title for voice in voices)


def test_without_the_wheel_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "espeakng_loader.py").write_text("raise ImportError('not installed')\n")
    code = "from child.espeak_library import Library; Library()"
    env = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    ended = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert "pip install espeakng-loader" in ended.stderr
