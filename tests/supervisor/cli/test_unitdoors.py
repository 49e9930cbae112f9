"""A service of systemd's has the doors that it is installed with, and its unit what they need."""

from pathlib import Path

import pytest

from supervisor.cli.parser import parse
from supervisor.cli.unitdoors import Doors, doors
from supervisor.errors import ConfigError, UsageError


def asked(*words: str, before: tuple[str, ...] = ()) -> Doors:
    return doors(parse([*before, "service", "install", *words]), "user")


@pytest.fixture(autouse=True)
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the service's configuration would lie; another lies in the folder that the command runs in."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("TTS_SUPERVISOR_HTTP__API_KEY", raising=False)
    here = tmp_path / "here"
    here.mkdir()
    (here / "config.toml").write_text('[http]\napi_key = "of-this-folder"\noutput_folders = ["/here"]\n')
    monkeypatch.chdir(here)
    (tmp_path / "config" / "tts-supervisor").mkdir(parents=True)
    return tmp_path / "config" / "tts-supervisor" / "config.toml"


def test_without_a_door_nothing_is_said_and_no_configuration_read(configuration: Path) -> None:
    configuration.write_text("no toml")
    assert asked() == Doors()


def test_the_words_for_serve_are_those_that_were_given() -> None:
    words = ("--http", "127.0.0.1:8000", "--wyoming", "tcp://0.0.0.0:10200", "--wyoming", "unix:///run/w/a.s")
    assert asked(*words) == Doors(words=words, folders=("/run/w",))


@pytest.mark.parametrize("address", ["127.0.0.1:8000", "[::1]:8000", "localhost:8000"])
def test_a_door_for_this_machine_wants_no_key(address: str) -> None:
    assert not asked("--http", address).wants_key


@pytest.mark.parametrize("address", ["0.0.0.0:8000", "[::]:8000", "tts.lan:8000"])
def test_a_door_for_others_wants_one_in_the_services_own_configuration(
    address: str, configuration: Path
) -> None:
    assert asked("--http", address).wants_key
    for key in ("api_key", "api_key_file"):
        configuration.write_text(f'[http]\n{key} = "/a/s3cret"\n')
        assert not asked("--http", address).wants_key


def test_where_requests_may_name_files_the_service_may_write(configuration: Path) -> None:
    configuration.write_text('[http]\noutput_folders = ["/srv/audio", "/srv/more"]\n')
    assert asked("--http", "127.0.0.1:0").folders == ("/srv/audio", "/srv/more")
    set_ = ("--set", 'http.output_folders=["/srv/other"]')
    assert asked("--http", "127.0.0.1:0", before=set_).folders == ("/srv/other",)
    assert asked("--wyoming", "tcp://").folders == ()


def test_what_is_no_door_of_a_service_is_refused_when_it_is_installed(configuration: Path) -> None:
    for words in (("--http", "8000"), ("--wyoming", "stdio://"), ("--wyoming", "http://127.0.0.1")):
        with pytest.raises(UsageError):
            asked(*words)
    configuration.write_text("[http]\nhost = 5\n")
    with pytest.raises(ConfigError, match="unknown key"):
        asked("--http", "127.0.0.1:8000")
