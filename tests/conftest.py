"""Fixtures that more than one folder of tests needs."""

import ctypes
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from supervisor.edge.process import waited_for
from supervisor.edge.strangers import reap_strangers
from tests.standin.driver import StandinDriver, build

_PR_SET_CHILD_SUBREAPER, _PR_GET_CHILD_SUBREAPER = 36, 37  # linux/prctl.h

XDG = ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "XDG_DATA_HOME")

# Machines that run tests do other things as well: how long one example takes proves nothing.
settings.register_profile("house", deadline=None)
settings.load_profile("house")


@pytest.fixture(scope="session", autouse=True)
def _nobodys_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the state, the configuration and the sockets of the person who runs it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in XDG:
            patch.setenv(name, str(tmp_path_factory.mktemp(name.lower())))
        yield


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build what takes longer than a test may, before the first one that needs it: the grammars of text."""
    wanted = [item for item in session.items if "text_cache" in getattr(item, "fixturenames", ())]
    if wanted and not session.config.option.collectonly:
        from tts_core.text.grammars import open_grammars  # noqa: PLC0415 -- few runs need it

        open_grammars(_engine_cache(session.config) / "tts-supervisor" / "grammars")


def _engine_cache(config: pytest.Config) -> Path:
    cache: pytest.Cache | None = getattr(config, "cache", None)
    return Path(tempfile.gettempdir()) / "tts-supervisor-tests" if cache is None else cache.mkdir("engine")


@pytest.fixture(scope="session")
def engine_cache(request: pytest.FixtureRequest) -> Path:
    """An XDG cache folder for engines, kept from one run of the tests to the next."""
    return _engine_cache(request.config)


@pytest.fixture(scope="session")
def text_cache(engine_cache: Path) -> Path:
    """Where grammars are kept; they are there already."""
    return engine_cache / "tts-supervisor" / "grammars"


@pytest.fixture(scope="session", autouse=True)
def _signals_as_in_a_terminal() -> None:
    """Processes of tests heed SIGHUP and SIGINT, though pytest was started by nohup or in the background."""
    for number, usual in ((signal.SIGHUP, signal.SIG_DFL), (signal.SIGINT, signal.default_int_handler)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)


@pytest.fixture(autouse=True)
def _nobody_left_to_the_tests() -> Iterator[None]:
    """A test in which this process became the reaper of its descendants leaves that to no other."""
    yield
    libc = ctypes.CDLL(None)
    is_reaper = ctypes.c_int()
    libc.prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(is_reaper), 0, 0, 0)
    if is_reaper.value:
        reap_strangers(waited_for())
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


@pytest.fixture(scope="session")
def standin_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the stand-in for libnvidia-ml.so.1."""
    if shutil.which("gcc") is None:
        pytest.skip("the stand-in driver is built with gcc")
    return build(tmp_path_factory.mktemp("standin"))


@pytest.fixture
def standin_driver(standin_library: Path, tmp_path: Path) -> StandinDriver:
    """A scripted NVIDIA driver, for processes started with its `env`; see tests/standin/driver.py."""
    return StandinDriver(standin_library, tmp_path / "nvml-standin")
