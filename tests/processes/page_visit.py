"""A real browser without a window, and a page in it that may do nothing wrong while a test looks."""

import re
import shutil
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Error,
    Page,
    Request,
    ViewportSize,
    expect,
    sync_playwright,
)

from tests.processes.narration import PATIENCE_S

#: Names that the browser goes by.
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")

WIDE: Final[ViewportSize] = {"width": 1240, "height": 900}
TELEPHONE: Final[ViewportSize] = {"width": 360, "height": 740}

#: What a browser itself says on its console of an answer that is no success: no page can keep it from that.
NO_SUCCESS: Final = r"Failed to load resource: the server responded with a status of {}"
#: Likewise, of none.
NO_ANSWER: Final = (
    r"Failed to load resource: net::ERR_"
    r"(CONNECTION_REFUSED|CONNECTION_RESET|EMPTY_RESPONSE|INCOMPLETE_CHUNKED_ENCODING)"
)

_PROBES: Final = Path(__file__).with_name("page_probes.js")


def found_browser() -> str:
    """Where the browser is, or skip the test."""
    for name in BROWSERS:
        path = shutil.which(name)
        if path is not None:
            return path
    pytest.skip("needs a browser: Debian's package chromium; PyPI has Playwright without one")


@contextmanager
def a_browser() -> Generator[Browser]:
    """One browser, for all tests of a module."""
    expect.set_options(timeout=PATIENCE_S * 1000 / 2)
    with sync_playwright() as playwright:
        # Sound is made and thrown away; a container's root has no sandbox of its own to stay in.
        words = [
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--mute-audio",
            "--autoplay-policy=no-user-gesture-required",
        ]
        browser = playwright.chromium.launch(executable_path=found_browser(), args=words)
        yield browser
        browser.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a browser is set.

    Attributes:
        size: Of the window.
        language: That it wants.
        dark: Whether it is to be dark.
    """

    size: ViewportSize = field(default_factory=lambda: WIDE)
    language: str = "en-GB"
    dark: bool = False


class Watch:
    """Everything that a page should not have done."""

    def __init__(self, page: Page, url: str, allowed: Sequence[str]) -> None:
        self._home = urlsplit(url).netloc
        self._allowed = [re.compile(one) for one in allowed]
        self.wrongs: list[str] = []
        page.on("console", self._heard)
        page.on("pageerror", self._failed)
        page.on("request", self._asked)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not any(one.match(message.text) for one in self._allowed):
            self.wrongs.append(f"{message.type}: {message.text}")

    def _failed(self, error: Error) -> None:
        self.wrongs.append(f"uncaught: {error.message}")

    def _asked(self, request: Request) -> None:
        where = urlsplit(request.url)
        if where.scheme != "blob" and where.netloc != self._home:
            self.wrongs.append(f"asked elsewhere: {request.url}")


@contextmanager
def visiting(
    browser: Browser, url: str, look: Look | None = None, *, allowed: Sequence[str] = ()
) -> Generator[Page]:
    """Open the page, and see at the end that nothing was wrong with it.

    Args:
        browser: Of the module.
        url: Of the service.
        look: None = a wide window by day, in English.
        allowed: Patterns of lines on its console that this test provokes.
    """
    look = look or Look()
    context = browser.new_context(
        viewport=look.size,
        locale=look.language,
        color_scheme="dark" if look.dark else "light",
        timezone_id="UTC",
        accept_downloads=True,
    )
    context.set_default_timeout(PATIENCE_S * 1000 / 2)
    context.add_init_script(path=_PROBES)
    page = context.new_page()
    watch = Watch(page, url, allowed)
    try:
        page.goto(url)
        yield page
        assert watch.wrongs == []
    finally:
        context.close()
