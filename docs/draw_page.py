"""Draw the pictures of docs/page/: a night's work in three minutes, before a real browser.

Run as `python -m docs.draw_page` in the root of a checkout, where Debian's chromium and gcc are. The GPU is a
stand-in for the driver, the engine one of the tests': it keeps caches, and is made to leak.
"""

import io
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.processes import hoarding
from tests.processes.http_serving import HttpServing
from tests.processes.narration import Task, paragraphs
from tests.processes.page_visit import TELEPHONE, Look, a_browser, visiting
from tests.standin.driver import StandinDriver, build

_FOLDER = Path(__file__).parent / "page"
_MIB = 2**20

#: No picture is to weigh more than a page of text does.
_MOST_BYTES = 150 * 1024

_SETS = {
    "engine.name": '"hoarding"',
    "engine.hoarding.on_device": "true",
    "engine.hoarding.weights_mib": "380",
    "engine.hoarding.cache_mib": "9",
    "engine.hoarding.wall_per_char_s": "0.012",
    "engine.faults.leak_bytes": '"7MiB"',
    "engine.faults.poison": '{ "xyzzy" = "oom" }',
    "child.attempts": "1",
    "memory.poll_s": "0.5",
    "memory.host.soft": '"6GiB"',
    "memory.host.hard": '"7GiB"',
}

_LOOKS = {
    "wide": (Look(), True),
    "dark": (Look(dark=True), False),
    "telephone": (Look(size=TELEPHONE), False),
    "chinese": (Look(language="zh-CN"), False),
}


def main() -> None:
    """Play the night, and draw it as it looks then."""
    _FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as made, a_browser() as browser:
        folder = Path(made)
        (folder / "library").mkdir()
        driver = StandinDriver(build(folder / "library"), folder / "nvml")
        driver.set(procs="env", total=2048 * _MIB, neighbour=310 * _MIB)
        with HttpServing(_task(folder, driver)) as serving:
            _submit(serving, folder)
            with visiting(browser, serving.url) as page:
                _play(page, driver)
            for name, (look, is_whole) in _LOOKS.items():
                _draw(browser, serving.url, look, _FOLDER / f"{name}.png", is_whole=is_whole)


def _task(folder: Path, driver: StandinDriver) -> Task:
    site, out, runtime = folder / "site", folder / "out", folder / "runtime"
    hoarding.install(site)
    out.mkdir()
    runtime.mkdir(mode=0o700)
    env = driver.env | {"PYTHONPATH": str(site), "XDG_RUNTIME_DIR": str(runtime)}
    sets = _SETS | {"http.output_folders": f'["{out}"]'}
    return Task(text=folder / "text.txt", output=out, state=folder / "state", sets=sets, env=env)


def _submit(serving: HttpServing, folder: Path) -> None:
    for name, text in (
        ("preface.wav", paragraphs(6)),
        ("letters.wav", "A letter.\n\nA word that no child can say: xyzzy.\n\nAnother letter."),
        ("the-night-ferry.flac", paragraphs(900)),
        ("the-morning-after.flac", paragraphs(240)),
    ):
        serving.call("jobs/submit", text=text, output=f"{folder}/out/{name}")


def _play(page: Page, driver: StandinDriver) -> None:
    """Two recycles, then the broom; others come and go on the card meanwhile."""
    patience_ms = 240_000
    expect(page.locator("#children")).to_contain_text("life 2", timeout=patience_ms)
    driver.set(neighbour=420 * _MIB)
    expect(page.locator("#children")).to_contain_text("life 3", timeout=patience_ms)
    driver.set(neighbour=350 * _MIB)
    page.wait_for_timeout(20_000)
    page.get_by_role("button", name="Clear caches").click()
    expect(page.locator("#broom-said")).to_contain_text("given back")
    page.wait_for_timeout(10_000)


def _draw(browser: Browser, url: str, look: Look, path: Path, *, is_whole: bool) -> None:
    with visiting(browser, url, look) as page:
        expect(page.locator("#verdict")).to_have_attribute("data-tone", "ok")
        expect(page.locator("#about")).not_to_be_empty()
        drawn = Image.open(io.BytesIO(page.screenshot(full_page=is_whole)))
    drawn.convert("RGB").quantize(192, dither=Image.Dither.NONE).save(path, optimize=True)
    size = path.stat().st_size
    print(f"{path.name}: {size // 1024} KiB")  # noqa: T201 - this is what it is run for
    if size > _MOST_BYTES:
        raise SystemExit(f"{path} is of {size} bytes; {_MOST_BYTES} are the most")


if __name__ == "__main__":
    main()
