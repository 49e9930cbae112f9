"""The page in a real browser, before a real service: what a person does, and what they see then."""

import itertools
import re
import signal
import socket
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.processes import hoarding
from tests.processes.http_serving import HttpServing
from tests.processes.narration import paragraphs
from tests.processes.page_visit import NO_ANSWER, NO_SUCCESS, TELEPHONE, Look, a_browser, visiting
from tests.processes.serving import fields, scripted_task
from tests.standin.driver import StandinDriver

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

MIB = 2**20
KEY = "open-sesame"

#: A cache of 8 MiB is left by each segment, which takes a third of a second.
SETS = {
    "engine.name": '"hoarding"',
    "engine.hoarding.seconds_per_char": "0.01",
    "engine.hoarding.wall_per_char_s": "0.01",
    "memory.poll_s": "0.1",
}
#: No cache, and a leak that is over the mark after a few segments.
LEAKING = {
    "engine.hoarding.cache_mib": "0",
    "engine.faults.leak_bytes": '"20MiB"',
    "memory.host.soft": '"130MiB"',
    "memory.host.hard": '"600MiB"',
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with a_browser() as one:
        yield one


@contextmanager
def service(
    folder: Path,
    env: Mapping[str, str] | None = None,
    /,
    *,
    where: str = "127.0.0.1:0",
    key: str = "",
    **sets: str,
) -> Generator[HttpServing]:
    site = folder / "site"
    if not site.exists():
        hoarding.install(site)
    task = scripted_task(folder, **SETS | {"http.output_folders": f'["{folder}/out"]'} | sets)
    more = dict(env or {}) | {"PYTHONPATH": f"{site}:{task.whole_env()['PYTHONPATH']}"}
    if key:
        more["TTS_SUPERVISOR_HTTP__API_KEY"] = key
    (folder / "out").mkdir(exist_ok=True)
    with HttpServing(task, where=where, **more) as serving:
        yield serving


def submit(serving: HttpServing, folder: Path, *, segments: int = 200, name: str = "ferry.wav") -> str:
    """A job, of segments that take a third of a second each."""
    answer = serving.call("jobs/submit", text=paragraphs(segments), output=f"{folder}/out/{name}")
    return str(fields(answer["result"])["job"])


def row(page: Page, name: str) -> Locator:
    return page.locator("#jobs > li").filter(has=page.get_by_role("heading", name=name, exact=True))


def stops(page: Page, kind: str) -> Locator:
    return page.locator(f"#chart .stop[data-kind={kind}]")


def figure_bytes(text: str) -> float:
    amount, unit = text.split()
    return float(amount) * {"B": 1, "KiB": 1024, "MiB": MIB, "GiB": 1024 * MIB}[unit]


def spoken(page: Page, least: int) -> None:
    """Wait until the child has spoken so many segments."""
    fact = "document.querySelector('#children dl > [data-key=\"child.segments\"] dd')?.textContent"
    page.wait_for_function(f"least => Number.parseInt({fact}) >= least", arg=least)


# ------------------------------------------------------------------ is all well?


def test_whoever_opens_it_sees_that_all_is_well_and_what_speaks(browser: Browser, tmp_path: Path) -> None:
    with service(tmp_path) as serving, visiting(browser, serving.url) as page:
        expect(page.locator("#verdict")).to_have_attribute("data-tone", "ok")
        expect(page.get_by_role("heading", name="All is well")).to_be_visible()
        expect(page.locator("#verdict-why")).to_have_text("Nothing to do")
        expect(page.locator("#about")).to_contain_text("hoarding")
        expect(page).to_have_title("✓ tts-supervisor")
        child = fields(serving.status()["child"])
        facts = page.locator("#children")
        expect(facts).to_contain_text(str(child["pid"]))
        expect(facts).to_contain_text("life 1, ready")
        expect(facts).to_contain_text("cpu")
        expect(page.locator("#policies li")).not_to_have_count(0)
        expect(page.locator("#jobs-none")).to_be_visible()


def test_of_several_devices_each_child_and_each_memory_is_shown(
    browser: Browser, tmp_path: Path, standin_driver: StandinDriver
) -> None:
    standin_driver.set(procs="env", devices=2, total=1000 * MIB)
    sets = {"child.device": '["cuda:0", "cuda:1"]', "engine.hoarding.on_device": "true"}
    with service(tmp_path, standin_driver.env, **sets) as serving, visiting(browser, serving.url) as page:
        submit(serving, tmp_path)
        expect(page.locator("#children > li")).to_have_count(2)
        expect(page.locator("#children > li").nth(1)).to_contain_text("cuda:1")
        expect(page.get_by_role("radio", name="cuda:0")).to_be_checked()
        page.get_by_role("radio", name="cuda:1").check()
        expect(page.locator("#memory-now")).to_contain_text("in use, of 1000 MiB")
        expect(page.locator("#chart .areas .others")).not_to_have_count(0)
        expect(page.locator("#legend [data-of=soft]")).to_contain_text("850 MiB")
        page.get_by_role("button", name="Clear caches").click()
        expect(page.locator("#broom-said")).to_contain_text("Caches cleared: ")


def test_a_child_that_dies_is_said_and_the_next_one_too(browser: Browser, tmp_path: Path) -> None:
    with (
        service(tmp_path, **{"engine.faults.faults": '["crash@3"]'}) as serving,
        visiting(browser, serving.url) as page,
    ):
        submit(serving, tmp_path, segments=6)
        crashed = page.locator("#moments li[data-tone=bad]")
        expect(crashed.first).to_contain_text("Child 1 crashed")
        expect(crashed.first).to_contain_text("SIGSEGV")
        expect(page.locator("#chart .ticks path.ended")).to_have_count(1)
        expect(row(page, "ferry.wav")).to_have_attribute("data-state", "done")
        expect(page.locator("#totals")).to_contain_text("deaths")


# ------------------------------------------------------------------ the broom and the line


def test_the_broom_during_a_job_gives_bytes_back_and_says_so(browser: Browser, tmp_path: Path) -> None:
    with service(tmp_path) as serving, visiting(browser, serving.url) as page:
        submit(serving, tmp_path)
        spoken(page, 5)
        page.get_by_role("button", name="Clear caches").click()
        said = page.locator("#broom-said")
        expect(said).to_contain_text("Caches cleared: ")
        figures = re.search(
            r"cleared: (.+) of memory given back \((.+) before, (.+) after\), in [\d.]+ s", said.inner_text()
        )
        assert figures is not None, said.inner_text()
        back, before, after = (figure_bytes(one) for one in figures.groups())
        assert back >= 24 * MIB
        assert back == pytest.approx(before - after, abs=MIB)
        expect(page.locator("#moments li").filter(has_text="Caches cleared")).to_have_count(1)
        expect(stops(page, "gave_back")).to_have_count(1)
        expect(row(page, "ferry.wav")).to_have_attribute("data-state", "running")


class Unready(HttpServing):
    """A service whose door is open, and whose first child is not there for a long time."""

    def __enter__(self) -> Self:
        opened = self.until(lambda one: str(one.get("where", "")).startswith("http://"))
        self.port = int(str(opened["where"]).rpartition(":")[2])
        return self


def test_a_broom_that_cannot_be_used_says_why(browser: Browser, tmp_path: Path) -> None:
    hoarding.install(tmp_path / "site")
    task = scripted_task(tmp_path, **SETS | {"engine.hoarding.load_s": "60"})
    site = f"{tmp_path}/site:{task.whole_env()['PYTHONPATH']}"
    with Unready(task, PYTHONPATH=site) as serving, visiting(browser, serving.url) as page:
        expect(page.get_by_role("heading", name="It gets ready")).to_be_visible()
        expect(page.locator("#verdict")).to_have_attribute("data-tone", "wait")
        page.get_by_role("button", name="Clear caches").click()
        expect(page.locator("#broom-said")).to_contain_text("Caches not cleared: there is no child")


def test_the_line_moves_and_a_recycle_appears_on_it_with_its_reason(browser: Browser, tmp_path: Path) -> None:
    with service(tmp_path, **LEAKING) as serving, visiting(browser, serving.url) as page:
        submit(serving, tmp_path)
        edge = page.locator("#chart .areas .edge").last
        before = edge.get_attribute("d") or ""
        expect(edge).not_to_have_attribute("d", before)
        expect(page.locator("#chart .marks path.soft")).to_have_count(1)
        expect(page.locator("#chart .marks path.hard")).to_have_count(1)
        expect(page.locator("#legend [data-of=soft]")).to_contain_text("130 MiB")
        replaced = page.locator("#moments li").filter(has_text="Child 1 was replaced")
        expect(replaced).to_have_count(1)
        reason = replaced.locator(".why").inner_text()
        assert "130 MiB" in reason or "growing" in reason, reason
        expect(page.locator("#chart .ticks text").filter(has_text=re.compile("^2$"))).to_be_visible()
        dot = stops(page, "decided").first
        expect(dot).to_be_attached()
        assert "130 MiB" in (dot.get_attribute("aria-label") or "") or "growing" in (
            dot.get_attribute("aria-label") or ""
        )
        expect(page.locator("#children")).to_contain_text("life 2")


def test_a_new_child_is_asked_for_and_comes(browser: Browser, tmp_path: Path) -> None:
    with service(tmp_path) as serving, visiting(browser, serving.url) as page:
        submit(serving, tmp_path)
        spoken(page, 3)
        pid = fields(serving.status()["child"])["pid"]
        page.get_by_role("button", name="New child").click()
        expect(page.locator("#broom-said")).to_contain_text("New child: ")
        expect(page.locator("#broom-said")).to_contain_text("of memory given back")
        expect(page.locator("#children")).to_contain_text("life 2, speaking")
        expect(page.locator("#children")).not_to_contain_text(str(pid))
        expect(page.locator("#moments li").filter(has_text="Child 1 was replaced")).to_have_count(1)


def test_who_points_at_the_line_is_told_its_figures_and_the_table_has_the_same(
    browser: Browser, tmp_path: Path
) -> None:
    with service(tmp_path) as serving, visiting(browser, serving.url) as page:
        submit(serving, tmp_path)
        spoken(page, 3)
        page.locator("#chart svg").hover()
        bubble = page.locator("#chart .bubble")
        expect(bubble).to_be_visible()
        expect(bubble).to_contain_text(re.compile(r"this service [\d.]+ MiB · other programs [\d.]+ [GM]iB"))
        page.get_by_text("The same figures as a table").click()
        expect(page.locator("#figures-body tr")).not_to_have_count(0)
        expect(page.locator("#figures-caption")).to_contain_text(
            re.compile(r"Machine: soft mark [\d.]+ [GM]iB")
        )
        latest = page.locator("#figures-body tr").first.locator("td").first.inner_text()
        assert figure_bytes(latest) == pytest.approx(
            figure_bytes(page.locator("#legend [data-of=ours] strong").inner_text()), rel=0.9
        )
        page.get_by_role("radio", name="5 min", exact=True).check()
        expect(page.get_by_role("radio", name="5 min", exact=True)).to_be_checked()


# ------------------------------------------------------------------ jobs


def test_a_job_is_paused_and_resumed_cancelled_and_goes_on_where_it_was(
    browser: Browser, tmp_path: Path
) -> None:
    with service(tmp_path) as serving, visiting(browser, serving.url) as page:
        submit(serving, tmp_path)
        job = row(page, "ferry.wav")
        expect(job).to_have_attribute("data-state", "running")
        expect(job.locator(".figures")).to_contain_text(
            re.compile(r"[1-9]\d* of 200 segments · \d:\d\d:\d\d left")
        )
        expect(job.get_by_role("progressbar")).to_have_attribute("max", "200")
        page.get_by_role("button", name="Pause ferry.wav").click()
        expect(job).to_have_attribute("data-state", "paused")
        expect(page.locator("#jobs-said")).to_have_text("ferry.wav: paused")
        page.get_by_role("button", name="Resume ferry.wav").click()
        expect(job).to_have_attribute("data-state", "running")
        page.get_by_role("button", name="Cancel ferry.wav").click()
        expect(job).to_have_attribute("data-state", "cancelled")
        done = done_of(job)
        assert done > 0
        page.get_by_role("button", name="Retry ferry.wav").click()
        expect(job).to_have_attribute("data-state", "running")
        assert done_of(job) >= done
        expect(page.locator("#verdict-why")).to_contain_text("Speaking: ferry.wav, ")


def done_of(job: Locator) -> int:
    return int(job.locator(".figures").inner_text().split()[0])


def test_what_a_job_is_called_and_why_it_failed_is_text_and_never_markup(
    browser: Browser, tmp_path: Path
) -> None:
    name = "<img src=x onerror=document.title=1>.wav"
    sets = {"engine.faults.poison": '{ "slept" = "oom" }', "child.attempts": "1"}
    with service(tmp_path, **sets) as serving, visiting(browser, serving.url) as page:
        text = "The ferry left.\n\nNobody <b>slept</b>.\n\nIt was late."
        serving.call("jobs/submit", text=text, output=f"{tmp_path}/out/{name}")
        job = row(page, name)
        expect(job.locator(".trouble")).not_to_be_empty()
        expect(job.locator("h3")).to_have_text(name)
        expect(job.get_by_role("button", name="Retry")).to_be_visible()
        assert page.locator("#jobs img, #jobs b").count() == 0
        assert "Nobody" not in page.content(), "no text of a job is shown"


def test_a_finished_job_is_heard_here_and_one_under_way_as_far_as_it_is(
    browser: Browser, tmp_path: Path
) -> None:
    with service(tmp_path) as serving, visiting(browser, serving.url) as page:
        submit(serving, tmp_path, segments=3, name="short.wav")
        short = row(page, "short.wav")
        expect(short).to_have_attribute("data-state", "done")
        page.get_by_role("button", name="Listen short.wav").click()
        plays(page, short)
        page.get_by_role("button", name="Close short.wav").click()
        expect(short.locator("audio")).to_have_count(0)
        submit(serving, tmp_path)
        long = row(page, "ferry.wav")
        page.get_by_role("button", name="Listen ferry.wav").click()
        expect(long.locator("figcaption")).to_contain_text("What is spoken so far")
        plays(page, long)


def plays(page: Page, within: Locator) -> None:
    audio = within.locator("audio").element_handle()
    page.evaluate("audio => audio.play()", audio)
    page.wait_for_function("audio => audio.currentTime > 0.05 && audio.duration > 0.1", arg=audio)


def test_a_job_that_may_not_be_heard_says_why_and_what_would_let_it(browser: Browser, tmp_path: Path) -> None:
    with service(tmp_path) as serving:
        submit(serving, tmp_path, segments=3, name="short.wav")
        serving.until(lambda one: one.get("event") == "job.done" or one.get("state") == "done")
    with (
        service(tmp_path, **{"http.output_folders": "[]"}) as serving,
        visiting(browser, serving.url, allowed=[NO_SUCCESS.format(403)]) as page,
    ):
        page.get_by_role("button", name="Listen short.wav").click()
        said = row(page, "short.wav").locator(".said")
        expect(said).to_contain_text("Listen, short.wav: ")
        expect(said).to_contain_text("http.output_folders")


# ------------------------------------------------------------------ a voice is tried


def test_a_voice_is_tried_played_and_kept_and_its_text_goes_nowhere_else(
    browser: Browser, tmp_path: Path
) -> None:
    with service(tmp_path) as serving, visiting(browser, serving.url) as page:
        expect(page.get_by_label("Voice", exact=True).locator("option", has_text="reed")).to_be_attached()
        page.get_by_label("Text", exact=True).fill("The ferry left at ten past ten.")
        page.get_by_label("Voice", exact=True).select_option("reed")
        for form, ending in (("mp3", "mp3"), ("opus", "ogg"), ("wav", "wav"), ("flac", "flac")):
            page.get_by_label("Format", exact=True).select_option(form)
            page.get_by_role("button", name="Speak").click()
            expect(page.locator("#try-said")).to_contain_text("Spoken in ")
            expect(page.locator("#try-save")).to_have_attribute("download", f"speech.{ending}")
            plays(page, page.locator("#try-heard"))
            with page.expect_download() as download:
                page.get_by_role("link", name="Download").click()
            assert Path(download.value.path()).stat().st_size > 1000
        assert (
            page.evaluate("JSON.stringify([localStorage, sessionStorage, location.href])").count("ferry") == 0
        )


def test_a_voice_that_cannot_speak_says_why(browser: Browser, tmp_path: Path) -> None:
    allowed = [NO_SUCCESS.format(400)]
    with service(tmp_path) as serving, visiting(browser, serving.url, allowed=allowed) as page:
        page.get_by_label("Text", exact=True).fill("…")
        page.get_by_role("button", name="Speak").click()
        expect(page.locator("#try-said")).to_contain_text("Not spoken: ")
        expect(page.locator("#try-heard")).to_be_hidden()


# ------------------------------------------------------------------ who may ask, and a service that goes


def test_with_a_key_the_page_asks_for_it_and_keeps_it_nowhere(browser: Browser, tmp_path: Path) -> None:
    allowed = [NO_SUCCESS.format(401)]
    with service(tmp_path, key=KEY) as serving, visiting(browser, serving.url, allowed=allowed) as page:
        expect(page.get_by_role("heading", name="This service wants its key")).to_be_visible()
        field = page.get_by_label("Key of the service")
        expect(field).to_be_focused()
        field.fill("guess")
        page.keyboard.press("Enter")
        expect(page.locator("#verdict-why")).to_have_text("That is not the key of this service.")
        field.fill(KEY)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="All is well")).to_be_visible()
        expect(page.locator("#key")).to_be_hidden()
        page.get_by_role("button", name="Clear caches").click()
        expect(page.locator("#broom-said")).to_contain_text("Caches cleared: ")
        kept = page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie, location.href])")
        assert KEY not in kept
        assert KEY not in page.content()
        page.reload()
        expect(page.get_by_role("heading", name="This service wants its key")).to_be_visible()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_a_service_that_goes_is_missed_and_found_again_by_itself(browser: Browser, tmp_path: Path) -> None:
    where = f"127.0.0.1:{free_port()}"
    with service(tmp_path, where=where) as serving:
        visit = visiting(browser, serving.url, allowed=[NO_ANSWER])
        with visit as page:
            submit(serving, tmp_path)
            expect(row(page, "ferry.wav")).to_have_attribute("data-state", "running")
            serving.signal(signal.SIGKILL)
            serving.exit_code()
            expect(page.get_by_role("heading", name="No connection to the service")).to_be_visible()
            expect(page.locator("#verdict-why")).to_contain_text("Tried again in ")
            expect(page.locator("#verdict")).to_have_attribute("data-tone", "bad")
            page.get_by_role("button", name="Clear caches").click()
            expect(page.locator("#broom-said")).to_have_text(
                "Caches not cleared: the service does not answer"
            )
            with service(tmp_path, where=where) as again:
                expect(page.get_by_role("heading", name="No connection to the service")).to_be_hidden()
                expect(page.locator("#children")).to_contain_text(str(fields(again.status()["child"])["pid"]))
                expect(row(page, "ferry.wav")).to_have_attribute("data-state", "running")


def test_a_service_that_was_stopped_says_so_while_nobody_answers(browser: Browser, tmp_path: Path) -> None:
    with (
        service(tmp_path) as serving,
        visiting(browser, serving.url, allowed=[NO_ANSWER]) as page,
    ):
        expect(page.locator("#children")).to_contain_text("life 1, ready")
        serving.signal(signal.SIGTERM)
        assert serving.exit_code() == 0
        expect(page.locator("#verdict-why")).to_contain_text("Tried again in ")
        expect(page.get_by_role("heading", name="The service was stopped")).to_be_visible()
        expect(page.locator("#children")).to_contain_text("No child now")
        expect(page.locator("#memory-now")).to_have_text("No child, so none holds memory now")
        expect(page.locator("#policies-none")).to_be_visible()


def test_an_unloaded_child_is_not_said_to_hold_memory_nor_to_have_been_replaced(
    browser: Browser, tmp_path: Path
) -> None:
    sets = {"child.idle_unload_s": "0.5"}
    with service(tmp_path, **sets) as serving, visiting(browser, serving.url) as page:
        expect(page.locator("#children")).to_contain_text("No child now")
        expect(page.locator("#children")).to_contain_text("none wait")
        expect(page.locator("#memory-now")).to_have_text("No child, so none holds memory now")
        expect(page.locator("#legend [data-of=ours]")).to_have_count(0)
        expect(page.locator("#policies li")).to_have_count(0)
        page.get_by_role("button", name="New child").click()
        expect(page.locator("#broom-said")).to_contain_text("No child to replace")
        expect(page.locator("#moments li").filter(has_text="No child to replace")).to_have_count(1)


def test_jobs_beyond_the_latest_are_fetched_and_can_be_cancelled(browser: Browser, tmp_path: Path) -> None:
    with service(tmp_path) as serving:
        oldest = [submit(serving, tmp_path, name=f"{number}.wav") for number in range(204)][3]
        with visiting(browser, serving.url) as page:
            expect(page.locator("#jobs-count")).to_contain_text("the latest 200 jobs, ")
            expect(row(page, oldest)).to_have_count(0)
            page.get_by_role("button", name="Show older jobs").click()
            expect(page.locator("#jobs-count")).to_have_text(re.compile("204 jobs, 20. wait"))
            expect(row(page, oldest)).to_have_attribute("data-state", "queued")
            page.get_by_role("button", name=f"Cancel {oldest}").click()
            expect(page.locator("#jobs-said")).to_contain_text(": cancelled")
            state = fields(serving.call("jobs/get", job=oldest)["result"])["state"]
            assert state == "cancelled"


# ------------------------------------------------------------------ no mouse, a telephone, Chinese


def tab_to(page: Page, element: Locator) -> list[str]:
    """Go to an element by the Tab key alone; what was passed on the way, and that each could be seen."""
    passed: list[str] = []
    handle = element.element_handle()
    for _ in range(80):
        page.keyboard.press("Tab")
        stands = page.evaluate("probes.focused()")
        assert stands["isSeen"], f"no ring around {stands['what']}"
        passed.append(stands["what"])
        if page.evaluate("one => document.activeElement === one", handle):
            return passed
    pytest.fail(f"cannot be reached: {passed}")


def test_everything_is_done_without_a_mouse(browser: Browser, tmp_path: Path) -> None:
    with service(tmp_path) as serving, visiting(browser, serving.url) as page:
        submit(serving, tmp_path)
        spoken(page, 3)
        tab_to(page, page.locator("#clean"))
        page.keyboard.press("Enter")
        expect(page.locator("#broom-said")).to_contain_text("Caches cleared: ")
        expect(page.locator("#clean")).to_be_focused()
        tab_to(page, page.get_by_role("button", name="Cancel ferry.wav"))
        page.keyboard.press("Space")
        expect(row(page, "ferry.wav")).to_have_attribute("data-state", "cancelled")
        expect(page.get_by_role("button", name="Retry ferry.wav")).to_be_focused()
        page.keyboard.press("Enter")
        expect(row(page, "ferry.wav")).to_have_attribute("data-state", "running")
        tab_to(page, page.get_by_label("Text", exact=True))
        page.keyboard.type("Hello.")
        tab_to(page, page.get_by_role("button", name="Speak"))
        page.keyboard.press("Enter")
        expect(page.locator("#try-said")).to_contain_text("Spoken in ")
        tab_to(page, page.locator("#language"))
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="一切正常")).to_be_visible()
        expect(page.locator("#language")).to_be_focused()


def test_the_moments_on_the_line_are_gone_through_with_the_arrow_keys(
    browser: Browser, tmp_path: Path
) -> None:
    with service(tmp_path) as serving, visiting(browser, serving.url) as page:
        page.get_by_role("button", name="Clear caches").click()
        expect(stops(page, "gave_back")).to_have_count(1)
        page.locator("#language").focus()
        tab_to(page, page.locator("#chart .stop[tabindex='0']"))
        page.keyboard.press("Home")
        bubble = page.locator("#chart .bubble")
        expect(bubble).to_contain_text("Child 1 is ready")
        page.keyboard.press("ArrowRight")
        expect(bubble).to_contain_text("Caches cleared")
        expect(stops(page, "gave_back")).to_be_focused()
        tab_to(page, page.locator("#clean"))
        expect(bubble).to_be_hidden()


@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
def test_on_a_telephone_nothing_goes_over_the_edge_and_everything_can_be_touched(
    browser: Browser, tmp_path: Path, language: str
) -> None:
    name = "anamethatgoesonandon" * 6 + ".wav"
    with (
        service(tmp_path) as serving,
        visiting(browser, serving.url, Look(size=TELEPHONE, language=language)) as page,
    ):
        submit(serving, tmp_path, name=name)
        expect(row(page, name)).to_have_attribute("data-state", "running")
        spoken(page, 2)
        page.locator("#clean").click()
        expect(page.locator("#broom-said")).not_to_be_empty()
        expect(stops(page, "gave_back")).to_have_count(1)
        page.locator("#try-text").fill("Hello.")
        page.locator("#try-speak").click()
        expect(page.locator("#try-heard")).to_be_visible()
        page.locator("#figures summary").click()
        expect(page.locator("#figures-body tr")).not_to_have_count(0)
        page.locator("#chart svg").click()
        assert page.evaluate("document.documentElement.scrollWidth") == TELEPHONE["width"]
        assert page.evaluate("probes.tooWide()") == []
        assert page.evaluate("probes.tooSmall()") == []


def test_a_browser_that_wants_chinese_gets_it_and_a_switch_is_remembered(
    browser: Browser, tmp_path: Path
) -> None:
    with service(tmp_path) as serving, visiting(browser, serving.url, Look(language="zh-CN")) as page:
        expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
        expect(page.get_by_role("heading", name="一切正常")).to_be_visible()
        page.get_by_role("button", name="清理缓存").click()
        expect(page.locator("#broom-said")).to_contain_text("缓存已清理：")
        switch = page.locator("#language")
        expect(switch).to_have_attribute("lang", "en")
        switch.click()
        expect(page.locator("html")).to_have_attribute("lang", "en")
        expect(page.get_by_role("button", name="Clear caches")).to_be_visible()
        expect(page.locator("#moments li").filter(has_text="Caches cleared")).to_have_count(1)
        page.reload()
        expect(page.get_by_role("heading", name="All is well")).to_be_visible()


# ------------------------------------------------------------------ who cannot see it, or hardly


@pytest.mark.parametrize("dark", [False, True], ids=["by day", "by night"])
def test_who_hears_it_hears_names_and_who_hardly_sees_can_read_it(
    browser: Browser, tmp_path: Path, dark: bool
) -> None:
    sets = {"engine.faults.poison": '{ "slept" = "oom" }', "child.attempts": "1"}
    with service(tmp_path, **sets) as serving, visiting(browser, serving.url, Look(dark=dark)) as page:
        serving.call("jobs/submit", text="It slept.", output=f"{tmp_path}/out/failed.wav")
        expect(row(page, "failed.wav").locator(".trouble")).not_to_be_empty()
        submit(serving, tmp_path, segments=2, name="short.wav")
        expect(row(page, "short.wav")).to_have_attribute("data-state", "done")
        page.get_by_role("button", name="Listen short.wav").click()
        submit(serving, tmp_path)
        submit(serving, tmp_path, name="paused.wav")
        page.get_by_role("button", name="Pause paused.wav").click()
        expect(row(page, "paused.wav")).to_have_attribute("data-state", "paused")
        page.get_by_role("button", name="Clear caches").click()
        expect(page.locator("#broom-said")).to_contain_text("Caches cleared")
        page.get_by_label("Text", exact=True).fill("Hello.")
        page.get_by_role("button", name="Speak").click()
        expect(page.locator("#try-heard")).to_be_visible()
        page.locator("#figures summary").click()
        assert page.evaluate("probes.nameless()") == []
        levels: list[int] = page.evaluate("probes.headings()")
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
        expect(page.get_by_role("main")).to_have_count(1)
        expect(page.locator("#broom-said")).to_have_attribute("role", "status")
        assert page.evaluate("probes.pale()") == []
        foreign = page.locator("[lang=en]").filter(has_text=re.compile("a segment|slept"))
        assert foreign.count() > 0, "the service's own words are marked as English"
