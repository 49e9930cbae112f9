"""eSpeak NG as it is: why this project forks, and how the library is asked."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from child.espeak_library import Library, Order
from tests.child.driver import ROOT


def spoken(library: Library, text: str, *, end_pause: bool = False) -> bytes:
    pieces: list[bytes] = []
    assert library.speak(Order(identifier="gmw/en-US", text=text, end_pause=end_pause), pieces.append) is None
    return b"".join(pieces)


def test_what_it_gives_depends_on_what_it_spoke_before() -> None:
    # If this ever fails, eSpeak was mended and the forks can go.
    library = Library()
    first = [hashlib.sha256(spoken(library, "Hello there, said the fox.")).digest() for _ in range(6)]
    assert len(set(first)) > 1


def test_an_end_pause_is_silence_at_the_end() -> None:
    library = Library()
    assert len(spoken(library, "Hello.", end_pause=True)) > len(spoken(library, "Hello.")) + 22050 // 4


def test_a_voice_that_is_not_there_is_told_in_words() -> None:
    refused = Library().speak(Order(identifier="gmw/nobody", text="x", end_pause=False), lambda _: None)
    assert refused is not None
    assert "gmw/nobody" in refused


def test_it_tells_which_symbols_a_voice_is_silent_on() -> None:
    library = Library()
    assert library.unheard("gmw/en-US", "a5℃→%★€<") == "℃★<"
    assert library.unheard("sit/cmn", "好5℃→%★€<") == "℃→★€<"


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
