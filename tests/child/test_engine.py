"""The protocol is kept by what ships, and its errors form one tree."""

from child.engine import (
    BadInput,
    Engine,
    EngineError,
    OutOfMemory,
    SettingsError,
    VoiceNotFound,
)
from child.espeak import EspeakEngine
from child.scripted import ScriptedEngine


def test_what_ships_keeps_the_protocol() -> None:
    engines: list[Engine] = [EspeakEngine(), ScriptedEngine()]  # the type checker is the oracle
    assert len(engines) == 2


def test_every_error_of_an_engine_is_an_engine_error() -> None:
    for kind in (BadInput, OutOfMemory, SettingsError, VoiceNotFound):
        assert issubclass(kind, EngineError)
        assert kind.__doc__
